"""[dropout]: what is dropped, how much, and that it is a function of seed and position."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, images, network, section

SHAPE = (8, 25, 30)


def passed(*, probability=0.5, seen=0, shape=SHAPE, **options):
    """A training pass over ones: the output is the mask."""
    with network(section("dropout", probability=probability), shape, **options) as net:
        net.seen = seen
        return net.forward(np.ones((net.batch, *shape)), train=True)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("probability", [0, 0.1, 0.5, 0.9, 1])
def test_drops_its_share_and_scales_the_rest(probability, kernels):
    out = passed(probability=probability, kernels=kernels)
    kept = out[out != 0]
    if probability < 1:
        np.testing.assert_allclose(kept, 1 / (1 - probability), rtol=1e-6)
    deviation = np.sqrt(out.size * probability * (1 - probability))
    assert abs(kept.size - out.size * (1 - probability)) <= 6 * deviation


def test_mask_is_a_function_of_seed_pass_layer_and_place():
    mask = passed(seed=3, seen=64)
    for same in (passed(seed=3, seen=64, kernels="reference"), passed(seed=3, seen=64, threads=1)):
        np.testing.assert_array_equal(same, mask)
    text = section("dropout") + section("dropout")
    with network(text, SHAPE, seed=3, keep=True) as net:
        net.seen = 64
        net.forward(np.ones((3, *SHAPE)), train=True)
        second = np.where(net[0].output != 0, net[1].output, np.nan)
    elsewhere = [np.roll(mask, 1, axis) for axis in range(4)]
    others = [passed(seed=4, seen=64), passed(seed=3, seen=65), second, *elsewhere]
    for other in others:  # a half agrees by chance
        known = ~np.isnan(other)
        agree = np.mean((other[known] != 0) == (mask[known] != 0))
        assert 0.45 < agree < 0.55


@pytest.mark.parametrize("kernels", KERNELS)
def test_gradient_goes_through_the_mask(kernels):
    text = "[activation]\n" + section("dropout", probability=0.3) + section("cost")
    with network(text, (2, 3, 5), kernels=kernels, keep=True) as net:
        x, truth = images((2, 3, 5)), images((2, 3, 5), seed=1)
        out = net.forward(x, truth, train=True)
        net.backward()
        np.testing.assert_allclose(net[0].delta, (truth - out) * (out / x), rtol=1e-5, atol=1e-6)
        assert (net[0].delta == 0).any()


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("inference", [False, True])
def test_nothing_is_dropped_outside_training(inference, kernels):
    with network(section("dropout"), (2, 3, 5), kernels=kernels, inference=inference) as net:
        x = images((2, 3, 5))
        np.testing.assert_array_equal(net.forward(x), x)


def test_a_probability_above_1_is_refused_with_its_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:\d+: \[dropout\] probability=1\.5: must be"):
        network(section("dropout", probability=1.5), (1, 1, 1))
