"""Truths from files in COCO's format, and from label files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm.errors import DataError
from pylrm.evaluate.boxes import CORNERS
from pylrm.evaluate.truths import CocoTruth, label_record

NAMES = ["car", "van"]
Change = Callable[[dict[str, Any]], object]


def document() -> dict[str, Any]:
    return {
        "images": [
            {"id": 5, "file_name": "images/a.jpg", "width": 40, "height": 20},
            {"id": 2, "file_name": "images/b.jpg", "width": 40, "height": 20},
        ],
        "annotations": [
            {"id": 1, "image_id": 2, "category_id": 9, "bbox": [10, 5, 20, 10]},
            {"id": 2, "image_id": 2, "category_id": 4, "bbox": [0, 0, 40, 20], "difficult": 1},
            {"id": 3, "image_id": 2, "category_id": 4, "bbox": [1, 1, 2, 2], "iscrowd": 1},
            {"id": 4, "image_id": 2, "category_id": 4, "bbox": [1, 1, 2, 2], "ignore": 1},
        ],
        "categories": [{"id": 9, "name": "van"}, {"id": 4, "name": "car"}],
    }


def write(folder: Path, content: object) -> Path:
    path = folder / "truth.json"
    path.write_text(json.dumps(content))
    return path


def test_a_files_truths(tmp_path: Path) -> None:
    truth = CocoTruth(write(tmp_path, document()), NAMES)
    record = truth.record(tmp_path / "images" / "b.jpg")
    assert record["class"].tolist() == [1, 0, 0, 0]
    corners = np.stack([record[name] for name in CORNERS], axis=1)
    assert corners[:2].tolist() == [[10, 5, 30, 15], [0, 0, 40, 20]]
    assert record["difficult"].tolist() == [False, True, False, False]
    assert record["ignore"].tolist() == [False, False, True, True]
    assert len(truth.record(tmp_path / "images" / "a.jpg")["class"]) == 0


def test_what_only_some_metrics_ask(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0].update(truncated=0.25, occluded=2, area=150.5)
    content["annotations"].append(
        {"image_id": 2, "category_id": 0, "bbox": [3, 4, 5, 6], "ignore": 1}
    )
    truth = CocoTruth(write(tmp_path, content), NAMES)
    record = truth.record(Path("b.jpg"))
    corners = np.stack([record[name] for name in CORNERS], axis=1)
    assert corners[[0, -1]].tolist() == [[10, 5, 30, 15], [3, 4, 8, 10]]
    assert record["class"].tolist() == [1, 0, 0, 0, -1]
    assert record["truncated"].tolist() == [0.25, 0, 0, 0, 0]
    assert record["occluded"].tolist() == [2, 0, 0, 0, 0]
    assert record["area"].tolist() == [150.5, 800, 4, 4, 30]
    assert record["crowd"].tolist() == [False, False, True, False, False]
    assert record["ignore"].tolist() == [False, False, True, True, True]


def test_ids(tmp_path: Path) -> None:
    truth = CocoTruth(write(tmp_path, document()), ["bus", *NAMES])
    assert truth.images == {5: "images/a.jpg", 2: "images/b.jpg"}
    assert truth.image_id(Path("b.jpg")) == 2
    assert truth.categories == {"bus": 10, "car": 4, "van": 9}
    content = document()
    content["categories"].append({"id": 0, "name": "bus"})  # then 0 is a class as any other
    content["annotations"][3]["category_id"] = 0
    truth = CocoTruth(write(tmp_path, content), ["bus", *NAMES])
    assert truth.record(Path("b.jpg"))["class"].tolist() == [2, 1, 1, 0]


def test_images_are_found_by_path_then_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = document()
    content["images"].append({"id": 7, "file_name": "other/b.jpg"})
    truth = CocoTruth(write(tmp_path, content), NAMES)
    assert len(truth.record(tmp_path / "images" / "b.jpg")["class"]) == 4
    assert len(truth.record(tmp_path / "other" / "b.jpg")["class"]) == 0
    assert len(truth.record(Path("/somewhere/else/a.jpg"))["class"]) == 0
    with pytest.raises(DataError, match=r"truth\.json: 2 images of that name: .*else/b\.jpg"):
        truth.record(Path("/somewhere/else/b.jpg"))
    with pytest.raises(DataError, match=r"truth\.json: no such image: c\.jpg"):
        truth.record(Path("c.jpg"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert len(truth.record(Path("../images/b.jpg"))["class"]) == 4
    assert len(CocoTruth(truth.path, NAMES).record(Path("images/b.jpg"))["class"]) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("annotations"), "'annotations' should list objects"),
        (lambda d: d.update(images={}), "'images' should list objects"),
        (lambda d: d["images"][1].pop("file_name"), "image 2: no 'file_name'"),
        (lambda d: d["annotations"][0].update(image_id=8), "annotation 1: image_id 8 is no"),
        (lambda d: d["annotations"][0].update(category_id=8), "annotation 1: category_id 8 is no"),
        (lambda d: d["categories"][0].update(name="bus"), "category_id 9 is 'bus'; .* car, van"),
        (lambda d: d["annotations"][1].update(bbox=[1, 2, 3]), r"2: bbox is \[1, 2, 3\]"),
        (lambda d: d["annotations"][1].update(bbox=[1, 2, 3, -4]), "annotation 2: bbox"),
        (lambda d: d["annotations"][1].update(bbox=[1, 2, 3, "x"]), "annotation 2: bbox"),
        (lambda d: d["annotations"][1].update(bbox=[1, 2, 3, float("nan")]), "2: bbox"),
        (lambda d: d["annotations"][1].update(bbox=None), "annotation 2: bbox is null"),
        (lambda d: d["annotations"][1].update(category_id=0), "2: category_id 0 is no category"),
        (lambda d: d["annotations"][1].update(truncated="much"), '2: truncated is "much"'),
        (lambda d: d["annotations"][1].update(occluded=[]), r"2: occluded is \[\]"),
        (lambda d: d["annotations"][1].update(area=float("inf")), "2: area is Infinity"),
        (lambda d: d["annotations"][1].update(bbox="1234"), '2: bbox is "1234"'),
        (lambda d: d["images"][1].update(id=5), "image 2: id 5 is that of 'images/a.jpg'"),
        (lambda d: d["images"][1].update(file_name="\ud800"), r'image 2: file_name is "\\ud800"'),
        (lambda d: d["categories"][1].update(name=d["categories"][0]["name"]), "2: there are two"),
        (lambda d: d["categories"][1].update(id=d["categories"][0]["id"]), "2: there are two"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, change: Change, message: str) -> None:
    content = document()
    change(content)
    with pytest.raises(DataError, match=rf"truth\.json: .*{message}") as stop:
        CocoTruth(write(tmp_path, content), NAMES)
    assert "\n" not in str(stop.value)


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    with pytest.raises(DataError, match=r"truth\.json: No such file"):
        CocoTruth(path, NAMES)
    path.write_text('{"images": [\n1,,\n')
    with pytest.raises(DataError, match=r"truth\.json:2: not JSON"):
        CocoTruth(path, NAMES)
    for content, message in (
        (b"\xff\xfe\x00", r"truth\.json: not UTF-8 text"),
        (b"[" * 200000, r"truth\.json: .* nested too deeply"),
        (b'{"images": ' + b"9" * 5000 + b"}", r"truth\.json: .* a number is too long"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            CocoTruth(path, NAMES)
    path.write_text("[1]")
    with pytest.raises(DataError, match=r"truth\.json: not in COCO's format"):
        CocoTruth(path, NAMES)


def test_a_labels_truths(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1 .5 .5 .5 .5\n")
    (tmp_path / "a.ignore.txt").write_text(".5 .5 1 1\n")
    record = label_record(tmp_path / "a.jpg", 2, (40, 20))
    assert record["class"].tolist() == [1, -1] and record["ignore"].tolist() == [False, True]
    corners = np.stack([record[name] for name in CORNERS], axis=1)
    assert corners.tolist() == [[10, 5, 30, 15], [0, 0, 40, 20]]
    assert len(label_record(tmp_path / "b.jpg", 2, (40, 20))["class"]) == 0
