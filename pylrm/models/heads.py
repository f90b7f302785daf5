"""The layers after a backbone: with [region], [yolo] and [lrm], or those of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pylrm.models.anchors import Anchors, format_anchors
from pylrm.models.text import CfgText
from pylrm.terminal import count_of

Keys = Mapping[str, object]

WARMUP = 12800  # images; [region]'s default of anchor_warmup
MOST_TRUTHS = 100


def separable_head(text: CfgText, fine: int) -> None:
    """Two separable blocks, the passthrough of layer `fine`, and one more block."""
    _begin(text)
    text.separable(1024)
    text.separable(1024)
    _passthrough(text, fine)
    text.separable(1024)


def dense_head(text: CfgText, fine: int) -> None:
    """Two 3x3 convolutions, the passthrough of layer `fine`, and one more convolution."""
    _begin(text)
    text.conv(1024, size=3)
    text.conv(1024, size=3)
    _passthrough(text, fine)
    text.conv(1024, size=3)


def tiny_head(text: CfgText) -> None:
    """One 3x3 convolution."""
    _begin(text)
    text.conv(1024, size=3)


def _begin(text: CfgText) -> None:
    text.rate = None
    text.comment(
        f"The detector. Layers 0 to {text.last} above are the backbone: the weights of a trained "
        "classifier's, saved up to there, are a start to train from."
    )


def _passthrough(text: CfgText, fine: int) -> None:
    coarse = text.last
    text.comment(
        f"Passthrough: layer {fine} ({text.shapes[fine]}) has twice the resolution; each 2x2 block "
        f"of it becomes channels beside those of layer {coarse}"
    )
    text.route(fine)
    text.conv(64)
    text.reorg()
    text.route(-1, coarse)


def predictions(text: CfgText, anchors: Anchors, classes: int) -> None:
    """Add the last convolution: per anchor x, y, w, h, objectness, and the classes."""
    outputs = len(anchors) * (5 + classes)
    text.comment(f"Per cell and anchor: 4 of the box, objectness, the classes: {outputs}")
    text.linear(outputs)


def region(
    text: CfgText,
    anchors: Anchors,
    origin: str | None,
    classes: int,
    images: int,
    overrides: Keys,
) -> int:
    """Add [region] for a training of so many images; returns its predictions an image."""
    _, height, width = text.shape
    count = len(anchors) * height * width
    warmup = min(WARMUP, images // 10)
    text.comment(
        f"{width}x{height} cells x {count_of(len(anchors), 'anchor')} = {count} predictions. "
        f"Anchors are in cells{f': {origin}' if origin else ''}. An image may have up to `max` "
        "objects." + (" anchor_warmup is pylrm's own key: images." if warmup < WARMUP else "")
    )
    options = {
        "anchors": format_anchors(anchors),
        "classes": classes,
        "coords": 4,
        "num": len(anchors),
        "bias_match": 1,
        "softmax": 1,
        "rescore": 1,
        "thresh": 0.6,
        "object_scale": 5,
        "noobject_scale": 1,
        "class_scale": 1,
        "coord_scale": 1,
        "jitter": 0.3,
        "random": 0,
        "max": MOST_TRUTHS,
        "anchor_warmup": warmup if warmup < WARMUP else None,
    }
    text.layer("region", {**options, **overrides}, text.shape)
    return count


def two_yolos(
    text: CfgText, fine: int, anchors: Anchors, origin: str | None, classes: int, keys: Keys
) -> tuple[list[int], int]:
    """Add two heads, of 32 pixels a cell for the larger anchors and of 16 for the smaller ones.

    Returns the two [yolo] layers' indices and how many predictions an image they have together.
    """
    anchors = sorted(anchors, key=lambda size: size[0] * size[1])
    masks = range(len(anchors) // 2, len(anchors)), range(len(anchors) // 2)
    text.comment(
        "Anchors are in pixels of the input, from the smallest on"
        f"{f': {origin}' if origin else ''}. All of both heads compete for an object; each head "
        "learns those whose best anchor is in its mask."
    )
    _begin(text)
    text.conv(256)
    neck = text.last
    text.conv(512, size=3)
    found = [_yolo(text, anchors, masks[0], classes, keys)]
    text.comment(f"The finer head: layer {neck}, enlarged, beside layer {fine}")
    text.route(neck)
    text.conv(128)
    text.upsample()
    text.route(-1, fine)
    text.conv(256, size=3)
    found.append(_yolo(text, anchors, masks[1], classes, keys))
    cells = [text.shapes[layer].height * text.shapes[layer].width for layer in found]
    return found, sum(n * len(mask) for n, mask in zip(cells, masks, strict=True))


def _yolo(text: CfgText, anchors: Anchors, mask: range, classes: int, keys: Keys) -> int:
    predictions(text, anchors[mask.start : mask.stop], classes)
    options = {
        "mask": ",".join(map(str, mask)),
        "anchors": format_anchors(anchors),
        "classes": classes,
        "num": len(anchors),
        "ignore_thresh": 0.7,
        "jitter": 0.3,
        "random": 0,
        "max": MOST_TRUTHS,
    }
    text.layer("yolo", {**options, **keys}, text.shape)
    return text.last


def lrm(
    text: CfgText, k: int, nms: float, predictions: int, layers: Sequence[int] | None = None
) -> None:
    """Add [lrm] on so many predictions, of the layer before or of several."""
    if k:
        share = f"the {k} hardest of {predictions} predictions ({k / predictions:.0%})"
    else:
        share = "all predictions"
    text.comment(
        f"Loss Rank Mining, in training only: of an image, {share} hand a gradient back"
        + (f", after suppression of easier ones at IoU >= {nms:g}" if 0 < nms < 1 else "")
    )
    mined = ",".join(map(str, layers)) if layers else None
    text.section("lrm", {"k": k, "nms": f"{nms:.10g}", "layers": mined})


def pooled_end(text: CfgText, classes: int) -> None:
    """The average over the image, then one score per class."""
    _average(text)
    text.comment("A score a class, and their probabilities")
    text.linear(classes)
    _softmax(text)


def convolutional_end(text: CfgText, classes: int) -> None:
    """One score per class at every pixel, then the average over the image."""
    text.comment("A score a class at every place, averaged over the image, as probabilities")
    text.linear(classes)
    _average(text)
    _softmax(text)


def _average(text: CfgText) -> None:
    text.layer("avgpool", {}, text.shape._replace(height=1, width=1))


def _softmax(text: CfgText) -> None:
    text.layer("softmax", {"groups": 1}, text.shape)
