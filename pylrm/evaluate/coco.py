"""COCO's twelve figures, as pycocotools computes them for boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pylrm.evaluate.boxes import Bools, Boxes, Floats, Id, Ints, Record, join
from pylrm.evaluate.figures import Curve, layout, mean, shown
from pylrm.evaluate.matching import (
    intersection,
    iou_of,
    pairs,
    pixels,
    place,
    rank,
    region_pairs,
    take_turns,
)

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))  # both inclusive
MOST = (1, 10, 100)  # detections of a class in an image

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclass(frozen=True)
class CocoResult:
    """COCO's figures.

    Attributes
    ----------
    names : list of str
        The classes.
    stats : list of float
        The twelve figures in pycocotools' order, that of `FIGURES`: AP at IoU .5 to .95, at .5, at
        .75, of small, medium and large objects; AR with 1, 10 and 100 detections an image, of
        small, medium and large objects. -1 where there are no objects.
    ap : dict of str to float
        Class name to AP, the mean over IoU .5, .55, …, .95; NaN where the class has no objects.
    ap50, ap75 : dict of str to float
        The same at IoU .5 and .75.
    map : float
        The mean of `ap` over the classes that have objects; NaN if none has.
    curves : dict of str to Curve
        Class name to curve at IoU .5.
    """

    names: list[str]
    stats: list[float]
    ap: dict[str, float]
    ap50: dict[str, float]
    ap75: dict[str, float]
    map: float
    curves: dict[str, Curve]

    @property
    def title(self) -> str:
        """The metric's name: mAP@[.5:.95] (COCO)."""
        return "mAP@[.5:.95] (COCO)"

    @property
    def class_ap(self) -> dict[str, float]:
        """The metric's main figure of each class: `ap`."""
        return self.ap

    def record(self) -> dict[str, Any]:
        """Return what JSON holds besides `class_ap` and `map`; NaN in place of COCO's -1."""
        stats = [math.nan if value < 0 else value for value in self.stats]
        return {
            "stats": dict(zip(FIGURES, stats, strict=True)),
            "ap50": self.ap50,
            "ap75": self.ap75,
        }

    def table(self) -> str:
        """Return a text table of each class and the mean, and the figures by size and of recall.

        A class without objects shows "-" and is left out of the means.
        """
        rows = [["class", "objects", "detections", "AP", "AP50", "AP75"]]
        for name in self.names:
            curve = self.curves[name]
            figures = (values[name] for values in (self.ap, self.ap50, self.ap75))
            rows.append([name, str(curve.objects), str(len(curve.score)), *map(shown, figures)])
        objects = sum(curve.objects for curve in self.curves.values())
        detections = sum(len(curve.score) for curve in self.curves.values())
        means = [mean(values.values()) for values in (self.ap, self.ap50, self.ap75)]
        rows.append([self.title, str(objects), str(detections), *map(shown, means)])
        rest = [
            f"{name} {'-' if value < 0 else shown(value)}"
            for name, value in zip(FIGURES[3:], self.stats[3:], strict=True)
        ]
        lines = ["  ".join(rest[start : start + 3]) for start in (0, 3, 6)]
        return "\n".join([layout(rows), *lines])


def coco(
    truth: Mapping[Id, Record], detections: Mapping[Id, Record], names: Sequence[str]
) -> CocoResult:
    """Measure detections by COCO's rules.

    Corners are edges: a box is right - left wide. In each image, the 100 best detections of a class
    count. In the order of their scores, each takes the truth of the highest IoU among those that no
    other has taken; objects that count are preferred to those that do not. Detections of equal
    scores keep the order in which they are given, and those of different images the order in which
    `truth` (then `detections`) names the images. So to get pycocotools' figures to the last digit
    where scores are equal, give the images by ascending id.

    Parameters
    ----------
    truth : mapping
        Image id to structured array or dict of arrays: class (index into names), left, top, right,
        bottom, and if need be area (of the object, which decides about its size; where it is not
        given or NaN, the box's area) and crowd. Any number of detections of its class can match a
        crowd, by the part of the detection's area that lies in it; they do not count. ignore is
        the same, and may be of class -1: for every class. Images without an entry have no truths.
    detections : mapping
        The same with score.
    names : sequence of str
        The classes.

    Returns
    -------
    CocoResult
        With .stats, .ap, .map, .curves and .table().

    Raises
    ------
    ValueError
        A field is missing or has an impossible value.
    """
    _, wanted, found = join(truth, detections, names)
    found = found[np.lexsort((-found.score, found.kind, found.image))]
    position = rank(place(found))
    best = position < MOST[-1]
    found, position = found[best], position[best]
    by_score = np.lexsort((-found.score, found.kind))
    size = np.where(np.isnan(wanted.area), pixels(wanted.corners, 0), wanted.area)
    owner, index, overlap = candidates(found, wanted)
    classes = len(names)
    precision = np.full((len(AREAS), classes, len(IOUS), len(RECALLS)), math.nan)
    recall = np.full((len(AREAS), len(MOST), classes, len(IOUS)), math.nan)
    curves = {}
    for a, limits in enumerate(AREAS):
        idle = wanted.ignore | outside(size, limits)
        hit, neutral = hits(found, wanted, (owner, index, overlap), position, idle)
        neutral |= ~hit & outside(pixels(found.corners, 0), limits)[:, None]
        hit &= ~neutral
        objects = np.bincount(wanted.kind[~idle], minlength=classes)
        for kind, name in enumerate(names):
            own = by_score[slice(*np.searchsorted(found.kind[by_score], (kind, kind + 1)))]
            count = int(objects[kind])
            if a == 0:
                curves[name] = curve_of(hit[own, 0], neutral[own, 0], found.score[own], count)
            if count:
                precision[a, kind] = interpolated(hit[own].T, neutral[own].T, count)
                for m, most in enumerate(MOST):
                    recall[a, m, kind] = hit[own[position[own] < most]].sum(axis=0) / count

    every, at50, at75 = precision[0], precision[0, :, 0], precision[0, :, 5]
    stats = [every, at50, at75, *precision[1:], *recall[0], *recall[1:, -1]]
    ap, ap50, ap75 = (
        {name: mean(values[kind].ravel()) for kind, name in enumerate(names)}
        for values in (every, at50, at75)
    )
    return CocoResult(
        list(names),
        [figure(values) for values in stats],
        ap,
        ap50,
        ap75,
        mean(ap.values()),
        curves,
    )


def candidates(found: Boxes, wanted: Boxes) -> tuple[Ints, Ints, Floats]:
    """Return the pairs of detections and truths that may match, and how far they overlap."""
    objects, regions = np.flatnonzero(~wanted.ignore), np.flatnonzero(wanted.ignore)
    owner, index = pairs(place(found), place(wanted[objects]))
    index = objects[index]
    overlap = iou_of(found.corners[owner], wanted.corners[index], border=0)
    inner, region = region_pairs(found, wanted[regions])
    region = regions[region]
    own = found.corners[inner]
    shared, whole = intersection(own, wanted.corners[region], border=0), pixels(own, 0)
    part = np.divide(shared, whole, out=np.zeros(len(own)), where=whole > 0)
    owner, index, overlap = (
        np.concatenate(each) for each in ((owner, inner), (index, region), (overlap, part))
    )
    near = overlap >= IOUS[0]
    return owner[near], index[near], overlap[near]


def hits(
    found: Boxes,
    wanted: Boxes,
    candidates: tuple[Ints, Ints, Floats],
    position: Ints,
    idle: Bools,
) -> tuple[Bools, Bools]:
    """Match detections to truths, of which the idle ones do not count.

    Returns
    -------
    hit, neutral : array (n, t) bool
        Which detections match a truth at each IoU of `IOUS`, and which of these an idle one.
    """
    owner, index, overlap = candidates
    # pycocotools goes on to later truths of the same IoU: the last of equals.
    order = np.lexsort((-index, -overlap, idle[index], owner))
    owner, index, overlap = owner[order], index[order], overlap[order]
    allowed = overlap[:, None] >= IOUS
    pair = take_turns(owner, index, position[owner], allowed, wanted.ignore[index], len(found))
    hit = pair >= 0
    neutral = np.zeros(pair.shape, bool)
    neutral[hit] = idle[index[pair[hit]]]
    return hit, neutral


def outside(sizes: Floats, limits: tuple[float, float]) -> Bools:
    """Tell which sizes are below or above limits."""
    return (sizes < limits[0]) | (sizes > limits[1])


def interpolated(hit: Bools, neutral: Bools, objects: int) -> Floats:
    """Return precisions (t, 101) at recalls 0, .01, …, 1, from detections (t, n) by score."""
    hit_sum = np.cumsum(hit, axis=1)
    recall, counted = hit_sum / objects, np.cumsum(~neutral, axis=1)
    precision = hit_sum / np.maximum(counted, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.hstack([envelope, np.zeros((len(envelope), 1))])
    return np.stack(
        [row[np.searchsorted(at, RECALLS)] for row, at in zip(padded, recall, strict=True)]
    )


def curve_of(hit: Bools, neutral: Bools, score: Floats, objects: int) -> Curve:
    """Return the curve of detections (n,) by score."""
    hit_sum = np.cumsum(hit[~neutral])
    recall = hit_sum / objects if objects else np.full(len(hit_sum), math.nan)
    return Curve(recall, hit_sum / np.arange(1, len(hit_sum) + 1), score[~neutral], objects)


def figure(values: Floats) -> float:
    """Return the mean of those that are not NaN; -1 if there are none."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else -1.0
