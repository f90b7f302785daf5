"""[net] inputs=: networks whose input is a vector, not an image."""

import numpy as np
import pytest

import pylrm

TWO = "[connected]\noutput=4\nactivation=linear\n[softmax]\n"


def test_a_vector_is_channels_of_one_pixel():
    x = np.random.default_rng(0).normal(size=(2, 6, 1, 1)).astype(np.float32)
    with pylrm.Network("[net]\nbatch=2\ninputs=6\n" + TWO) as net:
        assert (net.channels, net.height, net.width) == (6, 1, 1)
        weights = net[0].params["weights"].astype(np.float64)
        e = np.exp(x[:, :, 0, 0] @ weights.T)
        out = net.forward(x)[:, :, 0, 0]
        np.testing.assert_allclose(out, e / e.sum(axis=1, keepdims=True), rtol=1e-5)
        losses = [net.train_batch(x, np.eye(4)[:2]) for _ in range(20)]
        assert losses[-1] < losses[0]


def test_inputs_of_an_image_are_its_size():
    text = "[net]\nwidth=3\nheight=2\nchannels=2\ninputs={}\n" + TWO
    with pylrm.Network(text.format(12)) as net:
        assert (net.channels, net.height, net.width) == (2, 2, 3)
    with pytest.raises(pylrm.CfgError, match=r"cfg:1: \[net\] inputs=13, but .*=12"):
        pylrm.Network(text.format(13))


def test_without_any_size_the_first_that_is_missing_is_named():
    with pytest.raises(pylrm.CfgError, match=r"cfg:1: \[net\] needs width=, 1 or more"):
        pylrm.Network("[net]\n" + TWO)
