"""[softmax] against numpy: probabilities, cost, what is handed back."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, close, images, network, section

CASES = [
    ((1, 1, 1), {}),
    ((10, 1, 1), {}),
    ((3, 2, 5), {}),
    ((12, 1, 1), {"groups": 3, "temperature": 2}),
    ((4, 3, 2), {"groups": 4, "temperature": 0.25}),
    ((6, 3, 5), {"spatial": 1}),
    ((6, 3, 5), {"spatial": 1, "groups": 2, "temperature": 3}),
]


def softmax(x, groups=1, temperature=1, spatial=0, **_):
    b, c, h, w = x.shape
    shape = (b, groups, c // groups, h, w) if spatial else (b, groups, c * h * w // groups)
    e = np.exp(x.astype(np.float64).reshape(shape) / temperature)
    p = e / e.sum(axis=2, keepdims=True)
    return p.reshape(x.shape if spatial else (b, -1, 1, 1))


def one_hot(shape, batch=3):
    truth = np.zeros((batch, int(np.prod(shape))), np.float32)
    truth[np.arange(batch), np.arange(batch) * 7 % truth.shape[1]] = 1
    return truth


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("shape", "keys"), CASES)
def test_agrees_with_numpy(shape, keys, kernels):
    x, truth = images(shape), one_hot(shape)
    expected = softmax(x, **keys)
    text = "[activation]\n" + section("softmax", **keys)
    with network(text, shape, kernels=kernels, keep=True) as net:
        close(net.forward(x), expected)
        close(net.forward(x[:1]), expected[:1])
        net.forward(x, truth, train=True)
        close(net[1].output, expected)
        delta = truth.reshape(expected.shape) - expected
        close(net[1].delta, delta)
        cost = -np.sum(truth * np.log(expected.reshape(truth.shape)))
        assert net.cost == pytest.approx(cost, rel=1e-5, abs=1e-6)
        net.backward()
        close(net[0].delta, delta.reshape(x.shape))
    with network(text, shape, kernels=kernels, inference=True) as net:
        close(net.forward(x), expected)


@pytest.mark.parametrize("kernels", KERNELS)
def test_delta_is_the_derivative_of_the_cost(kernels):
    x, truth = images((5, 2, 2)).astype(np.float64), one_hot((5, 2, 2))

    def cost(v):
        return -np.sum(truth * np.log(softmax(v).reshape(truth.shape)))

    with network("[activation]\n[softmax]\n", (5, 2, 2), kernels=kernels, keep=True) as net:
        net.forward(x, truth, train=True)
        net.backward()
        for place in range(x.size):
            moved = np.zeros(x.size)
            moved[place] = 1e-5
            moved = moved.reshape(x.shape)
            slope = (cost(x + moved) - cost(x - moved)) / 2e-5
            assert net[0].delta.flat[place] == pytest.approx(-slope, abs=1e-5)


@pytest.mark.parametrize("kernels", KERNELS)
def test_large_values_and_certain_errors_stay_finite(kernels):
    x = np.array([1e30, -1e30, 0, 5000], np.float32).reshape(1, 4, 1, 1)
    with network("[softmax]\n", (4, 1, 1), batch=1, kernels=kernels) as net:
        out = net.forward(x, np.array([[0, 1, 0, 0]]), train=True)
        np.testing.assert_array_equal(out.ravel(), [1, 0, 0, 0])
        assert 50 < net.cost < 1000


@pytest.mark.parametrize("kernels", KERNELS)
def test_without_a_truth_there_is_neither_cost_nor_gradient(kernels):
    with network("[activation]\n[softmax]\n", (4, 1, 1), kernels=kernels, keep=True) as net:
        x = images((4, 1, 1))
        net.forward(x, one_hot((4, 1, 1)), train=True)
        net.forward(x, train=True)
        assert net.cost == 0
        net.backward()
        assert not net[0].delta.any()


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("keep", [False, True])
def test_noloss_hands_on_what_comes(keep, kernels):
    text = section("convolutional", filters=3, activation="linear")
    text += section("softmax", spatial=1, noloss=1) + section("cost")
    with network(text, (2, 3, 4), kernels=kernels, keep=keep) as net:
        x, truth = images((2, 3, 4)), images((3, 3, 4), seed=1)
        for _ in range(2):
            net[0].grads["biases"][...] = 0
            out = net.forward(x, truth, train=True)
            assert net[1].cost == 0
            net.backward()
            close(net[0].grads["biases"], (truth - out).sum((0, 2, 3)))


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_truth_of_another_length_is_not_its_own(kernels):
    text = "[activation]\n[softmax]\n" + section("connected", output=2) + section("cost")
    with network(text, (6, 1, 1), kernels=kernels, keep=True) as net:
        net.forward(images((6, 1, 1)), np.ones((3, 2)), train=True)
        assert net[1].cost == 0
        assert not net[1].delta.any()
        assert net.cost == pytest.approx(net[3].cost / 2)


def test_groups_that_do_not_divide_are_refused_with_their_line():
    with pytest.raises(
        pylrm.CfgError, match=r"cfg:\d+: \[softmax\] groups=3 must divide the input's values \(10\)"
    ):
        network(section("softmax", groups=3), (10, 1, 1))
