"""The fast kernels against the reference on maps that are cut into pieces and shared by threads."""

import numpy as np
import pytest

from tests.layers.common import ACTIVATIONS, KERNELS, images, network, section

SHAPE = (12, 54, 66)
LAYERS = [
    *(section("activation", activation=name) for name in ACTIVATIONS),
    section("maxpool", size=2, stride=2),
    section("maxpool", size=3, stride=1),
    section("maxpool", size=5, stride=3, padding=2),
    section("avgpool"),
    section("upsample", stride=2, scale=0.5),
    section("upsample", stride=3),
    section("upsample", stride=-2),
    section("reorg", stride=2),
    section("reorg", stride=2, reverse=1),
    section("reorg", stride=2, flatten=1),
    section("batchnorm"),
    section("dropout"),
    section("route", layers="-1,0"),
    section("route", layers="0", groups=3, group_id=1),
    section("shortcut", **{"from": 0, "alpha": 2, "activation": "leaky"}),
    section("shortcut", **{"from": 0, "beta": 0.1, "activation": "mish"}),
    section("connected", output=70, activation="leaky"),
    section("softmax", spatial=1, groups=2, noloss=1),
]


def run(layer, kernels, threads):
    """Arrays of a training pass: the output, minus the gradients of input and parameters."""
    text = "[activation]\n" + layer + section("cost")
    with network(text, SHAPE, kernels=kernels, threads=threads, keep=True) as net:
        truth = images(net[1].shape, seed=1).reshape(3, -1)
        out = net.forward(images(SHAPE), truth, train=True)
        net.backward()
        return [out, net[0].delta.copy(), *(grad.copy() for grad in net[1].grads.values())]


@pytest.mark.parametrize("layer", LAYERS)
def test_kernels_agree_and_threads_change_nothing(layer):
    reference, fast = (run(layer, kernels, 2) for kernels in KERNELS)
    for ours, theirs in zip(fast, reference, strict=True):
        assert np.linalg.norm(ours - theirs) <= 1e-5 * np.linalg.norm(theirs)
    for kernels, before in zip(KERNELS, (reference, fast), strict=True):
        for ours, theirs in zip(run(layer, kernels, 3), before, strict=True):
            np.testing.assert_array_equal(ours, theirs)
