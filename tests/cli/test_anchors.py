"""pylrm anchors as typed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


def test_a_table_and_lines_for_a_cfg(tiny_data: Path, run: Run) -> None:
    code, out, err = run("anchors", tiny_data, "--num", 2, "--size", "128x96", "--stride", 16)
    assert (code, err) == (0, "")
    assert "train.txt: 16 boxes in 16 images, letterboxed to 128x96" in out
    assert "average IoU 0." in out and "for [region], in cells:\nanchors=" in out
    assert "for [yolo], in pixels:\nanchors=" in out
    rows = [line.split() for line in out.splitlines() if line.strip().startswith(("1 ", "2 "))]
    assert sum(int(row[-2]) for row in rows) == 16
    assert run("anchors", tiny_data, "--num", 2, "--size", "128x96", "--stride", 16)[1] == out
    assert "stretched to 416x416" in run("anchors", tiny_data, "--no-letterbox")[1]


def test_json_figure_and_writing(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Run
) -> None:
    import cv2

    cfg, figure = tiny_cfg(), tmp_path / "anchors.png"
    code, out, err = run("anchors", tiny_data, "--cfg", cfg, "--write", "-o", figure, "--json")
    record = json.loads(out)
    assert (code, err) == (0, "") and record["written"] and record["num"] == 2
    assert record["average_iou"] > record["cfg_average_iou"] > 0
    assert sum(record["boxes_per_anchor"]) == record["boxes"] == 16
    assert f"anchors={record['anchors']['region']}\n" in cfg.read_text()
    assert list(record["anchors"]) == ["region"]
    image = cv2.imread(str(figure))
    assert (
        image.shape[0] > 500
        and len({tuple(colour) for colour in image[::7, ::7].reshape(-1, 3)}) > 5
    )
    code, out, _ = run("anchors", tiny_data, "--cfg", cfg)
    assert code == 0 and f"in {cfg} {record['average_iou']:.4f}" in out


def test_a_terminal_sees_the_images_counted(
    tiny_data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    code, _, err = run("anchors", tiny_data)
    assert code == 0 and re.search(r"\r16/16 images *\n$", err)


def test_mistakes_are_one_line_and_change_nothing(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Run
) -> None:
    cfg = tiny_cfg()
    text = cfg.read_text()

    def one_line(*words: object, says: str) -> None:
        code, out, err = run("anchors", *words)
        assert (code, out) == (2, "") and err.count("\n") == 1, (code, err)
        assert says in err, err

    one_line(tmp_path / "none.data", says="none.data")
    one_line(tiny_data, "--write", says="--write needs --cfg")
    one_line(tiny_data, "--cfg", cfg, "--stride", 32, says="--stride")
    one_line(tiny_data, "--cfg", tmp_path / "none.cfg", says="none.cfg")
    one_line(tiny_data, "--num", 17, says="16 boxes of")
    one_line(tiny_data, "--cfg", cfg, "--num", 3, "--write", says="set filters=21")
    one_line(tiny_data, "--cfg", cfg, "--write", "-o", tmp_path / "a.gif", says="a.gif")
    one_line(tiny_data, "--cfg", cfg, "--write", "-o", tmp_path / "no" / "a.png", says="a.png")
    (tiny_data.parent / "labels" / "5.txt").write_text("0 .5 .5 .1 .1\nx\n")
    one_line(tiny_data, "--cfg", cfg, "--write", says="5.txt:2")
    (tiny_data.parent / "train.txt").unlink()
    one_line(tiny_data, "--cfg", cfg, "--write", says="train.txt")
    assert cfg.read_text() == text
