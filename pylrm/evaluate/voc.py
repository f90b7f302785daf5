"""PASCAL VOC's average precision, as its devkit and the devkit's Python port compute it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pylrm.evaluate.records import EVERY_CLASS, Bools, Boxes, Floats, Id, Ints, Record, gather

Metric = Literal["area", "11point"]

INSIDE = 0.5  # a detection of which more lies in a region to ignore is not counted


@dataclass(frozen=True)
class Curve:
    """Precision over recall of a class, a point for each counted detection, by score.

    Attributes
    ----------
    recall, precision : array (n,) float64
        When detections down to this one count.
    score : array (n,) float64
        Of the detection, descending.
    objects : int
        Truths that count: neither difficult nor to be ignored.
    """

    recall: Floats
    precision: Floats
    score: Floats
    objects: int


@dataclass(frozen=True)
class VocResult:
    """Average precisions.

    Attributes
    ----------
    names : list of str
        The classes.
    iou : float
        What a detection's IoU with a truth must exceed.
    metric : str
        "area" or "11point".
    ap : dict of str to float
        Class name to average precision; NaN where the class has no truths.
    map : float
        The mean over the classes that have truths; NaN if none has.
    curves : dict of str to Curve
        Class name to curve.
    """

    names: list[str]
    iou: float
    metric: Metric
    ap: dict[str, float]
    map: float
    curves: dict[str, Curve]

    @property
    def title(self) -> str:
        """The metric's name: mAP@.5 (VOC, area) or mAP@.5 (VOC, 11 points)."""
        points = "area" if self.metric == "area" else "11 points"
        return f"mAP@{f'{self.iou:g}'.lstrip('0')} (VOC, {points})"

    def table(self) -> str:
        """Return a text table: objects, detections and AP of each class, and the mean.

        A class without truths shows "-" and is left out of the mean.
        """
        rows = [("class", "objects", "detections", "AP")]
        for name in self.names:
            curve = self.curves[name]
            rows.append((name, str(curve.objects), str(len(curve.score)), shown(self.ap[name])))
        objects = sum(curve.objects for curve in self.curves.values())
        detections = sum(len(curve.score) for curve in self.curves.values())
        rows.append((self.title, str(objects), str(detections), shown(self.map)))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def shown(value: float) -> str:
    """Return an average precision as text, "-" for NaN."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def voc(
    truth: Mapping[Id, Record],
    detections: Mapping[Id, Record],
    names: Sequence[str],
    iou: float = 0.5,
    metric: Metric = "area",
) -> VocResult:
    """Measure detections by PASCAL VOC's rules.

    Corners are inclusive pixels: a box is right - left + 1 wide. Class by class, detections are
    gone through by score, ties in the order in which they are given; each goes to the truth of its
    image that it overlaps most. If that IoU exceeds `iou`, the first one there is a hit and the
    others are false; on a difficult truth none counts either way. Of the rest, those that lie
    mostly (by more than half of their area) in a region to ignore do not count either.

    Parameters
    ----------
    truth : mapping
        Image id to structured array or dict of arrays: class (index into names), left, top, right,
        bottom, and if need be difficult and ignore (a region to ignore, for its class; for every
        class where that is -1). Images without an entry have no truths.
    detections : mapping
        The same with score.
    names : sequence of str
        The classes.
    iou : float
        Between 0 and 1.
    metric : str
        "area": the area below the curve of precision over recall, made monotonous (VOC from 2010
        on). "11point": the mean of its values at recall 0, .1, …, 1 (VOC 2007).

    Returns
    -------
    VocResult
        With .ap, .map, .curves and .table().

    Raises
    ------
    ValueError
        A field is missing or has an impossible value.
    """
    if metric not in ("area", "11point"):
        raise ValueError(f"metric={metric!r}: there are 'area' and '11point'")
    if not 0 <= iou < 1:
        raise ValueError(f"iou={iou}: expected 0 or more, and less than 1")
    if len(set(names)) < len(names):
        raise ValueError("two classes have the same name")
    ids = dict.fromkeys([*truth, *detections])
    number_of = {image: number for number, image in enumerate(ids)}
    wanted = gather(truth, number_of, len(names), scored=False)
    found = gather(detections, number_of, len(names), scored=True)
    curves = {}
    for kind, name in enumerate(names):
        objects = wanted[(wanted.kind == kind) & ~wanted.ignore]
        regions = wanted[((wanted.kind == kind) | (wanted.kind == EVERY_CLASS)) & wanted.ignore]
        curves[name] = curve_of(found[found.kind == kind], objects, regions, iou)
    integral = area if metric == "area" else eleven_points
    ap = {name: integral(curve) for name, curve in curves.items()}
    there = [value for value in ap.values() if not math.isnan(value)]
    mean = float(np.mean(there)) if there else math.nan
    return VocResult(list(names), iou, metric, ap, mean, curves)


def curve_of(found: Boxes, objects: Boxes, regions: Boxes, iou: float) -> Curve:
    """Return the curve of one class from its detections, truths and regions to ignore."""
    found = found[np.argsort(-found.score, kind="stable")]
    best, overlap = best_truths(found, objects)
    matched = overlap > iou
    neutral = matched.copy()
    neutral[matched] = objects.difficult[best[matched]]
    neutral[~matched] = mostly_inside(found[~matched], regions)
    hit = np.zeros(len(found), bool)
    candidates = np.flatnonzero(matched & ~neutral)
    hit[candidates[np.unique(best[candidates], return_index=True)[1]]] = True

    counted = ~neutral
    hits = np.cumsum(hit[counted])
    count = int(np.count_nonzero(~objects.difficult))
    recall = hits / count if count else np.full(len(hits), math.nan)
    precision = hits / np.arange(1, len(hits) + 1)
    return Curve(recall, precision, found.score[counted], count)


def best_truths(found: Boxes, objects: Boxes) -> tuple[Ints, Floats]:
    """Find the truth of its own image that each detection overlaps most, the first of equals.

    Returns
    -------
    best : array (n,) int64
        Its index in `objects`; -1: the image has none.
    overlap : array (n,) float64
        The IoU; 0: the image has none.
    """
    best = np.full(len(found), -1, np.int64)
    overlap = np.zeros(len(found))
    owner, index = pairs(found.image, objects.image)
    if len(owner):
        own, other = found.corners[owner], objects.corners[index]
        shared = intersection(own, other)
        whole = size(own) + size(other) - shared
        ratio = np.divide(shared, whole, out=np.zeros(len(owner)), where=whole > 0)
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        overlap[owner[starts]] = np.maximum.reduceat(ratio, starts)
        top = np.flatnonzero(ratio == overlap[owner])
        first = np.unique(owner[top], return_index=True)[1]
        best[owner[top[first]]] = index[top[first]]
    return best, overlap


def mostly_inside(found: Boxes, regions: Boxes) -> Bools:
    """Tell which detections lie in a region of their image by more than half of their area."""
    owner, index = pairs(found.image, regions.image)
    own = found.corners[owner]
    covered = intersection(own, regions.corners[index]) > INSIDE * size(own)
    inside = np.zeros(len(found), bool)
    inside[owner[covered]] = True
    return inside


def pairs(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Return all pairs of equal images: indices into both, ascending in the first, then second."""
    order = np.argsort(second, kind="stable")
    start = np.searchsorted(second[order], first, "left")
    count = np.searchsorted(second[order], first, "right") - start
    owner = np.repeat(np.arange(len(first)), count)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return owner, order[np.repeat(start, count) + within]


def intersection(a: Floats, b: Floats) -> Floats:
    """Return the pixels that boxes (n, 4) share with their partners."""
    sides: Floats = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]) + 1
    sides = np.maximum(sides, 0)
    return sides[:, 0] * sides[:, 1]


def size(boxes: Floats) -> Floats:
    """Return the pixels of boxes (n, 4)."""
    sides: Floats = boxes[:, 2:] - boxes[:, :2] + 1
    return sides[:, 0] * sides[:, 1]


def area(curve: Curve) -> float:
    """Return the area below a curve whose precision is raised to the best at any later point."""
    if not curve.objects:
        return math.nan
    recall = np.concatenate([[0.0], curve.recall])
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope))


def eleven_points(curve: Curve) -> float:
    """Return the mean over recall 0, .1, …, 1 of the best precision at that recall or more.

    The recalls are those of the devkit's port, multiples of the double .1: some of them are a bit
    above the decimal, which a recall of exactly that decimal then misses.
    """
    if not curve.objects:
        return math.nan
    envelope = np.append(np.maximum.accumulate(curve.precision[::-1])[::-1], 0.0)
    return float(np.mean(envelope[np.searchsorted(curve.recall, np.arange(0.0, 1.1, 0.1))]))
