"""Detections on a data set's images, from wherever, by the metric asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pylrm.data.darknet import Metric
from pylrm.evaluate.records import Fields, inclusive
from pylrm.evaluate.voc import VocResult, voc


@dataclass(frozen=True)
class Detected:
    """What was found on images, and what is there.

    Attributes
    ----------
    images : list of Path
        All that were to be looked at.
    truth, detections : dict of int to record
        By index into `images`; corners are edges between pixels, from 0.
    skipped : list of Path
        Images that could not be read; their truths are left out too.
    """

    images: list[Path]
    truth: dict[int, Fields]
    detections: dict[int, Fields]
    skipped: list[Path]

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
    result : VocResult
        The metric's own figures.
    """

    detected: Detected
    metric: Metric
    result: VocResult

    @property
    def ap(self) -> dict[str, float]:
        """One figure a class; NaN for those without an object."""
        return self.result.ap

    @property
    def map(self) -> float:
        """The metric's one figure; NaN without any object."""
        return self.result.map


def measure(detected: Detected, names: list[str], metric: Metric) -> Evaluation:
    """Measure detections.

    Parameters
    ----------
    detected : Detected
        Truths and detections.
    names : list of str
        The classes.
    metric : str
        "area", "11point", "coco" or "kitti".
    """
    assert metric in ("area", "11point")
    return Evaluation(detected, metric, voc(*detected.inclusive(), names, metric=metric))
