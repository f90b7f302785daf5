"""The largest errors of the fast kernels against float64, printed and bounded."""

import numpy as np

from tests.layers.common import (
    IDENTITY,
    convolve,
    copy_weights,
    finish,
    images,
    network,
    per_channel,
    randomize,
    section,
)
from tests.layers.test_products import THREE, expected, passes

BATCH = 4
# shape, keys
KERNELS = {
    "1x1": ((256, 26, 26), {"filters": 256}),
    "1x1, deep": ((1024, 13, 13), {"filters": 128}),
    "3x3, Winograd": ((128, 26, 26), {"filters": 128, **THREE}),
    "3x3, Winograd, deep": ((1024, 13, 13), {"filters": 64, **THREE}),
    "3x3 of 3 channels": ((3, 96, 96), {"filters": 32, **THREE}),
    "3x3, stride 2": ((64, 52, 52), {"filters": 96, "stride": 2, **THREE}),
    "3x3 depthwise": ((64, 52, 52), {"filters": 64, "groups": 64, **THREE}),
    "3x3 depthwise, stride 2": (
        (64, 53, 53),
        {"filters": 64, "groups": 64, "stride": 2, **THREE},
    ),
}
BOUND = 2e-5  # measured at most 7e-6 (Winograd), 1.2e-6 (others)


def largest(ours, theirs):
    """Of all values, relative to the largest."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def of_convolution(shape, keys):
    """Errors of output, weights' gradient and input's gradient."""
    *given, found = passes(BATCH, shape, keys, 2)
    return [largest(*pair) for pair in zip(found, expected(*given, keys), strict=True)]


def of_batch_norm():
    """A 1x1 convolution with batch norm and leaky: errors of output, of the gradients of scales
    and biases, and of the gradient at the convolution's sums; and of the folded output."""
    shape = (48, 26, 26)
    keys = {"filters": 64, "batch_normalize": 1, "activation": "leaky"}
    text = IDENTITY + section("convolutional", **keys) + section("cost")
    with network(text, shape, BATCH, keep=True) as net:
        layer = net[1]
        params = randomize(layer)
        x = images(shape, BATCH)
        truth = images(layer.shape, BATCH, seed=1)
        with network(text, shape, BATCH, inference=True) as folded:
            copy_weights(net, folded)
            inferred = folded.forward(x)
        output = net.forward(x, truth.reshape(BATCH, -1), train=True).copy()
        net.backward()
        grads = {name: layer.grads[name].copy() for name in ("scales", "biases")}
        delta = np.array(layer.delta)
    sums = convolve(x.astype(np.float64), params["weights"], 1, 0, 1)
    count = sums.size // sums.shape[1]
    centred = sums - per_channel(sums.mean((0, 2, 3)))
    deviation = np.sqrt(per_channel(sums.var((0, 2, 3), ddof=1)) + 1e-5)
    scaled = centred / deviation
    wanted = finish(sums, params, True, "leaky")
    upstream = (truth - output.astype(np.float64)) * np.where(wanted > 0, 1, 0.1)
    scales_grad = np.sum(upstream * scaled, (0, 2, 3))
    biases_grad = np.sum(upstream, (0, 2, 3))
    handed = upstream - per_channel(biases_grad) / count
    handed -= scaled * per_channel(scales_grad) / (count - 1)
    handed *= per_channel(params["scales"]) / deviation
    parameters = max(largest(grads["scales"], scales_grad), largest(grads["biases"], biases_grad))
    return [
        largest(output, wanted),
        parameters,
        largest(delta, handed),
        largest(inferred, finish(sums, params, False, "leaky")),
    ]


def test_errors_are_bounded(capsys):
    found = {name: of_convolution(*case) for name, case in KERNELS.items()}
    *trained, folded = of_batch_norm()
    found["1x1 with batch norm, leaky"] = trained
    found["1x1 with batch norm folded, leaky"] = [folded]
    with capsys.disabled():
        print("\nlargest errors against float64: output, parameters' and input's gradient")
        for name, errors in found.items():
            print(f"  {name:34}", *(f"{error:9.1e}" for error in errors))
    assert max(max(errors) for errors in found.values()) < BOUND
