"""Calibration against a naive count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from pylrm.evaluate.calibration import BINS, calibration
from pylrm.evaluate.matching import HIT, NEUTRAL, match
from tests.evaluate.cases import Rows, box, detections, scenes, truths


@given(scenes(classes=2, unit=10))
def test_as_counted_one_by_one(scene: tuple[Rows, Rows]) -> None:
    wanted, found = scene
    matching = match(truths(wanted), detections(found), ["a", "b"])
    at = 0.3
    done = calibration(matching, at)
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for score, verdict in zip(matching.found.score.tolist(), matching.verdict, strict=True):
        if verdict != NEUTRAL:
            place = next(n for n in range(BINS) if score < (n + 1) / BINS or n == BINS - 1)
            bins[place].append((score, verdict == HIT))
    for number, members in enumerate(bins):
        assert done.count[number] == len(members)
        if members:
            assert done.score[number] == pytest.approx(np.mean([one[0] for one in members]))
            assert done.precision[number] == pytest.approx(np.mean([one[1] for one in members]))
        else:
            assert math.isnan(done.score[number]) and math.isnan(done.precision[number])
    kept = [[one for one in members if one[0] >= at] for members in bins]
    total = sum(map(len, kept))
    error = sum(
        abs(sum(score for score, _ in members) - sum(hit for _, hit in members)) for members in kept
    )
    assert done.error == pytest.approx(error / total if total else math.nan, nan_ok=True)


def test_by_hand() -> None:
    wanted = [box(1, 1, 10, 10)]
    found = [box(1, 1, 10, 10, score=1.0), box(50, 50, 60, 60, score=0.75)]
    done = calibration(match(truths(wanted), detections(found), ["a"]))
    assert done.count.tolist() == [0] * 7 + [1, 0, 1]
    assert (done.precision[7], done.precision[9], done.error) == (0, 1, 0.375)
