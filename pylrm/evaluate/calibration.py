"""Whether scores are what they seem: of detections of score .7, are seven of ten right?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pylrm.evaluate.boxes import Floats, Ints
from pylrm.evaluate.matching import HIT, NEUTRAL, Matching

BINS = 10  # of scores, each .1 wide


@dataclass(frozen=True)
class Calibration:
    """Scores and the share of hits, by bins of scores: [0, .1), [.1, .2), …, [.9, 1].

    Attributes
    ----------
    score, precision : array (bins,) float64
        The mean score of a bin's detections, and the share of hits among them; NaN in empty bins.
    count : array (bins,) int64
        How many detections there are.
    at : float
        The lowest score of the detections in `error`.
    error : float
        The expected calibration error: how far score and precision are apart, a mean over the bins
        weighted by their detections; NaN without any.
    """

    score: Floats
    precision: Floats
    count: Ints
    at: float
    error: float


def calibration(matching: Matching, at: float = 0.0) -> Calibration:
    """Compare scores with the share of hits; detections that count neither way are left out.

    Parameters
    ----------
    matching : Matching
        Of detections to truths.
    at : float
        The lowest score of the detections in `error`; the many of the lowest scores would hide the
        others.
    """
    counted = matching.verdict != NEUTRAL
    score = matching.found.score[counted]
    hit = matching.verdict[counted] == HIT
    shown, precision, count = _bins(score, hit)
    kept = score >= at
    there, right, number = _bins(score[kept], hit[kept])
    full = number > 0
    error = math.nan
    if full.any():
        error = float(np.average(np.abs(there[full] - right[full]), weights=number[full]))
    return Calibration(shown, precision, count, at, error)


def _bins(score: Floats, hit: np.ndarray) -> tuple[Floats, Floats, Ints]:
    place = np.clip((score * BINS).astype(np.int64), 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, values, BINS) / count for values in (score, hit)]
    return means[0], means[1], count
