"""What becomes of each detection, and who takes what in turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.evaluate import FALSE, HIT, NEUTRAL, match
from pylrm.evaluate.matching import rank, take_turns
from tests.evaluate.cases import Rows, box, detections, scenes, truths

NAMES = ["cat", "dog"]


def test_verdicts() -> None:
    truth = [
        box(1, 1, 10, 10),
        box(21, 1, 30, 10, difficult=1),
        box(41, 1, 50, 10, ignore=1),
        box(61, 1, 70, 10, image="b"),
        box(1, 1, 10, 10, **{"class": 1}),
    ]
    found = [
        box(1, 1, 10, 9, score=0.8),
        box(1, 1, 10, 10, score=0.7),
        box(21, 1, 30, 10, score=0.6),
        box(41, 1, 50, 10, score=0.5),
        box(1, 1, 10, 4, score=0.9),
        box(1, 1, 10, 10, score=0.4, image="c"),
    ]
    matching = match(truths(truth), detections(found), NAMES)
    assert matching.ids == ["a", "b", "c"]
    assert matching.found.score.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    assert matching.verdict.tolist() == [FALSE, HIT, FALSE, NEUTRAL, NEUTRAL, FALSE]
    assert matching.overlap == pytest.approx([0.4, 0.9, 1, 1, 0, 0])
    objects = matching.truth.corners[matching.best[matching.best >= 0], 0]
    assert objects.tolist()[:4] == [1, 1, 1, 21] and matching.best[-1] == -1
    assert matching.objects.tolist() == [True, False, False, True, True]  # image by image
    assert matching.reached().tolist() == [True, False, False, False, False]
    assert not matching.reached(0.85).any()


def test_curves_by_size() -> None:
    truth = [box(1, 1, 10, 10), box(21, 1, 40, 20), box(101, 1, 200, 100)]
    found = [
        box(1, 1, 10, 11, score=0.9),  # larger than its truth
        box(301, 1, 310, 10, score=0.8),  # false, of 100 pixels
        box(21, 1, 40, 20, score=0.7),
        box(301, 1, 340, 100, score=0.6),
    ]
    matching = match(truths(truth), detections(found), NAMES)
    whole, small = matching.curve(0), matching.curve(0, 0, 100)
    assert (whole.objects, small.objects) == (3, 1)
    assert small.score.tolist() == [0.9, 0.8] and small.precision.tolist() == [1.0, 0.5]
    middle = matching.curve(0, 101, 400)
    assert middle.recall.tolist() == [1.0] and middle.score.tolist() == [0.7]
    assert matching.curve(0, 4001).recall.tolist() == []
    assert matching.curve(0, 4000).precision.tolist() == [0.0]
    assert whole.score.tolist() == [0.9, 0.8, 0.7, 0.6]


@settings(max_examples=50, deadline=None)
@given(scenes(classes=2, unit=1), st.sampled_from([0.2, 0.4, 0.6]))
def test_lower_scores_change_nothing_above(scene: tuple[Rows, Rows], floor: float) -> None:
    truth, found = scene
    every = match(truths(truth), detections(found), NAMES)
    kept = [row for row in found if row["score"] >= floor]
    some = match(truths(truth), detections(kept), NAMES)
    above = every.found.score >= floor
    assert sorted(zip(every.found.score[above], every.verdict[above], strict=True)) == sorted(
        zip(some.found.score, some.verdict, strict=True)
    )
    assert every.reached(floor).tolist() == some.reached().tolist()


def test_ranks() -> None:
    assert rank(np.array([5, 2, 5, 5, 2])).tolist() == [0, 0, 1, 2, 1]
    assert rank(np.zeros(0, np.int64)).tolist() == []


@given(st.data())
@settings(deadline=None)
def test_takers_in_turn_one_after_the_other(data: Any) -> None:
    takers = data.draw(st.integers(0, 6))
    group = data.draw(st.lists(st.integers(0, 2), min_size=takers, max_size=takers))
    wishes = [
        [3 * target + group[i] for target in data.draw(st.permutations(range(3)))]
        for i in range(takers)
    ]
    rows = [(i, target) for i, wish in enumerate(wishes) for target in wish]
    allowed = [[data.draw(st.booleans()) for _ in range(2)] for _ in rows]
    shared = [target >= 6 for _, target in rows]
    expected = np.full((takers, 2), -1)
    for rule in range(2):
        taken = set()
        for pair, (i, target) in enumerate(rows):
            if allowed[pair][rule] and target not in taken and expected[i, rule] < 0:
                expected[i, rule] = pair
                taken |= set() if shared[pair] else {target}
    turns = rank(np.array(group, np.int64))
    pairs = np.array(rows, np.int64).reshape(-1, 2)
    chosen = take_turns(
        pairs[:, 0],
        pairs[:, 1],
        turns[pairs[:, 0]],
        np.array(allowed, bool).reshape(-1, 2),
        np.array(shared, bool),
        takers,
    )
    assert chosen.tolist() == expected.tolist()
