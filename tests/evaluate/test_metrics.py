"""What holds for all metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.evaluate import Curve, coco, kitti, voc
from tests.evaluate.cases import box, by_image, detections, grid, heap, truths

NAMES = ["car", "person"]
Metric = Callable[..., Any]

each_metric = pytest.mark.parametrize("metric", [voc, coco, kitti])


def figures(result: Any) -> list[float]:
    """All average precisions of a result."""
    flat: list[float] = []

    def collect(values: Any) -> None:
        if isinstance(values, Mapping):
            for value in values.values():
                collect(value)
        else:
            flat.append(values)

    collect(result.ap)
    return [*flat, result.map, *getattr(result, "stats", [])]


def first_curve(result: Any) -> Curve:
    curve = result.curves["car"]
    return curve if isinstance(curve, Curve) else curve["hard"]


@each_metric
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_images_and_detections_does_not_matter(
    metric: Metric, seed: int, random: Any
) -> None:
    truth, found = heap(seed)
    order = random.sample(range(5), 5)
    moved = sorted(truth, key=lambda row: order.index(row["image"]))
    mixed = random.sample(found, len(found))
    one = figures(metric(truths(truth), detections(found), NAMES))
    assert 0 < one[0] < 1
    again = metric(truths(moved), detections(mixed), NAMES)
    assert figures(again) == pytest.approx(one, abs=1e-12, nan_ok=True)


@each_metric
@settings(max_examples=10, deadline=None)
@given(st.integers(84, 200), st.randoms(use_true_random=False))
def test_perfect_detections_score_1(metric: Metric, count: int, random: Any) -> None:
    truth = grid(count)
    scores = random.sample(range(count), count)
    found = [row | {"score": score} for row, score in zip(truth, scores, strict=True)]
    result = metric(truths(truth), detections(found), NAMES)
    values = figures(result)
    if metric is coco:  # there are no small or large ones, and more than one or ten an image
        values = [*values[:6], *result.stats[8:9], *result.stats[10:11]]
        assert result.stats[3] == result.stats[5] == -1
    assert values == pytest.approx([1.0] * len(values), abs=1e-12)


@each_metric
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_duplicates_of_hits_are_false(metric: Metric, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = grid(120)
    hits = [row | {"score": random.random()} for row in truth if random.random() < 0.8]
    noise = [
        box(100 * i, 400, 100 * i + 50, 450, **{"score": random.random(), "image": i % 3})
        for i in range(40)
    ]
    found = [*hits, *noise]
    repeated = [row | {"score": row["score"] - 1e-6} for row in hits if random.random() < 0.5]
    once = metric(truths(truth), detections(found), NAMES)
    twice = metric(truths(truth), detections([*found, *repeated]), NAMES)
    assert all(b <= a + 1e-12 for a, b in zip(figures(once), figures(twice), strict=True))
    assert twice.map < once.map
    assert first_curve(twice).precision[-1] < first_curve(once).precision[-1]
    assert first_curve(twice).recall[-1] == first_curve(once).recall[-1]


@each_metric
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class": 2}, r"image 7: class 2 of 2 classes"),
        ({"class": 0.5}, r"image 7: class 0\.5 of 2 classes"),
        ({"class": -1}, r"image 7: class -1"),
        ({"score": np.nan}, r"image 7: a score is NaN"),
        ({"top": "x"}, r"image 7: 'top' is not all numbers"),
        ({"left": None}, r"image 7: no field 'left'"),
    ],
)
def test_impossible_values_are_named(metric: Metric, change: Any, message: str) -> None:
    row = box(0, 0, 50, 50) | {"image": 7} | change
    bad = {name: value for name, value in row.items() if value is not None}
    good = truths([box(0, 0, 50, 50)])
    with pytest.raises(ValueError, match=message):
        metric(good, by_image([bad], "ignore"), NAMES)
    if "score" not in change:
        with pytest.raises(ValueError, match=message):
            metric(by_image([bad], "score"), {}, NAMES)


@each_metric
def test_fields_have_one_length_and_names_differ(metric: Metric) -> None:
    record = truths([box(0, 0, 50, 50)])["a"]
    with pytest.raises(ValueError, match=r"image 'a': 'ignore' of shape \(3,\) beside 1 class"):
        metric({"a": {**record, "ignore": np.zeros(3)}}, {}, NAMES)
    with pytest.raises(ValueError, match="same name"):
        metric({}, {}, ["car", "car"])
