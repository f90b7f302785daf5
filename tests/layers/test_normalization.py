"""[normalization] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, network, section


def normalize(x, size=5, alpha=1, beta=1, kappa=1):
    """A channel's sum is of (size-1)//2 channels before it, itself, and size//2 after."""
    before, after = (size - 1) // 2, size // 2
    squares = np.pad(np.square(x), [(0, 0), (before, after), (0, 0), (0, 0)])
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    return x * (kappa + alpha * sums) ** -float(beta)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 5), (9, 4, 3)])
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"size": 1, "beta": 0.5},
        {"size": 4, "alpha": 0.25, "beta": 0.75, "kappa": 2},
        {"size": 30, "beta": 2},
        {"beta": 0},
    ],
)
def test_agrees_with_numpy(shape, keys, kernels):
    check(section("normalization", **keys), lambda x, p, t: normalize(x, **keys), shape, kernels)


def test_lrn_is_its_short_name():
    with network("[lrn]\n", (3, 2, 2)) as net:
        assert net[0].type == "normalization"


def test_values_out_of_range_are_refused_with_their_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:7: \[normalization\] size=0"):
        network(section("normalization", size=0), (3, 2, 2))
    with pytest.raises(pylrm.CfgError, match=r"cfg:7: \[normalization\] kappa=0"):
        network(section("normalization", kappa=0), (3, 2, 2))
