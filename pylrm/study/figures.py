"""The figures of a study's runs, arm by arm, and how they differ from the baseline's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pylrm.errors import PylrmError
from pylrm.study.arms import BASELINE, grid_name, mining_of
from pylrm.study.folder import StudyFolder
from pylrm.study.run import Result, Task
from pylrm.study.statistics import Differences, Floats, compare

# Figures of a whole run; all but the last are average precisions.
METRICS = {
    "mAP": "map",
    "AP50": "ap50",
    "AP75": "ap75",
    "APs": "small",
    "APm": "medium",
    "APl": "large",
    "F1": "f1",
}

Pair = tuple[int, int | None]  # seed and fold
Mining = tuple[int, float] | None  # K and the threshold of NMS; 0: none


@dataclass(frozen=True)
class Figures:
    """What the runs of a study gave, in percent.

    Attributes
    ----------
    name : str
        The study's folder.
    arms : dict of str to Mining
        Names, the baseline's first, to what [lrm] does there.
    columns : list of str
        The metric, then the classes if it is mAP.
    pairs : list of Pair
        What the runs of the arms share.
    folds : int
        Of the cross-validation; 0: none.
    values : array (arms, pairs, columns)
        NaN where a run is missing, diverged, or has no objects of a class.
    notes : list of str
        What is missing, and why.
    """

    name: str
    arms: dict[str, Mining]
    columns: list[str]
    pairs: list[Pair]
    folds: int
    values: Floats
    notes: list[str]

    @property
    def metric(self) -> str:
        """The first column."""
        return self.columns[0]

    @cached_property
    def runs(self) -> list[int]:
        """How many runs of each arm have the metric's figure."""
        return [int(n) for n in np.isfinite(self.values[:, :, 0]).sum(axis=1)]

    @cached_property
    def means(self) -> Floats:
        """The means over the runs: (arms, columns)."""
        there = np.isfinite(self.values)
        total = np.where(there, self.values, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            means: Floats = total / there.sum(axis=1)
        return means

    @cached_property
    def gains(self) -> Differences:
        """The metric of each arm but the first against the first, tested together."""
        return compare((self.values[1:, :, 0] - self.values[0, :, 0]).T, self.folds)

    @cached_property
    def class_gains(self) -> list[Differences]:
        """The same of the classes, a column each; all arms and classes are tested together."""
        gains = self.values[1:, :, 1:] - self.values[0, :, 1:]
        arms, pairs, classes = gains.shape
        together = compare(gains.transpose(1, 0, 2).reshape(pairs, arms * classes), self.folds)

        def column(index: int) -> Differences:
            cells = slice(index, None, classes)
            return Differences(
                together.pairs[cells],
                together.mean[cells],
                together.low[cells],
                together.high[cells],
                together.p[cells],
            )

        return [column(index) for index in range(classes)]

    def only(self, names: Sequence[str]) -> Figures:
        """Return the figures of these arms, in this order."""
        rows = [list(self.arms).index(name) for name in names]
        return Figures(
            self.name,
            {name: self.arms[name] for name in names},
            self.columns,
            self.pairs,
            self.folds,
            self.values[rows],
            self.notes,
        )


def read_figures(folder: Path, metric: str = "mAP") -> Figures:
    """Read the results of a study's runs, as far as they are there.

    Parameters
    ----------
    folder : Path
        The study's.
    metric : str
        One of `METRICS`, or a class, for its AP.

    Raises
    ------
    PylrmError
        The folder is not a study's; no run of the baseline is there; there is no such metric.
    """
    study = StudyFolder(folder)
    request = study.read()
    if metric not in METRICS and metric not in request.classes:
        known = ", ".join([*METRICS, *request.classes])
        raise PylrmError(f"{folder}: no figure named {metric}; there is {known}")
    arms = study.arms(request)
    folds = range(request.folds) if request.folds else [None]
    pairs = [(seed, fold) for seed in request.seeds for fold in folds]
    columns = [metric, *(request.classes if metric == "mAP" else [])]
    values = np.full((len(arms), len(pairs), len(columns)), math.nan)
    notes, missing = [], 0
    for row, arm in enumerate(arms):
        for column, (seed, fold) in enumerate(pairs):
            task = Task(arm.name, seed, fold, "", arm.digest, "", {})
            result = study.result(task)
            if result is None:
                missing += 1
                continue
            if result.note:
                notes.append(f"{task}: {result.note}")
            values[row, column] = [figure(result, name) for name in columns]
    if missing == len(arms) * len(pairs):
        raise PylrmError(f"{folder}: no run of the study is complete yet")
    if missing:
        notes.insert(0, f"{missing} of {len(arms) * len(pairs)} runs are not complete")
    mining = {arm.name: mining_of(arm.cfg) for arm in arms}
    assert next(iter(mining)) == BASELINE
    return Figures(str(folder), mining, columns, pairs, request.folds, 100 * values, notes)


def is_of_grid(arm: str, mining: Mining) -> bool:
    """Tell whether an arm is a cell of a grid: K and NMS say all of it."""
    return mining is not None and arm == grid_name(*mining)


def figure(result: Result, name: str) -> float:
    """Return a figure of a run; NaN where it has none."""
    value = getattr(result, METRICS[name]) if name in METRICS else result.ap.get(name)
    return math.nan if value is None else float(value)
