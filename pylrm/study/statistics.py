"""Whether differences between paired runs are more than chance.

A pair is two runs that share their seed (and fold). Differences are arrays (pairs, cells), with NaN
where a run of the pair has no figure.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVEL = 0.05
EXACT = 12  # pairs up to which all sign flips are tried
DRAWS = 20_000  # sign flips drawn for more
ENOUGH = 6  # pairs below which no paired test of signs can reach the level: 2 / 2^5 is more
SAME = 1e-9  # relative difference of statistics that are equal but for rounding


@dataclass(frozen=True)
class Differences:
    """What the differences of pairs say, a value a cell; NaN where there are too few pairs.

    Attributes
    ----------
    pairs : array (cells,) int64
        How many there are.
    mean, low, high : array (cells,)
        The mean difference and its 95% interval, of each cell for itself.
    p : array (cells,)
        Family-wise: how often chance alone brings any cell as far as this one.
    """

    pairs: npt.NDArray[np.int64]
    mean: Floats
    low: Floats
    high: Floats
    p: Floats

    @property
    def significant(self) -> npt.NDArray[np.bool_]:
        """Whether the family-wise p is at most `LEVEL`."""
        return np.nan_to_num(self.p, nan=1.0) <= LEVEL


def compare(differences: Floats, folds: int = 0) -> Differences:
    """Look at the differences of several cells together.

    Parameters
    ----------
    differences : array (pairs, cells)
        NaN where a pair lacks a figure.
    folds : int
        Of the cross-validation that the pairs are from; 0: of runs that share their lists. Folds
        share training images and are not independent: there it is the corrected resampled t-test
        with Holm's correction, else the sign-flip permutation test of the largest |t|.
    """
    there = np.isfinite(differences)
    pairs = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, differences, 0.0).sum(axis=0) / pairs
        variance = np.where(there, differences - mean, 0.0) ** 2
        error = np.sqrt(variance.sum(axis=0) / (pairs - 1) * overlap_factor(pairs, folds))
    reach = np.array([t_quantile(1 - LEVEL / 2, int(n) - 1) if n > 1 else math.nan for n in pairs])
    p = holm(t_test(mean, error, pairs)) if folds else sign_flip(differences)
    return Differences(pairs, mean, mean - reach * error, mean + reach * error, p)


def overlap_factor(pairs: npt.NDArray[np.int64], folds: int) -> Floats:
    """Return what the variance of differences is multiplied by to be that of their mean.

    1/n for independent pairs. For cross-validation Nadeau and Bengio add the share of images
    tested on to those trained on, 1 / (folds - 1).
    """
    with np.errstate(divide="ignore"):
        factor: Floats = 1.0 / pairs
    return factor + 1.0 / (folds - 1) if folds else factor


def t_test(mean: Floats, error: Floats, pairs: npt.NDArray[np.int64]) -> Floats:
    """Return the two-sided p of means by Student's t, a cell each; NaN below two pairs."""
    found = np.full(len(mean), math.nan)
    for cell in np.flatnonzero(pairs > 1):
        if error[cell] > 0:
            found[cell] = 2 * (1 - t_cdf(abs(mean[cell]) / error[cell], int(pairs[cell]) - 1))
        else:
            found[cell] = 0.0 if mean[cell] else 1.0
    return found


def holm(p: Floats) -> Floats:
    """Return p adjusted for the number of cells by Holm's steps; NaN counts as no cell."""
    adjusted = np.full(len(p), math.nan)
    order = [cell for cell in np.argsort(p) if not math.isnan(p[cell])]
    highest = 0.0
    for step, cell in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - step) * float(p[cell])))
        adjusted[cell] = highest
    return adjusted


def sign_flip(differences: Floats, *, exact: int = EXACT, draws: int = DRAWS) -> Floats:
    """Test all cells together by flipping the signs of pairs.

    Without an effect a pair's difference is as likely as its opposite, in all cells at once, for
    the pair's arms could change places. p is the share of sign flips whose largest |t| over all
    cells reaches that of the cell. Cells with fewer pairs than `ENOUGH`, whose t is large by chance
    too easily and which cannot be significant, are kept apart from the others.

    Parameters
    ----------
    differences : array (pairs, cells)
        NaN where a pair lacks a figure.
    exact : int
        Pairs up to which all flips are tried.
    draws : int
        Flips drawn for more, always the same; the flip of none is one more.

    Returns
    -------
    array (cells,)
        The family-wise p; NaN for a cell with fewer than two pairs.
    """
    there = np.isfinite(differences)
    values = np.where(there, differences, 0.0)
    pairs = there.sum(axis=0)
    p = np.full(len(pairs), math.nan)
    for family in (pairs >= ENOUGH, (pairs > 1) & (pairs < ENOUGH)):
        if family.any():
            signs = sign_vectors(len(values), exact, draws)
            statistics = squared_t(signs, values[:, family], there[:, family])
            largest = statistics.max(axis=1) * (1 + SAME)
            p[family] = (largest[:, None] >= statistics[0]).mean(axis=0)
    return p


def sign_vectors(pairs: int, exact: int = EXACT, draws: int = DRAWS) -> Floats:
    """Return flips (flips, pairs) of 1 and -1; the first flips none.

    Of opposite flips, which have the same |t|, one is enough.
    """
    if pairs <= exact:
        rest = itertools.product((1.0, -1.0), repeat=pairs - 1)
        return np.array([(1.0, *signs) for signs in rest])
    drawn = np.random.default_rng(0).choice((1.0, -1.0), (draws, pairs))
    return np.vstack([np.ones((1, pairs)), drawn])


def squared_t(signs: Floats, values: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """Return t squared of each flip and cell, infinite where all differences are equal."""
    count = there.sum(axis=0)
    squares = (values**2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # The sum of squares is the same for all flips; of it, this share is the mean's.
        share = (signs @ values) ** 2 / (count * squares)
        share[share > 1 - SAME] = 1.0
        found: Floats = (count - 1) * share / (1 - share)
    found[:, squares == 0] = 0.0
    return found


def t_cdf(t: float, freedom: int) -> float:
    """Return the distribution function of Student's t with whole degrees of freedom.

    By the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for step in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * (step - 1) / step
        total += term
    inside = math.sin(angle) * total
    if odd:
        inside = 2 / math.pi * (angle + inside)
    return 0.5 + inside / 2


def t_quantile(probability: float, freedom: int) -> float:
    """Return the t below which Student's t lies with a probability above one half."""
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < probability:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, freedom) < probability else (low, middle)
    return high
