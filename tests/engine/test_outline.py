"""Networks to look at only: shapes, options and sizes without memory for parameters and maps."""

from __future__ import annotations

import resource

import numpy as np
import pytest

import pylrm
from pylrm import models
from pylrm.errors import PylrmError


@pytest.mark.parametrize("inference", [False, True])
def test_an_outline_says_what_the_network_says(inference):
    cfg = models.build("yolov2-mobilenet", classes=3, size=(96, 96), multiplier=0.25, lrm={"k": 9})
    with (
        pylrm.Network(cfg, inference=inference) as net,
        pylrm.Network(cfg, inference=inference, outline=True) as outline,
    ):
        for purpose in ("train", "infer", "keep"):
            assert outline.memory(purpose) == net.memory(purpose)
        for name in (
            "batch",
            "subdivisions",
            "width",
            "height",
            "channels",
            "classes",
            "max_truths",
        ):
            assert getattr(outline, name) == getattr(net, name)
        assert len(outline) == len(net)
        for mine, other in zip(outline, net, strict=True):
            for name in (
                "type",
                "line",
                "inputs",
                "shape",
                "parameters",
                "multiply_adds",
                "anchors",
            ):
                assert getattr(mine, name) == getattr(other, name)
            assert mine.is_fused == other.is_fused
        outline.resize(64, 32)
        net.resize(64, 32)
        assert [layer.shape for layer in outline] == [layer.shape for layer in net]


def test_what_needs_memory_is_refused(tmp_path):
    cfg = models.build("yolov2-tiny", classes=1, size=(64, 64), batch=1)
    x = np.zeros((1, 3, 64, 64), np.float32)
    truth = np.zeros((1, 1, 5), np.float32)
    pylrm.Network(cfg).save_weights(tmp_path / "a.weights")
    with pylrm.Network(cfg, outline=True) as net:
        for use in (
            lambda: net.forward(x),
            lambda: net.train_batch(x, truth),
            lambda: net.backward(),
            lambda: net.update(),
            lambda: net[0].params,
            lambda: net[0].grads,
            lambda: net[len(net) - 1].output,
            lambda: net.boxes(0),
            lambda: net.save_weights(tmp_path / "b.weights"),
            lambda: net.load_weights(tmp_path / "a.weights"),
        ):
            with pytest.raises(PylrmError, match="outline|last pass|training pass") as caught:
                use()
            assert "\n" not in str(caught.value)
    assert not (tmp_path / "b.weights").exists()


def test_a_network_of_gigabytes_costs_nothing_to_look_at():
    block = "[convolutional]\nfilters=4096\nsize=3\npad=1\nactivation=relu\n"
    cfg = f"[net]\nwidth=32\nheight=32\nchannels=3\n{20 * block}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pylrm.Network(cfg, outline=True) as net:
        assert net.memory("infer")[0] > 10 * 2**30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_random_weights_do_not_depend_on_the_number_of_threads():
    cfg = models.build("yolov2-tiny", classes=1, size=(64, 64), batch=1)
    with (
        pylrm.Network(cfg, threads=1, seed=3) as one,
        pylrm.Network(cfg, threads=3, seed=3) as more,
    ):
        for first, second in zip(one, more, strict=True):
            for name, values in first.params.items():
                assert np.array_equal(values, second.params[name])
