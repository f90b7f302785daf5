"""Measures detections on a data set's images, whatever program they are from, by any metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pylrm.data.darknet import Metric
from pylrm.evaluate.coco import FIGURES, CocoResult, coco
from pylrm.evaluate.kitti import KittiResult, kitti
from pylrm.evaluate.matching import Matching, match
from pylrm.evaluate.records import Fields, inclusive
from pylrm.evaluate.truths import CocoTruth
from pylrm.evaluate.voc import VocResult, voc


@dataclass(frozen=True)
class Detected:
    """The detections on images, and their truths.

    Attributes
    ----------
    images : list of Path
        All that were to be looked at.
    truth, detections : dict of int to record
        By index into `images`; corners are edges between pixels, from 0.
    skipped : list of Path
        Images that could not be read; their truths are left out too.
    marked : CocoTruth or None
        Where the truths are from; None: labels.
    """

    images: list[Path]
    truth: dict[int, Fields]
    detections: dict[int, Fields]
    skipped: list[Path]
    marked: CocoTruth | None

    def inclusive(self) -> tuple[dict[int, Fields], dict[int, Fields]]:
        """Return truth and detections with VOC's corners."""
        return (
            {image: inclusive(record) for image, record in self.truth.items()},
            {image: inclusive(record) for image, record in self.detections.items()},
        )


@dataclass(frozen=True)
class Evaluation:
    """A measurement.

    Attributes
    ----------
    detected : Detected
        What was measured.
    metric : str
        By which metric.
    result : VocResult, CocoResult or KittiResult
        The metric's own figures.
    """

    detected: Detected
    metric: Metric
    result: VocResult | CocoResult | KittiResult

    @property
    def ap(self) -> dict[str, float]:
        """The metric's main figure of each class; NaN for those without an object.

        KITTI's is that of moderate difficulty at 40 points.
        """
        if isinstance(self.result, KittiResult):
            return {name: rows["moderate"]["ap40"] for name, rows in self.result.ap.items()}
        return self.result.ap

    @property
    def map(self) -> float:
        """The mean of `ap` over the classes that have objects; NaN if none has."""
        return self.result.map

    def matching(self) -> Matching:
        """Match at IoU .5 by VOC's rules, whatever the metric."""
        if isinstance(self.result, VocResult):
            return self.result.matching
        return match(*self.detected.inclusive(), self.result.names)

    def record(self) -> dict[str, Any]:
        """Return the figures as JSON holds them, NaN (and COCO's -1) as None."""
        record: dict[str, Any] = {"metric": self.metric, "map": self.map, "ap": self.ap}
        if isinstance(self.result, CocoResult):
            stats = [math.nan if value < 0 else value for value in self.result.stats]
            record["stats"] = dict(zip(FIGURES, stats, strict=True))
            record |= {"ap50": self.result.ap50, "ap75": self.result.ap75}
        elif isinstance(self.result, KittiResult):
            record["kitti"] = self.result.ap
        else:
            record["iou"] = self.result.iou
        return {key: without_nan(value) for key, value in record.items()}


def without_nan(value: Any) -> Any:
    """Return a figure, or a dict of them, with None for each NaN."""
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def measure(detected: Detected, names: Sequence[str], metric: Metric) -> Evaluation:
    """Measure detections.

    Parameters
    ----------
    detected : Detected
        Truths and detections.
    names : sequence of str
        The classes.
    metric : str
        "area", "11point", "coco" or "kitti".
    """
    result: VocResult | CocoResult | KittiResult
    if metric == "coco":
        result = coco(detected.truth, detected.detections, names)
    elif metric == "kitti":
        result = kitti(detected.truth, detected.detections, names)
    else:
        result = voc(*detected.inclusive(), names, metric=metric)
    return Evaluation(detected, metric, result)
