"""Passes that are done apart, each by a network of its own, against those of one network."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm
from pylrm.errors import PylrmError

BATCH, SIDE, OUTPUTS = 2, 16, 5
# A row for each way of summing gradients: 1x1, Winograd, general with one and with several parts
# of images, depthwise, grouped, and the layers of their own.
LAYERS = """
[convolutional]
batch_normalize=1
filters=16
size=3
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=40
size=1
activation=relu6
[convolutional]
batch_normalize=1
groups=40
filters=40
size=3
pad=1
activation=leaky
[convolutional]
filters=48
size=3
stride=1
pad=1
activation=mish
[batchnorm]
[dropout]
probability=.3
[convolutional]
batch_normalize=1
groups=2
filters=8
size=5
stride=2
pad=1
activation=linear
[deconvolutional]
filters=6
size=3
stride=2
activation=leaky
[local]
filters=4
size=3
stride=2
pad=1
activation=leaky
[connected]
batch_normalize=1
output=12
activation=leaky
[connected]
output=5
activation=linear
[cost]
"""


def make(passes: int, kernels: str, keys: str = "", seed: int = 3) -> pylrm.Network:
    return pylrm.Network(
        f"[net]\nbatch={BATCH * passes}\nsubdivisions={passes}\nwidth={SIDE}\nheight={SIDE}\n"
        f"channels=3\nlearning_rate=.01\nmomentum=.9\ndecay=.005\nmax_batches=4\n{keys}\n{LAYERS}",
        kernels=kernels,
        seed=seed,
        threads=1,
    )


def batches(updates: int, passes: int) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    random = np.random.default_rng(5)

    def batch() -> tuple[np.ndarray, np.ndarray]:
        x = random.random((BATCH, 3, SIDE, SIDE), np.float32)
        return x, random.standard_normal((BATCH, OUTPUTS)).astype(np.float32)

    return [[batch() for _ in range(passes)] for _ in range(updates)]


def update_apart(nets: list[pylrm.Network], update: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """An update of networks that are alike, each of which does one pass."""
    gradients = [np.full_like(net.gradients, 7) for net in nets]
    statistics = []
    for rank, (net, batch, gradient) in enumerate(zip(nets, update, gradients, strict=True)):
        seen, fresh = net.seen, [layer.fresh for layer in net]
        kept = [{n: v.copy() for n, v in layer.params.items() if "rolling" in n} for layer in net]
        net.seen = seen + rank * BATCH
        for layer in net:
            layer.fresh = True
        net.train_pass(*batch, gradient)
        assert net.seen == seen + rank * BATCH  # counts nothing
        net.seen = seen
        statistics.append(
            [{n: v.copy() for n, v in layer.params.items() if "rolling" in n} for layer in net]
        )
        for layer, was, before in zip(net, fresh, kept, strict=True):
            layer.fresh = was
            for name, values in before.items():
                layer.params[name][...] = values
    for net in nets:
        for own in statistics:
            for layer, each in zip(net, own, strict=True):
                layer.roll(each, layer.fresh)
                layer.fresh = False
        for gradient in gradients:
            net.gradients[...] += gradient
        net.seen += BATCH * len(nets)
        net.update()


@pytest.mark.parametrize("kernels", ["reference", "fast"])
@pytest.mark.parametrize(
    "keys", ["", "adam=1", "clip_norm=.05", "ema_alpha=.5"], ids=["sgd", "adam", "clip", "ema"]
)
def test_passes_apart_come_to_the_same_bits(kernels: str, keys: str) -> None:
    assert_the_same_bits(kernels, keys, passes=3, updates=3)


def assert_the_same_bits(kernels: str, keys: str, passes: int, updates: int) -> None:
    """One network does all passes, or as many networks as there are passes do one each."""
    with make(passes, kernels, keys) as one:
        nets = [make(passes, kernels, keys) for _ in range(passes)]
        for update in batches(updates, passes):
            for batch in update:
                one.train_batch(*batch)
            update_apart(nets, update)
        for net in nets:
            assert net.seen == one.seen == BATCH * passes * updates and net.updates == updates
            assert net.gradient_norm == one.gradient_norm
            for mine, its in zip(one, net, strict=True):
                for name, values in mine.state.items():
                    assert values.tobytes() == its.state[name].tobytes(), (mine, name)
            net.close()


def test_a_pass_apart_gives_the_gradient_that_backward_adds() -> None:
    """With one pass an update it is the gradient itself, by another way."""
    [[batch]] = batches(1, 1)
    with make(1, "fast") as net, make(1, "fast") as other:
        gradient = np.empty_like(net.gradients)
        net.train_pass(*batch, gradient)
        assert not net.gradients.any() and gradient.any()
        other.seen = BATCH
        other.forward(batch[0], batch[1], train=True)
        other.seen = BATCH
        other.backward()
        assert np.array_equal(gradient, other.gradients)


def test_layers_that_learn_nothing_add_nothing() -> None:
    [[batch]] = batches(1, 1)
    with make(1, "fast") as net:
        cfg = net.cfg.text.decode().replace(
            "filters=40\nsize=1", "stopbackward=1\nfilters=40\nsize=1"
        )
    with pylrm.Network(cfg, threads=1) as net:
        gradient = np.empty_like(net.gradients)
        net.train_pass(*batch, gradient)
        zeros = np.zeros_like(net[0].grads["weights"]).ravel()
        own = gradient[: len(zeros)]  # some of the first layer's
        assert not own.any() and np.signbit(own).all()
        for zero in (np.float32(-0.0), np.float32(0.0)):
            assert np.signbit(zero + own[0]) == np.signbit(zero)


def test_a_loss_that_is_not_finite_leaves_the_gradients() -> None:
    [[(x, truth)]] = batches(1, 1)
    with make(1, "fast") as net:
        gradient = np.zeros_like(net.gradients)
        x[1, 1, 1, 1] = np.nan
        assert np.isnan(net.train_pass(x, truth, gradient))
        assert not gradient.any() and not net.gradients.any()


def test_what_does_not_fit() -> None:
    [[batch]] = batches(1, 1)
    with make(1, "fast") as net:
        with pytest.raises(PylrmError, match=r"^cfg: 3 floats for a gradient of \d+$"):
            net.train_pass(*batch, np.zeros(3, np.float32))
        with pytest.raises(ValueError, match="rolling_mean of shape"):
            net[0].roll({"rolling_mean": np.zeros(2, np.float32)}, True)
    with (
        pylrm.Network(net.cfg, inference=True) as net,
        pytest.raises(PylrmError, match="inference: it keeps no gradients"),
    ):
        _ = net.gradients
