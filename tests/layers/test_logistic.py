"""[logistic] against numpy: probabilities, cross entropies, and truth - p handed back."""

import numpy as np
import pytest

from tests.layers.common import IDENTITY, KERNELS, close, images, logistic, network, section


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 3, 2)])
def test_cost_and_delta(shape, kernels):
    x = images(shape)
    truth = np.random.default_rng(1).integers(0, 2, x.shape).astype(np.float32)
    truth.flat[0] = 0.25  # a probability is a truth too
    p = logistic(x.astype(np.float64))
    with network(IDENTITY + section("logistic"), shape, kernels=kernels, keep=True) as net:
        close(net.forward(x), p)
        close(net.forward(x, truth.reshape(len(x), -1), train=True), p)
        cost = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).sum()
        assert net[1].cost == pytest.approx(cost, rel=1e-5)
        close(net[1].delta, truth - p)
        net.backward()
        close(net[0].delta, truth - p)


def test_certain_and_wrong_is_finite():
    x = np.array([[[[200.0]], [[-200.0]]]], np.float32)
    with network(IDENTITY + section("logistic"), (2, 1, 1), batch=1) as net:
        net.forward(x, np.array([[0, 1]], np.float32), train=True)
        assert 100 < net[1].cost < 1e4


def test_a_truth_of_another_length_is_not_its_own():
    text = IDENTITY + section("logistic") + section("route", layers=0) + section("avgpool")
    with network(text + section("cost"), (2, 2, 2), batch=1, keep=True) as net:
        net.forward(images((2, 2, 2), 1), np.ones((1, 2), np.float32), train=True)
        assert net[1].cost == 0 and not net[1].delta.any()
