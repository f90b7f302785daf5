"""[activation]: every function and its gradient, alone and behind a convolution."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import (
    ACTIVATIONS,
    KERNELS,
    check,
    convolve,
    finish,
    images,
    network,
    section,
)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_agrees_with_its_formula(name, kernels):
    def spread(x, params, train):  # 4x: beyond the clips and bends of all of them
        return ACTIVATIONS[name](4 * x)

    four = section("shortcut", **{"from": -1, "alpha": 1.5, "beta": 2.5})
    check(section("activation", activation=name), spread, (3, 5, 7), kernels, before=four)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("batch_normalize", [0, 1])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_behind_a_convolution(name, batch_normalize, kernels):
    def twin(x, params, train):
        return finish(convolve(x, params["weights"], 1, 0, 1), params, train, name)

    layer = section("convolutional", filters=3, activation=name, batch_normalize=batch_normalize)
    check(layer, twin, (2, 3, 5), kernels)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_large_values_stay_finite(name, kernels):
    x = np.array([-1e30, -1000, -90, -20, 0, 20, 90, 1000, 1e30], np.float32)
    text = "[activation]\n" + section("activation", activation=name) + section("cost")
    with network(text, (1, 1, 9), batch=1, kernels=kernels, keep=True) as net:
        out = net.forward(x.reshape(1, 1, 1, 9), np.zeros((1, 9)), train=True)
        with np.errstate(over="ignore"):
            expected = ACTIVATIONS[name](x.astype(np.float64))
        np.testing.assert_allclose(out.ravel(), expected, rtol=1e-5, atol=1e-30)
        net.backward()
        assert np.isfinite(net[0].delta).all()


def test_default_is_linear():
    with network("[activation]\n", (2, 3, 4)) as net:
        x = images((2, 3, 4))
        np.testing.assert_array_equal(net.forward(x), x)


def test_an_unknown_name_is_refused_with_its_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:\d+: \[activation\] activation=maxout.*leaky"):
        network(section("activation", activation="maxout"), (1, 1, 1))
