"""[l2norm] against numpy."""

import numpy as np
import pytest

from tests.layers.common import IDENTITY, KERNELS, check, network, section


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (5, 4, 7)])
def test_vectors_over_the_channels_have_length_one(shape, kernels):
    def twin(x, params, train):
        return x / np.sqrt((x * x).sum(1, keepdims=True))

    check(section("l2norm"), twin, shape, kernels)


def test_zeros_stay_zeros_and_hand_nothing_back():
    text = IDENTITY + section("l2norm") + section("cost")
    x = np.zeros((1, 3, 2, 2), np.float32)
    x[0, :, 0, 0] = [3, 0, 4]
    with network(text, (3, 2, 2), batch=1, keep=True) as net:
        out = net.forward(x, np.ones((1, 12), np.float32), train=True)
        net.backward()
        np.testing.assert_allclose(out[0, :, 0, 0], [0.6, 0, 0.8], rtol=1e-6)
        assert not out[0, :, 1].any()
        assert not net[0].delta[0, :, 1].any() and np.isfinite(net[0].delta).all()
