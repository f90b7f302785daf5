"""What the report counts, and the figures that are drawn of it."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.evaluate import match, pictures, voc
from pylrm.evaluate.report import Report, report
from tests.evaluate.cases import Rows, box, detections, scenes, truths

NAMES = ["cat", "dog", "cow"]


def report_of(truth: Rows, found: Rows, at: float, names: list[str] = NAMES) -> Report:
    return report(match(truths(truth), detections(found), names), at)


def of(kind: int, left: float, **fields: Any) -> dict[str, Any]:
    """A box 20 pixels wide and high."""
    return box(left, 1, left + 19, 20, **{"class": kind, **fields})


def test_counts_and_confusions() -> None:
    truth = [of(0, 1), of(0, 31), of(1, 61), of(1, 91, difficult=1), of(2, 121, ignore=1)]
    truth.append(of(1, 31, image="b"))
    found = [
        of(0, 1, score=0.9) | {"right": 16},  # 16 of 20 columns
        of(0, 1, score=0.8),  # again: on the background
        of(2, 31, score=0.7),  # a cat for a cow
        of(1, 31, score=0.6),  # that cat is taken
        of(1, 61, score=0.5),
        of(1, 91, score=0.5),  # neutral, as the next
        of(2, 121, score=0.5),
        of(0, 31, score=0.2, image="b"),  # too low
        of(1, 31, score=0.3, image="c"),
    ]
    counts = report_of(truth, found, 0.3)
    rows = {name: (row.hits, row.false, row.missed) for name, row in counts.rows.items()}
    assert rows == {"cat": (1, 1, 1), "dog": (1, 2, 1), "cow": (0, 1, 0)}
    assert counts.confusion.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1], [0] * 4, [1, 2, 0, 0]]
    assert counts.rows["cat"].iou == pytest.approx(0.8) and math.isnan(counts.rows["cow"].iou)
    assert counts.rows["dog"].precision == pytest.approx(1 / 3)
    assert counts.rows["dog"].recall == 0.5 and counts.rows["dog"].f1 == pytest.approx(0.4)
    total = counts.total
    assert (total.hits, total.false, total.missed) == (2, 4, 2)
    assert total.iou == pytest.approx(0.9) and total.f1 == pytest.approx(0.4)
    assert report_of(truth, found, 0.2).confusion[1].tolist() == [1, 1, 0, 0]


def test_the_better_overlap_and_the_higher_score_are_confused_first() -> None:
    truth = [of(0, 1), of(0, 5)]
    found = [of(1, 4, score=0.9), of(2, 4, score=0.8), of(2, 5, score=0.7)]
    # dog takes the cat at 5; the first cow that at 1 (IoU 17/23); nothing is left for the second.
    assert report_of(truth, found, 0).confusion.tolist() == [
        [0, 1, 1, 0], [0] * 4, [0] * 4, [0, 0, 1, 0],
    ]  # fmt: skip


def test_sizes() -> None:
    small, large = box(1, 1, 32, 32), box(101, 1, 196, 96, **{"class": 0})  # 1024 and 9216 pixels
    counts = report_of([small, large], [large | {"score": 0.9}], 0.5)
    # An object on a border is of both sizes, as in COCO.
    assert counts.rows["cat"].by_size == {"small": 0.0, "medium": 0.5, "large": 1.0}
    assert math.isnan(counts.rows["dog"].by_size["small"])
    assert counts.total.by_size == {"small": 0.0, "medium": 0.5, "large": 1.0}
    lone = report_of([small | {"right": 31}], [], 0.5)
    assert math.isnan(lone.total.by_size["medium"]) and lone.total.by_size["small"] == 0


@settings(max_examples=60, deadline=None)
@given(scenes(3, 16), st.integers(0, 5))
def test_the_matrix_adds_up(scene: tuple[Rows, Rows], at: int) -> None:
    truth, found = scene
    counts = report_of(truth, found, at / 5)
    table = counts.confusion
    for kind, row in enumerate(counts.rows.values()):
        objects = sum(each["class"] == kind and not each["ignore"] for each in truth)
        assert table[kind, kind] == row.hits
        assert table[kind].sum() == objects == row.hits + row.missed
        assert table[:, kind].sum() == row.hits + row.false
    # Leaving out what is below the score changes nothing.
    high = [row for row in found if row["score"] >= at / 5]
    alone = report_of(truth, high, -math.inf)
    assert alone.confusion.tolist() == table.tolist()
    result = voc(truths(truth), detections(high), NAMES)
    for name, row in counts.rows.items():
        curve = result.curves[name]
        assert row.hits + row.false == len(curve.score)
        if len(curve.score) and curve.objects:
            assert row.precision == pytest.approx(curve.precision[-1])
            assert row.recall == pytest.approx(curve.recall[-1])


@settings(max_examples=30, deadline=None)
@given(scenes(3, 16))
def test_a_sizes_figure_is_that_of_its_objects_with_all_others_difficult(
    scene: tuple[Rows, Rows],
) -> None:
    """Where every detection is exactly on an object, which then says its size."""
    truth = [row for row in scene[0] if not row["ignore"]]
    places = {(row["image"], row["class"], *(row[k] for k in ("left", "top"))) for row in truth}
    truth = [
        next(row for row in truth if (row["image"], row["class"], row["left"], row["top"]) == place)
        for place in sorted(places)
    ]
    found = [row | {"score": 1 - i / 20} for i, row in enumerate(truth[::2])]
    counts = report_of(truth, found, 0)
    for size, (least, most) in {"small": (0, 1024), "large": (9216, 1e10)}.items():
        marked = [
            row
            | {
                "difficult": not least
                <= (row["right"] - row["left"] + 1) * (row["bottom"] - row["top"] + 1)
                <= most
            }
            for row in truth
        ]
        expected = voc(truths(marked), detections(found), NAMES).ap
        for name, row in counts.rows.items():
            assert row.by_size[size] == pytest.approx(expected[name], nan_ok=True)


def test_the_table_and_json_show_the_same() -> None:
    counts = report_of([of(0, 1), of(1, 31)], [of(0, 1, score=0.75)], 0.25)
    lines = [line.split() for line in counts.table().splitlines()]
    assert lines[0][:7] == ["class", "TP", "FP", "FN", "precision", "recall", "F1"]
    assert lines[2] == ["cat", "1", "0", "0", *["1.0000"] * 5, "-", "-"]
    assert lines[3] == ["dog", "0", "0", "1", "-", "0.0000", "0.0000", "-", "0.0000", "-", "-"]
    assert lines[4] == ["cow", "0", "0", "0", *["-"] * 7]
    assert lines[-1][:7] == ["all", "1", "0", "1", "1.0000", "0.5000", "0.6667"]
    record = counts.record()
    assert record["at"] == 0.25 and record["iou"] == 0.5
    assert record["classes"]["dog"] == {
        "tp": 0, "fp": 0, "fn": 1, "precision": None, "recall": 0.0, "f1": 0.0, "iou": None,
        "ap_small": 0.0, "ap_medium": None, "ap_large": None,
    }  # fmt: skip
    assert record["all"]["tp"] == 1 and record["confusion"] == counts.confusion.tolist()


@pytest.mark.parametrize("classes", [1, 4, 31])
def test_figures(tmp_path: Path, classes: int) -> None:
    import cv2

    names = [f"class, {kind} with a long name" for kind in range(classes)]
    truth = [of(kind % classes, 1 + 30 * (kind // 7), image=str(kind % 7)) for kind in range(12)]
    found = [row | {"score": 0.9 - 0.06 * i} for i, row in enumerate(truth[:9])]
    counts = report_of(truth, found, 0.45, names)
    pictures.write(tmp_path, counts)
    for file in ("pr.png", "confusion.png"):
        image = cv2.imread(str(tmp_path / file))
        assert min(image.shape[:2]) > 600 and len(np.unique(image)) > 50
    with (tmp_path / "confusion.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["truth \\ detected", *names, "background"]
    assert [row[0] for row in rows[1:]] == rows[0][1:]
    assert [[int(cell) for cell in row[1:]] for row in rows[1:]] == counts.confusion.tolist()


def test_what_the_figures_show() -> None:
    truth = [of(0, 1), of(0, 31), of(1, 61)]
    found = [of(0, 1, score=0.9), of(0, 201, score=0.5), of(0, 31, score=0.4)]
    counts = report_of(truth, found, 0.45)
    cat, dog = pictures.curves_figure(counts).axes[:2]
    assert cat.get_title() == "cat  AP 0.8333"
    curve, dot = cat.lines
    assert np.allclose(curve.get_xydata(), [[0.5, 1], [0.5, 0.5], [1, 2 / 3]])
    assert np.allclose(dot.get_xydata(), [[0.5, 0.5]])
    assert not dog.lines  # an object that nothing found
    axes = pictures.confusion_figure(counts).axes[0]
    shares = axes.images[0].get_array()
    assert np.allclose(shares[0], [0.5, 0, 0, 0.5]) and np.allclose(shares[3], [1, 0, 0, 0])
    shown = {text.get_position()[::-1]: text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "1", (0, 3): "1", (1, 3): "1", (3, 0): "1"}


def test_without_objects_there_is_still_a_figure(tmp_path: Path) -> None:
    counts = report_of([of(0, 1, difficult=1)], [of(1, 61)], 0.25)
    pictures.write(tmp_path, counts)
    assert (tmp_path / "pr.png").stat().st_size > 1000
