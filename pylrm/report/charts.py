"""The charts of a report, as data for the page's script, and the frames that it draws them in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pylrm.evaluate.figures import Curve, shown
from pylrm.pictures.curves import rolling_mean, smoothed, smoothing
from pylrm.pictures.mining_curves import PANELS, Panel
from pylrm.report.markup import Node, tag
from pylrm.report.subjects import Measured, Subject
from pylrm.runs.log import Log
from pylrm.terminal import count_of

Floats = npt.NDArray[np.float64]

POINTS = 1500  # of a curve; longer logs are averaged
PR_POINTS = 250
MOST_CLASSES = 100  # with a curve of their own, those of most objects


@dataclass(frozen=True)
class Chart:
    """Curves in a frame.

    Attributes
    ----------
    name : str
        Of the frame in the page.
    title, unit : str
        What is drawn, and in what.
    across : str
        What runs from left to right: "update", "recall", "score".
    log : bool
        Whether the values have a log scale.
    square : bool
        Both axes go from 0 to 1.
    lead : bool
        Whether it is the main one, and drawn larger.
    summary : str
        In words, for those who do not see it.
    series : list of dict
        For the script: run (its number), x, y, look ("main", "raw", "before", "points") and, of
        points, n.
    """

    name: str
    title: str
    unit: str
    across: str = "update"
    log: bool = False
    square: bool = False
    lead: bool = False
    summary: str = ""
    series: list[dict[str, Any]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return what the script takes."""
        return {
            "across": self.across,
            "log": self.log,
            "square": self.square,
            "series": self.series,
        }

    def frame(self) -> Node:
        """Return the element that the script draws into."""
        label = f"{self.title}, {self.unit}, over the {self.across}s. {self.summary}"
        return tag(
            "figure",
            tag("figcaption", tag("b", self.title), " ", tag("span", self.unit)),
            tag(
                "div",
                class_="plot",
                data_chart=self.name,
                tabindex="0",
                role="application",
                aria_label=label.strip(),
                aria_roledescription="chart",
            ),
            class_="chart lead" if self.lead else "chart",
        )


@dataclass(frozen=True)
class Curves:
    """A column of the log over the updates."""

    column: str
    title: str
    unit: str
    log: bool = False
    scale: float = 1.0
    lead: bool = False


CURVES = (
    Curves("loss", "Training loss", "per image, log scale", log=True, lead=True),
    Curves("map", "Validation", "mAP, %", scale=100, lead=True),
    Curves("iou", "IoU of claimed predictions", "mean"),
    Curves("recall", "Recall in training", "% of truths at IoU .5", scale=100),
    Curves("obj", "Objectness of objects", "mean"),
    Curves("rate", "Learning rate", "log scale", log=True),
    Curves("grad_norm", "Norm of the gradient", "log scale", log=True),
    Curves("img_s", "Speed", "images a second"),
)


def training_charts(subjects: Sequence[Subject]) -> list[Chart]:
    """Return the curves of the logs, of columns that any of them has."""
    window = smoothing([one.log for one in subjects])
    charts = []
    for row in CURVES:
        chart = Chart(row.column, row.title, row.unit, log=row.log, lead=row.lead)
        words = []
        for number, one in enumerate(subjects):
            values = row.scale * one.log[row.column]
            if row.log:
                values = np.where(values > 0, values, np.nan)
            if not np.isfinite(values).any():
                continue
            chart.series.extend(column_series(number, one.log, values, row, window))
            words.append(f"{one.name} ends at {_last(values):.4g}")
        if chart.series:
            charts.append(_with(chart, words))
    return charts


def column_series(
    run: int, log: Log, values: Floats, row: Curves, window: int
) -> list[dict[str, Any]]:
    """Return the curves of a run's column: a thin one of what was logged, a thick one of means."""
    if row.column == "map":
        there = np.isfinite(values)
        return [_series(run, log["update"][there], values[there], "points")]
    if row.column == "rate" or window == 1:
        return [curve(run, log["update"], values, "main")]
    mean = smoothed(values, window) if row.log else rolling_mean(values, window)
    return [
        curve(run, log["update"], values, "raw"),
        curve(run, log["update"], mean, "main"),
    ]


def mining_charts(subjects: Sequence[Subject]) -> list[Chart]:
    """Return what mining kept; empty where no run has [lrm]."""
    window = smoothing([one.log for one in subjects])
    charts = []
    for panel in PANELS:
        unit = panel.unit if panel.before is None else f"{panel.unit}; thin: before mining"
        chart = Chart(f"mining-{panel.after}", panel.title, unit)
        words = []
        for number, one in enumerate(subjects):
            before, after = mining_values(panel, one.log)
            if not np.isfinite(after).any():
                continue
            if before is not None and np.isfinite(before).any():
                mean = rolling_mean(before, window)
                chart.series.append(curve(number, one.log["update"], mean, "before"))
            mean = rolling_mean(after, window)
            chart.series.append(curve(number, one.log["update"], mean, "main"))
            words.append(f"{one.name} ends at {_last(mean):.3g}")
        if chart.series:
            charts.append(_with(chart, words))
    return charts


def mining_values(panel: Panel, log: Log) -> tuple[Floats | None, Floats]:
    """Return what a panel shows before and after mining, shares as %."""
    scale = 1 if panel.after == "kept" else 100
    before = None if panel.before is None else scale * log[panel.before]
    return before, scale * log[panel.after]


def pr_charts(subjects: Sequence[Subject]) -> tuple[list[Chart], int]:
    """Return precision over recall, a chart a class, and how many classes there are."""
    objects: dict[str, int] = {}
    for _, measured in measured_of(subjects):
        for name, found in measured.counts.curves.items():
            objects[name] = max(objects.get(name, 0), found.objects)
    there = [name for name in objects if objects[name]]
    most = set(sorted(there, key=lambda name: -objects[name])[:MOST_CLASSES])
    charts = []
    for index, name in enumerate(name for name in there if name in most):
        chart = Chart(f"pr-{index}", name, count_of(objects[name], "object"), "recall", square=True)
        words = []
        for number, measured in measured_of(subjects):
            drawn = measured.counts.curves.get(name)
            if drawn is not None and drawn.objects and len(drawn.score):
                chart.series.append(_series(number, *_thinned(drawn), "main"))
            ap = measured.evaluation.ap.get(name, math.nan)
            words.append(f"{subjects[number].name}: AP {shown(ap)}")
        charts.append(_with(chart, words))
    return charts, len(there)


def calibration_chart(subjects: Sequence[Subject]) -> Chart:
    """Return precision over scores."""
    unit = "precision over score"
    chart = Chart("calibration", "Calibration", unit, "score", square=True)
    chart.series.append({"run": -1, "x": [0, 1], "y": [0, 1], "look": "ideal"})
    words = []
    for number, measured in measured_of(subjects):
        found = measured.calibration
        full = found.count > 0
        series = _series(number, found.score[full], found.precision[full], "points")
        chart.series.append({**series, "n": found.count[full].tolist()})
        words.append(f"{subjects[number].name}: error {found.error:.3f}")
    return _with(chart, words)


def measured_of(subjects: Sequence[Subject]) -> list[tuple[int, Measured]]:
    """Return the runs that were measured, with their numbers."""
    return [(number, one.measured) for number, one in enumerate(subjects) if one.measured]


def curve(run: int, x: Floats, y: Floats, look: str) -> dict[str, Any]:
    """Return a curve of POINTS points at most: means of neighbours, gaps being passed over."""
    pieces = max(math.ceil(len(x) / POINTS), 1)
    starts = np.arange(0, len(x), pieces)
    there = np.isfinite(y)
    count = np.add.reduceat(there.astype(np.float64), starts)
    total = np.add.reduceat(np.where(there, y, 0.0), starts)
    with np.errstate(invalid="ignore"):
        values = total / count
    places = np.add.reduceat(x, starts) / np.diff(np.append(starts, len(x)))
    full = count > 0
    return _series(run, places[full], values[full], look)


def _series(run: int, x: Floats, y: Floats, look: str) -> dict[str, Any]:
    xs, ys = [float(f"{value:.9g}") for value in x], [float(f"{value:.5g}") for value in y]
    return {"run": run, "x": xs, "y": ys, "look": look}


def _thinned(found: Curve) -> tuple[Floats, Floats]:
    """Return some of a curve's points, its ends among them."""
    count = len(found.score)
    at = np.unique(np.linspace(0, count - 1, min(count, PR_POINTS)).round().astype(int))
    return found.recall[at], found.precision[at]


def _last(values: Floats) -> float:
    return float(values[np.isfinite(values)][-1])


def _with(chart: Chart, words: Sequence[str]) -> Chart:
    return replace(chart, summary="; ".join(words) + ".")
