"""From a name and options to a cfg text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pylrm.models import backbones, heads
from pylrm.models.anchors import Sizes
from pylrm.models.options import Options
from pylrm.models.settings import classifier_settings, detector_settings
from pylrm.models.text import CfgText
from pylrm.terminal import count_of


class _Detector(NamedTuple):
    title: str
    activation: str
    body: Callable[[CfgText, int], None]  # adds all up to the last convolution; text, stride


class _Yolo(NamedTuple):
    title: str
    activation: str  # of the backbone
    backbone: Callable[[CfgText], Sequence[int]]  # returns the layers for the finer heads
    keys: Mapping[str, object]  # of [yolo]
    strides: Sequence[int] = (32, 16)  # of the heads
    body: Callable[..., None] = heads.two_heads  # text, Yolos, what the backbone returns
    anchors: str = "coco"
    body_activation: str = "leaky"


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
_CIOU = {"iou_loss": "ciou", "iou_normalizer": 0.07, "nms_kind": "greedynms"}
_YOLOS = {
    "yolov3-tiny": _Yolo("Tiny YOLOv3", "leaky", lambda text: [backbones.tiny(text, 32)], {}),
    "yolov4-tiny": _Yolo(
        "Tiny YOLOv4",
        "leaky",
        lambda text: [backbones.partial_tiny(text)],
        {**_CIOU, "scale_x_y": 1.05},
    ),
    "yolov4": _Yolo(
        "YOLOv4",
        "mish",
        backbones.partial_darknet53,
        {**_CIOU, "iou_thresh": 0.213, "beta_nms": 0.6, "max_delta": 5},
        strides=(8, 16, 32),
        body=heads.three_heads,
        anchors="coco9",
    ),
}
_CLASSIFIERS = {
    "mobilenet": _Classifier("MobileNet-v1, a classifier", "relu", _mobilenet),
    "darknet19": _Classifier("Darknet-19, a classifier", "leaky", _darknet19),
}
NAMES = (*_DETECTORS, *_YOLOS, *_CLASSIFIERS)


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
    yolo: Mapping[str, object] | None = None,
) -> str:
    """Write a network as cfg text.

    Parameters
    ----------
    name : str
        "yolov2-mobilenet", "yolov2-darknet19", "yolov2-tiny", "yolov3-tiny", "yolov4-tiny",
        "yolov4", or a classifier: "mobilenet", "darknet19".
    classes : int
        Classes of objects, or of images.
    data : str, optional
        The data set that the cfg names, for instance "data/voc.data".
    anchors : str or sequence, optional
        Detectors: widths and heights in cells of the output grid (YOLOv3 and v4: in pixels of the
        input), as numbers, in pairs or as text; or "voc", "kitti", "coco" or "coco9": defaults,
        made for 13x13 cells and scaled to another grid. None: "voc"; of the tiny YOLOv3 and v4
        "coco", of YOLOv4 "coco9".
    lrm : mapping, optional
        Detectors: k and nms of [lrm] (nms: .7 when left out). None: no [lrm].
    size : int or (int, int), optional
        Side of the input in pixels, or width and height; multiples of the stride. None: 416, of
        classifiers 224.
    multiplier : float
        Of the filters of every convolution but the last, rounded to multiples of 8.
    stride : int, optional
        YOLOv2: pixels to a cell of the output grid, 32 (None) or 16. At 16 the last reduction is
        left out, and the passthrough comes from an earlier map.
    activation : str, optional
        "relu" (MobileNet's default), "leaky" (of the others; in YOLOv4's backbone "mish") or
        "relu6".
    backbone_rate : float, optional
        Detectors: learning rate of the backbone's convolutions, as a factor on the network's: for a
        pretrained backbone, which should change less than the new layers after it.
    batch : int
        Images an update; a pass takes 8 of them where that divides it, else all.
    updates : int, optional
        Length of the training; the schedule and the anchors' warm-up fit it. None: 45,000, of
        classifiers 450,000.
    net, region, yolo : mapping, optional
        Keys of [net], [region] and [yolo] to add or replace, for instance
        net={"learning_rate": 0.0005}.

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
        yolo=yolo or {},
    )
    if name in _DETECTORS:
        return _detector(name, options)
    if name in _YOLOS:
        return _yolo(name, options)
    if name in _CLASSIFIERS:
        return _classifier(name, options)
    raise ValueError(f"{name}: no such network; there are {', '.join(NAMES)}")


def _detector(name: str, options: Options) -> str:
    model = _DETECTORS[name]
    options.refuse(["yolo"], f"{name} has [region]")
    stride = options.stride or 32
    width, height = options.input(416)
    anchors = options.boxes((width // stride, height // stride), "voc")
    mining = options.mining()
    updates = options.updates or 45_000

    activation = options.activation or model.activation
    text = CfgText((width, height), options.multiplier, activation, options.backbone_rate)
    _heading(text, model.title, name, options)
    detector_settings(text, "region", options.data, options.batch, updates, options.net)
    model.body(text, stride)
    heads.predictions(text, anchors, options.classes)
    images = options.batch * updates
    origin = options.boxes_origin("voc")
    count = heads.region(text, anchors, origin, options.classes, images, options.region)
    if mining is not None:
        heads.lrm(text, *mining, count)
    return str(text)


def _yolo(name: str, options: Options) -> str:
    model = _YOLOS[name]
    options.refuse(["region"], f"{name} has [yolo]")
    count = len(model.strides)
    pixels = ", ".join(map(str, model.strides))
    options.refuse(["stride"], f"{name} has {count} heads, of {pixels} pixels a cell")
    width, height = options.input(416)
    anchors = options.boxes((width // 32, height // 32), model.anchors, cell=32)
    if len(anchors) < count:
        raise ValueError(f"anchors: {name} has {count} heads, so there must be {count} or more")
    mining = options.mining()

    activation = options.activation or model.activation
    text = CfgText((width, height), options.multiplier, activation, options.backbone_rate)
    _heading(text, model.title, name, options)
    updates = options.updates or 45_000
    detector_settings(text, "yolo", options.data, options.batch, updates, options.net)
    finer = model.backbone(text)
    origin = options.boxes_origin(model.anchors)
    keys = {**model.keys, **options.yolo}
    text.activation = options.activation or model.body_activation
    yolos = heads.Yolos(text, count, anchors, origin, options.classes, keys)
    model.body(text, yolos, *finer)
    if mining is not None:
        heads.lrm(text, *mining, yolos.predictions, yolos.layers)
    return str(text)


def _classifier(name: str, options: Options) -> str:
    model = _CLASSIFIERS[name]
    own = ("anchors", "lrm", "stride", "region", "yolo", "backbone_rate")
    options.refuse(own, f"only a detector has it; {name} is a classifier")
    text = CfgText(options.input(224), options.multiplier, options.activation or model.activation)
    _heading(text, model.title, name, options)
    updates = options.updates or 450_000
    classifier_settings(text, options.data, options.batch, updates, options.net)
    model.body(text, options.classes)
    return str(text)


def _heading(text: CfgText, title: str, name: str, options: Options) -> None:
    text.comment(f"{title}: {count_of(options.classes, 'class')}. Written by")
    text.verbatim(f"    {options.command(name)}")
    text.blank()
