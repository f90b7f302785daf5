"""Detectors in ONNX's operations: their activations, their boxes and scores, and suppression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import MASKED
from pylrm.engine import Layer, Network
from pylrm.errors import PylrmError
from pylrm.export.graph import BATCH, Graph

Floats = npt.NDArray[np.float64]


def region(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """Add [region]: x, y logistic; objectness and classes as its keys say."""
    refuse_tree(layer)
    classes = layer.option("classes")
    c, h, w = layer.shape
    entries = graph.reshape(x, BATCH, layer.anchors, 5 + classes, h * w)
    xy, wh, rest = graph.split(entries, [2, 2, 1 + classes], axis=2)
    if layer.option("background"):
        known = [graph.add("Softmax", rest, axis=2)]
    elif layer.option("softmax"):
        objectness, kinds = graph.split(rest, [1, classes], axis=2)
        known = [graph.add("Sigmoid", objectness), graph.add("Softmax", kinds, axis=2)]
    else:
        known = [graph.add("Sigmoid", rest)]
    y = graph.add("Concat", graph.add("Sigmoid", xy), wh, *known, axis=2)
    return graph.reshape(y, BATCH, c, h, w)


def yolo(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """Add [yolo]: all logistic but w and h; with new_coords=1 the layer before is."""
    classes, stretch = layer.option("classes"), layer.option("scale_x_y")
    c, h, w = layer.shape
    if layer.option("new_coords") and stretch == 1:
        return x
    entries = graph.reshape(x, BATCH, layer.anchors, 5 + classes, h * w)
    xy, wh, rest = graph.split(entries, [2, 2, 1 + classes], axis=2)
    if not layer.option("new_coords"):
        xy, rest = graph.add("Sigmoid", xy), graph.add("Sigmoid", rest)
    xy = graph.plus(graph.times(xy, stretch), -(stretch - 1) / 2)
    return graph.reshape(graph.add("Concat", xy, wh, rest, axis=2), BATCH, c, h, w)


def gaussian_yolo(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """Add [Gaussian_yolo]: all logistic but w and h, which stand between their uncertainties."""
    classes, stretch = layer.option("classes"), layer.option("scale_x_y")
    c, h, w = layer.shape
    entries = graph.reshape(x, BATCH, layer.anchors, 9 + classes, h * w)
    parts = [
        part if place in (4, 6) else graph.add("Sigmoid", part)
        for place, part in enumerate(graph.split(entries, [1] * 8 + [1 + classes], axis=2))
    ]
    for place in (0, 2):
        parts[place] = graph.plus(graph.times(parts[place], stretch), -(stretch - 1) / 2)
    return graph.reshape(graph.add("Concat", *parts, axis=2), BATCH, c, h, w)


def detection(graph: Graph, net: Network, layer: Layer, x: str) -> str:
    """Add [detection]: as it comes, but for the classes of each cell with softmax=1."""
    cells, classes = layer.option("side") ** 2, layer.option("classes")
    flat = graph.reshape(x, BATCH, layer.shape[0])
    if layer.option("softmax"):
        kinds, rest = graph.split(flat, [cells * classes, 5 * cells * layer.anchors], axis=1)
        kinds = graph.add("Softmax", graph.reshape(kinds, BATCH, cells, classes), axis=2)
        flat = graph.add("Concat", graph.reshape(kinds, BATCH, cells * classes), rest, axis=1)
    return graph.reshape(flat, BATCH, *layer.shape)


def refuse_tree(layer: Layer) -> None:
    """Refuse a tree of classes: a softmax for each of its groups, and boxes of one class each.

    Raises
    ------
    PylrmError
        The layer has one.
    """
    if layer.option("tree"):
        raise PylrmError(f"[{layer.type}] tree=: trees of classes cannot be written as ONNX")


def anchors(net: Network, layer: Layer) -> Floats:
    """Return a detector's own anchors, (anchors, 2), relative to the network's input.

    [detection] has none: its boxes are relative to the input.
    """
    if layer.type == "detection":
        return np.ones((layer.anchors, 2))
    sizes = np.reshape(layer.option("anchors"), (-1, 2))
    if layer.type in MASKED:
        mask = layer.option("mask")
        return np.asarray((sizes[mask] if mask else sizes) / [net.width, net.height])
    _, height, width = layer.shape
    return np.asarray(sizes / [width, height])


def boxes_and_scores(graph: Graph, net: Network, layer: Layer, output: str) -> tuple[str, str]:
    """Add a detector's boxes (batch, predictions, 4) and scores (batch, predictions, classes).

    A box is its centre x, y, its width and height, relative to the network's input.
    """
    graph.scope = f"{layer.index}_boxes"
    if layer.type == "detection":
        return _cell_by_cell(graph, layer, output)
    classes = layer.option("classes")
    _, h, w = layer.shape
    width = layer.shape[0] // layer.anchors
    entries = graph.reshape(output, BATCH, layer.anchors, width, h * w)
    rows = graph.reshape(
        graph.add("Transpose", entries, perm=[0, 1, 3, 2]), BATCH, layer.predictions, width
    )
    if layer.type == "Gaussian_yolo":
        box, gate, kinds = graph.split(rows, [8, 1, classes], axis=2)
        xy, wh, spread = (
            graph.add("Gather", box, graph.numbers(places), axis=2)
            for places in ([0, 2], [4, 6], [1, 3, 5, 7])
        )
        doubt = graph.add("MatMul", spread, graph.constant([[-0.25]] * 4))
        gate = graph.add("Mul", gate, graph.plus(doubt, 1))
    else:
        xy, wh, gate, kinds = graph.split(rows, [2, 2, 1, classes], axis=2)
    centre = _centre(graph, xy, np.tile(_grid(w, h), (layer.anchors, 1)), (w, h))
    sizes = np.repeat(anchors(net, layer), h * w, axis=0)
    if layer.type == "yolo" and layer.option("new_coords"):
        factors, sizes = graph.add("Mul", wh, wh), 4 * sizes
    else:
        factors = graph.add("Exp", wh)
    boxes = graph.add("Concat", centre, graph.add("Mul", factors, graph.constant(sizes)), axis=2)
    return boxes, kinds if _classes_alone(layer) else graph.add("Mul", gate, kinds)


def _grid(w: int, h: int) -> Floats:
    """Return column and row of each cell, (cells, 2)."""
    return np.asarray(np.mgrid[:h, :w].reshape(2, -1)[::-1].T, np.float64)


def _centre(graph: Graph, xy: str, cells: Floats, grid: tuple[int, int]) -> str:
    within = graph.add("Add", xy, graph.constant(cells))
    return graph.add("Mul", within, graph.constant([1 / grid[0], 1 / grid[1]]))


def _cell_by_cell(graph: Graph, layer: Layer, output: str) -> tuple[str, str]:
    """Add boxes and scores of [detection], whose boxes share the classes of their cell."""
    side, classes, num = layer.option("side"), layer.option("classes"), layer.anchors
    cells = side**2
    flat = graph.reshape(output, BATCH, layer.shape[0])
    kinds, gate, boxes = graph.split(flat, [cells * classes, cells * num, cells * num * 4], axis=1)
    kinds = graph.reshape(kinds, BATCH, cells, 1, classes)
    gate = graph.reshape(gate, BATCH, cells, num, 1)
    scores = graph.reshape(graph.add("Mul", gate, kinds), BATCH, cells * num, classes)
    xy, wh = graph.split(graph.reshape(boxes, BATCH, cells * num, 4), [2, 2], axis=2)
    centre = _centre(graph, xy, np.repeat(_grid(side, side), num, axis=0), (side, side))
    size = graph.add("Mul", wh, wh) if layer.option("sqrt") else wh
    return graph.add("Concat", centre, size, axis=2), scores


def _classes_alone(layer: Layer) -> bool:
    """Whether objectness does not count: a class's probability is the score."""
    if layer.type in MASKED:
        return False
    return bool(layer.option("background")) or layer.option("loss") == "sigmoids"


def suppress(graph: Graph, boxes: str, scores: str, most: int, nms: float, thresh: float) -> str:
    """Add non-maximum suppression: rows of image, class, score, x, y, w, h.

    Parameters
    ----------
    graph : Graph
        What it is added to.
    boxes, scores : str
        As `boxes_and_scores` gives them.
    most : int
        Predictions an image.
    nms : float
        Of two boxes of a class with a greater IoU, the one of the lower score goes.
    thresh : float
        Scores not above it are no detections.
    """
    graph.scope = "nms"
    chosen = graph.add(
        "NonMaxSuppression",
        boxes,
        graph.add("Transpose", scores, perm=[0, 2, 1]),
        graph.numbers([most]),
        graph.constant([nms]),
        graph.constant([thresh]),
        center_point_box=1,
    )  # rows of image, class, prediction
    image_class, _ = graph.split(chosen, [2, 1], axis=1)
    at_box = graph.add("Gather", chosen, graph.numbers([0, 2]), axis=1)
    at_score = graph.add("Gather", chosen, graph.numbers([0, 2, 1]), axis=1)
    score = graph.add("Unsqueeze", graph.add("GatherND", scores, at_score), graph.numbers([1]))
    box = graph.add("GatherND", boxes, at_box)
    return graph.add("Concat", graph.add("Cast", image_class, to=1), score, box, axis=1)
