"""The figures of a study's runs, arm by arm, and how they differ from the baseline's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pylrm.errors import PylrmError
from pylrm.study.arms import BASELINE, Mining, grid_name, mining_of
from pylrm.study.folder import StudyFolder
from pylrm.study.rows import read_rows
from pylrm.study.run import Result, Task, name_of_run
from pylrm.study.statistics import Differences, Floats, compare
from pylrm.terminal import count_of

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


@dataclass(frozen=True)
class Figures:
    """What the runs of a study gave, in percent.

    Attributes
    ----------
    name : str
        Where they come from: the study's folder, or a table of its runs.
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


def read_figures(source: Path, metric: str = "mAP") -> Figures:
    """Read the results of a study's runs, as far as they are there.

    Parameters
    ----------
    source : Path
        The study's folder, or a table of its runs (runs.csv).
    metric : str
        One of `METRICS`, or a class, for its AP.

    Raises
    ------
    PylrmError
        It is neither; no run of the baseline is there; there is no such metric.
    """
    runs = _of_table(source) if source.is_file() else _of_folder(source)
    if metric not in METRICS and metric not in runs.classes:
        known = ", ".join([*METRICS, *runs.classes])
        raise PylrmError(f"{source}: no figure named {metric}; there is {known}")
    columns = [metric, *(runs.classes if metric == "mAP" else [])]
    values = np.full((len(runs.mining), len(runs.pairs), len(columns)), math.nan)
    notes, missing = [], 0
    for row, arm in enumerate(runs.mining):
        for column, pair in enumerate(runs.pairs):
            result = runs.results.get((arm, *pair))
            if result is None:
                missing += 1
                continue
            if result.note:
                notes.append(f"{name_of_run(arm, *pair)}: {result.note}")
            values[row, column] = [figure(result, name) for name in columns]
    cells = len(runs.mining) * len(runs.pairs)
    if missing == cells:
        raise PylrmError(f"{source}: no run of the study is complete yet")
    if missing:
        notes.insert(0, f"not complete: {missing} of {count_of(cells, 'run')}")
    assert next(iter(runs.mining)) == BASELINE
    return Figures(str(source), runs.mining, columns, runs.pairs, runs.folds, 100 * values, notes)


@dataclass(frozen=True)
class _Runs:
    """What there is of a study: the arms, the baseline's first, and the results of its runs."""

    classes: list[str]
    mining: dict[str, Mining]
    pairs: list[Pair]
    folds: int
    results: dict[tuple[str, int, int | None], Result]


def _of_folder(folder: Path) -> _Runs:
    study = StudyFolder(folder)
    request = study.read()
    arms = study.arms(request)
    folds = range(request.folds) if request.folds else [None]
    pairs = [(seed, fold) for seed in request.seeds for fold in folds]
    results = {}
    for arm in arms:
        for seed, fold in pairs:
            result = study.result(Task(arm.name, seed, fold, "", arm.digest, "", {}))
            if result is not None:
                results[arm.name, seed, fold] = result
    mining = {arm.name: mining_of(arm.cfg) for arm in arms}
    return _Runs(request.classes, mining, pairs, request.folds, results)


def _of_table(path: Path) -> _Runs:
    rows = read_rows(path)
    if BASELINE not in rows.mining:
        raise PylrmError(f"{path}: no run of the {BASELINE} in it, to compare the others with")
    mining = {BASELINE: rows.mining[BASELINE], **rows.mining}
    results = {(row.arm, row.seed, row.fold): row for row in rows.results}
    found = {(seed, fold) for _, seed, fold in results}
    pairs = sorted(found, key=lambda pair: (pair[0], -1 if pair[1] is None else pair[1]))
    folds = len({fold for _, fold in pairs if fold is not None})
    return _Runs(rows.classes, mining, pairs, folds, results)


def is_of_grid(arm: str, mining: Mining) -> bool:
    """Tell whether an arm is a cell of a grid: K and NMS say all of it."""
    return mining is not None and arm == grid_name(*mining)


def figure(result: Result, name: str) -> float:
    """Return a figure of a run; NaN where it has none."""
    value = getattr(result, METRICS[name]) if name in METRICS else result.ap.get(name)
    return math.nan if value is None else float(value)
