"""KITTI's precisions: against the devkit's, a naive twin, and cases with a known answer."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings

import pylrm
from pylrm.evaluate import kitti
from tests.evaluate.cases import CORNERS, ORACLES, Rows, box, detections, grid, scenes, truths
from tests.evaluate.naive_kitti import LEVELS, precisions

ORACLE = ORACLES / "kitti"
NAMES = ["Car", "van", "Pedestrian"]


def read_oracle(names: list[str]) -> tuple[Rows, Rows]:
    """As a converter would: what has no class of its own is left out, or a region of a class."""
    truth: Rows = []
    found: Rows = []
    for path in sorted((ORACLE / "label_2").glob("*.txt")):
        for line in path.read_text().splitlines():
            name, truncated, occluded, _, *numbers = line.lower().split()
            fields: dict[str, Any] = dict(zip(CORNERS, map(float, numbers), strict=False))
            fields |= {"image": path.stem, "ignore": int(name not in names)}
            fields |= {"truncated": float(truncated), "occluded": int(occluded)}
            stand_in = {"dontcare": -1, "van": 0, "person_sitting": 1}
            if name in names or name in stand_in:
                kind = names.index(name) if name in names else stand_in[name]
                truth.append(fields | {"class": kind})
    for path in sorted((ORACLE / "results" / "data").glob("*.txt")):
        for line in path.read_text().splitlines():
            name, *numbers = line.lower().split()
            fields = dict(zip(CORNERS, map(float, numbers[3:7]), strict=True))
            fields |= {"image": path.stem, "class": names.index(name)}
            found.append(fields | {"score": float(numbers[14])})
    return truth, found


@pytest.mark.parametrize("more", [[], ["van", "person_sitting", "tram", "truck", "misc"]])
def test_the_devkits_precisions(more: list[str]) -> None:
    names = ["car", "pedestrian", "cyclist"]
    expected = json.loads((ORACLE / "expected.json").read_text())
    truth, found = read_oracle([*names, *more])
    result = pylrm.evaluate.kitti(truths(truth), detections(found), [*names, *more])
    for name in names:
        for level in LEVELS:
            figures = expected[name][level]
            precision = result.precision[name][level]
            assert precision == pytest.approx(figures["precision41"], abs=1e-5)
            ap = result.ap[name][level]
            assert ap == pytest.approx({"ap40": figures["AP40"], "ap11": figures["AP11"]}, abs=1e-5)


@settings(max_examples=120, deadline=None)
@given(scenes(classes=3, unit=10))
def test_a_naive_twin_agrees(scene: tuple[Rows, Rows]) -> None:
    truth, found = scene
    lower = [name.lower() for name in NAMES]
    result = kitti(truths(truth), detections(found), NAMES)
    for kind, name in enumerate(NAMES):
        for level in LEVELS:
            expected = precisions(truth, found, lower, kind, level)
            ap = result.ap[name][level]
            if expected is None:
                assert math.isnan(ap["ap40"]) and math.isnan(ap["ap11"])
            else:
                assert result.precision[name][level] == pytest.approx(expected, abs=1e-12)
                assert ap["ap40"] == pytest.approx(sum(expected[1:]) / 40, abs=1e-12)
                assert ap["ap11"] == pytest.approx(sum(expected[::4]) / 11, abs=1e-12)


def best(truth: Rows, found: Rows, name: str = "Car", level: str = "easy") -> float:
    """The precision at the lowest threshold."""
    curve = kitti(truths(truth), detections(found), NAMES).curves[name][level]
    return float(curve.precision[-1])


def test_corners_are_edges_and_cars_need_an_iou_above_seven_tenths() -> None:
    truth, person = box(0, 0, 100, 100), {"class": 2}
    found = [box(0, 0, 100, 71), box(200, 0, 300, 100, score=0.5)]
    assert best([truth], found) == 1.0
    curve = kitti(truths([truth]), detections([box(0, 0, 100, 70)]), NAMES).curves["Car"]["hard"]
    assert curve.objects == 1 and len(curve.precision) == 0
    found = [box(0, 0, 100, 51) | person, box(200, 0, 300, 100, score=2) | person]
    assert best([truth | person], found, "Pedestrian") == 0.5


def test_what_does_not_count() -> None:
    real = box(200, 0, 300, 100, truncated=0.0, occluded=0)
    other = box(0, 0, 100, 100, truncated=0.0, occluded=0)
    found = [other | {"score": 2.0}, real]
    assert best([real, {**other, "image": "b"}], found) == 0.5
    for fields in (
        {"class": 1},  # a van
        {"ignore": 1},
        {"ignore": 1, "class": -1},
        {"truncated": 0.16},
        {"occluded": 1},
    ):
        assert best([real, {**other, **fields}], found) == 1.0
        curves = kitti(truths([real, {**other, **fields}]), {}, NAMES).curves["Car"]
        assert curves["easy"].objects == 1
    assert best([real, {**other, "class": 2}], found) == 0.5  # a pedestrian is no neighbour
    assert best([real, {**other, "class": 1, "ignore": 1}], found) == 0.5  # nor is a van's region
    low = box(0, 0, 100, 39, score=2.0)
    assert best([real], [low, real]) == 1.0
    assert best([real], [low, real], level="moderate") == 0.5


@pytest.mark.parametrize("name", ["Car", "van", "Truck", "tram", "Pedestrian", "cyclist", "bus"])
def test_the_iou_asked_for(name: str) -> None:
    wanted, found = truths([box(0, 0, 100, 100)]), detections([box(0, 0, 60, 100)])
    hits = len(kitti(wanted, found, [name]).curves[name]["easy"].score)
    assert hits == (0 if name in ("Car", "van", "Truck", "tram") else 1)


def test_low_detections_of_other_classes_can_take_a_truth() -> None:
    truth = [box(0, 0, 100, 40, **{"class": 2})]
    found = [box(0, 0, 100, 39, score=2.0), box(0, 0, 100, 40, **{"class": 2})]
    curves = kitti(truths(truth), detections(found), NAMES).curves["Pedestrian"]
    assert [len(curve.score) for curve in curves.values()] == [0, 1, 1]


def test_dont_care_areas_are_measured_by_the_detection() -> None:
    real = box(200, 0, 300, 100)
    found = [box(0, 0, 100, 100, score=2.0), real]
    area = box(0, 0, 71, 500, **{"class": -1, "ignore": 1})
    assert best([real, area], found) == 1.0
    assert best([real, area | {"right": 70}], found) == 0.5


def test_levels() -> None:
    truth = [
        box(0, 0, 40, 40, truncated=0.15, occluded=0),
        box(100, 0, 140, 25, truncated=0.3, occluded=1),
        box(200, 0, 240, 25, truncated=0.5, occluded=2),
        box(300, 0, 340, 24, truncated=0.0, occluded=0),
        box(400, 0, 440, 50, truncated=0.0, occluded=3),
    ]
    curves = kitti(truths(truth), {}, NAMES).curves["Car"]
    assert {level: curve.objects for level, curve in curves.items()} == {
        "easy": 1,
        "moderate": 2,
        "hard": 3,
    }


@pytest.mark.parametrize("count", [1, 7, 40, 41, 100])
def test_few_objects_bound_the_figure(count: int) -> None:
    truth = [row | {"class": 0} for row in grid(count)]
    found = [row | {"score": i / count} for i, row in enumerate(truth)]
    ap = kitti(truths(truth), detections(found), NAMES).ap["Car"]["easy"]
    assert ap["ap40"] == pytest.approx(min(count - 1, 40) / 40)


def test_classes_without_objects_are_left_out() -> None:
    truth = [row | {"class": 0} for row in grid(60)]
    result = kitti(truths(truth), detections(truth), NAMES)
    assert math.isnan(result.ap["Pedestrian"]["hard"]["ap11"]) and result.map == 1.0
    lines = result.table().splitlines()
    assert lines[0].split() == [
        "class",
        "objects",
        "AP40",
        "easy",
        "AP40",
        "moderate",
        "AP40",
        "hard",
    ]
    assert lines[2].split() == ["Car", "60/60/60", "1.0000", "1.0000", "1.0000"]
    assert lines[3].split() == ["van", "0/0/0", "-", "-", "-"]
    assert lines[6].split() == ["mean", "(KITTI)", "1.0000", "1.0000", "1.0000"]
    assert lines[8].split()[2:4] == ["AP11", "easy"] and len(lines) == 15
    assert math.isnan(kitti({}, {}, NAMES).map)
