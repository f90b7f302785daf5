"""Describes a cfg as text: its layers, cost, memory and predictions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

from pylrm.cfg.file import MASKED, Cfg, CfgLike
from pylrm.engine import Layer, Network
from pylrm.errors import CfgWarning
from pylrm.terminal import count_of
from pylrm.training.checks import mining_limit

MIB = 2**20


def describe(cfg: CfgLike) -> tuple[str, list[str]]:
    """Describe a network.

    Parameters
    ----------
    cfg : Cfg, str or path
        Path of a cfg, or its text.

    Returns
    -------
    text : str
        Layers, totals, memory by plan, predictions.
    remarks : list of str
        What is odd about it, a line each.

    Raises
    ------
    CfgError
        The cfg is missing or wrong.
    """
    cfg = Cfg.read(cfg)
    alone = inference_memory(cfg)
    with Network(cfg, inference=True, outline=True) as net:
        blocks = [
            layer_table(net),
            totals(net),
            memory(net, alone),
            *map("\n".join, _detection(net)),
        ]
        mined = mining_limit(net)
        remarks = [f"{net.cfg}: {mined.warning}"] if mined and mined.warning else []
        return "\n\n".join(blocks), remarks


def layer_table(net: Network) -> str:
    """Return the layers: kind, filters, size/stride, shapes, parameters, multiply-adds."""
    head = ["", "layer", "filters", "size/stride", "input", "output", "parameters", "mult-adds"]
    rows = [head]
    for layer in net:
        rows.append(
            [
                str(layer.index),
                kind(net, layer),
                str(layer.option("filters")) if layer.type == "convolutional" else "",
                window(layer),
                _input(net, layer),
                shape_text(layer.shape) if layer.type != "lrm" else "",
                f"{layer.parameters:,}" if layer.parameters else "",
                f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
            ]
        )
    return table(rows, left={1, 3})


def totals(net: Network) -> str:
    """Return parameters and operations of the whole network."""
    work = sum(layer.multiply_adds for layer in net)
    return (
        f"parameters     {sum(layer.parameters for layer in net):,}\n"
        f"multiply-adds  {work:,} an image ({work / 1e9:.2f} billion), of convolutional and\n"
        "               connected layers. A multiplication with its addition counts once: in\n"
        f"               operations (FLOPs) that is twice as many, {2 * work / 1e9:.2f} billion"
    )


def inference_memory(cfg: Cfg) -> tuple[int, int]:
    """Return what inference takes by plan, an image a pass; see `Network.memory`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CfgWarning)
        with Network(cfg, batch=1, inference=True, outline=True) as single:
            return single.memory("infer")


def memory(net: Network, infer: tuple[int, int]) -> str:
    """Return the memory of a training plan, and of an inference plan as measured before."""
    rows = [["memory, MiB", "images a pass", "parameters", "activations", "together"]]
    for name, images, (kept, passing) in (
        ("training", net.batch, net.memory("train")),
        ("inference", 1, infer),
    ):
        sizes = [f"{size / MIB:.1f}" for size in (kept, passing, kept + passing)]
        rows.append([name, str(images), *sizes])
    return (
        table(rows, left={0})
        + "\n(training: parameters with gradients; inference: with packed ones)"
    )


def _detection(net: Network) -> Iterator[list[str]]:
    """Yield a paragraph for each detector, and one for [lrm]."""
    for layer in net:
        if layer.is_detector:
            yield list(_detector(net, layer))
    mined = mining_limit(net)
    if mined is not None:
        yield [mined.line, _suppression(net.find("lrm")[0].option("nms"))]


def _suppression(nms: float) -> str:
    if nms in (0, 1):
        return "    without suppression of co-located predictions"
    return f"    of two of a class with an IoU of {nms:g} or more, the easier is dropped"


def _detector(net: Network, layer: Layer) -> Iterator[str]:
    width, height = layer.grid
    classes = count_of(int(layer.option("classes")), "class")
    each = count_of(layer.anchors, "box" if layer.type == "detection" else "anchor")
    yield (
        f"[{layer.type}] layer {layer.index}: {classes}; {width}x{height} cells x {each} = "
        f"N={layer.predictions} predictions an image"
    )
    cell = net.width / width, net.height / height
    for across, down in _anchors(layer):
        if layer.type in MASKED:
            across, down = across / cell[0], down / cell[1]
        yield (
            f"    anchor {across:7.2f} x {down:5.2f} cells  {across * cell[0]:6.1f} x "
            f"{down * cell[1]:5.1f} pixels"
        )


def _anchors(layer: Layer) -> list[tuple[float, float]]:
    """Return the anchors of the layer's predictions, in the cfg's unit."""
    if layer.type == "detection":
        return []
    values = layer.option("anchors")
    pairs = list(zip(values[::2], values[1::2], strict=True))
    mask = layer.option("mask") if layer.type in MASKED else []
    return [pairs[index] for index in mask] if mask else pairs


def kind(net: Network, layer: Layer) -> str:
    """Return a layer's type; of convolutions with groups, "depthwise" or "grouped"."""
    if layer.type != "convolutional" or layer.option("groups") == 1:
        return layer.type
    channels = _input_shape(net, layer)[0]
    return "depthwise" if layer.option("groups") == channels else "grouped"


def window(layer: Layer) -> str:
    """Return a layer's size and stride, "3x3/2"; empty where it has none."""
    if layer.type in ("convolutional", "maxpool"):
        size, stride = layer.option("size"), layer.option("stride")
        size = size or stride  # of [maxpool]: the stride where it is not given
        return f"{size}x{size}/{stride}"
    return f"/{layer.option('stride')}" if layer.type in ("reorg", "upsample") else ""


def _input(net: Network, layer: Layer) -> str:
    if layer.type in ("route", "shortcut", "lrm"):
        return f"layer {', '.join(map(str, layer.inputs))}"
    return shape_text(_input_shape(net, layer))


def _input_shape(net: Network, layer: Layer) -> tuple[int, int, int]:
    index = layer.inputs[0]
    return (net.channels, net.height, net.width) if index < 0 else net[index].shape


def shape_text(shape: tuple[int, int, int]) -> str:
    """Return a shape, "64 x 13 x 13"."""
    return " x ".join(map(str, shape))


def table(rows: Sequence[Sequence[str]], left: set[int]) -> str:
    """Align columns, those in `left` to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
