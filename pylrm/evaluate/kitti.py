"""KITTI's average precision of boxes in the image, as its devkit computes it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pylrm.evaluate.boxes import EVERY_CLASS, Bools, Boxes, Floats, Id, Ints, Record, join
from pylrm.evaluate.figures import Curve, layout, mean, shown
from pylrm.evaluate.matching import intersection, iou_of, pairs, pixels, rank, take_turns

POINTS = 41  # recalls at which precision is taken: 0, 1/40, …, 1
VEHICLES = ("car", "van", "truck", "tram")
NEIGHBOURS = {"car": "van", "pedestrian": "person_sitting"}


@dataclass(frozen=True)
class Difficulty:
    """What an object must fulfil to count.

    Attributes
    ----------
    height : float
        Its least height in pixels; detections that are lower do not count either.
    occluded : float
        Its occlusion at most.
    truncated : float
        The part of it outside the image at most.
    """

    height: float
    occluded: float
    truncated: float


DIFFICULTIES = {
    "easy": Difficulty(40, 0, 0.15),
    "moderate": Difficulty(25, 1, 0.30),
    "hard": Difficulty(25, 2, 0.50),
}


@dataclass(frozen=True)
class KittiResult:
    """KITTI's average precisions.

    Attributes
    ----------
    names : list of str
        The classes.
    ap : dict of str to dict of str to dict of str to float
        Class name to difficulty (easy, moderate, hard) to "ap40", the mean of the precisions at
        recall 1/40, 2/40, …, 1, and "ap11", of those at 0, .1, …, 1. NaN where the class has no
        objects of that difficulty.
    map : float
        The mean AP40 at moderate difficulty, by which KITTI ranks, over the classes that have such
        objects; NaN if none has.
    precision : dict of str to dict of str to array (41,) float64
        Class name to difficulty to the precisions, each the best at its recall or more.
    curves : dict of str to dict of str to Curve
        Class name to difficulty to curve, a point for each threshold of the devkit.
    """

    names: list[str]
    ap: dict[str, dict[str, dict[str, float]]]
    map: float
    precision: dict[str, dict[str, Floats]]
    curves: dict[str, dict[str, Curve]]

    @property
    def title(self) -> str:
        """The metric's name: mAP (KITTI, moderate, 40 points)."""
        return "mAP (KITTI, moderate, 40 points)"

    @property
    def class_ap(self) -> dict[str, float]:
        """The metric's main figure of each class: AP40 at moderate difficulty."""
        return {name: rows["moderate"]["ap40"] for name, rows in self.ap.items()}

    def record(self) -> dict[str, Any]:
        """Return what JSON holds besides `class_ap` and `map`."""
        return {"kitti": self.ap}

    def table(self) -> str:
        """Return a text table of the classes' AP40 at each difficulty, and one of their AP11.

        Objects are those that count at each difficulty, from easy to hard. A class without any
        shows "-" and is left out of the means.
        """
        return "\n\n".join(self._table(kind) for kind in ("ap40", "ap11"))

    def _table(self, kind: str) -> str:
        rows = [["class", "objects", *(f"{kind.upper()} {level}" for level in DIFFICULTIES)]]
        for name in self.names:
            counts = "/".join(str(curve.objects) for curve in self.curves[name].values())
            rows.append([name, counts, *(shown(row[kind]) for row in self.ap[name].values())])
        means = [mean(each[level][kind] for each in self.ap.values()) for level in DIFFICULTIES]
        rows.append(["mean (KITTI)", "", *map(shown, means)])
        return layout(rows)


def kitti(
    truth: Mapping[Id, Record], detections: Mapping[Id, Record], names: Sequence[str]
) -> KittiResult:
    """Measure detections by the rules of KITTI's benchmark of boxes in the image.

    Corners are edges: a box is right - left wide. An IoU must exceed .7 for car, and for van, truck
    and tram, which the devkit does not measure; .5 for all other classes. Whatever the case of
    their names, van is a neighbour of car, and person_sitting of pedestrian: detections on it
    count neither way. So do those on objects of the class that are too low, occluded or truncated
    for the difficulty, or to be ignored, and detections that are too low themselves. In a region
    to ignore of class -1 (DontCare) a false detection does not count if it lies there by more of
    its own area than the IoU that is asked for.

    As in the devkit, truths choose among detections, in the order in which they are given, and may
    choose detections of *other* classes that are too low. Precision is sampled at no more
    thresholds than there are objects, and is 0 at the others, so that a class of n < 41 objects
    cannot reach an AP40 of more than (n - 1) / 40.

    Parameters
    ----------
    truth : mapping
        Image id to structured array or dict of arrays: class (index into names), left, top, right,
        bottom, and if need be truncated (0 to 1), occluded (0 to 3) and ignore; crowd is the same
        as ignore. Images without an entry have no truths.
    detections : mapping
        The same with score.
    names : sequence of str
        The classes.

    Returns
    -------
    KittiResult
        With .ap, .map, .precision, .curves and .table().

    Raises
    ------
    ValueError
        A field is missing or has an impossible value.
    """
    _, wanted, found = join(truth, detections, names)
    lower = [name.lower() for name in names]
    ap: dict[str, dict[str, dict[str, float]]] = {}
    precision: dict[str, dict[str, Floats]] = {}
    curves: dict[str, dict[str, Curve]] = {}
    for kind, name in enumerate(names):
        scene = scene_of(wanted, found, lower, kind)
        curves[name] = {level: curve_of(scene, rule) for level, rule in DIFFICULTIES.items()}
        precision[name] = {level: interpolated(curve) for level, curve in curves[name].items()}
        ap[name] = {
            level: {"ap40": float(values[1:].mean()), "ap11": float(values[::4].mean())}
            for level, values in precision[name].items()
        }
    ranking = mean(figures["moderate"]["ap40"] for figures in ap.values())
    return KittiResult(list(names), ap, ranking, precision, curves)


@dataclass(frozen=True)
class Scene:
    """The objects and detections that matter for one class.

    Attributes
    ----------
    objects : Boxes
        Objects of the class or its neighbour, and regions of the class to ignore.
    idle : array (m,) bool
        Those that count at no difficulty.
    found : Boxes
        Detections of the class, and those of others that are too low at some difficulty.
    own, spared : array (n,) bool
        Detections of the class itself; those in a DontCare area.
    owner, index : array (p,) int64
        Pairs of objects and detections that overlap enough.
    overlap : array (p,) float64
        Their IoU.
    """

    objects: Boxes
    idle: Bools
    found: Boxes
    own: Bools
    spared: Bools
    owner: Ints
    index: Ints
    overlap: Floats


def scene_of(wanted: Boxes, found: Boxes, lower: Sequence[str], kind: int) -> Scene:
    """Return what matters for a class; `lower` has the names in lower case."""
    least = 0.7 if lower[kind] in VEHICLES else 0.5
    near = [other for other, name in enumerate(lower) if name == NEIGHBOURS.get(lower[kind])]
    neighbour = np.isin(wanted.kind, near) & ~wanted.ignore
    objects = wanted[(wanted.kind == kind) | neighbour]
    idle = objects.ignore | (objects.kind != kind)
    lowest = max(rule.height for rule in DIFFICULTIES.values())
    found = found[(found.kind == kind) | (height(found) < lowest)]
    owner, index = pairs(objects.image, found.image)
    overlap = iou_of(objects.corners[owner], found.corners[index], border=0)
    enough = overlap > least

    areas = wanted[wanted.ignore & (wanted.kind == EVERY_CLASS)]
    inner, area = pairs(found.image, areas.image)
    own = found.corners[inner]
    shared, whole = intersection(own, areas.corners[area], border=0), pixels(own, 0)
    spared = np.zeros(len(found), bool)
    part = np.divide(shared, whole, out=np.zeros(len(own)), where=whole > 0)
    spared[inner[part > least]] = True
    return Scene(
        objects,
        idle,
        found,
        found.kind == kind,
        spared,
        owner[enough],
        index[enough],
        overlap[enough],
    )


def curve_of(scene: Scene, rule: Difficulty) -> Curve:
    """Return the precision and recall of a class at the devkit's thresholds of score."""
    objects, found = scene.objects, scene.found
    idle = (
        scene.idle
        | (objects.occluded > rule.occluded)
        | (objects.truncated > rule.truncated)
        | (height(objects) < rule.height)
    )
    low = height(found) < rule.height
    count = int(np.count_nonzero(~idle))
    there = scene.own[scene.index] | low[scene.index]
    owner, index, overlap = scene.owner[there], scene.index[there], scene.overlap[there]
    counts = ~idle[owner] & ~low[index]  # a hit, if chosen
    turn = rank(objects.image)

    def chosen(order: Ints, allowed: Bools) -> Ints:
        alone = np.zeros(len(order), bool)
        pair = take_turns(
            owner[order], index[order], turn[owner[order]], allowed[order], alone, len(objects)
        )
        return np.where(pair >= 0, np.append(order, -1)[pair], -1)

    # Once with all detections, each truth choosing the one of the highest score …
    score = found.score[index]
    pair = chosen(np.lexsort((index, -score, owner)), np.ones((len(owner), 1), bool)).ravel()
    pair = pair[pair >= 0]
    thresholds = thresholds_of(score[pair[counts[pair]]], count)
    # … and once above each threshold, each choosing the one of the highest overlap; low ones last.
    preference = np.where(low[index], 0.0, -overlap)
    pair = chosen(np.lexsort((index, preference, low[index], owner)), score[:, None] >= thresholds)
    taken = pair >= 0
    hits = np.count_nonzero(taken & np.append(counts, False)[pair], axis=0)
    open_ = scene.own & ~low & ~scene.spared  # false detections, if not chosen
    false = np.count_nonzero(found.score[open_][:, None] >= thresholds, axis=0)
    false -= np.count_nonzero(taken & np.append(open_[index], False)[pair], axis=0)
    recall = hits / count if count else np.full(len(hits), math.nan)
    return Curve(recall, hits / np.maximum(hits + false, 1), thresholds, count)


def thresholds_of(scores: Floats, objects: int) -> Floats:
    """Return the scores at which recall comes closest to 0, 1/40, …, 1, descending.

    Parameters
    ----------
    scores : array (n,)
        Of the hits.
    objects : int
        How many there are.
    """
    scores = np.sort(scores)[::-1]
    picked = []
    wanted = 0.0
    for position, score in enumerate(scores.tolist(), 1):
        further = position < len(scores)
        if further and (position + 1) / objects - wanted < wanted - position / objects:
            continue
        picked.append(score)
        wanted += 1 / (POINTS - 1)
    return np.array(picked, np.float64)


def interpolated(curve: Curve) -> Floats:
    """Return the 41 precisions, each the best at its threshold or a later one."""
    if not curve.objects:
        return np.full(POINTS, math.nan)
    best = np.zeros(POINTS)
    best[: len(curve.precision)] = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return best


def height(boxes: Boxes) -> Floats:
    """Return how high boxes are, in pixels."""
    high: Floats = boxes.corners[:, 3] - boxes.corners[:, 1]
    return high
