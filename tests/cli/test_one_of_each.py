"""Of a data set of one class with one image, one box a list, nothing is said in the plural."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pylrm.engine import Network

Run = Callable[..., tuple[int, str, str]]
SEVERAL = re.compile(
    r"(?<![\d.,/:x-])1 (?:[a-z]+ )?(?:anchor|boxe|classe|core|detection|frame|image|label|layer"
    r"|object|passe|prediction|processe|round|run|section|thread|update|validation)s\b"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.data: 1 classes", True),
        ("with 1 boxes", True),
        ("of 1 training images", True),
        ("1 class, 1 image, 21 images, 0.1 images, 1x1 cells, 1.1 boxes", False),
    ],
)
def test_what_is_looked_for(text: str, found: bool) -> None:
    assert bool(SEVERAL.search(text)) is found


def test_one_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    for name, channel in (("train", 2), ("valid", 1)):
        image = np.zeros((64, 64, 3), np.uint8)
        image[20:40, 20:40, channel] = 220
        Path(name).mkdir()
        assert cv2.imwrite(f"{name}/square.png", image)
        Path(name, "square.txt").write_text("0 .5 .5 .3 .3\n")
        Path(f"{name}.txt").write_text(f"{name}/square.png\n")
    Path("my.names").write_text("square\n")
    Path("my.data").write_text("classes=1\ntrain=train.txt\nvalid=valid.txt\nnames=my.names\n")
    options = ("--data", "my.data", "--size", "64", "--multiplier", ".25", "--batch", "1")
    options += ("--net", "subdivisions=1", "--anchors", "0.6,0.6")
    code, text, _ = run("cfg", "yolov2-mobilenet", *options, "--updates", "1")
    assert code == 0
    Path("my.cfg").write_text(text)
    with Network("my.cfg", seed=1) as net:  # one update leaves rolling statistics of no use
        net.save_weights("my.weights")
    weights = ("--weights", "my.weights")
    said = [text]
    for command in (
        ("convert", "yolo", "my.data", "--out", "mended"),
        ("check", "my.data", "--cfg", "my.cfg"),
        ("anchors", "my.data", "--size", "64", "--num", "1", "-o", "anchors.png"),
        ("anchors", "my.data", "--cfg", "my.cfg", "--write"),
        ("info", "my.cfg"),
        ("bench", "my.cfg", "--rounds", "1", "--threads", "1"),
        ("train", "--cfg", "my.cfg", "--threads", "1"),
        ("map", "--cfg", "my.cfg", *weights, "--out", "results"),
        ("hardest", "my.data", "--cfg", "my.cfg", *weights),
        ("weights", "show", weights[1], "--cfg", "my.cfg"),
        ("detect", "--cfg", "my.cfg", *weights, "--thresh", "0", "valid"),
        (),
    ):
        code, out, err = run(*command)
        assert code == 0, (command, out, err)
        said += [out, err]
    report = "\n".join(said)
    assert "my.data: 1 class\n" in report and "1 image with 1 box\n" in report
    assert "1 update: loss" in report
    assert not SEVERAL.findall(report), [
        line for line in report.split("\n") if SEVERAL.search(line)
    ]
