"""Layers in ONNX's operations: one function and one row each.

A function adds a layer to the graph. It takes the names of the layer's inputs, (batch, c, h, w)
each, and returns that of its output.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pylrm.engine import Layer, Network
from pylrm.errors import PylrmError
from pylrm.export.activations import activate
from pylrm.export.graph import BATCH, Graph
from pylrm.export.heads import detection, gaussian_yolo, refuse_tree, region, yolo

Floats = npt.NDArray[np.float64]
EPSILON = 1e-5  # of batch norm, added to the variance
TINY = 1e-30  # below any length that counts: a vector of zeros stays one


def shape_of(net: Network, index: int) -> tuple[int, int, int]:
    """Return the shape of a layer's output; -1: of the image."""
    return (net.channels, net.height, net.width) if index < 0 else net[index].shape


def folded(layer: Layer) -> tuple[Floats, Floats]:
    """Return factor and offset of each output, batch norm and biases in one."""
    params = {name: values.astype(np.float64) for name, values in layer.params.items()}
    if "scales" not in params:
        return np.ones_like(params["biases"]), params["biases"]
    factors = params["scales"] / np.sqrt(params["rolling_variance"] + EPSILON)
    return factors, params["biases"] - factors * params["rolling_mean"]


def _convolutional(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    weights = layer.params["weights"]
    factors, biases = folded(layer)
    size, stride = layer.option("size"), layer.option("stride")
    padding = size // 2 if layer.option("pad") else layer.option("padding")
    y = graph.add(
        "Conv",
        x,
        graph.constant(weights * factors[:, None, None, None]),
        graph.constant(biases),
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[padding] * 4,
        group=layer.option("groups"),
    )
    return activate(graph, layer.option("activation"), y)


def _deconvolutional(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """Weights are (c, filters, size, size)."""
    factors, biases = folded(layer)
    size, stride = layer.option("size"), layer.option("stride")
    padding = size // 2 if layer.option("pad") else layer.option("padding")
    y = graph.add(
        "ConvTranspose",
        x,
        graph.constant(layer.params["weights"] * factors[:, None, None]),
        graph.constant(biases),
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[padding] * 4,
    )
    return activate(graph, layer.option("activation"), y)


def _local(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """The window of each place as a row, times a matrix of the place's own."""
    c, h, w = shape_of(net, layer.inputs[0])
    filters, rows, columns = layer.shape
    size, stride = layer.option("size"), layer.option("stride")
    before = (size - 1) // 2 if layer.option("pad") else 0
    high, wide = (
        max(side + before, (n - 1) * stride + size) for side, n in ((h, rows), (w, columns))
    )
    padded = graph.pad(
        x, [0, 0, high - h - before, wide - w - before], before=[0, 0, before, before]
    )
    numbers = np.arange(c * high * wide).reshape(c, high, wide)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, (size, size), (1, 2))
    places = windows[:, ::stride, ::stride][:, :rows, :columns].transpose(1, 2, 0, 3, 4)
    taps = c * size * size
    flat = graph.reshape(padded, BATCH, c * high * wide)
    seen = graph.add("Gather", flat, graph.numbers(places.ravel().tolist()), axis=1)
    seen = graph.reshape(seen, BATCH, rows * columns, taps)
    seen = graph.add("Transpose", seen, perm=[1, 0, 2])  # (places, batch, taps)
    kernels = layer.params["weights"].reshape(rows * columns, filters, taps).transpose(0, 2, 1)
    y = graph.add("MatMul", seen, graph.constant(kernels))
    y = graph.reshape(graph.add("Transpose", y, perm=[1, 2, 0]), BATCH, *layer.shape)
    y = graph.add("Add", y, graph.constant(layer.params["biases"]))
    return activate(graph, layer.option("activation"), y)


def _connected(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    weights = layer.params["weights"]
    factors, biases = folded(layer)
    matrix = graph.constant(weights * factors[:, None])
    flat = graph.reshape(x, BATCH, weights.shape[1])
    y = graph.add("Gemm", flat, matrix, graph.constant(biases), transB=1)
    return activate(graph, layer.option("activation"), graph.reshape(y, BATCH, len(weights), 1, 1))


def _batchnorm(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    factors, offsets = (graph.constant(values[:, None, None]) for values in folded(layer))
    return graph.add("Add", graph.add("Mul", x, factors), offsets)


def _maxpool(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """The first window starts at -(padding//2), and what lies outside does not count."""
    stride = layer.option("stride")
    size = layer.option("size") or stride
    padding = layer.option("padding")
    padding = size - 1 if padding < 0 else padding
    before, after = padding // 2, padding - padding // 2
    if after >= size:
        raise PylrmError(
            f"[maxpool] padding={padding}: windows of size={size} that lie outside of the map "
            "cannot be written as ONNX"
        )
    return graph.add(
        "MaxPool",
        x,
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[before, before, after, after],
    )


def _avgpool(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    return graph.add("GlobalAveragePool", x)


def _crop(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """The middle; values from 0 to 1 become -1 to 1."""
    _, h, w = shape_of(net, layer.inputs[0])
    _, high, wide = layer.shape
    top, left = (h - high) // 2, (w - wide) // 2
    y = graph.slice(x, [2, 3], [top + high, left + wide], starts=[top, left])
    return y if layer.option("noadjust") else graph.plus(graph.times(y, 2), -1)


def _normalization(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """The sums over channels as a 1x1 convolution: ONNX's own operation takes odd sizes alone."""
    channels, size = layer.shape[0], layer.option("size")
    away = np.subtract.outer(np.arange(channels), np.arange(channels))  # of an output from an input
    weights = np.where((away <= (size - 1) // 2) & (-away <= size // 2), layer.option("alpha"), 0)
    kernels = graph.constant(weights[:, :, None, None])
    sums = graph.add("Conv", graph.add("Mul", x, x), kernels, kernel_shape=[1, 1])
    norms = graph.add(
        "Pow", graph.plus(sums, layer.option("kappa")), graph.constant(layer.option("beta"))
    )
    return graph.add("Div", x, norms)


def _same(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    return x


def _activation(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    return activate(graph, layer.option("activation"), x)


def _logistic(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    return graph.add("Sigmoid", x)


def _route(graph: Graph, net: Network, layer: Layer, *inputs: str) -> str:
    groups, taken = layer.option("groups"), layer.option("group_id")
    pieces = list(inputs)
    if groups > 1:
        for j, index in enumerate(layer.inputs):
            share = shape_of(net, index)[0] // groups
            pieces[j] = graph.split(inputs[j], [share] * groups, axis=1)[taken]
    return pieces[0] if len(pieces) == 1 else graph.add("Concat", *pieces, axis=1)


def _reorg(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """Darknet's order: the input's memory is taken for a larger map of fewer channels."""
    (c, h, w), stride = shape_of(net, layer.inputs[0]), layer.option("stride")
    if extra := layer.option("extra"):
        padded = graph.pad(graph.reshape(x, BATCH, c * h * w), [0, extra])
        return graph.reshape(padded, BATCH, *layer.shape)
    if layer.option("flatten"):
        rows = h * w if layer.option("reverse") else c
        matrix = graph.reshape(x, BATCH, rows, c * h * w // rows)
        return graph.reshape(graph.add("Transpose", matrix, perm=[0, 2, 1]), BATCH, *layer.shape)
    if layer.option("reverse"):
        return graph.add("DepthToSpace", x, blocksize=stride)
    large = graph.reshape(x, BATCH, c // stride**2, h * stride, w * stride)
    return graph.reshape(graph.add("SpaceToDepth", large, blocksize=stride), BATCH, *layer.shape)


def _enlarged(graph: Graph, x: str, stride: int) -> str:
    """Repeat each value in a block."""
    if stride == 1:
        return x
    return graph.add(
        "Resize",
        x,
        "",
        graph.constant([1, 1, stride, stride]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _upsample(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    stride, scale = layer.option("stride"), layer.option("scale")
    if stride > 0:
        return graph.times(_enlarged(graph, x, stride), scale)
    block = [-stride, -stride]
    mean = graph.add("AveragePool", x, kernel_shape=block, strides=block)
    return graph.times(mean, scale * stride**2)


def _shortcut(graph: Graph, net: Network, layer: Layer, a: str, b: str) -> str:
    alpha, beta = layer.option("alpha"), layer.option("beta")
    shape, other = (shape_of(net, index) for index in layer.inputs)
    if shape == other:
        y = graph.add("Add", graph.times(a, alpha), graph.times(b, beta))
    else:
        y = graph.add("Add", a, _overlap(graph, a, b, shape, other, (alpha, beta)))
    return activate(graph, layer.option("activation"), y)


def _overlap(
    graph: Graph,
    a: str,
    b: str,
    shape: tuple[int, int, int],
    other: tuple[int, int, int],
    factors: tuple[float, float],
) -> str:
    """What is added to `a` where it overlaps a map of other channels or another size; else 0."""
    (c, h, w), (c2, h2, w2) = shape, other
    alpha, beta = factors
    shared, up, down = min(c, c2), max(1, w // w2), max(1, w2 // w)
    y = graph.times(graph.slice(b, [1, 2, 3], [shared, h2, w2], steps=[1, down, down]), beta)
    if alpha != 1:
        own = graph.slice(a, [1, 2, 3], [shared, h, w], steps=[1, up, up])
        y = graph.add("Add", y, graph.times(own, alpha - 1))
    if up > 1:
        places = np.zeros((h, w))
        places[::up, ::up] = 1
        y = graph.add("Mul", _enlarged(graph, y, up), graph.constant(places))
    return graph.pad(y, [0, c - shared, 0, 0]) if shared < c else y


def _softmax(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    refuse_tree(layer)
    c, h, w = shape_of(net, layer.inputs[0])
    groups = layer.option("groups")
    each = [c // groups, h * w] if layer.option("spatial") else [c * h * w // groups, 1]
    y = graph.times(graph.reshape(x, BATCH, groups, *each), 1 / layer.option("temperature"))
    return graph.reshape(graph.add("Softmax", y, axis=2), BATCH, *layer.shape)


def _l2norm(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    length = graph.add("ReduceL2", x, axes=[1], keepdims=1)
    return graph.add("Div", x, graph.add("Max", length, graph.constant(TINY)))


def _multiplied(graph: Graph, net: Network, layer: Layer, a: str, b: str) -> str:
    """[sam], and [scale_channels], whose first input is repeated over channels or pixels."""
    return activate(graph, layer.option("activation"), graph.add("Mul", a, b))


Rule = Callable[..., str]

LAYERS: dict[str, Rule] = {
    "convolutional": _convolutional,
    "deconvolutional": _deconvolutional,
    "local": _local,
    "crop": _crop,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
    "connected": _connected,
    "batchnorm": _batchnorm,
    "activation": _activation,
    "dropout": _same,
    "route": _route,
    "reorg": _reorg,
    "shortcut": _shortcut,
    "scale_channels": _multiplied,
    "sam": _multiplied,
    "upsample": _upsample,
    "l2norm": _l2norm,
    "normalization": _normalization,
    "softmax": _softmax,
    "logistic": _logistic,
    "region": region,
    "yolo": yolo,
    "Gaussian_yolo": gaussian_yolo,
    "detection": detection,
}

NOTHING = ("cost", "lrm")  # only training has them


def add_layer(graph: Graph, net: Network, layer: Layer, inputs: list[str]) -> str:
    """Add a layer to the graph; returns the name of its output.

    Raises
    ------
    PylrmError
        Its type, or what it is set to, cannot be written as ONNX.
    """
    graph.scope = f"{layer.index}_{layer.type}"
    rule = LAYERS.get(layer.type)
    try:
        if rule is None:
            raise PylrmError(f"[{layer.type}] cannot be written as ONNX")
        return rule(graph, net, layer, *inputs)
    except PylrmError as error:
        raise PylrmError(f"{net.cfg}:{layer.line}: {error}") from error
