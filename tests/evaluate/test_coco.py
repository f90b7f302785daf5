"""COCO's figures: against pycocotools', a naive twin, and cases with a known answer."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import pylrm
from pylrm.evaluate import coco
from pylrm.evaluate.coco import FIGURES
from tests.evaluate.cases import ORACLES, Rows, box, detections, scenes, truths
from tests.evaluate.naive_coco import figures

ORACLE = ORACLES / "voc_coco"
NAMES = ["cat", "dog"]


def read_oracle() -> tuple[Rows, Rows, list[str]]:
    content = json.loads((ORACLE / "coco_gt.json").read_text())
    results = json.loads((ORACLE / "coco_results.json").read_text())
    categories = [category["id"] for category in content["categories"]]

    def row(item: dict[str, Any], **fields: Any) -> dict[str, Any]:
        x, y, w, h = item["bbox"]
        kind = categories.index(item["category_id"])
        return box(x, y, x + w, y + h, **{"image": item["image_id"], "class": kind, **fields})

    return (
        [row(item, area=item["area"], crowd=item["iscrowd"]) for item in content["annotations"]],
        [row(item, score=item["score"]) for item in results],
        [category["name"] for category in content["categories"]],
    )


def test_pycocotools_figures() -> None:
    truth, found, names = read_oracle()
    expected = json.loads((ORACLE / "expected.json").read_text())["coco"]
    result = pylrm.evaluate.coco(truths(truth), detections(found), names)
    assert list(FIGURES) == list(expected)
    assert result.stats == pytest.approx(list(expected.values()), abs=1e-6)
    assert result.map == pytest.approx(expected["AP"], abs=1e-6)
    for values, name in ((result.ap, "AP"), (result.ap50, "AP50"), (result.ap75, "AP75")):
        assert np.mean(list(values.values())) == pytest.approx(expected[name], abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(scenes(classes=2, unit=10))
def test_a_naive_twin_agrees(scene: tuple[Rows, Rows]) -> None:
    truth, found = scene
    order = list(dict.fromkeys(row["image"] for row in [*truth, *found]))
    result = coco(truths(truth), detections(found), NAMES)
    in_order = sorted(found, key=lambda row: order.index(row["image"]))
    assert result.stats == pytest.approx(figures(truth, in_order, 2), abs=1e-12)
    assert (result.stats[0] == -1) == math.isnan(result.map)
    if not math.isnan(result.map):
        assert result.map == pytest.approx(result.stats[0], abs=1e-12)


def figure(name: str, truth: Rows, found: Rows) -> float:
    return coco(truths(truth), detections(found), ["cat"]).stats[FIGURES.index(name)]


def test_corners_are_edges_and_the_iou_may_equal_the_limit() -> None:
    truth = [box(0, 0, 10, 10)]
    assert figure("AP50", truth, [box(0, 0, 10, 5)]) == 1.0
    assert figure("AP", truth, [box(0, 0, 10, 5)]) == pytest.approx(0.1)
    assert figure("AP", truth, [box(0, 0, 10, 7.5)]) == pytest.approx(0.6)  # .5 to .75
    assert figure("AP75", truth, [box(0, 0, 10, 7.4)]) == 0.0


def test_a_detection_takes_another_truth_when_its_best_is_taken() -> None:
    truth = [box(0, 0, 10, 10), box(0, 0, 10, 8)]
    found = [box(0, 0, 10, 10, score=0.9), box(0, 0, 10, 10, score=0.8)]
    assert figure("AP50", truth, found) == 1.0


def test_of_truths_overlapped_equally_the_last_is_taken() -> None:
    truth = [box(0, 0, 10, 10), box(4, 0, 14, 10)]
    found = [box(2, 0, 12, 10, score=0.9), box(6, 0, 16, 10, score=0.8)]
    assert figure("AP50", truth, found) == pytest.approx(51 / 101)
    assert figure("AP50", truth[::-1], found) == 1.0


def test_crowds_and_regions_to_ignore() -> None:
    real = box(100, 0, 150, 50)
    found = [box(0, 0, 10, 10, score=2.0), box(5, 0, 15, 10, score=1.9), real]
    for fields in ({"crowd": 1}, {"ignore": 1}, {"ignore": 1, "class": -1}):
        crowd = box(0, 0, 15, 50, **{"crowd": 0, **fields})
        assert figure("AP", [real | {"crowd": 0}, crowd], found) == 1.0
        assert figure("AP50", [real | {"crowd": 0}, crowd | {"image": "b"}], found) < 0.5
    half = box(0, 0, 5, 50, crowd=1)  # half of the one, nothing of the other
    assert figure("AP50", [real | {"crowd": 0}, half], found) == 0.5
    assert figure("AP50", [half], found) == -1.0


def test_sizes_are_of_the_annotated_area() -> None:
    truth = [box(0, 0, 50, 50, area=1000.0)]
    assert [figure(name, truth, truth) for name in ("APs", "APm", "APl")] == [1, -1, -1]
    given = [box(0, 0, 50, 50), box(0, 100, 32, 132), box(0, 200, 97, 297)]
    assert [figure(f"AR{size}", given, given) for size in "sml"] == [1, 1, 1]
    assert figure("APs", given, given) == 1.0  # of exactly 32 x 32: small and medium alike
    small = box(300, 300, 310, 310, score=2.0)  # false, but small
    assert figure("APm", given, [*given, small]) == 1.0
    assert figure("APs", given, [*given, small]) == 0.5


def test_a_hundred_detections_of_an_image_count() -> None:
    truth = [box(20 * i, 0, 20 * i + 10, 10) for i in range(150)]
    found = [row | {"score": 1 - i / 1000} for i, row in enumerate(truth)]
    result = coco(truths(truth), detections(found), ["cat"])
    recalls = [result.stats[FIGURES.index(name)] for name in ("AR1", "AR10", "AR100")]
    assert recalls == pytest.approx([1 / 150, 10 / 150, 100 / 150])
    assert result.stats[0] == pytest.approx(67 / 101)
    assert len(result.curves["cat"].score) == 100


def test_classes_without_objects_are_left_out() -> None:
    truth = [box(0, 0, 10, 10)]
    found = [*truth, box(0, 0, 9, 9, **{"class": 1})]
    result = coco(truths(truth), detections(found), NAMES)
    assert result.ap["cat"] == 1.0 and math.isnan(result.ap["dog"]) and result.map == 1.0
    lines = result.table().splitlines()
    assert lines[2].split() == ["cat", "1", "1", "1.0000", "1.0000", "1.0000"]
    assert lines[3].split() == ["dog", "0", "1", "-", "-", "-"]
    assert lines[5].split()[2:] == ["1", "2", "1.0000", "1.0000", "1.0000"]
    assert lines[6:] == [
        "APs 1.0000  APm -  APl -",
        "AR1 1.0000  AR10 1.0000  AR100 1.0000",
        "ARs 1.0000  ARm -  ARl -",
    ]
    nothing = coco({}, {}, NAMES)
    assert nothing.stats == [-1.0] * 12 and math.isnan(nothing.map)
    assert coco(truths(truth), {}, NAMES).stats[:2] == [0.0, 0.0]


def test_curves() -> None:
    truth = [box(0, 0, 10, 10), box(20, 0, 30, 10)]
    found = [box(0, 0, 10, 10, score=0.5), box(50, 0, 60, 10, score=0.9)]
    curve = coco(truths(truth), detections(found), ["cat"]).curves["cat"]
    assert curve.score.tolist() == [0.9, 0.5] and curve.objects == 2
    assert curve.recall.tolist() == [0.0, 0.5] and curve.precision.tolist() == [0.0, 0.5]
