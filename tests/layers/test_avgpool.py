"""[avgpool] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, network, section


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (4, 1, 9), (2, 16, 3)])
def test_agrees_with_numpy(shape, kernels):
    check(section("avgpool"), lambda x, p, t: x.mean((2, 3), keepdims=True), shape, kernels)


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_large_map_loses_no_digits(kernels):
    with network(section("avgpool"), (1, 500, 500), batch=1, kernels=kernels) as net:
        x = np.random.default_rng(0).uniform(0, 1, (1, 1, 500, 500)).astype(np.float32)
        assert net.forward(x)[0, 0, 0, 0] == np.float32(x.astype(np.float64).mean())


def test_an_unknown_key_is_named_with_its_line():
    with (
        pytest.warns(pylrm.CfgWarning, match=r"cfg:\d+: \[avgpool\] unknown key 'size'"),
        network(section("avgpool", size=2), (1, 2, 2)) as net,
    ):
        assert net[0].shape == (1, 1, 1)
