"""The tests that decide what a study says: against naive twins, tables and their promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from pylrm.study.statistics import compare, holm, sign_flip, sign_vectors, t_cdf, t_quantile


def naive_t(values: list[float]) -> float:
    values = [value for value in values if not math.isnan(value)]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return abs(mean) / math.sqrt(variance / len(values))


def naive_sign_flip(differences: np.ndarray) -> list[float]:
    pairs, cells = differences.shape
    own = [naive_t(differences[:, cell].tolist()) for cell in range(cells)]
    reached = [0] * cells
    for signs in itertools.product((1, -1), repeat=pairs):
        largest = max(
            naive_t([sign * row[cell] for sign, row in zip(signs, differences, strict=True)])
            for cell in range(cells)
        )
        for cell in range(cells):
            reached[cell] += largest >= own[cell] - 1e-9
    return [count / 2**pairs for count in reached]


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("pairs", [3, 6, 7])
def test_sign_flips_are_all_tried(pairs: int, missing: bool) -> None:
    random = np.random.default_rng(pairs)
    differences = random.normal(0.8, 1, (pairs, 4)) * [1, 10, 0.1, 1]
    if missing:
        differences[0, 1] = differences[2, 3] = math.nan
    found, few = sign_flip(differences), np.isfinite(differences).sum(axis=0) < 6
    for family in (few, ~few):
        if family.any():
            assert found[family] == pytest.approx(naive_sign_flip(differences[:, family]))


def test_an_arm_with_few_runs_does_not_hide_the_others() -> None:
    differences = np.full((8, 2), 5.0) + np.random.default_rng(2).normal(size=(8, 2))
    alone = sign_flip(differences[:, :1])
    differences[2:, 1] = math.nan
    assert sign_flip(differences)[0] == alone[0] == 2 / 2**8


def test_equal_and_missing_differences() -> None:
    p = sign_flip(np.array([[1.0, 0.0, math.nan]] * 6))
    assert p[0] == 2 / 64 and p[1] == 1 and math.isnan(p[2])
    assert sign_flip(np.array([[1.0]] * 5))[0] == 2 / 32 > 0.05
    assert math.isnan(sign_flip(np.array([[1.0]]))[0])


def test_drawn_flips_are_near_all_of_them() -> None:
    differences = np.random.default_rng(1).normal(0.5, 1, (11, 3))
    every, drawn = sign_flip(differences), sign_flip(differences, exact=5)
    assert drawn == pytest.approx(every, abs=0.015)
    assert (sign_flip(differences, exact=5) == drawn).all()
    assert len(sign_vectors(11)) == 2**10 and (sign_vectors(30)[0] == 1).all()


def test_family_wise_errors_stay_below_the_level() -> None:
    """Of studies without any effect, at most one in twenty finds one; with one, most find it."""
    random = np.random.default_rng(3)
    shared = random.normal(size=(400, 8, 1))  # cells share their baseline
    idle = random.normal(size=(400, 8, 9)) + shared
    found = [bool((sign_flip(study) <= 0.05).any()) for study in idle]
    assert 0.015 < np.mean(found) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    idle[:, :, 4] += 4
    assert np.mean([sign_flip(study)[4] <= 0.05 for study in idle[:100]]) > 0.8


def test_intervals_cover_the_truth() -> None:
    random = np.random.default_rng(4)
    outcome = compare(random.normal(0.3, 2, (5, 2000)))
    covered = (outcome.low < 0.3) & (outcome.high > 0.3)
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * math.sqrt(0.05 * 0.95 / 2000))


@pytest.mark.parametrize(
    ("probability", "freedom", "t"),
    [
        (0.975, 1, 12.706205),
        (0.975, 2, 4.302653),
        (0.975, 5, 2.570582),
        (0.95, 9, 1.833113),
        (0.975, 30, 2.042272),
        (0.995, 14, 2.976843),
        (0.9, 120, 1.288646),
    ],
)
def test_students_t_is_that_of_the_tables(probability: float, freedom: int, t: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(t, abs=2e-6)
    assert t_cdf(t, freedom) == pytest.approx(probability, abs=1e-6)
    assert t_cdf(-t, freedom) == pytest.approx(1 - probability, abs=1e-6)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 8])
def test_students_t_is_its_densitys_integral(freedom: int) -> None:
    x = np.linspace(0, 1.7, 20001)
    scale = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(freedom * math.pi)
    density = scale * (1 + x**2 / freedom) ** (-(freedom + 1) / 2)
    area = ((density[1:] + density[:-1]) / 2 * np.diff(x)).sum()
    assert t_cdf(1.7, freedom) == pytest.approx(0.5 + area, abs=1e-8)


def test_folds_take_the_corrected_resampled_test() -> None:
    """Nadeau and Bengio: t = mean / sqrt((1/n + test/train) * variance), n - 1 degrees."""
    differences = np.random.default_rng(5).normal(0.6, 1, (15, 2))
    outcome = compare(differences, folds=5)
    expected = []
    for cell in range(2):
        values = differences[:, cell]
        error = math.sqrt((1 / 15 + 0.2 / 0.8) * values.var(ddof=1))
        expected.append(2 * (1 - t_cdf(abs(values.mean()) / error, 14)))
        half = t_quantile(0.975, 14) * error
        assert outcome.high[cell] - outcome.mean[cell] == pytest.approx(half)
    assert outcome.p == pytest.approx(holm(np.array(expected)))
    plain = compare(differences)
    assert (outcome.high - outcome.low > 2 * (plain.high - plain.low)).all()


def test_holm() -> None:
    assert holm(np.array([0.01, 0.04, math.nan, 0.03, 0.005]))[[0, 1, 3, 4]] == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])
