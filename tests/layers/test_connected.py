"""[connected] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, finish, images, network, section

CASES = [
    ((1, 1, 1), {}),
    ((3, 2, 5), {"output": 7, "activation": "leaky"}),
    ((4, 1, 1), {"output": 5, "batch_normalize": 1, "activation": "linear"}),
    ((2, 3, 3), {"output": 33, "batch_normalize": 1, "activation": "relu"}),
    ((5, 1, 3), {"output": 4, "activation": "mish"}),
    ((5, 2, 1), {"output": 4, "activation": "swish", "batch_normalize": 1}),
]


def twin(activation="logistic", **_):
    def forward(x, params, train):
        sums = x.reshape(len(x), -1) @ params["weights"].T
        return finish(sums[:, :, None, None], params, train, activation)

    return forward


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("shape", "keys"), CASES)
def test_agrees_with_numpy(shape, keys, kernels):
    check(section("connected", **keys), twin(**keys), shape, kernels, batch=4)


def test_fresh_weights_are_uniform_within_their_bound():
    with network(section("connected", output=50), (10, 4, 5)) as net:
        weights, bound = net[0].params["weights"], np.sqrt(2 / 200)
        assert weights.shape == (50, 200)
        assert np.abs(weights).max() <= bound
        assert np.abs(weights).max() > 0.99 * bound
        assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)


def test_another_input_size_is_refused_and_nothing_changes():
    with network(section("connected", output=2), (3, 4, 4)) as net:
        x = images((3, 4, 4))
        before = net.forward(x)
        with pytest.raises(pylrm.PylrmError, match=r"cfg:\d+: .*\[connected\]"):
            net.resize(5, 5)
        np.testing.assert_array_equal(net.forward(x), before)


def test_no_output_is_refused_with_its_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:\d+: \[connected\] output=0"):
        network(section("connected", output=0), (1, 1, 1))
