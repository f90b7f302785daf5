"""Layers' times and multiply-adds: when they are there, and what they add up to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pylrm import Network
from pylrm.engine import cpu_peak
from pylrm.errors import PylrmError

PHASES = ("forward", "backward", "update")


def batch(net: Network) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).random((net.batch, 3, net.height, net.width), np.float32)
    truth = np.zeros((net.batch, 2, 5), np.float32)
    truth[:, 0] = 0.5, 0.5, 0.3, 0.3, 1
    return x, truth


def test_off_there_are_no_times(tiny_cfg: Callable[..., Path]) -> None:
    with Network(tiny_cfg()) as net:
        net.train_batch(*batch(net))
        with pytest.raises(PylrmError, match="not timed"):
            _ = net[0].times
        net.time_layers()
        assert all(layer.times == dict.fromkeys(PHASES, 0) for layer in net)
        net.time_layers(False)
        with pytest.raises(PylrmError, match="not timed"):
            _ = net[0].times


def test_on_every_layer_that_ran_took_time(tiny_cfg: Callable[..., Path]) -> None:
    with Network(tiny_cfg(lrm="[lrm]\nk=9\n")) as net:
        net.time_layers()
        began = time.perf_counter_ns()
        net.train_batch(*batch(net))
        wall = time.perf_counter_ns() - began
        times = [layer.times for layer in net]
        learns = [bool(layer.params) for layer in net]
    assert all(each["forward"] > 0 for each in times)
    assert [each["backward"] > 0 for each in times] == [True] * 5 + [False]  # [lrm] hands on none
    assert all(each["update"] > 0 for each, true in zip(times, learns, strict=True) if true)
    assert sum(sum(each.values()) for each in times) <= wall


def test_inference_goes_forward_only(tiny_cfg: Callable[..., Path]) -> None:
    with Network(tiny_cfg(), inference=True) as net:
        net.time_layers()
        net.forward(batch(net)[0])
        for layer in net:
            times = layer.times
            assert times["forward"] > 0 and times["backward"] == times["update"] == 0
            assert layer.backward_multiply_adds == 0


def test_timing_changes_no_result(tiny_cfg: Callable[..., Path]) -> None:
    losses = []
    for timed in (False, True):
        with Network(tiny_cfg()) as net:
            net.time_layers(timed)
            losses.append([net.train_batch(*batch(net)) for _ in range(3)])
    assert losses[0] == losses[1]


def test_backward_multiply_adds(tiny_cfg: Callable[..., Path]) -> None:
    """Two gradients of each convolution; one where no gradient goes on, none where none comes."""
    convolutions = [0, 2, 3]
    with Network(tiny_cfg()) as net:
        forward = [net[i].multiply_adds for i in convolutions]
        assert [net[i].backward_multiply_adds for i in convolutions] == [
            forward[0],
            2 * forward[1],
            2 * forward[2],
        ]
        assert net[1].backward_multiply_adds == net[4].backward_multiply_adds == 0
    path = tiny_cfg()
    path.write_text(path.read_text().replace("filters=16", "filters=16\nonlyforward=1"))
    with Network(path) as net:
        assert [net[i].backward_multiply_adds for i in convolutions] == [0, 0, 2 * forward[2]]


def test_the_peak_is_above_what_a_network_does(tiny_cfg: Callable[..., Path]) -> None:
    with Network(tiny_cfg(), threads=1) as net:
        rates = []
        for _ in range(5):
            net.time_layers()
            net.forward(batch(net)[0])
            rates += [2e9 * net.batch * net[2].multiply_adds / net[2].times["forward"]]
    assert min(rates) < cpu_peak(1) < 1e13
