"""Measuring a network: a stand-in that finds what the label files said when it was made."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm.data.darknet import read_data, read_labels
from pylrm.data.loader import evaluation_batches
from pylrm.errors import DataError
from pylrm.evaluate.network import detection_record, evaluate

VALID = range(16, 24)  # the images of tiny_data's valid list


class Answers:
    """In a network's place; its boxes are off by `move` of the image's width.

    Images that cannot be read never get to a network: `unread` are not asked for.
    """

    def __init__(self, folder: Path, move: float = 0.0, unread: tuple[int, ...] = ()) -> None:
        self.width = self.height = 32
        self.channels, self.batch, self.classes = 3, 3, 2
        self.antialias = False
        self.images: list[np.ndarray] = []
        self.passes: list[int] = []
        self.asked: set[tuple[Any, ...]] = set()
        self.answers = []
        for number in VALID:
            if number not in unread:
                rows = []
                for kind, x, *box in read_labels(folder / "labels" / f"{number}.txt", 2).tolist():
                    rows.append([x + move, *box, 0.9, 0.9 * (kind == 0), 0.9 * (kind == 1)])
                self.answers.append(np.array(rows, np.float32).reshape(-1, 7))

    def forward(self, x: np.ndarray) -> None:
        assert x.shape[1:] == (3, 32, 32)
        self.passes.append(len(x))
        self.images += list(x.copy())

    def boxes(
        self, i: int, size: tuple[int, int], thresh: float, letterbox: bool, nms: float | None
    ) -> np.ndarray:
        self.asked.add((size, thresh, letterbox, nms))
        return self.answers[sum(self.passes[:-1]) + i]


@pytest.mark.parametrize("antialias", [False, True])
def test_images_are_made_smaller_as_the_cfg_says(tiny_data: Path, antialias: bool) -> None:
    net, data = Answers(tiny_data.parent), read_data(tiny_data)
    net.antialias = antialias
    evaluate(net, data)
    paths = [tiny_data.parent / "images" / f"{number}.png" for number in VALID]
    expected = [
        x
        for batch in evaluation_batches(
            paths, classes=2, width=32, height=32, batch=3, max_boxes=1, antialias=antialias
        )
        for x in batch.x
    ]
    assert np.array_equal(net.images, expected)
    other = Answers(tiny_data.parent)
    other.antialias = not antialias
    evaluate(other, data)
    assert not np.array_equal(net.images, other.images)


def label(folder: Path, number: int) -> Path:
    return folder / "labels" / f"{number}.txt"


def test_perfect_answers(tiny_data: Path) -> None:
    net = Answers(tiny_data.parent)
    seen: list[tuple[int, int]] = []
    result = evaluate(net, read_data(tiny_data), progress=lambda *at: seen.append(at))
    assert result.ap == {"red": 1.0, "green": 1.0} and result.map == 1.0
    assert net.passes == [3, 3, 2] and seen == [(3, 8), (6, 8), (8, 8)]
    assert net.asked == {((64, 64), 0.005, True, 0.45)}
    assert (
        len(result.detected.truth) == 8
        and result.detected.skipped == []
        and result.metric == "area"
    )


def test_options_reach_the_network(tiny_data: Path) -> None:
    net = Answers(tiny_data.parent)
    evaluate(net, read_data(tiny_data), letterbox=False, thresh=0.1, nms=0)
    assert net.asked == {((64, 64), 0.1, False, None)}
    tiny_data.write_text(tiny_data.read_text() + "metric=11point\n")
    data = read_data(tiny_data)
    assert evaluate(Answers(tiny_data.parent), data).metric == "11point"
    assert evaluate(Answers(tiny_data.parent), data, metric="area").metric == "area"


def test_other_metrics(tiny_data: Path) -> None:
    for metric in ("coco", "kitti"):
        tiny_data.write_text(f"{tiny_data.read_text()}metric={metric}\n")
        result = evaluate(Answers(tiny_data.parent), read_data(tiny_data))
        assert result.metric == metric
        assert result.map == pytest.approx(np.mean(list(result.ap.values())))
        assert result.matching().verdict.tolist() == [1] * 8  # HIT, by VOC's corners
    # KITTI asks for a height of 25 pixels, and gives n objects at most (n - 1) / 40.
    sides = [float(label(tiny_data.parent, n).read_text().split()[-1]) * 64 for n in VALID]
    tall = [sum(side >= 25 for side in sides[kind::2]) for kind in (0, 1)]
    assert list(result.ap.values()) == pytest.approx([(count - 1) / 40 for count in tall])
    assert evaluate(Answers(tiny_data.parent), read_data(tiny_data), metric="coco").map == 1.0


def test_wrong_answers(tiny_data: Path) -> None:
    assert evaluate(Answers(tiny_data.parent, move=0.5), read_data(tiny_data)).map == 0.0


def test_ignore_files(tiny_data: Path) -> None:
    folder = tiny_data.parent
    net = Answers(folder)
    for number in VALID[:4]:  # their objects become regions to ignore
        _, *box = label(folder, number).read_text().split()
        label(folder, number).write_text("")
        label(folder, number).with_suffix(".ignore.txt").write_text(" ".join(box) + "\n")
    result = evaluate(net, read_data(tiny_data))
    assert result.map == 1.0
    assert sum(len(curve.score) for curve in result.result.curves.values()) == 4


def write_truth(folder: Path, difficult: int) -> None:
    """The valid images' labels as a COCO file; `difficult`: the image whose object is."""
    images, annotations = [], []
    for number in VALID:
        kind, x, y, w, h = map(float, label(folder, number).read_text().split())
        bbox = [64 * (x - w / 2), 64 * (y - h / 2), 64 * w, 64 * h]
        images.append({"id": number, "file_name": f"images/{number}.png"})
        annotations.append(
            {"image_id": number, "category_id": int(kind) + 1, "bbox": bbox,
             "difficult": int(number == difficult)}
        )  # fmt: skip
    categories = [{"id": 1, "name": "red"}, {"id": 2, "name": "green"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(content))


def test_a_truth_file_takes_the_labels_place(tiny_data: Path) -> None:
    folder = tiny_data.parent
    write_truth(folder, difficult=17)
    net = Answers(folder)
    label(folder, 17).write_text("")
    tiny_data.write_text(tiny_data.read_text() + "truth=truth.json\n")
    result = evaluate(net, read_data(tiny_data))
    assert result.map == 1.0
    assert [curve.objects for curve in result.result.curves.values()] == [4, 3]
    (folder / "valid.txt").write_text("images/1.png\n")
    with pytest.raises(DataError, match=r"truth\.json: no such image: .*1\.png"):
        evaluate(Answers(folder), read_data(tiny_data))


def test_unreadable_images_are_left_out_with_their_truths(tiny_data: Path) -> None:
    folder = tiny_data.parent
    (folder / "images" / "18.png").write_bytes(b"no image")
    result = evaluate(Answers(folder, unread=(18,)), read_data(tiny_data))
    assert result.map == 1.0 and len(result.detected.truth) == 7
    assert [path.name for path in result.detected.skipped] == ["18.png"]
    for number in VALID:
        (folder / "images" / f"{number}.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"valid\.txt: none of its 8 images can be read"):
        evaluate(Answers(folder), read_data(tiny_data))


def test_without_any_object_there_is_no_mean(tiny_data: Path) -> None:
    net = Answers(tiny_data.parent)
    for number in VALID:
        label(tiny_data.parent, number).unlink()
    assert math.isnan(evaluate(net, read_data(tiny_data)).map)


def test_rows_become_detections_clipped_to_the_image() -> None:
    rows = np.array(
        [[0.5, 0.5, 0.5, 0.5, 0.9, 0.3, 0.6], [0, 0, 1, 1, 0.9, 0, 0.2], [0.5] * 5 + [0, 0]],
        np.float32,
    )
    record = detection_record(rows, (40, 20))
    assert record["class"].tolist() == [0, 1, 1]
    assert record["score"].tolist() == pytest.approx([0.3, 0.6, 0.2])
    assert record["left"].tolist() == [10, 10, 0] and record["right"].tolist() == [30, 30, 20]
    assert record["top"].tolist() == [5, 5, 0] and record["bottom"].tolist() == [15, 15, 10]
    assert len(detection_record(rows[:0], (40, 20))["class"]) == 0
