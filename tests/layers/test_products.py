"""Every way in which convolutions are cut into matrix products, in all passes, against float64."""

import numpy as np
import pytest

from tests.layers.common import (
    IDENTITY,
    convolve,
    copy_weights,
    images,
    network,
    randomize,
    section,
)

THREE = {"size": 3, "pad": 1}
# batch, shape, keys
CASES = {
    "1x1, panels of a thread's own": (3, (16, 40, 30), {"filters": 29}),
    "1x1, one image: shared panels": (1, (19, 31, 25), {"filters": 101}),
    "1x1, weights larger than a cache: shared panels": (4, (520, 23, 24), {"filters": 512}),
    "1x1, several chunks of shared panels": (1, (1050, 64, 63), {"filters": 251}),
    "1x1, joined planes of a pixel": (5, (70, 1, 1), {"filters": 35}),
    "1x1, joined planes": (7, (33, 2, 3), {"filters": 130}),
    "1x1, the largest joined planes": (4, (40, 9, 7), {"filters": 50}),
    "1x1, the smallest planes by themselves": (4, (40, 8, 8), {"filters": 50}),
    "3x3 of few channels": (2, (3, 33, 41), {"filters": 20, **THREE}),
    "3x3 of few channels, one image": (1, (15, 52, 39), {"filters": 99, **THREE}),
    "3x3 of stride 2": (3, (18, 21, 20), {"filters": 37, "stride": 2, **THREE}),
    "3x3 without padding": (2, (20, 12, 17), {"filters": 18, "size": 3}),
    "5x5 on planes smaller than the kernel": (3, (6, 2, 1), {"filters": 40, "size": 5, "pad": 1}),
    "7x7, rows of the input's width": (2, (5, 10, 9), {"filters": 21, "size": 7, "pad": 1}),
    "grouped": (2, (32, 14, 15), {"filters": 48, "groups": 2, **THREE}),
    "Winograd, a pixel": (3, (16, 1, 1), {"filters": 16, **THREE}),
    "Winograd, a part of a tile": (3, (17, 3, 2), {"filters": 40, **THREE}),
    "Winograd, tiles and a rest": (2, (40, 13, 13), {"filters": 17, **THREE}),
    "Winograd, a tall plane": (1, (23, 35, 5), {"filters": 31, **THREE}),
    "Winograd, a row longer than a block": (2, (16, 2, 530), {"filters": 16, **THREE}),
    "Winograd, several slices of channels": (1, (150, 26, 9), {"filters": 139, **THREE}),
    "Winograd, several groups of filters": (1, (1024, 4, 5), {"filters": 480, **THREE}),
    "Winograd, several chunks": (1, (130, 150, 154), {"filters": 33, **THREE}),
}


def layer_of(keys):
    return section("convolutional", activation="linear", **keys)


def passes(batch, shape, keys, threads, x=None):
    """A training pass of the layer: its input, weights and upstream; its output and gradients."""
    text = IDENTITY + layer_of(keys) + section("cost")
    with network(text, shape, batch, threads=threads, keep=True) as net:
        under = net[1]
        randomize(under)
        x = images(shape, batch) if x is None else x
        truth = images(under.shape, batch, seed=1)
        output = net.forward(x, truth.reshape(batch, -1), train=True).copy()
        net.backward()
        weights = under.params["weights"].astype(np.float64)
        biases = under.params["biases"].astype(np.float64)
        found = (output, under.grads["weights"].copy(), np.array(net[0].delta))
        return x.astype(np.float64), weights, biases, truth - output.astype(np.float64), found


def expected(x, weights, biases, upstream, keys):
    """Output and gradients of weights and input in float64, tap by tap."""
    size, stride, groups = (keys.get(key, 1) for key in ("size", "stride", "groups"))
    padding = size // 2 if keys.get("pad") else 0
    h, w = upstream.shape[2:]
    framed = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    output = np.zeros_like(upstream) + biases[None, :, None, None]
    weight_grads, handed = np.zeros_like(weights), np.zeros_like(framed)
    c, f = x.shape[1] // groups, upstream.shape[1] // groups
    for g in range(groups):
        ins, outs = slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)
        for i, j in np.ndindex(size, size):
            rows = slice(i, i + (h - 1) * stride + 1, stride)
            columns = slice(j, j + (w - 1) * stride + 1, stride)
            seen, kernel = framed[:, ins, rows, columns], weights[outs, :, i, j]
            output[:, outs] += np.tensordot(kernel, seen, (1, 1)).swapaxes(0, 1)
            weight_grads[outs, :, i, j] = np.tensordot(
                upstream[:, outs], seen, ((0, 2, 3), (0, 2, 3))
            )
            handed[:, ins, rows, columns] += np.tensordot(
                kernel, upstream[:, outs], (0, 1)
            ).swapaxes(0, 1)
    inside = slice(padding, -padding or None)
    return output, weight_grads, handed[:, :, inside, inside]


def error(ours, theirs):
    return np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)


@pytest.mark.parametrize("name", CASES)
def test_passes_agree_with_float64_and_threads_change_no_bit(name):
    batch, shape, keys = CASES[name]
    *given, found = passes(batch, shape, keys, 2)
    for ours, theirs in zip(found, expected(*given, keys), strict=True):
        assert error(ours, theirs) < 1e-5
    for threads in (1, 3):
        *_, others = passes(batch, shape, keys, threads)
        for ours, theirs in zip(others, found, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_float64_twin_is_the_naive_convolution():
    """`expected` is held to the definition once, as it is not written in its terms."""
    keys = {"filters": 6, "groups": 2, "size": 3, "stride": 2, "pad": 1}
    x, weights, biases, upstream, _ = passes(2, (4, 7, 6), keys, 1)
    output, weight_grads, handed = expected(x, weights, biases, upstream, keys)
    sums = convolve(x, weights, 2, 1, 2)
    np.testing.assert_allclose(output, sums + biases[None, :, None, None], atol=1e-12)
    # both gradients are those of a form linear in x and in the weights
    value = np.sum(sums * upstream)
    np.testing.assert_allclose([np.sum(handed * x), np.sum(weight_grads * weights)], value)


@pytest.mark.parametrize("channels, filters", [(16, 16), (128, 128), (1024, 48), (48, 1024)])
def test_winograd_keeps_to_1e_5_of_float64(channels, filters):
    """Inputs not below 0, as after a ReLU. Measured: 7e-7 to 2.8e-6."""
    keys = {"filters": filters, **THREE}
    x = np.random.default_rng(0).random((2, channels, 13, 14), np.float32)
    *given, found = passes(2, (channels, 13, 14), keys, 2, x)
    for ours, theirs in zip(found, expected(*given, keys), strict=True):
        assert error(ours, theirs) < 1e-5


# One of each kind, and activations inside and outside of the products' last step.
NET = (
    section("convolutional", filters=18, batch_normalize=1, activation="leaky", **THREE)
    + section("convolutional", filters=21, batch_normalize=1, activation="relu6", **THREE)
    + section("convolutional", filters=21, groups=21, activation="mish", **THREE)
    + section("convolutional", filters=40, activation="swish")
    + section("convolutional", filters=17, stride=2, activation="relu", **THREE)
    + section("convolutional", filters=35, activation="linear", **THREE)
    + section("convolutional", filters=9, activation="logistic")
)
SHAPE, BATCH = (3, 19, 22), 8


def inference(donor, shape, batch=BATCH, **options):
    net = network(NET, shape, batch, inference=True, **options)
    copy_weights(donor, net)
    return net


@pytest.fixture
def donor():
    """A network in training with parameters that all matter."""
    with network(NET, SHAPE, BATCH) as net:
        for i, layer in enumerate(net):
            randomize(layer, i)
        yield net


def test_inference_is_what_the_training_network_computes(donor):
    x = images(SHAPE, BATCH)
    with inference(donor, SHAPE) as net, inference(donor, SHAPE, kernels="reference") as plain:
        out = net.forward(x)
        assert error(out, donor.forward(x)) < 1e-5
        assert error(out, plain.forward(x)) < 1e-5


@pytest.mark.parametrize("shape", [SHAPE, (3, 9, 7)], ids=["planes", "joined planes"])
def test_fewer_images_than_the_batch_change_no_bit(donor, shape):
    x = images(shape, BATCH)
    with inference(donor, shape) as net:
        whole = net.forward(x).copy()
        for count in (1, 3, BATCH):
            np.testing.assert_array_equal(net.forward(x[:count]), whole[:count])
            np.testing.assert_array_equal(net.forward(x[-count:]), whole[-count:])


def test_packed_weights_outlive_a_resize(donor):
    with inference(donor, SHAPE) as net:
        before = net.forward(images(SHAPE, BATCH)).copy()
        for h, w in ((33, 50), (6, 5), SHAPE[1:]):
            net.resize(w, h)
            x = images((3, h, w), BATCH)
            with inference(donor, (3, h, w)) as other:
                np.testing.assert_array_equal(net.forward(x), other.forward(x))
        np.testing.assert_array_equal(net.forward(images(SHAPE, BATCH)), before)


def test_more_threads_than_blocks_change_no_bit():
    """Shares are cut by the number of threads, and a share's last columns come from other tiles:
    zeros keep their sign."""
    text = section("convolutional", size=5, pad=1, filters=24, activation="relu")
    outputs = []
    for threads in (1, 8):
        with network(text, (8, 26, 26), 1, threads=threads, inference=True) as net:
            outputs.append(net.forward(images((8, 26, 26), 1)).tobytes())
    assert outputs[0] == outputs[1]


def test_inference_does_not_depend_on_threads(donor):
    x = images(SHAPE, BATCH)
    outputs = []
    for threads in (1, 2, 3):
        with inference(donor, SHAPE, threads=threads) as net:
            outputs.append(net.forward(x).copy())
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])
