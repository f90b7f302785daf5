"""stopbackward=: 1 ends every backward pass before a layer's own; N > 1 those of N updates."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm

N = 3


def network(stop: object, *, keys: str = "", route: bool = False, **options: object):
    block = "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"
    middle = f"{block}stopbackward={stop}\n" if stop is not None else block
    late = "[route]\nlayers=-1,0,-1\n" if route else ""
    return pylrm.Network(
        f"[net]\nbatch=2\nwidth=8\nheight=8\nchannels=3\nlearning_rate=.1\n{keys}\n"
        f"{block}{middle}{block}{late}[avgpool]\n[connected]\noutput=3\nactivation=linear\n[cost]\n",
        **options,
    )


def batches(count: int):
    rng = np.random.default_rng(5)
    return [(rng.random((2, 3, 8, 8)), rng.random((2, 3))) for _ in range(count)]


def gradients(net: pylrm.Network, x: np.ndarray, truth: np.ndarray) -> dict:
    """Do the passes of one update; the gradients before it, by layer and name."""
    net.forward(x, truth, train=True)
    net.backward()
    found = {(layer.index, name): g.copy() for layer in net for name, g in layer.grads.items()}
    net.update()
    return found


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("route", [False, True])
def test_n_stops_the_first_n_updates_and_then_no_more(keep, route):
    options = {"keys": "momentum=0\ndecay=0", "route": route, "keep": keep}
    with (
        network(N, **options) as timed,
        network(1, **options) as always,
        network(None, **options) as never,
    ):
        for update, (x, truth) in enumerate(batches(2 * N), 1):
            if update > N:  # from here on as a network without the key, from the same weights
                for mine, other in zip(timed, never, strict=True):
                    for name, values in mine.params.items():
                        other.params[name][:] = values
            found = gradients(timed, x, truth)
            stopped = gradients(always, x, truth)
            free = gradients(never, x, truth)
            for key, gradient in found.items():
                if update <= N:
                    assert np.array_equal(gradient, stopped[key])
                    assert gradient.any() == (key[0] > 1)
                else:
                    assert np.array_equal(gradient, free[key])
                    assert key[1] != "weights" or gradient.any()


@pytest.mark.parametrize("subdivisions", [1, 2])
def test_the_phase_follows_seen(subdivisions):
    """A run that goes on after update N, or back before it, has that update's backward pass."""
    (x, truth), *_ = batches(1)
    images = 2 // subdivisions
    with network(N, keys=f"subdivisions={subdivisions}\nmomentum=0\ndecay=0") as net:
        for seen in (0, 2 * N - images, 2 * N, 2 * N - 2, 400, 2):
            net.seen = seen
            net.forward(x[:images], truth[:images], train=True)
            net.backward()
            assert bool(net[0].grads["weights"].any()) == (seen // 2 + 1 > N)
            net.update()


def test_resizing_keeps_the_phase():
    with network(N, keys="momentum=0\ndecay=0") as net:
        net.resize(16, 16)
        rng = np.random.default_rng(6)
        for update in range(1, N + 2):
            x, truth = rng.random((2, 3, 16, 16)), rng.random((2, 3))
            found = gradients(net, x, truth)
            assert found[0, "weights"].any() == (update > N)


def test_large_values_are_read_as_others_write_them():
    with network(800) as net:
        assert net[1].option("stopbackward") == 800
