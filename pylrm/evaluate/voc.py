"""PASCAL VOC's average precision, as its devkit and the devkit's Python port compute it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pylrm.evaluate.boxes import Id, Record
from pylrm.evaluate.figures import Curve, layout, mean, shown
from pylrm.evaluate.matching import Matching, match

Metric = Literal["area", "11point"]


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
    matching : Matching
        What became of every detection.
    """

    names: list[str]
    iou: float
    metric: Metric
    ap: dict[str, float]
    map: float
    curves: dict[str, Curve]
    matching: Matching

    @property
    def title(self) -> str:
        """The metric's name: mAP@.5 (VOC, area) or mAP@.5 (VOC, 11 points)."""
        points = "area" if self.metric == "area" else "11 points"
        return f"mAP@{f'{self.iou:g}'.lstrip('0')} (VOC, {points})"

    @property
    def class_ap(self) -> dict[str, float]:
        """The metric's main figure of each class: `ap`."""
        return self.ap

    def record(self) -> dict[str, Any]:
        """Return what JSON holds besides `class_ap` and `map`."""
        return {"iou": self.iou}

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
        return layout(rows)


def voc(
    truth: Mapping[Id, Record],
    detections: Mapping[Id, Record],
    names: Sequence[str],
    iou: float = 0.5,
    metric: Metric = "area",
) -> VocResult:
    """Measure detections by PASCAL VOC's rules.

    Corners are inclusive pixels: a box is right - left + 1 wide. Class by class, detections are
    gone through by score, ties in the order in which they are given; `pylrm.evaluate.match` says
    which of them are hits, which are false, and which (on difficult truths and in regions to
    ignore) do not count.

    Parameters
    ----------
    truth : mapping
        Image id to structured array or dict of arrays: class (index into names), left, top, right,
        bottom, and if need be difficult and ignore (a region to ignore, for its class; for every
        class where that is -1; crowd is the same). Images without an entry have no truths.
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
    matching = match(truth, detections, names, iou)
    curves = {name: matching.curve(kind) for kind, name in enumerate(names)}
    integral = area if metric == "area" else eleven_points
    ap = {name: integral(curve) for name, curve in curves.items()}
    return VocResult(list(names), iou, metric, ap, mean(ap.values()), curves, matching)


def area(curve: Curve) -> float:
    """Return the area below a curve whose precision is raised to the best at any later point."""
    if not curve.objects:
        return math.nan
    recall = np.concatenate([[0.0], curve.recall])
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope))


def eleven_points(curve: Curve) -> float:
    """Return the mean over recall 0, .1, …, 1 of the best precision at that recall or more.

    The recalls are those of the devkit's port, multiples of the double .1. Some of them are
    slightly above the decimal, so that a recall of exactly that decimal does not reach them.
    """
    if not curve.objects:
        return math.nan
    envelope = np.append(np.maximum.accumulate(curve.precision[::-1])[::-1], 0.0)
    return float(np.mean(envelope[np.searchsorted(curve.recall, np.arange(0.0, 1.1, 0.1))]))
