"""[batchnorm] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, copy_weights, images, network, normalize, section

LAYER = section("batchnorm")


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (4, 1, 9), (7, 3, 2)])
def test_agrees_with_numpy(shape, kernels):
    check(LAYER, normalize, shape, kernels, unstored=("biases",))


@pytest.mark.parametrize("kernels", KERNELS)
def test_output_has_mean_0_and_variance_1(kernels):
    shape = (3, 6, 5)
    with network(LAYER, shape, kernels=kernels) as net:
        out = net.forward(1000 + 10 * images(shape), train=True)
        np.testing.assert_allclose(out.mean((0, 2, 3)), 0, atol=1e-5)
        np.testing.assert_allclose(out.var((0, 2, 3), ddof=1), 1, rtol=1e-3)


def test_files_hold_scales_mean_and_variance_only():
    with network(LAYER, (4, 3, 3)) as net, network(LAYER, (4, 3, 3)) as other:
        for name, value in net[0].params.items():
            value[...] = np.arange(1, 5) * (1 + len(name))
        copy_weights(net, other)
        for name, value in other[0].params.items():
            np.testing.assert_array_equal(value, 0 if name == "biases" else net[0].params[name])


def test_an_unknown_key_is_named_with_its_line():
    with (
        pytest.warns(pylrm.CfgWarning, match=r"cfg:\d+: \[batchnorm\] unknown key 'filters'"),
        network(section("batchnorm", filters=2), (1, 2, 2)) as net,
    ):
        assert net[0].shape == (1, 2, 2)
