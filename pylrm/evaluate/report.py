"""What a detector gets right and wrong, class by class: counts at a score, sizes, confusions.

All of it is at IoU .5 by VOC's rules, whatever metric is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pylrm.evaluate.boxes import Ints
from pylrm.evaluate.coco import AREAS
from pylrm.evaluate.figures import Curve, layout, mean, shown
from pylrm.evaluate.matching import FALSE, HIT, Matching, iou_of, pairs
from pylrm.evaluate.measure import without_nan
from pylrm.evaluate.voc import area

SIZES = dict(zip(("small", "medium", "large"), AREAS[1:], strict=True))


@dataclass(frozen=True)
class Row:
    """The figures of a class, or of all.

    Attributes
    ----------
    hits, false, missed : int
        Detections of the score asked for or more on an object, and on none; objects without one.
    iou : float
        The mean IoU of the hits; NaN without any.
    by_size : dict of str to float
        "small", "medium", "large" to average precision (area), of all scores; NaN where there are
        no such objects. Of all classes: the mean.
    """

    hits: int
    false: int
    missed: int
    iou: float
    by_size: dict[str, float]

    @property
    def precision(self) -> float:
        """Hits among detections; NaN without any."""
        return _share(self.hits, self.hits + self.false)

    @property
    def recall(self) -> float:
        """Hits among objects; NaN without any."""
        return _share(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; NaN with neither objects nor detections."""
        return _share(2 * self.hits, 2 * self.hits + self.false + self.missed)


@dataclass(frozen=True)
class Report:
    """What became of the objects and detections.

    Attributes
    ----------
    at : float
        The lowest score of the detections that are counted.
    iou : float
        What a hit's IoU exceeds.
    rows : dict of str to Row
        Class name to figures.
    total : Row
        Those of all classes.
    confusion : array (n + 1, n + 1) int64
        How many objects of a class (row) were detected as which class (column). In the last row:
        detections on the background; in the last column: missed objects. The diagonal holds the
        hits; rows sum up to a class's objects, columns to its detections.
    curves : dict of str to Curve
        Class name to curve.
    """

    at: float
    iou: float
    rows: dict[str, Row]
    total: Row
    confusion: Ints
    curves: dict[str, Curve]

    def table(self) -> str:
        """Return a text table of the classes and the total."""
        head = ("TP", "FP", "FN", "precision", "recall", "F1", "IoU")
        lines = [("class", *head, *(f"AP {size}" for size in SIZES))]
        for name, row in [*self.rows.items(), ("all", self.total)]:
            figures = (row.precision, row.recall, row.f1, row.iou, *row.by_size.values())
            counts = (row.hits, row.false, row.missed)
            lines.append((name, *map(str, counts), *map(shown, figures)))
        return layout(lines)

    def record(self) -> dict[str, Any]:
        """Return the figures as JSON holds them, NaN as None."""
        return {
            "at": self.at,
            "iou": self.iou,
            "classes": {name: _record(row) for name, row in self.rows.items()},
            "all": _record(self.total),
            "confusion": self.confusion.tolist(),
        }


def report(matching: Matching, at: float) -> Report:
    """Count.

    Parameters
    ----------
    matching : Matching
        Of detections to truths.
    at : float
        The lowest score of the detections that count, but for average precisions.
    """
    found = matching.found
    counted = found.score >= at
    hit = counted & (matching.verdict == HIT)
    false = counted & (matching.verdict == FALSE)
    missed = matching.objects & ~matching.reached(at)
    rows = {}
    for kind, name in enumerate(matching.names):
        own = found.kind == kind
        by_size = {size: area(matching.curve(kind, *limits)) for size, limits in SIZES.items()}
        rows[name] = Row(
            int(np.count_nonzero(hit & own)),
            int(np.count_nonzero(false & own)),
            int(np.count_nonzero(missed & (matching.truth.kind == kind))),
            mean(matching.overlap[hit & own]),
            by_size,
        )
    total = Row(
        int(np.count_nonzero(hit)),
        int(np.count_nonzero(false)),
        int(np.count_nonzero(missed)),
        mean(matching.overlap[hit]),
        {size: mean(row.by_size[size] for row in rows.values()) for size in SIZES},
    )
    curves = {name: matching.curve(kind) for kind, name in enumerate(matching.names)}
    return Report(at, matching.iou, rows, total, confusion(matching, at), curves)


def confusion(matching: Matching, at: float) -> Ints:
    """Count which class the objects of each class were taken for.

    Hits stay what they are. The other detections, by score, each go to the missed object of another
    class that they overlap most and that none has taken yet.

    Parameters
    ----------
    matching : Matching
        Of detections to truths.
    at : float
        The lowest score of the detections that count.

    Returns
    -------
    ndarray (n + 1, n + 1) int64
        As in `Report`.
    """
    found, truth = matching.found, matching.truth
    counted = found.score >= at
    hit = np.flatnonzero(counted & (matching.verdict == HIT))
    false = np.flatnonzero(counted & (matching.verdict == FALSE))
    missed = np.flatnonzero(matching.objects & ~matching.reached(at))
    owner, index = pairs(found.image[false], truth.image[missed])
    owner, index = false[owner], missed[index]
    overlap = iou_of(found.corners[owner], truth.corners[index], border=1)
    close = (overlap > matching.iou) & (found.kind[owner] != truth.kind[index])
    owner, index, overlap = owner[close], index[close], overlap[close]
    object_of = dict(zip(hit.tolist(), matching.best[hit].tolist(), strict=True))
    taken = set()
    for pair in np.lexsort((-overlap, owner)):
        detection, target = int(owner[pair]), int(index[pair])
        if detection not in object_of and target not in taken:
            object_of[detection] = target
            taken.add(target)

    background = len(matching.names)
    table = np.zeros((background + 1, background + 1), np.int64)
    for detection in [*hit.tolist(), *false.tolist()]:
        row = truth.kind[object_of[detection]] if detection in object_of else background
        table[row, found.kind[detection]] += 1
    for target in missed.tolist():
        if target not in taken:
            table[truth.kind[target], background] += 1
    return table


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _record(row: Row) -> dict[str, Any]:
    figures = {
        "tp": row.hits,
        "fp": row.false,
        "fn": row.missed,
        "precision": row.precision,
        "recall": row.recall,
        "f1": row.f1,
        "iou": row.iou,
        **{f"ap_{size}": value for size, value in row.by_size.items()},
    }
    return {key: without_nan(value) for key, value in figures.items()}
