"""[deconvolutional] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, finish, network, section


def transposed(x, params, train, size, stride=1, padding=0, activation="linear"):
    """Every input adds its kernel to a canvas, of which `padding` rows and columns are cut off."""
    weights = params["weights"]
    batch, _, h, w = x.shape
    canvas = np.zeros((batch, weights.shape[1], (h - 1) * stride + size, (w - 1) * stride + size))
    for row, column in np.ndindex(h, w):
        top, left = row * stride, column * stride
        added = np.einsum("bc,cfyx->bfyx", x[:, :, row, column], weights)
        canvas[:, :, top : top + size, left : left + size] += added
    end = -padding or None
    return finish(canvas[:, :, padding:end, padding:end], params, train, activation)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("batch_normalize", [0, 1])
@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ((1, 1, 1), {"size": 2}),
        ((3, 2, 3), {"size": 2, "stride": 2, "activation": "leaky"}),
        ((2, 3, 4), {"size": 4, "stride": 2, "padding": 1, "activation": "logistic"}),
        ((2, 3, 2), {"size": 3, "stride": 1, "padding": 1, "activation": "mish"}),
        ((2, 2, 3), {"size": 2, "stride": 3, "activation": "swish"}),
    ],
)
def test_agrees_with_numpy(shape, keys, batch_normalize, kernels):
    layer = section(
        "deconvolutional",
        filters=3,
        batch_normalize=batch_normalize,
        **{"activation": "linear", **keys},
    )
    check(layer, lambda x, p, t: transposed(x, p, t, **keys), shape, kernels)


def test_pad_is_half_the_size_and_deconv_is_its_short_name():
    text = section("deconv", filters=2, size=4, stride=2, pad=1, padding=7)
    with network(text, (3, 5, 6)) as net:
        assert net[0].type == "deconvolutional"
        assert net[0].shape == (2, 8, 10)
        assert list(net[0].params) == ["biases", "weights"]
        assert net[0].params["weights"].shape == (3, 2, 4, 4)


def test_arrays_stand_in_darknets_order(tmp_path):
    """Biases, scales, rolling mean, rolling variance, weights."""
    text = section("deconvolutional", filters=2, size=3, batch_normalize=1)
    with network(text, (1, 2, 2)) as net:
        for number, value in enumerate(net[0].params.values()):
            value[...] = number
        names = ["biases", "scales", "rolling_mean", "rolling_variance", "weights"]
        assert list(net[0].params) == names
        net.save_weights(tmp_path / "net.weights")
    stored = np.frombuffer((tmp_path / "net.weights").read_bytes()[20:], "<f4")
    assert stored.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] + [4] * 18


def test_padding_that_leaves_nothing_is_refused_with_its_line():
    text = section("deconvolutional", size=2, padding=2)
    with pytest.raises(pylrm.CfgError, match=r"cfg:6: \[deconvolutional\] .*-1x0 from .* 2x3"):
        network(text, (1, 3, 2))
