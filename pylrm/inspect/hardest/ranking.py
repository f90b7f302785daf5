"""The hardest images and boxes of a data set, by loss: where a label or the network is wrong.

Mining trains on the hardest predictions, and those at a wrong label are hard. So these images and
boxes are worth a look before mining learns from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import MASKED
from pylrm.data.darknet import Truth, inspect_truth
from pylrm.data.images import letterbox_size
from pylrm.data.loader import evaluation_batches
from pylrm.engine import Network
from pylrm.engine.boxes import iou, nms
from pylrm.errors import NumericsError
from pylrm.inspect.heads import check_anchors, read_heads

Floats = npt.NDArray[np.float32]
Edges = tuple[float, float, float, float]

KINDS = {
    "unseen": "labelled object the network does not see",
    "confused": "class confusion",
    "unlabelled": "unlabelled object?",
}
MATCH = 0.5  # IoU above which a prediction is of an object, as mAP counts
NMS = 0.45  # as in detection
SEEN = 2**31  # images; beyond every anchor_warmup, whose deltas are not of the labels


@dataclass(frozen=True)
class Predictions:
    """What a network predicted for an image, in the order in which [lrm] ranks.

    Attributes
    ----------
    loss
        (n,) float32: the sum of the squared deltas of each prediction's entries.
    assigned
        (n,) int8: 1 claimed by a truth, -1 ignored, 0 background.
    boxes
        (n, 4) float32: centre x, y, w, h relative to the original image.
    scores
        (n, classes) float32.
    """

    loss: Floats
    assigned: npt.NDArray[np.int8]
    boxes: Floats
    scores: Floats


@dataclass(frozen=True)
class HardImage:
    """An image with the loss of all its predictions, and how many boxes are labelled in it."""

    path: Path
    loss: float
    objects: int


@dataclass(frozen=True)
class HardBox:
    """A label that the network disagrees with, or a prediction that no label confirms.

    Attributes
    ----------
    kind
        A key of KINDS.
    image
        The image file.
    box
        Left, top, right, bottom in the original image's pixels: the label's, or the prediction's.
    class_id
        The label's class, or the predicted one.
    seen_as
        The class that the network sees in the label's place (kind "confused"); else None.
    score
        Of what the network sees there; for a label that it does not see: of the prediction that the
        label claims.
    loss
        Of the prediction that the label claims, or of the prediction.
    label, line
        The label's file and line; None where there is none.
    """

    kind: str
    image: Path
    box: Edges
    class_id: int
    seen_as: int | None
    score: float
    loss: float
    label: Path | None = None
    line: int | None = None


@dataclass(frozen=True)
class Hardest:
    """The rankings.

    Attributes
    ----------
    images
        All of them by loss.
    boxes
        Of each of KINDS, by loss.
    skipped
        Images that could not be read.
    unread
        Labels that the network did not get: too small, or more than it reads of an image.
    """

    images: list[HardImage]
    boxes: dict[str, list[HardBox]]
    skipped: list[Path]
    unread: int

    @property
    def mean_loss(self) -> float:
        """Mean loss of an image."""
        return float(np.mean([image.loss for image in self.images]))


def rank(
    net: Network,
    images: Sequence[Path],
    *,
    letterbox: bool = True,
    thresh: float = 0.25,
    progress: Callable[[int, int], None] | None = None,
) -> Hardest:
    """Rank labelled images, and what in them network and labels disagree about, by loss.

    The images are prepared as in evaluation, and the losses are those of training, with the
    rolling statistics and without anchor warm-up (`net.seen` is set beyond it).

    A label is unseen where no prediction of a score above `thresh` has an IoU above .5 with it, and
    confused where there are such predictions, but all of another class. A detection (scores above
    `thresh` after suppression) that claims nothing and is not ignored may be an unlabelled object,
    unless it is a poor box of a labelled one: its IoU with a label exceeds .5, or, with a label of
    its class, most of the smaller of the two boxes is in the other.

    Parameters
    ----------
    net : Network
        A detector, made for training.
    images : sequence of Path
        With labels by Darknet's rule.
    letterbox : bool
        Keep the images' aspect, else stretch them to the input; as in training.
    thresh : float
        The score from which on the network sees something.
    progress : callable or None
        Called with the images done and all there are, after each pass.

    Raises
    ------
    DataError
        At the first bad label.
    NumericsError
        The network's output is not finite.
    """
    net.seen = SEEN
    ranked: list[HardImage] = []
    boxes: dict[str, list[HardBox]] = {kind: [] for kind in KINDS}
    skipped: list[Path] = []
    unread = 0
    batches = evaluation_batches(
        images,
        classes=net.classes,
        width=net.width,
        height=net.height,
        channels=net.channels,
        batch=net.batch,
        max_boxes=net.max_truths,
        letterbox=letterbox,
        antialias=net.antialias,
        skipped=skipped,
    )
    for batch in batches:
        net.forward(batch.x, batch.truth)
        for i, index in enumerate(batch.indices.tolist()):
            size = (int(batch.sizes[i, 0]), int(batch.sizes[i, 1]))
            found = predictions(net, i, size, letterbox)
            truth = inspect_truth(images[index], net.classes)
            picture = letterbox_size(*size, net.width, net.height) if letterbox else None
            claims = claimed(net, found.boxes, batch.truth[i], picture)
            claim_of = dict(zip(batch.labels[i].tolist(), claims, strict=True))
            loss = float(found.loss.sum(dtype=np.float64))
            unread += len(truth.objects.boxes) - int((batch.labels[i] >= 0).sum())
            ranked.append(HardImage(images[index], loss, len(truth.objects.boxes)))
            for one in [
                *doubtful_labels(found, truth, claim_of, size, thresh),
                *unlabelled(found, truth, size, thresh),
            ]:
                boxes[one.kind].append(one)
        if progress is not None:
            progress(len(ranked) + len(skipped), len(images))
    ranked.sort(key=lambda image: -image.loss)
    for kind in boxes:
        boxes[kind].sort(key=lambda box: -box.loss)
    return Hardest(ranked, boxes, skipped, unread)


def predictions(net: Network, i: int, size: tuple[int, int], letterbox: bool) -> Predictions:
    """Collect what the last pass, with its truths, predicted for one of its images.

    Parameters
    ----------
    net : Network
        A detector, made for training.
    i : int
        Which image of the pass.
    size : (int, int)
        Width and height of the original in pixels.
    letterbox : bool
        Whether it was letterboxed.

    Raises
    ------
    NumericsError
        The network's output is not finite.
    CfgError
        It has a [detection].
    """
    check_anchors(net)
    heads = net.detectors
    rows = net.boxes(i, size, -1.0, letterbox)  # below every score: all predictions
    losses, parts, first = [], [], 0
    for head in heads:
        _, h, w = head.shape
        shape = (head.anchors, -1, h * w)
        delta = np.asarray(head.delta[i], np.float64).reshape(shape)
        losses.append(np.square(delta).sum(axis=1).astype(np.float32).ravel())
        part = rows[first : first + head.anchors * h * w]
        first += len(part)
        if head.type in MASKED:  # cell by cell
            part = part.reshape(h * w, head.anchors, -1).swapaxes(0, 1).reshape(part.shape)
        parts.append(part)
    loss, table = np.concatenate(losses), np.concatenate(parts)
    if len(table) != len(loss) or not (np.isfinite(loss).all() and np.isfinite(table).all()):
        raise NumericsError(f"{net.cfg}: the network's output is not finite")
    assigned = np.concatenate([head.assigned[i] for head in heads])
    return Predictions(loss, assigned, table[:, :4], table[:, 5:])


def claimed(
    net: Network, boxes: Floats, truth: Floats, picture: tuple[int, int] | None
) -> list[int | None]:
    """Tell which prediction each truth claims.

    Parameters
    ----------
    net : Network
        A detector.
    boxes : array (n, 4)
        Of the predictions, relative to the original image.
    truth : array (rows, 5)
        As the network got it: x, y, w, h, class; class -1 and empty rows claim nothing.
    picture : (int, int) or None
        Size in pixels that a letterboxed image has in the input.

    Returns
    -------
    list of int or None
        Of each row, the index of the prediction.
    """
    scale = np.array(picture or (net.width, net.height)) / (net.width, net.height)
    found: list[int | None] = [None] * len(truth)
    rows = np.flatnonzero((truth[:, 4] >= 0) & (truth[:, 0] != 0))
    first = 0
    for head in read_heads(net):
        own = boxes[first : first + head.predictions, 2:] * scale
        claims = head.claims(truth[rows, :4].astype(np.float64), own)
        for row, claim in zip(rows.tolist(), claims.tolist(), strict=True):
            if claim >= 0:
                found[row] = first + claim
        first += head.predictions
    return found


def doubtful_labels(
    found: Predictions,
    truth: Truth,
    claim_of: dict[int, int | None],
    size: tuple[int, int],
    thresh: float,
) -> list[HardBox]:
    """List an image's labels that the network does not see, or sees as another class.

    Parameters
    ----------
    found : Predictions
        Of the image.
    truth : Truth
        Its labels.
    claim_of : dict
        The prediction that each label claims; labels without one were not read.
    size : (int, int)
        Width and height of the image.
    thresh : float
        The score from which on the network sees something.
    """
    doubts = []
    kinds, best = found.scores.argmax(axis=1), found.scores.max(axis=1)
    overlap = iou(truth.objects.boxes[:, 1:], found.boxes)
    for number, (class_id, *box) in enumerate(truth.objects.boxes.tolist()):
        claim = claim_of.get(number)
        if claim is None:
            continue
        there = np.flatnonzero((overlap[number] > MATCH) & (best > thresh))
        if (kinds[there] == class_id).any():
            continue
        seen = int(there[best[there].argmax()]) if len(there) else None
        doubts.append(
            HardBox(
                "unseen" if seen is None else "confused",
                truth.image,
                edges(box, size),
                int(class_id),
                None if seen is None else int(kinds[seen]),
                float(best[claim if seen is None else seen]),
                float(found.loss[claim]),
                truth.label,
                int(truth.objects.lines[number]),
            )
        )
    return doubts


def unlabelled(
    found: Predictions, truth: Truth, size: tuple[int, int], thresh: float
) -> list[HardBox]:
    """List an image's detections that no label confirms; parameters as of `doubtful_labels`."""
    kinds, best = found.scores.argmax(axis=1), found.scores.max(axis=1)
    labels, classes = truth.objects.boxes[:, 1:], truth.objects.boxes[:, 0]
    overlap = iou(found.boxes, labels)
    areas, others = found.boxes[:, 2:].prod(axis=1)[:, None], labels[:, 2:].prod(axis=1)
    common = overlap / (1 + overlap) * (areas + others)
    inside = (common > np.minimum(areas, others) / 2) & (kinds[:, None] == classes)
    alone = (found.assigned == 0) & ~((overlap > MATCH) | inside).any(axis=1)
    doubts = []
    for class_id in np.unique(kinds[best > thresh]).tolist():
        of_class = np.flatnonzero((kinds == class_id) & (best > thresh))
        kept = of_class[nms(found.boxes[of_class], best[of_class], NMS)]
        for i in kept[alone[kept]].tolist():
            box = edges(found.boxes[i].tolist(), size)
            score, loss = float(best[i]), float(found.loss[i])
            doubts.append(HardBox("unlabelled", truth.image, box, class_id, None, score, loss))
    return doubts


def edges(box: Sequence[float], size: tuple[int, int]) -> Edges:
    """Turn a relative box (centre x, y, w, h) into an image's pixels, clipped to it."""
    x, y, w, h = box
    width, height = size

    def within(value: float, most: int) -> float:
        return min(max(value * most, 0.0), float(most))

    return (
        within(x - w / 2, width),
        within(y - h / 2, height),
        within(x + w / 2, width),
        within(y + h / 2, height),
    )
