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


class Yolos:
    """The [yolo] layers of one network; each head has its share of the anchors.

    Parameters
    ----------
    text : CfgText
        What they are added to.
    heads : int
        How many there will be.
    anchors : list of (float, float)
        In pixels of the input; the finest head takes the smallest.
    origin : str or None
        Where they come from, for a comment.
    classes : int
    keys : mapping
        Of all [yolo].

    Attributes
    ----------
    layers : list of int
        Indices of those that were added.
    predictions : int
        An image, of all of these.
    """

    def __init__(
        self,
        text: CfgText,
        heads: int,
        anchors: Anchors,
        origin: str | None,
        classes: int,
        keys: Keys,
    ) -> None:
        self.layers: list[int] = []
        self.predictions = 0
        self._text = text
        self._anchors = sorted(anchors, key=lambda size: size[0] * size[1])
        self._bounds = [len(anchors) * i // heads for i in range(heads + 1)]
        self._classes = classes
        self._keys = keys
        text.comment(
            "Anchors are in pixels of the input, from the smallest on"
            f"{f': {origin}' if origin else ''}. The anchors of all {heads} heads compete for an "
            "object; each head learns the objects whose best anchor is in its mask."
        )
        _begin(text)

    def add(self, rank: int, usual: Keys | None = None) -> None:
        """Add a head's last convolution and its [yolo].

        Parameters
        ----------
        rank : int
            0: the finest.
        usual : mapping, optional
            Keys of this head, where those of all do not say otherwise.
        """
        text, (first, end) = self._text, self._bounds[rank : rank + 2]
        predictions(text, self._anchors[first:end], self._classes)
        options = {
            "mask": ",".join(map(str, range(first, end))),
            "anchors": format_anchors(self._anchors),
            "classes": self._classes,
            "num": len(self._anchors),
            "ignore_thresh": 0.7,
            "jitter": 0.3,
            "random": 0,
            "max": MOST_TRUTHS,
        }
        text.layer("yolo", {**options, **(usual or {}), **self._keys}, text.shape)
        self.layers.append(text.last)
        self.predictions += (end - first) * text.shape.height * text.shape.width


def two_heads(text: CfgText, yolos: Yolos, fine: int) -> None:
    """Two heads, of 32 pixels a cell and of 16, which reads layer `fine` besides."""
    text.conv(256)
    neck = text.last
    text.conv(512, size=3)
    yolos.add(1)
    text.comment(f"The finer head: layer {neck}, enlarged, beside layer {fine}")
    text.route(neck)
    text.conv(128)
    text.upsample()
    text.route(-1, fine)
    text.conv(256, size=3)
    yolos.add(0)


def three_heads(text: CfgText, yolos: Yolos, middle: int, fine: int) -> None:
    """YOLOv4's three, of 8, 16 and 32 pixels a cell, which read each other's maps both ways.

    middle, fine: layers of 16 and 8 pixels a cell.
    """
    _alternate(text, 512, 3)
    text.comment("Maxima over 5x5, 9x9 and 13x13 cells, beside the map itself (SPP)")
    whole = text.last
    pooled: list[int] = []
    for size in (5, 9, 13):
        if pooled:
            text.route(whole)
        text.maxpool(1, size)
        pooled.append(text.last)
    text.route(*reversed(pooled), whole)
    _alternate(text, 512, 3)
    maps = [text.last]
    for filters, layer in ((256, middle), (128, fine)):
        text.comment(f"Upwards: layer {maps[-1]}, enlarged, beside layer {layer}")
        text.conv(filters)
        text.upsample()
        enlarged = text.last
        text.route(layer)
        text.conv(filters)
        text.route(-1, enlarged)
        _alternate(text, filters, 5)
        maps.append(text.last)
    coarse, middle, fine = maps
    text.comment("The finest head")
    text.conv(256, size=3)
    yolos.add(0, {"scale_x_y": 1.2})
    for rank, filters, other, scale in ((1, 256, middle, 1.1), (2, 512, coarse, 1.05)):
        text.comment(f"Downwards: layer {fine}, made smaller, beside layer {other}")
        text.route(fine)
        text.conv(filters, size=3, stride=2)
        text.route(-1, other)
        _alternate(text, filters, 5)
        fine = text.last
        text.conv(2 * filters, size=3)
        yolos.add(rank, {"scale_x_y": scale})


def _alternate(text: CfgText, filters: int, convolutions: int) -> None:
    """Add 1x1 convolutions to `filters`, between them 3x3 ones to twice as many."""
    for i in range(convolutions):
        text.conv(filters if i % 2 == 0 else 2 * filters, size=1 if i % 2 == 0 else 3)


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
