"""[convolutional] against numpy: every kind of convolution, with and without batch norm."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import (
    KERNELS,
    check,
    convolve,
    finish,
    images,
    network,
    randomize,
    section,
)

# shape, then keys: pointwise, depthwise, grouped and general ones, odd sizes, strides and paddings
CASES = [
    ((1, 1, 1), {}),
    ((3, 5, 7), {"filters": 4}),
    ((5, 3, 2), {"filters": 17, "batch_normalize": 1, "activation": "linear"}),
    ((3, 6, 5), {"filters": 2, "size": 3, "pad": 1, "activation": "leaky"}),
    ((2, 7, 9), {"filters": 3, "size": 3, "stride": 2, "pad": 1, "batch_normalize": 1}),
    ((2, 8, 7), {"filters": 3, "size": 2, "stride": 2, "activation": "relu"}),
    ((2, 9, 8), {"filters": 3, "size": 5, "stride": 3, "padding": 1, "activation": "tanh"}),
    ((1, 4, 4), {"filters": 2, "size": 4, "padding": 3, "activation": "mish"}),
    ((2, 5, 5), {"filters": 2, "stride": 2, "batch_normalize": 1, "activation": "swish"}),
    ((2, 6, 6), {"filters": 3, "pad": 1, "padding": 5, "size": 1, "activation": "relu6"}),
    ((4, 5, 6), {"filters": 4, "groups": 4, "size": 3, "pad": 1, "activation": "relu"}),
    ((3, 1, 1), {"filters": 3, "groups": 3, "size": 3, "pad": 1, "activation": "linear"}),
    (
        (5, 7, 9),
        {"filters": 5, "groups": 5, "size": 3, "stride": 2, "pad": 1, "batch_normalize": 1},
    ),
    ((2, 6, 19), {"filters": 2, "groups": 2, "size": 3, "stride": 2, "pad": 1}),
    ((3, 5, 18), {"filters": 3, "groups": 3, "size": 3, "pad": 1, "batch_normalize": 1}),
    ((16, 5, 6), {"filters": 17, "size": 3, "pad": 1, "activation": "leaky"}),  # Winograd
    ((3, 6, 6), {"filters": 6, "groups": 3, "size": 3, "pad": 1, "activation": "leaky"}),
    ((4, 5, 5), {"filters": 4, "groups": 4, "size": 5, "stride": 2, "pad": 1}),
    ((4, 5, 4), {"filters": 6, "groups": 2, "batch_normalize": 1, "activation": "mish"}),
    ((6, 4, 5), {"filters": 4, "groups": 2, "size": 3, "stride": 2, "activation": "elu"}),
]


def names(case):
    shape, keys = case
    return " ".join(["x".join(map(str, shape)), *(f"{k}={v}" for k, v in keys.items())])


def twin(**keys):
    size, stride, groups = (keys.get(key, 1) for key in ("size", "stride", "groups"))
    padding = size // 2 if keys.get("pad") else keys.get("padding", 0)

    def forward(x, params, train):
        sums = convolve(x, params["weights"], stride, padding, groups)
        return finish(sums, params, train, keys.get("activation", "logistic"))

    return forward


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("case", CASES, ids=names)
def test_agrees_with_numpy(case, kernels):
    shape, keys = case
    check(section("convolutional", **keys), twin(**keys), shape, kernels)


@pytest.mark.parametrize("kernels", KERNELS)
def test_rolling_statistics_move_by_a_hundredth(kernels):
    layer = section("convolutional", filters=3, batch_normalize=1, activation="linear")
    with network(layer, (2, 4, 5), kernels=kernels) as net:
        under = net[0]
        params = randomize(under)
        mean, variance = 0, 0
        for step in range(3):
            x = images((2, 4, 5), seed=step)
            sums = convolve(x.astype(np.float64), params["weights"], 1, 0, 1)
            share = 1 if step == 0 else 0.01  # the first batch's stand in for "unknown"
            mean = (1 - share) * mean + share * sums.mean((0, 2, 3))
            variance = (1 - share) * variance + share * sums.var((0, 2, 3), ddof=1)
            net.forward(x, train=True)
            np.testing.assert_allclose(under.params["rolling_mean"], mean, atol=1e-5)
            np.testing.assert_allclose(under.params["rolling_variance"], variance, rtol=1e-4)
        before = {k: v.copy() for k, v in under.params.items()}
        net.forward(x)
        assert all(np.array_equal(before[k], v) for k, v in under.params.items())


@pytest.mark.parametrize("kernels", KERNELS)
def test_gradients_add_up_over_passes(kernels):
    layer = section("convolutional", filters=3, size=3, pad=1, batch_normalize=1)
    x, truth = images((2, 4, 5)), images((3, 4, 5), seed=1)
    with network(layer + section("cost"), (2, 4, 5), kernels=kernels) as net:
        grads = []
        for _ in range(2):
            net.forward(x, truth, train=True)
            net.backward()
            grads.append({name: grad.copy() for name, grad in net[0].grads.items()})
        for name, grad in grads[0].items():
            np.testing.assert_allclose(grads[1][name], 2 * grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernels", KERNELS)
def test_one_value_a_channel_has_variance_zero(kernels):
    layer = section("convolutional", filters=2, batch_normalize=1, activation="linear")
    with network(layer + section("cost"), (3, 1, 1), batch=1, kernels=kernels) as net:
        x = images((3, 1, 1), 1)
        out = net.forward(x, np.ones((1, 2)), train=True)
        np.testing.assert_allclose(out, 0, atol=1e-5)  # the biases
        net.backward()
        assert np.isfinite(net[0].grads["weights"]).all()


def test_fast_and_reference_agree_on_a_larger_one():
    layer = section("convolutional", filters=40, size=3, pad=1, batch_normalize=1)
    shape = (24, 30, 35)
    outputs = []
    for kernels in KERNELS:
        with network(layer + section("cost"), shape, kernels=kernels, keep=True) as net:
            randomize(net[0])
            x, truth = images(shape), images((40, 30, 35), seed=1)
            out = net.forward(x, truth, train=True)
            net.backward()
            outputs.append([out, net[0].delta.copy(), *map(np.copy, net[0].grads.values())])
    for ours, theirs in zip(*outputs, strict=True):
        assert np.linalg.norm(ours - theirs) <= 1e-5 * np.linalg.norm(theirs)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"filters": 4, "groups": 3}, r"net\.cfg:\d+: .*groups=3 must divide"),
        ({"size": 9}, r"net\.cfg:\d+: .*size=9 is larger"),
        ({"stride": 0}, r"net\.cfg:\d+: .*stride=0: must be"),
        ({"activation": "relux"}, r"net\.cfg:\d+: .*activation=relux"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(tmp_path, keys, message):
    file = tmp_path / "net.cfg"
    net = section("net", batch=1, channels=4, height=5, width=6)
    file.write_text(net + section("convolutional", **keys))
    with pytest.raises(pylrm.CfgError, match=message):
        pylrm.Network(file)
