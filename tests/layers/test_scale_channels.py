"""[scale_channels] and [sam] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import ACTIVATIONS, KERNELS, check, network, section

TANH = section("activation", activation="tanh")
POOL = section("avgpool")
ACTIVATED = ["linear", "leaky", "logistic", "mish"]


def mean(x):
    return x.mean((2, 3), keepdims=True)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (8, 4, 4)])
@pytest.mark.parametrize("activation", ACTIVATED)
def test_a_factor_for_each_channel(shape, activation, kernels):
    layer = section("scale_channels", **{"from": -2, "activation": activation})
    check(layer, lambda x, p, t: ACTIVATIONS[activation](mean(x) * x), shape, kernels, before=POOL)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("channels", [2, 5])
def test_a_factor_for_each_pixel(channels, kernels):
    weights = np.linspace(-1, 2, channels)
    before = section("convolutional", filters=1, size=1, activation="linear")
    layer = section("scale_channels", **{"from": -2, "scale_wh": 1})
    text = section("activation", activation="linear") + before + layer + section("cost")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, channels, 3, 4)).astype(np.float32)
    with network(text, (channels, 3, 4), batch=2, kernels=kernels, keep=True) as net:
        net[1].params["weights"][...] = weights.reshape(1, -1, 1, 1)
        net[1].params["biases"][...] = 0.5
        truth = rng.normal(size=x.shape).astype(np.float32)
        out = net.forward(x, truth.reshape(2, -1), train=True)
        factors = np.einsum("c,bchw->bhw", weights, x)[:, None] + 0.5
        np.testing.assert_allclose(out, factors * x, rtol=1e-4, atol=1e-5)
        net.backward()
        up = truth - factors * x
        by_factor = (up * x).sum(1, keepdims=True)
        wanted = up * factors + by_factor * weights.reshape(1, -1, 1, 1)
        np.testing.assert_allclose(net[0].delta, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7)])
@pytest.mark.parametrize("activation", ACTIVATED)
def test_sam_multiplies_value_by_value(shape, activation, kernels):
    layer = section("sam", **{"from": -2, "activation": activation})

    def twin(x, params, train):
        return ACTIVATIONS[activation](np.tanh(x) * x)

    check(layer, twin, shape, kernels, before=TANH)


@pytest.mark.parametrize("kernels", KERNELS)
def test_sam_of_a_layer_with_itself(kernels):
    check(section("sam", **{"from": -1}), lambda x, p, t: x * x, (2, 3, 5), kernels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[scale_channels]\nfrom=-2\n", r"cfg:\d+: \[scale_channels\] multiplies layer 0 of 4x4x3"),
        ("[scale_channels]\nfrom=-2\nscale_wh=1\n", "must be as wide and high, of one channel"),
        ("[sam]\nfrom=-2\n", r"cfg:\d+: \[sam\] multiplies layer 0 of 4x4x3 by 2x2x3"),
        ("[sam]\n", r"\[sam\] needs from="),
        ("[sam]\nfrom=9\n", r"\[sam\] from=9: must name a layer before this one, from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(text, message):
    before = "[net]\nwidth=4\nheight=4\nchannels=3\n[activation]\n[maxpool]\nsize=2\nstride=2\n"
    with pytest.raises(pylrm.CfgError, match=message):
        pylrm.Network(before + text)
