"""Measures detections on a data set's images, whatever program they are from, by any metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pylrm.data.darknet import Metric
from pylrm.evaluate.boxes import Fields, inclusive
from pylrm.evaluate.coco import coco
from pylrm.evaluate.kitti import kitti
from pylrm.evaluate.matching import Matching, match
from pylrm.evaluate.truths import CocoTruth
from pylrm.evaluate.voc import Metric as VocMetric
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


class Result(Protocol):
    """What a metric gives."""

    @property
    def names(self) -> list[str]:
        """The classes."""

    @property
    def map(self) -> float:
        """The mean of `class_ap` over the classes that have objects; NaN if none has."""

    @property
    def title(self) -> str:
        """The metric's name."""

    @property
    def class_ap(self) -> dict[str, float]:
        """The main figure of each class; NaN for those without an object."""

    def table(self) -> str:
        """Return a text table."""

    def record(self) -> dict[str, Any]:
        """Return what JSON holds besides `class_ap` and `map`."""


def _voc(detected: Detected, names: Sequence[str], metric: VocMetric) -> VocResult:
    return voc(*detected.inclusive(), names, metric=metric)


# The metrics; their names are `pylrm.data.darknet.METRICS`.
RULES: dict[Metric, Callable[[Detected, Sequence[str]], Result]] = {
    "area": partial(_voc, metric="area"),
    "11point": partial(_voc, metric="11point"),
    "coco": lambda detected, names: coco(detected.truth, detected.detections, names),
    "kitti": lambda detected, names: kitti(detected.truth, detected.detections, names),
}


@dataclass(frozen=True)
class Evaluation:
    """A measurement.

    Attributes
    ----------
    detected : Detected
        What was measured.
    metric : str
        By which metric.
    result : Result
        The metric's own figures.
    """

    detected: Detected
    metric: Metric
    result: Result

    @property
    def ap(self) -> dict[str, float]:
        """The metric's main figure of each class; NaN for those without an object."""
        return self.result.class_ap

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
        record = {"metric": self.metric, "map": self.map, "ap": self.ap, **self.result.record()}
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
    return Evaluation(detected, metric, RULES[metric](detected, names))
