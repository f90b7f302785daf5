"""What the metrics' results have in common: curves, means, and text tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pylrm.evaluate.boxes import Floats


@dataclass(frozen=True)
class Curve:
    """Precision over recall of a class, a point for each counted detection, by score.

    Attributes
    ----------
    recall, precision : array (n,) float64
        Of all detections of this score or more.
    score : array (n,) float64
        Of the detection, descending.
    objects : int
        Truths that count: neither difficult nor to be ignored.
    """

    recall: Floats
    precision: Floats
    score: Floats
    objects: int


def mean(values: Iterable[float]) -> float:
    """Return the mean of those that are not NaN; NaN if there are none."""
    there = [value for value in values if not math.isnan(value)]
    return float(np.mean(there)) if there else math.nan


def shown(value: float) -> str:
    """Return an average precision as text, "-" for NaN."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def layout(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a text table, the first column to the left and the others to the right.

    The first row is the heading, the last the total; lines separate both from the others.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
