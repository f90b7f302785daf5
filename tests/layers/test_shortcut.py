"""[shortcut] against numpy: equal shapes, other channels, other sizes."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import ACTIVATIONS, KERNELS, check, convolve, network, section

TANH = section("activation", activation="tanh")


def shortcut(a, b, alpha=1, beta=1, activation="linear"):
    """alpha*a + beta*b where they overlap, a elsewhere."""
    out = a.copy()
    up, down = max(1, a.shape[3] // b.shape[3]), max(1, b.shape[3] // a.shape[3])
    c = min(a.shape[1], b.shape[1])
    mine, other = a[:, :c, ::up, ::up], b[:, :c, ::down, ::down]
    out[:, :c, ::up, ::up] = alpha * mine + beta * other
    return ACTIVATIONS[activation](out)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7)])
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"alpha": 0.5, "beta": -2},
        {"activation": "leaky"},
        {"activation": "logistic", "beta": 0},
        {"alpha": 0, "activation": "relu"},
        {"activation": "mish"},
        {"activation": "swish", "alpha": 2},
    ],
)
def test_equal_shapes(shape, keys, kernels):
    def twin(x, params, train):
        return shortcut(np.tanh(x), x, **keys)

    check(section("shortcut", **{"from": -2, **keys}), twin, shape, kernels, before=TANH)


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_layer_with_itself(kernels):
    layer = section("shortcut", **{"from": -1, "alpha": 2, "beta": 3})
    check(layer, lambda x, p, t: 5 * x, (2, 3, 5), kernels)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("stride", [2, 3])
def test_a_larger_and_a_smaller_map(stride, kernels):
    keys = {"alpha": 1.5, "beta": 0.25, "activation": "tanh"}
    layer = section("shortcut", **{"from": -2, **keys})

    def downwards(x, params, train):
        b, c, h, w = x.shape
        blocks = x.reshape(b, c, h // stride, stride, w // stride, stride)
        return shortcut(blocks.sum((3, 5)), x, **keys)

    def upwards(x, params, train):
        return shortcut(x.repeat(stride, axis=2).repeat(stride, axis=3), x, **keys)

    reduce, enlarge = section("upsample", stride=-stride), section("upsample", stride=stride)
    check(layer, downwards, (2, 6, 12), kernels, before=reduce)
    check(layer, upwards, (2, 2, 3), kernels, before=enlarge)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("first", ["-1,-2", "-2"])
def test_other_channels(first, kernels):
    """Of 3 and 6 channels: those of the layer before stand, the first 3 are shared."""
    before = TANH + section("route", layers="-1,-2")
    back = -1 if first == "-2" else -3
    if first == "-2":
        before += section("route", layers=-2)

    def twin(x, params, train):
        both = np.concatenate([np.tanh(x), x], axis=1)
        return shortcut(np.tanh(x), both, beta=2) if first == "-2" else shortcut(both, x, beta=2)

    layer = section("shortcut", **{"from": back - 1 if first == "-2" else back, "beta": 2})
    check(layer, twin, (3, 4, 5), kernels, before=before)


@pytest.mark.parametrize("kernels", KERNELS)
def test_around_a_convolution(kernels):
    """A residual block, whose input has two readers."""
    block = section("convolutional", filters=3, size=3, pad=1, activation="linear")
    text = "[activation]\n" + block + section("shortcut", **{"from": 0}) + section("cost")
    with network(text, (3, 4, 5), kernels=kernels, keep=True) as net:
        rng = np.random.default_rng(0)
        x, truth = rng.normal(size=(2, 3, 3, 4, 5)).astype(np.float32)
        out = net.forward(x, truth, train=True)
        weights = net[1].params["weights"].astype(np.float64)
        np.testing.assert_allclose(out, x + convolve(x, weights, 1, 1, 1), atol=1e-5)
        net.backward()
        turned = weights[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        upstream = (truth - out).astype(np.float64)
        expected = upstream + convolve(upstream, turned, 1, 1, 1)
        np.testing.assert_allclose(net[0].delta, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, r"cfg:\d+: \[shortcut\] needs from="),
        ({"from": 2}, r"cfg:\d+: \[shortcut\] from=2: must name a layer"),
        ({"from": "-1,-2"}, r"cfg:\d+: \[shortcut\] from= names 2 layers, but must name one"),
        ({"from": -3}, r"cfg:\d+: \[shortcut\] from=-3: must name a layer"),
        ({"from": 0}, r"cfg:\d+: \[shortcut\] .*4x5"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(keys, message):
    text = TANH + section("convolutional", size=3) + section("shortcut", **keys)
    with pytest.raises(pylrm.CfgError, match=message):
        network(text, (3, 5, 4))
