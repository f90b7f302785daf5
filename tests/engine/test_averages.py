"""[net] ema_alpha=: running averages of the weights, which near the training's end become them."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm
from pylrm.errors import CfgError

UPDATES, START, END = 30, 15, 27
ALPHA = 0.8


def network(keys: str, kernels: str = "fast") -> pylrm.Network:
    return pylrm.Network(
        f"[net]\nbatch=4\nsubdivisions=2\nwidth=5\nheight=4\nchannels=3\nlearning_rate=.05\n{keys}\n"
        "[convolutional]\nbatch_normalize=1\nfilters=6\nsize=3\npad=1\nactivation=leaky\n"
        "[connected]\noutput=7\nactivation=linear\n[cost]\n",
        kernels=kernels,
        seed=1,
    )


def train(net: pylrm.Network, updates: int) -> None:
    """Do updates; what they see is a function of their number."""
    for _ in range(2 * updates):
        random = np.random.default_rng(net.seen)
        x, truth = random.random((2, 3, 4, 5), np.float32), random.random((2, 7), np.float32)
        net.train_batch(x, truth)


def trained(net: pylrm.Network, prefix: str = "") -> dict[tuple[int, str], np.ndarray]:
    return {
        (layer.index, name): layer.state[prefix + name].astype(np.float64)
        for layer in net
        for name in layer.grads
    }


@pytest.mark.parametrize("kernels", ["reference", "fast"])
@pytest.mark.parametrize("solver", ["", "adam=1\n", "clip_norm=.1\n"])
def test_averages_follow_and_become_the_weights(kernels: str, solver: str) -> None:
    keys = f"{solver}max_batches={UPDATES}"
    with network(f"{keys}\nema_alpha={ALPHA}", kernels) as net, network(keys, kernels) as plain:
        expected: dict[tuple[int, str], np.ndarray] = {}
        for update in range(1, UPDATES + 1):
            for each in (net, plain):
                train(each, 1)
            values, averages = trained(net), trained(net, "average ")
            if update < END:
                for key, value in trained(plain).items():
                    assert np.array_equal(values[key], value)
            for key, value in values.items():
                if update == 1 or update <= START:
                    expected[key] = value
                elif update < END:
                    expected[key] = ALPHA * expected[key] + (1 - ALPHA) * value
                elif update == END:
                    assert np.array_equal(value, averages[key])
                    assert not np.array_equal(value, trained(plain)[key])
                assert averages[key] == pytest.approx(expected[key], rel=1e-5, abs=1e-7)
        assert not np.array_equal(values[1, "weights"], averages[1, "weights"])  # it learns on


@pytest.mark.parametrize(("updates", "end"), [(9_990, 8_991), (12_000, 11_000)])
def test_the_end_is_1000_updates_or_a_tenth_before(updates: int, end: int) -> None:
    with network(f"max_batches={updates}\nema_alpha={ALPHA}") as net:
        for start, applied in ((end - 2, False), (end - 1, True)):
            net.seen = 4 * start
            net.updates = start
            train(net, 1)
            same = np.array_equal(net[1].params["weights"], net[1].state["average weights"])
            assert same == applied


def test_a_training_that_starts_late_averages_what_it_has() -> None:
    with network(f"max_batches={UPDATES}\nema_alpha={ALPHA}") as net:
        net.seen = 4 * (START + 3)
        train(net, 1)
        for key, value in trained(net).items():
            assert np.array_equal(trained(net, "average ")[key], value)


def test_a_longer_training_starts_to_average_anew() -> None:
    """As after a resumption with more updates: the former averages are forgotten."""
    with network(f"max_batches={UPDATES}\nema_alpha={ALPHA}") as short:
        train(short, START + 5)
        with network(f"max_batches={4 * UPDATES}\nema_alpha={ALPHA}") as net:
            for old, new in zip(short, net, strict=True):
                for name, values in old.state.items():
                    new.state[name][...] = values
            net.seen, net.updates = short.seen, short.updates
            train(net, 1)
            for key, value in trained(net).items():
                assert np.array_equal(trained(net, "average ")[key], value)


def test_it_needs_the_length_of_the_training() -> None:
    with pytest.raises(CfgError, match=r":1: \[net\] ema_alpha= needs max_batches=: "):
        network("ema_alpha=.9")


def test_without_it_there_are_no_averages() -> None:
    with network("") as net:
        assert "average weights" not in net[0].state
