"""Measuring a network: a stand-in that answers what a test asks of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm.data.darknet import read_data, read_labels
from pylrm.errors import DataError
from pylrm.evaluate.network import detection_record, evaluate


class Answers:
    """In a network's place: finds what the label files say, moved or not, for each image."""

    def __init__(self, folder: Path, move: float = 0.0) -> None:
        self.width = self.height = 32
        self.channels, self.batch, self.classes = 3, 3, 2
        self.images = sorted((folder / "labels").glob("*.txt"), key=lambda path: int(path.stem))[16:]
        self.move = move
        self.passes: list[int] = []
        self.asked: set[tuple[Any, ...]] = set()

    def forward(self, x: np.ndarray) -> None:
        assert x.shape[1:] == (3, 32, 32)
        self.passes.append(len(x))

    def boxes(
        self, i: int, size: tuple[int, int], thresh: float, letterbox: bool, nms: float | None
    ) -> np.ndarray:
        self.asked.add((size, thresh, letterbox, nms))
        label = self.images[sum(self.passes[:-1]) + i]
        rows = []
        for kind, *box in read_labels(label, 2).tolist():
            scores = [0.0, 0.0]
            scores[int(kind)] = 0.9
            rows.append([box[0] + self.move, *box[1:], 0.9, *scores])
        return np.array(rows, np.float32).reshape(-1, 7)


def test_perfect_answers(tiny_data: Path) -> None:
    net = Answers(tiny_data.parent)
    seen: list[tuple[int, int]] = []
    result = evaluate(net, read_data(tiny_data), progress=lambda *at: seen.append(at))
    assert result.ap == {"red": 1.0, "green": 1.0} and result.map == 1.0
    assert net.passes == [3, 3, 2] and seen == [(3, 8), (6, 8), (8, 8)]
    assert net.asked == {((64, 64), 0.005, True, 0.45)}
    assert result.images == 8 and result.skipped == [] and result.metric == "area"
    other = Answers(tiny_data.parent)
    evaluate(other, read_data(tiny_data), letterbox=False, thresh=0.1, nms=0, metric="11point")
    assert other.asked == {((64, 64), 0.1, False, None)}


def test_wrong_answers(tiny_data: Path) -> None:
    assert evaluate(Answers(tiny_data.parent, move=0.5), read_data(tiny_data)).map == 0.0


def test_ignore_files(tiny_data: Path) -> None:
    folder = tiny_data.parent
    for label in (folder / "labels").glob("*.txt"):
        number = int(label.stem)
        if number >= 20:  # half of the objects become regions to ignore
            _, *box = label.read_text().split()
            label.with_suffix(".ignore.txt").write_text(" ".join(box) + "\n")
    net = Answers(folder)
    everything = net.boxes
    net.boxes = lambda *asked: everything(*asked)  # answers as before, for the objects' labels
    answers = {label: read_labels(label, 2) for label in net.images}
    for label in net.images[4:]:
        label.write_text("")
    import tests.evaluate.test_network as here

    original = here.read_labels
    here.read_labels = lambda label, classes: answers[label]
    try:
        result = evaluate(net, read_data(tiny_data))
    finally:
        here.read_labels = original
    assert result.map == 1.0 and sum(len(c.score) for c in result.curves.values()) == 4
