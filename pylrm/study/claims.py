"""What the paper claims, held against the figures of a study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pylrm.inspect.describe import table as aligned
from pylrm.study.arms import BASELINE, grid_name
from pylrm.study.figures import Figures

KS, THRESHOLDS = (64, 128, 256), (0.0, 0.5, 0.7)
GRID = [grid_name(k, nms) for nms in THRESHOLDS for k in KS]

Table = Mapping[tuple[str, str], float]  # (arm, column) to a figure in percent
Predicate = Callable[[Table], bool]


class MissingError(Exception):
    """A figure that a claim is about is not in the table."""


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper as a test.

    Attributes
    ----------
    data : str
        The data set that the paper says it of.
    text : str
        What it says.
    holds : callable
        Whether it does, in a table.
    """

    data: str
    text: str
    holds: Predicate


def figure(table: Table, arm: str, column: str = "mAP") -> float:
    """Return a figure.

    Raises
    ------
    MissingError
        There is none.
    """
    value = table.get((arm, column), math.nan)
    if math.isnan(value):
        raise MissingError
    return value


def best(table: Table, arms: Sequence[str]) -> str:
    """Return the arm of the highest mAP."""
    return max(arms, key=lambda arm: figure(table, arm))


def gain(table: Table, column: str) -> float:
    """Return what the grid's arms gain over the baseline, in the mean."""
    return float(np.mean([figure(table, arm, column) for arm in GRID])) - figure(
        table, BASELINE, column
    )


def each_beats_the_baseline(table: Table) -> bool:
    """Tell whether all nine have a higher mAP than the baseline."""
    return all(figure(table, arm) > figure(table, BASELINE) for arm in GRID)


def k128_is_best(table: Table) -> bool:
    """Tell whether K=128 is best at every NMS."""
    return all(
        best(table, [grid_name(k, nms) for k in KS]) == grid_name(128, nms) for nms in THRESHOLDS
    )


def k64_wants_half(table: Table) -> bool:
    """Tell whether NMS .5 is best at K=64."""
    return best(table, [grid_name(64, nms) for nms in THRESHOLDS]) == grid_name(64, 0.5)


def larger_k_at_nms_7(table: Table) -> bool:
    """Tell whether K=128 is worst and 256 best at NMS .7."""
    order = sorted(KS, key=lambda k: figure(table, grid_name(k, 0.7)))
    return order == [128, 64, 256]


def gains_most(name: str) -> Predicate:
    """Return whether a class gains more than any other, in the mean of the grid."""

    def holds(table: Table) -> bool:
        gain(table, name)
        others = {column for _, column in table} - {"mAP"}
        return name == max(others, key=lambda column: gain(table, column))

    return holds


def lose(*names: str) -> Predicate:
    """Return whether classes lose, in the mean of the grid."""
    return lambda table: all(gain(table, name) < 0 for name in names)


CLAIMS = (
    Claim("KITTI, VOC", "each K and NMS beats the baseline", each_beats_the_baseline),
    Claim("KITTI", "K=128 is best at every NMS", k128_is_best),
    Claim("KITTI", "K=64 wants NMS .5", k64_wants_half),
    Claim("KITTI", "tram gains most", gains_most("tram")),
    Claim("VOC", "at NMS .7 K=128 is worst and 256 best", larger_k_at_nms_7),
    Claim("VOC", "cat and dog lose", lose("cat", "dog")),
)


def verdict(claim: Claim, table: Table) -> bool | None:
    """Return whether a claim holds in a table; None: the table has not what it is about."""
    try:
        return claim.holds(table)
    except MissingError:
        return None


def claims_table(figures: Figures) -> str:
    """Return whether the paper's claims hold in a study: in the means, and pair by pair."""
    rows = [["the paper says", "of", "in the means", "in single pairs"]]
    for claim in CLAIMS:
        mean = verdict(claim, as_table(figures, None))
        single = [verdict(claim, as_table(figures, pair)) for pair in range(len(figures.pairs))]
        judged = [each for each in single if each is not None]
        word = {True: "holds", False: "does not hold", None: "not in this study"}[mean]
        count = f"{sum(judged)} of {len(judged)}" if judged else "-"
        rows.append([claim.text, claim.data, word, count])
    return f"{figures.name}\n{aligned(rows, left={0, 1, 2, 3})}"


def as_table(figures: Figures, pair: int | None) -> Table:
    """Return the figures of a pair of runs, or the means (None), by arm and column."""
    values = figures.means if pair is None else figures.values[:, pair]
    return {
        (arm, column): float(values[row, index])
        for row, arm in enumerate(figures.arms)
        for index, column in enumerate(figures.columns)
    }
