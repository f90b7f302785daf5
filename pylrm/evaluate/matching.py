"""Which detection found which truth: matching by VOC's rules, and what all metrics share."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pylrm.evaluate.boxes import EVERY_CLASS, Bools, Boxes, Floats, Id, Ints, Record, join
from pylrm.evaluate.figures import Curve

HIT, FALSE, NEUTRAL = 1, 0, -1  # what a detection is

INSIDE = 0.5  # a detection of which more lies in a region to ignore is not counted


@dataclass(frozen=True)
class Matching:
    """What became of every detection.

    Attributes
    ----------
    ids : list
        The images' ids; `truth.image` and `found.image` are indices into it.
    names : list of str
        The classes; `truth.kind` and `found.kind` are indices into it.
    iou : float
        What a detection's IoU with a truth must exceed.
    truth : Boxes
        All m truths, as given, regions to ignore among them.
    found : Boxes
        All n detections by score, descending; ties as given. Those of a class are
        `found[found.kind == kind]`, by score as well.
    verdict : array (n,) int8
        HIT; FALSE: on nothing, or on a truth that a better detection has; or NEUTRAL: on a
        difficult truth or in a region to ignore.
    best : array (n,) int64
        Index in `truth` of the object that the detection overlaps most, whether or not its IoU
        suffices; -1: the image has none (of the class).
    overlap : array (n,) float64
        The IoU with it; 0 where there is none.
    """

    ids: list[Hashable]
    names: list[str]
    iou: float
    truth: Boxes
    found: Boxes
    verdict: npt.NDArray[np.int8]
    best: Ints
    overlap: Floats

    @property
    def objects(self) -> Bools:
        """Which truths count (m,): neither difficult nor regions to ignore."""
        return ~(self.truth.difficult | self.truth.ignore)

    def reached(self, score: float = -math.inf) -> Bools:
        """Tell which truths (m,) a detection of that score or more hits."""
        hit = (self.verdict == HIT) & (self.found.score >= score)
        reached = np.zeros(len(self.truth), bool)
        reached[self.best[hit]] = True
        return reached

    def curve(self, kind: int, least: float = 0.0, most: float = math.inf) -> Curve:
        """Return the curve of a class; of its objects of `least` to `most` pixels alone.

        As in COCO's figures by size, hits of the other objects do not count, nor do false
        detections that are themselves smaller or larger.

        Parameters
        ----------
        kind : int
            The class.
        least, most : float
            Of a box's pixels, both inclusive.
        """
        own = self.found.kind == kind
        verdict, best = self.verdict[own], self.best[own]
        hit = verdict == HIT
        found_size, size = (pixels(boxes.corners) for boxes in (self.found[own], self.truth))
        size_of = found_size.copy()
        size_of[hit] = size[best[hit]]
        whole = least <= 0 and most == math.inf  # then boxes of NaN count too
        counted = (verdict != NEUTRAL) & (whole | ((size_of >= least) & (size_of <= most)))
        objects = self.objects & (self.truth.kind == kind)
        count = int(np.count_nonzero(objects & (whole | ((size >= least) & (size <= most)))))
        hits = np.cumsum(hit[counted])
        recall = hits / count if count else np.full(len(hits), math.nan)
        precision = hits / np.arange(1, len(hits) + 1)
        return Curve(recall, precision, self.found.score[own][counted], count)


def match(
    truth: Mapping[Id, Record],
    detections: Mapping[Id, Record],
    names: Sequence[str],
    iou: float = 0.5,
) -> Matching:
    """Match detections to truths by PASCAL VOC's rules.

    Corners are inclusive pixels: a box is right - left + 1 wide. Each detection goes to the truth
    of its image and class that it overlaps most, the first of equals. If that IoU exceeds `iou`,
    the detection of the highest score there is a hit and the others are false; on a difficult truth
    all are neutral. Of the rest, those that lie mostly (by more than half of their area) in a
    region to ignore, of their class or of every class, are neutral too.

    What becomes of a detection depends only on those of higher scores: leaving out the detections
    below some score changes nothing for the others.

    Parameters
    ----------
    truth, detections, names
        As for `pylrm.evaluate.voc`.
    iou : float
        At least 0, below 1.

    Raises
    ------
    ValueError
        A field is missing or has an impossible value.
    """
    if not 0 <= iou < 1:
        raise ValueError(f"iou={iou}: expected 0 or more, and less than 1")
    ids, wanted, found = join(truth, detections, names)
    found = found[np.argsort(-found.score, kind="stable")]
    objects = np.flatnonzero(~wanted.ignore)
    best, overlap = best_truths(found, wanted[objects])
    best[best >= 0] = objects[best[best >= 0]]

    matched = overlap > iou
    neutral = matched.copy()
    neutral[matched] = wanted.difficult[best[matched]]
    neutral[~matched] = mostly_inside(found[~matched], wanted[wanted.ignore])
    verdict = np.where(neutral, NEUTRAL, FALSE).astype(np.int8)
    candidates = np.flatnonzero(matched & ~neutral)
    verdict[candidates[np.unique(best[candidates], return_index=True)[1]]] = HIT
    return Matching(ids, list(names), iou, wanted, found, verdict, best, overlap)


def best_truths(found: Boxes, objects: Boxes) -> tuple[Ints, Floats]:
    """Find the object of its own image and class that each detection overlaps most.

    The first of equals counts.

    Returns
    -------
    best : array (n,) int64
        Its index in `objects`; -1: there is none.
    overlap : array (n,) float64
        The IoU; 0: there is none.
    """
    best = np.full(len(found), -1, np.int64)
    overlap = np.zeros(len(found))
    owner, index = pairs(place(found), place(objects))
    if len(owner):
        ratio = iou_of(found.corners[owner], objects.corners[index], border=1)
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        overlap[owner[starts]] = np.maximum.reduceat(ratio, starts)
        top = np.flatnonzero(ratio == overlap[owner])
        first = np.unique(owner[top], return_index=True)[1]
        best[owner[top[first]]] = index[top[first]]
    return best, overlap


def mostly_inside(found: Boxes, regions: Boxes) -> Bools:
    """Tell which detections lie by more than half of their area in a region of theirs."""
    inside = np.zeros(len(found), bool)
    owner, index = region_pairs(found, regions)
    own = found.corners[owner]
    covered = intersection(own, regions.corners[index], border=1) > INSIDE * pixels(own)
    inside[owner[covered]] = True
    return inside


def place(boxes: Boxes) -> Ints:
    """Return a number for each image and class; none for regions of every class."""
    return np.where(boxes.kind == EVERY_CLASS, -1, boxes.image * boxes.classes + boxes.kind)


def region_pairs(found: Boxes, regions: Boxes) -> tuple[Ints, Ints]:
    """Return all pairs of a detection and a region of its image, of its class or of every class."""
    every = np.flatnonzero(regions.kind == EVERY_CLASS)
    owner, index = pairs(place(found), place(regions))
    more_owner, more_index = pairs(found.image, regions.image[every])
    return np.concatenate([owner, more_owner]), np.concatenate([index, every[more_index]])


def pairs(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Return all pairs of equal places: indices into both, ascending in the first, then second."""
    order = np.argsort(second, kind="stable")
    start = np.searchsorted(second[order], first, "left")
    count = np.searchsorted(second[order], first, "right") - start
    owner = np.repeat(np.arange(len(first)), count)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return owner, order[np.repeat(start, count) + within]


def rank(group: Ints) -> Ints:
    """Return for each entry how many of its group come before it."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    ranks = np.empty(len(group), np.int64)
    ranks[order] = np.arange(len(group)) - np.searchsorted(ordered, ordered, "left")
    return ranks


def take_turns(
    taker: Ints, target: Ints, turn: Ints, allowed: Bools, shared: Bools, takers: int
) -> Ints:
    """Let takers choose in turn; each takes the first target of its pairs that is still free.

    Takers of the same turn must not compete for a target. Several rules, the columns of `allowed`,
    are applied at once and independently.

    Parameters
    ----------
    taker, target : array (p,) int64
        The pairs, those of a taker one after the other, best first.
    turn : array (p,) int64
        When the pair's taker chooses.
    allowed : array (p, t) bool
        Which pairs are possible by each rule.
    shared : array (p,) bool
        Whose target stays free when it is taken.
    takers : int
        How many there are, with those that have no pair.

    Returns
    -------
    array (takers, t) int64
        The pair that each takes by each rule; -1: none.
    """
    nothing = len(taker)
    rules = allowed.shape[1]
    chosen = np.full((takers, rules), -1, np.int64)
    taken = np.zeros((int(target.max(initial=-1)) + 1, rules), bool)
    order = np.argsort(turn, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(turn[order])) + 1):
        if not len(rows):
            continue
        free = allowed[rows] & ~taken[target[rows]]
        starts = np.flatnonzero(np.diff(taker[rows], prepend=-1))
        first = np.minimum.reduceat(np.where(free, rows[:, None], nothing), starts, axis=0)
        which, rule = np.nonzero(first < nothing)
        pair = first[which, rule]
        chosen[taker[rows[starts[which]]], rule] = pair
        alone = ~shared[pair]
        taken[target[pair[alone]], rule[alone]] = True
    return chosen


def intersection(a: Floats, b: Floats, border: int) -> Floats:
    """Return the area that boxes (n, 4) share with their partners; `border` as for `pixels`."""
    sides: Floats = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]) + border
    sides = np.maximum(sides, 0)
    return sides[:, 0] * sides[:, 1]


def pixels(boxes: Floats, border: int = 1) -> Floats:
    """Return the area of boxes (n, 4); border 1: inclusive pixels, 0: edges."""
    sides: Floats = boxes[:, 2:] - boxes[:, :2] + border
    return sides[:, 0] * sides[:, 1]


def iou_of(a: Floats, b: Floats, border: int) -> Floats:
    """Return the IoU of boxes (n, 4) with their partners; `border` as for `pixels`."""
    shared = intersection(a, b, border)
    whole = pixels(a, border) + pixels(b, border) - shared
    return np.divide(shared, whole, out=np.zeros(len(a)), where=whole > 0)
