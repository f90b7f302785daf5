"""A network as a file of ONNX: its graph, what it gives out, what is written beside."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pylrm.cfg.file import CfgLike
from pylrm.engine import Network
from pylrm.errors import PylrmError
from pylrm.export.graph import Graph
from pylrm.export.heads import anchors, boxes_and_scores, suppress
from pylrm.export.layers import NOTHING, add_layer
from pylrm.extras import extra
from pylrm.files.writing import write_whole
from pylrm.version import VERSION

OPSET = 13  # ONNX's version of the operations: all of them stand in it, and most readers know it
INPUT = "images"


class Output(NamedTuple):
    """What the graph gives out: its name and shape, with words for sizes that are not known."""

    name: str
    shape: Sequence[int | str]


def export_onnx(
    cfg: CfgLike,
    weights: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    decode: bool = False,
    nms: float | None = None,
    thresh: float = 0.25,
    names: Sequence[str] = (),
) -> list[Output]:
    """Write a network with its weights as an ONNX file, for any number of images a pass.

    It takes `images`, (batch, channels, height, width), RGB from 0 to 1, letterboxed or stretched
    to the input as for `Network.forward`.

    Parameters
    ----------
    cfg : Cfg, str or path
        The network.
    weights : str or path
        A weights file that holds all of its layers.
    out : str or path
        The file to write; an older one is replaced.
    decode : bool
        Give boxes and scores of all detectors together, in place of each one's own output.
    nms : float, optional
        Give detections: of two boxes of a class with a greater IoU, the one of the lower score
        goes.
    thresh : float
        With `nms`: scores not above it are no detections.
    names : sequence of str
        The classes', for the metadata.

    Returns
    -------
    list of Output
        What the file gives out.

    Raises
    ------
    CfgError, WeightsError
        A file is missing or wrong, or they do not belong together.
    PylrmError
        The package onnx is not installed; the network has something that cannot be written, or is
        no detector where boxes are asked for; the file cannot be written.
    """
    onnx = extra("onnx", "ONNX files need the package onnx")
    with Network(cfg, weights, batch=1, inference=True) as net:
        graph = Graph()
        values = _add_layers(graph, net)
        if decode or nms is not None:
            outputs = _add_detections(graph, net, values, nms, thresh)
        else:
            outputs = _name_outputs(graph, net, values)
        model = _model(onnx, net, graph, outputs)
        for key, text in _metadata(net, names).items():
            model.metadata_props.add(key=key, value=text)
    try:
        content = model.SerializeToString()
    except Exception as error:  # protobuf's own kind, of files above 2 GiB
        raise PylrmError(f"{out}: cannot be written as one ONNX file: {error}") from error
    write_whole(Path(out), content)
    return outputs


def _add_layers(graph: Graph, net: Network) -> dict[int, str]:
    """Add all layers; returns the name of each one's output."""
    values = {-1: INPUT}
    for layer in net:
        if layer.type not in NOTHING:
            values[layer.index] = add_layer(graph, net, layer, [values[i] for i in layer.inputs])
    return values


def _name_outputs(graph: Graph, net: Network, values: dict[int, str]) -> list[Output]:
    """Give out the detectors' outputs; of a network without, the last layer's."""
    layers = net.detectors or [layer for layer in net if layer.type not in NOTHING][-1:]
    outputs = [Output(f"{layer.type}_{layer.index}", ("batch", *layer.shape)) for layer in layers]
    for layer, output in zip(layers, outputs, strict=True):
        graph.name(values[layer.index], output.name)
    return outputs


def _add_detections(
    graph: Graph, net: Network, values: dict[int, str], nms: float | None, thresh: float
) -> list[Output]:
    """Give out boxes and scores of all detectors, or what suppression leaves of them."""
    if not net.detectors:
        raise PylrmError(f"{net.cfg}: no [region], [yolo] or [detection] to take boxes from")
    if len({layer.option("classes") for layer in net.detectors}) > 1:
        raise PylrmError(f"{net.cfg}: its detectors have different classes: no table holds them")
    pairs = [boxes_and_scores(graph, net, layer, values[layer.index]) for layer in net.detectors]
    boxes, scores = (
        of[0] if len(of) == 1 else graph.add("Concat", *of, axis=1)
        for of in zip(*pairs, strict=True)
    )
    most = sum(layer.predictions for layer in net.detectors)
    if nms is not None:
        graph.name(suppress(graph, boxes, scores, most, nms, thresh), "detections")
        return [Output("detections", ("found", 7))]
    graph.name(boxes, "boxes")
    graph.name(scores, "scores")
    return [Output("boxes", ("batch", most, 4)), Output("scores", ("batch", most, net.classes))]


def _metadata(net: Network, names: Sequence[str]) -> dict[str, str]:
    """Return what a program that reads the file may want to know."""
    sizes = {f"{each.type}_{each.index}": anchors(net, each).tolist() for each in net.detectors}
    return {
        "names": json.dumps(list(names), ensure_ascii=False),
        "anchors": json.dumps(sizes),
        "pixels": "RGB from 0 to 1",
        "cfg": net.cfg.text.decode("utf-8", "replace"),
    }


def _model(onnx: Any, net: Network, graph: Graph, outputs: Sequence[Output]) -> Any:
    """Return the graph as ONNX's own objects."""
    kind = onnx.TensorProto.FLOAT
    shape = ("batch", net.channels, net.height, net.width)
    made = onnx.helper.make_graph(
        [
            onnx.helper.make_node(
                each.kind, each.inputs, each.outputs, each.outputs[0], **each.attributes
            )
            for each in graph.operations
        ],
        net.cfg.stem,
        [onnx.helper.make_tensor_value_info(INPUT, kind, shape)],
        [onnx.helper.make_tensor_value_info(name, kind, sizes) for name, sizes in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    opset = onnx.helper.make_opsetid("", OPSET)
    return onnx.helper.make_model(
        made,
        opset_imports=[opset],
        ir_version=onnx.helper.find_min_ir_version_for([opset]),
        producer_name="pylrm",
        producer_version=VERSION,
    )
