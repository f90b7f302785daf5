"""VOC's average precision: against the devkit's port's figures, a naive twin, and properties."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pylrm
from pylrm.evaluate import voc
from pylrm.evaluate.boxes import inclusive, record_of, to_edges
from tests.evaluate.cases import (
    CORNERS,
    ORACLES,
    Fields,
    Rows,
    box,
    detections,
    in_given_order,
    truths,
)
from tests.evaluate.naive import average_precision

ORACLE = ORACLES / "voc_coco"
NAMES = ["cat", "dog"]


def read_oracle(names: list[str]) -> tuple[dict[str, Fields], dict[str, Fields]]:
    truth: Rows = []
    for path in sorted((ORACLE / "Annotations").glob("*.xml")):
        for thing in ElementTree.parse(path).iter("object"):
            corners = [
                float(thing.find(f"bndbox/{k}").text) for k in ("xmin", "ymin", "xmax", "ymax")
            ]
            truth.append(
                {
                    "image": path.stem,
                    "class": names.index(thing.find("name").text),
                    **dict(zip(CORNERS, corners, strict=True)),
                    "difficult": int(thing.find("difficult").text),
                    "ignore": 0,
                }
            )
    found: Rows = []
    for kind, name in enumerate(names):
        lines = (ORACLE / "results" / f"comp4_det_test_{name}.txt").read_text().splitlines()
        for image, *numbers in map(str.split, lines):
            score, *corners = map(float, numbers)
            box = dict(zip(CORNERS, corners, strict=True))
            found.append({"image": image, "class": kind, "score": score, **box})
    return truths(truth), detections(found)


@pytest.mark.parametrize("metric", ["area", "11point"])
@pytest.mark.parametrize("iou", [0.5, 0.75])
def test_the_devkits_figures(iou: float, metric: str) -> None:
    expected = json.loads((ORACLE / "expected.json").read_text())
    names = expected["classes"]
    figures = expected["voc"][f"iou{iou}_{metric}"]
    result = pylrm.evaluate.voc(*read_oracle(names), names, iou, metric)
    for name in names:
        assert result.ap[name] == pytest.approx(figures[name], abs=1e-6)
    assert result.map == pytest.approx(figures["mAP"], abs=1e-6)


edges = st.integers(1, 12)


@st.composite
def rows(draw: st.DrawFn, *, scored: bool) -> Rows:
    out = []
    for _ in range(draw(st.integers(0, 14))):
        left, right = sorted((draw(edges), draw(edges)))
        top, bottom = sorted((draw(edges), draw(edges)))
        row: dict[str, Any] = dict(zip(CORNERS, (left, top, right, bottom), strict=True))
        row["image"] = draw(st.sampled_from("abc"))
        row["class"] = draw(st.integers(0, 1))
        if scored:
            row["score"] = draw(st.integers(0, 4)) / 4  # many ties
        else:
            row["difficult"] = draw(st.booleans())
            row["ignore"] = draw(st.integers(0, 3)) == 0
            if row["ignore"] and draw(st.booleans()):
                row["class"] = -1
        out.append(row)
    return out


@settings(max_examples=120, deadline=None)
@given(
    rows(scored=False),
    rows(scored=True),
    st.sampled_from([0.0, 0.25, 0.5, 0.75]),
    st.sampled_from(["area", "11point"]),
)
def test_a_naive_twin_agrees(truth: Rows, found: Rows, iou: float, metric: str) -> None:
    result = voc(truths(truth), detections(found), NAMES, iou, metric)
    expected = [
        average_precision(truth, in_given_order(found), kind, iou, metric) for kind in range(2)
    ]
    assert list(result.ap.values()) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    real = [value for value in expected if not math.isnan(value)]
    mean = sum(real) / len(real) if real else math.nan
    assert result.map == pytest.approx(mean, abs=1e-12, nan_ok=True)


@settings(deadline=None)
@given(rows(scored=False), rows(scored=True), st.randoms(use_true_random=False))
def test_the_order_of_images_and_detections_does_not_matter(
    truth: Rows, found: Rows, random: Any
) -> None:
    scores = random.sample(range(1000), len(found))  # no ties
    found = [{**row, "score": score} for row, score in zip(found, scores, strict=True)]
    one = voc(truths(truth), detections(found), NAMES, 0.5)
    order = random.sample("abc", 3)
    mixed = random.sample(found, len(found))
    # Of truths that a detection overlaps equally the first is taken: within an image they stay.
    sorted_truth = sorted(truth, key=lambda row: order.index(row["image"]))
    again = voc(truths(sorted_truth), detections(mixed), NAMES, 0.5)
    for name in NAMES:
        assert again.ap[name] == pytest.approx(one.ap[name], nan_ok=True)


@given(rows(scored=False))
@settings(deadline=None)
def test_perfect_detections_score_1(truth: Rows) -> None:
    truth = list(
        {(row["image"], row["class"], *(row[c] for c in CORNERS)): row for row in truth}.values()
    )
    objects = [{**row, "ignore": False} for row in truth if row["class"] >= 0]
    found = [{**row, "score": 0.5 + 0.01 * i} for i, row in enumerate(objects)]
    for metric in ("area", "11point"):
        result = voc(truths(objects), detections(found), NAMES, 0.5, metric)
        assert all(value == pytest.approx(1.0) for value in result.ap.values() if value == value)


@given(rows(scored=False), rows(scored=True))
@settings(deadline=None)
def test_lower_scored_noise_never_helps_and_never_lowers_area_by_itself(
    truth: Rows, found: Rows
) -> None:
    """False detections below all others come after the curve's last hit."""
    noise = [
        {
            "image": "a",
            "class": kind,
            "score": -1.0,
            "left": 100,
            "top": 100,
            "right": 101,
            "bottom": 101,
        }
        for kind in (0, 1)
    ]
    plain = voc(truths(truth), detections(found), NAMES)
    noisy = voc(truths(truth), detections(found + noise), NAMES)
    for name in NAMES:
        assert noisy.ap[name] == pytest.approx(plain.ap[name], nan_ok=True)


def ap(truth: Rows, found: Rows, iou: float = 0.5, metric: str = "area") -> float:
    return voc(truths(truth), detections(found), ["cat"], iou, metric).ap["cat"]


def test_duplicates_are_false() -> None:
    two = [box(1, 1, 10, 10), box(21, 1, 30, 10)]
    found = [
        box(1, 1, 10, 10, score=0.9),
        box(1, 1, 10, 10, score=0.8),
        box(21, 1, 30, 10, score=0.7),
    ]
    assert ap(two, found) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert ap(two, [found[0], found[2]]) == 1.0


def test_a_detection_goes_to_the_truth_it_overlaps_most_even_when_that_is_taken() -> None:
    truth = [box(1, 1, 10, 10), box(1, 1, 10, 8)]
    found = [box(1, 1, 10, 10, score=0.9), box(1, 1, 10, 10, score=0.8)]
    assert ap(truth, found) == 0.5


def test_corners_are_inclusive_and_the_iou_must_exceed_the_limit() -> None:
    truth = [box(1, 1, 10, 10)]
    assert ap(truth, [box(1, 1, 10, 5)]) == 0.0  # 50 of 100 pixels: exactly .5
    assert ap(truth, [box(1, 1, 10, 6)]) == 1.0
    assert ap(truth, [box(1, 1, 10, 6)], iou=0.6) == 0.0
    assert ap([box(3, 3, 3, 3)], [box(3, 3, 3, 3)]) == 1.0  # a pixel has an area


def test_difficult_truths_count_neither_way() -> None:
    truth = [box(1, 1, 10, 10, difficult=1), box(21, 1, 30, 10)]
    found = [
        box(1, 1, 10, 10, score=0.9),
        box(1, 1, 10, 10, score=0.8),
        box(21, 1, 30, 10, score=0.7),
    ]
    assert ap(truth, found) == 1.0
    assert math.isnan(ap(truth[:1], found))


def test_regions_to_ignore() -> None:
    real = box(21, 1, 30, 10)
    inside = box(1, 1, 10, 10, score=2.0)
    region = box(1, 1, 10, 6, ignore=1)
    assert ap([real], [inside, real]) == 0.5
    assert ap([real, region], [inside, real]) == 1.0
    assert ap([real, {**region, "bottom": 5}], [inside, real]) == 0.5  # half of it, not more
    assert ap([real, {**region, "class": -1}], [inside, real]) == 1.0
    assert ap([real, {**region, "image": "b"}], [inside, real]) == 0.5
    assert ap([real, {**real, "ignore": 1}], [real, {**real, "score": 0.5}]) == 1.0
    other = voc(
        truths([real, {**region, "class": 1}]), detections([inside, real]), NAMES
    )  # of another class
    assert other.ap["cat"] == 0.5


def test_classes_without_truths_are_left_out() -> None:
    truth, found = [box(1, 1, 10, 10)], [box(1, 1, 10, 10), box(1, 1, 9, 9, **{"class": 1})]
    result = voc(truths(truth), detections(found), NAMES)
    assert result.ap["cat"] == 1.0 and math.isnan(result.ap["dog"]) and result.map == 1.0
    lines = result.table().splitlines()
    assert [line.split()[-1] for line in lines if line[0] != "-"] == ["AP", "1.0000", "-", "1.0000"]
    assert lines[-1].startswith("mAP@.5 (VOC, area)") and len({len(line) for line in lines}) == 1
    assert lines[2].split() == ["cat", "1", "1", "1.0000"]
    nothing = voc({}, {}, NAMES)
    assert math.isnan(nothing.map) and "-" in nothing.table().splitlines()[-1]
    assert voc(truths(truth), {}, NAMES).map == 0.0
    assert "11 points" in voc(truths(truth), {}, NAMES, 0.75, "11point").title
    assert "mAP@.75" in voc(truths(truth), {}, NAMES, 0.75).title


def test_curves() -> None:
    truth = [box(1, 1, 10, 10), box(21, 1, 30, 10)]
    found = [box(1, 1, 10, 10, score=0.5), box(50, 1, 60, 10, score=0.9)]
    curve = voc(truths(truth), detections(found), ["cat"]).curves["cat"]
    assert curve.score.tolist() == [0.9, 0.5] and curve.objects == 2
    assert curve.recall.tolist() == [0.0, 0.5] and curve.precision.tolist() == [0.0, 0.5]


def test_structured_arrays_serve_too() -> None:
    kinds = [("class", "i4"), *((name, "f4") for name in CORNERS)]
    truth = np.array([(0, 1, 1, 10, 10), (1, 21, 1, 30, 10)], kinds)
    found = np.zeros(2, [*kinds, ("score", "f4")])
    for name in ("class", *CORNERS):
        found[name] = truth[name]
    assert voc({7: truth, 8: {}}, {7: found}, NAMES).map == 1.0
    assert voc({7: truth}, {7: found, "elsewhere": found}, NAMES).map == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class": 2}, r"image 'a': class 2 of 2 classes"),
        ({"class": -1}, r"image 'a': class -1"),
        ({"score": math.nan}, r"image 'a': a score is NaN"),
    ],
)
def test_impossible_values(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        voc({}, detections([box(1, 1, 2, 2, **change)]), NAMES)


def test_wrong_arguments() -> None:
    good = detections([box(1, 1, 2, 2)])
    with pytest.raises(ValueError, match="'bottom' of shape"):
        voc({}, {"a": {**good["a"], "bottom": np.zeros(3)}}, NAMES)
    with pytest.raises(ValueError, match="no field 'score'"):
        voc({}, truths([box(1, 1, 2, 2)]), NAMES)
    with pytest.raises(ValueError, match="metric="):
        voc({}, good, NAMES, metric="coco")
    with pytest.raises(ValueError, match="iou="):
        voc({}, good, NAMES, iou=1.5)
    with pytest.raises(ValueError, match="same name"):
        voc({}, good, ["cat", "cat"])


def test_nan_boxes_are_false() -> None:
    found = [box(1, 1, 10, 10), box(math.nan, 1, 10, 10, score=2.0)]
    assert ap([box(1, 1, 10, 10)], found) == 0.5


def test_many_detections_agree_with_the_twin() -> None:
    """A scale at which grouping by image matters: 60 images, 3,000 boxes."""
    random = np.random.default_rng(3)

    def draw(count: int) -> Rows:
        corner, side = random.integers(1, 80, (count, 2)), random.integers(5, 40, (count, 2))
        return [
            box(*corner[i], *(corner[i] + side[i]), image=str(random.integers(60)),
                score=float(random.random()), difficult=int(random.random() < 0.1))
            for i in range(count)
        ]  # fmt: skip

    truth, found = draw(600), draw(2400)
    assert ap(truth, found) == pytest.approx(
        average_precision(truth, found, 0, 0.5, "area"), abs=1e-12
    )


def test_relative_boxes_in_edges_and_pixels() -> None:
    whole = to_edges([[0.5, 0.5, 1, 1]], (40, 20), clip=False)
    assert whole.tolist() == [[0, 0, 40, 20]]
    assert to_edges([[0.5, 0.5, 0.5, 0.5]], (40, 20), clip=False).tolist() == [[10, 5, 30, 15]]
    assert to_edges([[1, 1, 1, 1]], (40, 20), clip=True).tolist() == [[20, 10, 40, 20]]
    assert to_edges(np.zeros((0, 4)), (40, 20), clip=True).shape == (0, 4)
    record = inclusive(record_of([3], whole))
    assert [record[name].tolist() for name in ("class", *CORNERS)] == [[3], [1], [1], [41], [21]]
