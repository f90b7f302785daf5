"""From a name and options to a cfg text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pylrm.models import backbones, heads
from pylrm.models.anchors import Sizes
from pylrm.models.options import Options
from pylrm.models.settings import classifier_settings, detector_settings
from pylrm.models.text import CfgText


class _Detector(NamedTuple):
    title: str
    activation: str
    body: Callable[[CfgText, int], None]  # adds all up to the last convolution; text, stride


class _Classifier(NamedTuple):
    title: str
    activation: str
    body: Callable[[CfgText, int], None]  # adds all layers; text, classes


def _yolov2_mobilenet(text: CfgText, stride: int) -> None:
    heads.separable_head(text, backbones.mobilenet(text, stride))


def _yolov2_darknet19(text: CfgText, stride: int) -> None:
    heads.dense_head(text, backbones.darknet19(text, stride))


def _yolov2_tiny(text: CfgText, stride: int) -> None:
    backbones.tiny(text, stride)
    heads.tiny_head(text)


def _mobilenet(text: CfgText, classes: int) -> None:
    backbones.mobilenet(text, 32)
    heads.pooled_end(text, classes)


def _darknet19(text: CfgText, classes: int) -> None:
    backbones.darknet19(text, 32)
    heads.convolutional_end(text, classes)


_DETECTORS = {
    "yolov2-mobilenet": _Detector("YOLOv2 on MobileNet-v1", "relu", _yolov2_mobilenet),
    "yolov2-darknet19": _Detector("YOLOv2 on Darknet-19", "leaky", _yolov2_darknet19),
    "yolov2-tiny": _Detector("Tiny YOLOv2", "leaky", _yolov2_tiny),
}
_CLASSIFIERS = {
    "mobilenet": _Classifier("MobileNet-v1, a classifier", "relu", _mobilenet),
    "darknet19": _Classifier("Darknet-19, a classifier", "leaky", _darknet19),
}
NAMES = (*_DETECTORS, *_CLASSIFIERS)


def build(
    name: str,
    *,
    classes: int,
    data: str | None = None,
    anchors: str | Sizes | None = None,
    lrm: Mapping[str, float] | None = None,
    size: int | tuple[int, int] | None = None,
    multiplier: float = 1,
    stride: int | None = None,
    activation: str | None = None,
    backbone_rate: float | None = None,
    batch: int = 64,
    updates: int | None = None,
    net: Mapping[str, object] | None = None,
    region: Mapping[str, object] | None = None,
) -> str:
    """Write a network as cfg text.

    Parameters
    ----------
    name : str
        "yolov2-mobilenet", "yolov2-darknet19", "yolov2-tiny", or a classifier: "mobilenet",
        "darknet19".
    classes : int
        Classes of objects, or of images.
    data : str, optional
        The data set that the cfg names, for instance "data/voc.data".
    anchors : str or sequence, optional
        Detectors: widths and heights in cells of the output grid, as numbers, in pairs or as text;
        or "voc" or "kitti": defaults, made for 13x13 cells and scaled to another grid. None: "voc".
    lrm : mapping, optional
        Detectors: k and nms of [lrm] (nms: .7 when left out). None: no [lrm].
    size : int or (int, int), optional
        Side of the input in pixels, or width and height; multiples of the stride. None: 416, of
        classifiers 224.
    multiplier : float
        Of the filters of every convolution but the last, rounded to multiples of 8.
    stride : int, optional
        Detectors: pixels to a cell of the output grid, 32 (None) or 16. At 16 the last reduction is
        left out, and the passthrough comes from an earlier map.
    activation : str, optional
        "relu" (MobileNet's default), "leaky" (of the others) or "relu6".
    backbone_rate : float, optional
        Detectors: learning rate of the backbone's convolutions, as a factor on the network's: for a
        pretrained backbone, which should change less than the new layers after it.
    batch : int
        Images an update; a pass takes 8 of them where that divides it, else all.
    updates : int, optional
        Length of the training; the schedule and the anchors' warm-up fit it. None: 45,000, of
        classifiers 450,000.
    net, region : mapping, optional
        Keys of [net] and [region] to add or replace, for instance net={"learning_rate": 0.0005}.

    Returns
    -------
    str
        The cfg, commented.

    Raises
    ------
    ValueError
        A value does not fit; the message is one line.
    """
    options = Options(
        classes=classes,
        data=data,
        anchors=anchors,
        lrm=lrm,
        size=size,
        multiplier=multiplier,
        stride=stride,
        activation=activation,
        backbone_rate=backbone_rate,
        batch=batch,
        updates=updates,
        net=net or {},
        region=region or {},
    )
    if name in _DETECTORS:
        return _detector(name, options)
    if name in _CLASSIFIERS:
        return _classifier(name, options)
    raise ValueError(f"{name}: no such network; there are {', '.join(NAMES)}")


def _detector(name: str, options: Options) -> str:
    model = _DETECTORS[name]
    stride = options.stride or 32
    width, height = options.input(416)
    anchors = options.boxes((width // stride, height // stride))
    mining = options.mining()
    updates = options.updates or 45_000

    activation = options.activation or model.activation
    text = CfgText((width, height), options.multiplier, activation, options.backbone_rate)
    _heading(text, model.title, name, options)
    detector_settings(text, options.data, options.batch, updates, options.net)
    model.body(text, stride)
    heads.predictions(text, anchors, options.classes)
    images = options.batch * updates
    origin = options.boxes_origin()
    count = heads.region(text, anchors, origin, options.classes, images, options.region)
    if mining is not None:
        heads.lrm(text, *mining, count)
    return str(text)


def _classifier(name: str, options: Options) -> str:
    model = _CLASSIFIERS[name]
    options.refuse_detection(name)
    text = CfgText(options.input(224), options.multiplier, options.activation or model.activation)
    _heading(text, model.title, name, options)
    updates = options.updates or 450_000
    classifier_settings(text, options.data, options.batch, updates, options.net)
    model.body(text, options.classes)
    return str(text)


def _heading(text: CfgText, title: str, name: str, options: Options) -> None:
    text.comment(f"{title}: {options.classes} classes. Written by")
    text.verbatim(f"    {options.command(name)}")
    text.blank()
