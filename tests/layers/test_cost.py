"""[cost] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, close, images, network, section

ERRORS = {
    "sse": (lambda d: d * d, lambda d: d),
    "L1": (np.abs, np.sign),
    "smooth": (
        lambda d: np.where(np.abs(d) <= 1, d * d, 2 * np.abs(d) - 1),
        lambda d: np.where(np.abs(d) <= 1, d, np.sign(d)),
    ),
}


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("scale", [1, 0.5, -3])
@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7)])
def test_agrees_with_numpy(shape, kind, scale, kernels):
    x, truth = images(shape), images(shape, seed=1)
    error, slope = ERRORS[kind]
    d = truth.astype(np.float64) - x
    text = "[activation]\n" + section("cost", type=kind, scale=scale)
    with network(text, shape, kernels=kernels, keep=True) as net:
        np.testing.assert_array_equal(net.forward(x, truth, train=True), x)
        flat = (3, x[0].size, 1, 1)
        close(net[1].output, error(d).reshape(flat))
        close(net[1].delta, slope(d).reshape(flat))
        assert net.cost == pytest.approx(error(d).sum(), rel=1e-5)
        net.backward()
        close(net[0].delta, scale * slope(d))
        close(net[1].delta, slope(d).reshape(flat))


@pytest.mark.parametrize("kernels", KERNELS)
def test_without_a_truth_there_is_neither_cost_nor_gradient(kernels):
    with network("[activation]\n[cost]\n", (4, 1, 1), kernels=kernels, keep=True) as net:
        x = images((4, 1, 1))
        net.forward(x, x + 1, train=True)
        assert net.cost == pytest.approx(12)
        net.forward(x, train=True)
        assert net.cost == 0
        net.backward()
        assert not net[0].delta.any()


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_truth_gives_a_cost_outside_training(kernels):
    with network("[activation]\n[cost]\n", (4, 1, 1), kernels=kernels) as net:
        x = images((4, 1, 1))
        net.forward(x[:2], x[:2] + 2)
        assert net.cost == pytest.approx(32)


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_truth_of_another_length_is_not_its_own(kernels):
    text = "[activation]\n[cost]\n" + section("route", layers=0)
    text += section("connected", output=2) + section("cost")
    with network(text, (6, 1, 1), kernels=kernels, keep=True) as net:
        net.forward(images((6, 1, 1)), np.ones((3, 2)), train=True)
        assert net[1].cost == 0
        assert not net[1].output.any()
        assert net[4].cost > 0


def test_an_unknown_type_is_refused_with_its_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:\d+: \[cost\] type=seg.*sse.*L1.*smooth"):
        network(section("cost", type="seg"), (1, 1, 1))


@pytest.mark.parametrize("kernels", KERNELS)
def test_masked_values_have_neither_error_nor_gradient(kernels):
    x, truth = images((3, 2, 2)), images((3, 2, 2), seed=1)
    unknown = np.random.default_rng(2).random(x.shape) < 0.4
    truth[unknown] = -1234
    d = np.where(unknown, 0, truth.astype(np.float64) - x)
    text = "[activation]\n" + section("cost", type="masked")
    with network(text, (3, 2, 2), kernels=kernels, keep=True) as net:
        net.forward(x, truth, train=True)
        assert net.cost == pytest.approx((d * d).sum(), rel=1e-5)
        net.backward()
        close(net[0].delta, d)
