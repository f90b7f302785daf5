"""The state that training changes: copied into another network, training goes on bit by bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pylrm

PASSES = 6


def cfg(net: str = "", dropout: str = "", lrm: str = "", *, subdivisions: int = 1) -> str:
    """A detector that reads 2 images a pass."""
    return (
        f"[net]\nbatch={2 * subdivisions}\nsubdivisions={subdivisions}\n"
        f"width=16\nheight=16\nchannels=3\ndecay=.001\n{net}\n"
        "[convolutional]\nbatch_normalize=1\nfilters=6\nsize=3\npad=1\nstride=2\nactivation=leaky\n"
        f"{dropout}\n[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
        "[region]\nanchors=1,1, 2,2\nnum=2\nclasses=2\nanchor_warmup=4\n"
        f"{lrm}"
    )


def batches(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(3)
    truth = np.zeros((2, 4, 5), np.float32)
    truth[:, 0] = [0.5, 0.4, 0.3, 0.2, 1]
    return [(random.random((2, 3, 16, 16), np.float32), truth) for _ in range(count)]


def copy_state(source: pylrm.Network, target: pylrm.Network) -> None:
    for old, new in zip(source, target, strict=True):
        arrays = new.state
        for name, values in old.state.items():
            arrays[name][...] = values
        new.fresh = old.fresh
    target.seen, target.updates = source.seen, source.updates
    target.rate_factor = source.rate_factor


@settings(max_examples=40, deadline=None)
@given(
    solver=st.sampled_from(
        [
            "momentum=.9",
            "adam=1",
            "clip_norm=.5\nmomentum=.9",
            "ema_alpha=.6\nmax_batches=6",
            "ema_alpha=.6\nmax_batches=3\nadam=1",
        ]
    ),
    subdivisions=st.sampled_from([1, 2]),
    dropout=st.booleans(),
    lrm=st.booleans(),
    cut=st.integers(0, PASSES),
)
def test_training_goes_on_exactly_from_any_pass(
    solver: str, subdivisions: int, dropout: bool, lrm: bool, cut: int
) -> None:
    text = cfg(
        f"learning_rate=.01\n{solver}",
        "[dropout]\nprobability=.3\n" if dropout else "",
        "[lrm]\nk=20\nnms=.5\n" if lrm else "",
        subdivisions=subdivisions,
    )
    data = batches(PASSES)
    with pylrm.Network(text, seed=5) as whole, pylrm.Network(text, seed=5) as second:
        for layer in second:
            for values in layer.state.values():
                values[...] = 7
        for pair in data[:cut]:
            whole.train_batch(*pair)
        copy_state(whole, second)
        losses = [[net.train_batch(*pair) for pair in data[cut:]] for net in (whole, second)]
        assert losses[0] == losses[1]
        for one, other in zip(whole, second, strict=True):
            for name, values in one.state.items():
                assert np.array_equal(values, other.state[name]), (one, name)


def test_the_state_has_all_memory_of_the_parameters() -> None:
    """What is allocated for parameters is listed, so that no array can be forgotten."""
    solvers = ("momentum=.9", "adam=1", "clip_norm=1", "adam=1\nema_alpha=.9\nmax_batches=9")
    for net, lrm in itertools.product(solvers, ("", "[lrm]\n")):
        with pylrm.Network(cfg(net, lrm=lrm)) as network:
            listed = sum(array.nbytes for layer in network for array in layer.state.values())
            assert listed == network.memory()[0]
    with pylrm.Network(cfg("adam=1"), inference=True) as network:
        assert set(network[0].state) == {"biases", "scales", "weights"} | {
            "rolling_mean",
            "rolling_variance",
        }


def test_a_pass_without_a_finite_loss_teaches_nothing() -> None:
    (x, truth), *_ = batches(1)
    with pylrm.Network(cfg()) as net:
        net.train_batch(x, truth)
        names = [(layer, name) for layer in net for name in layer.state if "rolling" not in name]
        before = [layer.state[name].copy() for layer, name in names]
        assert np.isnan(net.train_batch(np.full_like(x, np.nan), truth))
        assert net.seen == 2 and net.updates == 1
        after = [layer.state[name] for layer, name in names]
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_factor_acts_on_the_schedules_rate() -> None:
    (x, truth), *_ = batches(1)
    fast, slow = (f"policy=steps\nsteps=5\nscales=.1\nlearning_rate={r}" for r in (0.01, 0.005))
    with pylrm.Network(cfg(fast)) as net, pylrm.Network(cfg(slow)) as other:
        assert net.rate_factor == 1
        net.rate_factor = 0.5
        assert net.learning_rate == pytest.approx(0.005)
        assert net.rate_at(9) == pytest.approx(0.0005)
        for each in (net, other):
            each.train_batch(x, truth)
        assert np.allclose(net[0].params["weights"], other[0].params["weights"], rtol=1e-6)


def test_images_that_are_not_finite_leave_no_trace() -> None:
    cfg = (
        "[net]\nwidth=4\nheight=4\nchannels=2\n"
        "[convolutional]\nbatch_normalize=1\nfilters=3\nsize=1\nactivation=leaky\n[cost]\n"
    )
    truth = np.zeros((1, 1, 48), np.float32)
    for odd in (np.nan, np.inf, -np.inf):
        x = np.ones((1, 2, 4, 4), np.float32)
        with pylrm.Network(cfg) as net:
            net.train_batch(x * 2, truth)
            before = {name: values.copy() for name, values in net[0].state.items()}
            x[0, 1, 3, 3] = odd
            assert not np.isfinite(net.train_batch(x, truth))
            assert net.seen == 1
            for name, values in net[0].state.items():
                assert np.array_equal(values, before[name]), name
