"""pylrm check as typed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

WriteCfg = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]


def spoil(data: Path) -> None:
    """Five bad lines in one label file."""
    (data.parent / "labels" / "3.txt").write_text("x\n" * 5)


def test_the_exit_code_tells_errors_from_remarks(tiny_data: Path, run: Run) -> None:
    code, out, err = run("check", tiny_data)
    assert (code, err) == (0, "") and out.endswith("\nnothing wrong\n")
    (tiny_data.parent / "labels" / "4.txt").unlink()
    code, out, err = run("check", tiny_data)
    assert (code, err) == (0, "") and out.endswith("\n0 kinds of error, 1 remark\n")
    assert "remark: images without a label file, which count as background: 1\n" in out
    spoil(tiny_data)
    code, out, err = run("check", tiny_data)
    assert (code, err) == (1, "") and out.endswith("\n1 kind of error, 1 remark\n")
    assert "error: label lines that are wrong: 5\n" in out


def test_the_first_examples_or_all(tiny_data: Path, run: Run) -> None:
    spoil(tiny_data)
    _, out, _ = run("check", tiny_data)
    assert out.count("3.txt:") == 3 and "and 2 more (--all shows them)" in out
    _, out, _ = run("check", tiny_data, "--all")
    assert [f"3.txt:{line}:" in out for line in range(1, 7)] == [True] * 5 + [False]
    assert "more (--all" not in out


def test_json_with_a_network_and_a_page(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Run
) -> None:
    spoil(tiny_data)
    cfg, out = tiny_cfg(), tmp_path / "report.png"
    code, text, err = run("check", tiny_data, "--cfg", cfg, "--json", "-o", out)
    record = json.loads(text)
    assert (code, err) == (1, "") and record["failed"]
    (finding,) = record["findings"]
    assert (finding["kind"], finding["count"], len(finding["examples"])) == ("label-line", 5, 5)
    assert record["lists"]["train"]["boxes_per_class"] == {"red": 8, "green": 7}
    assert record["network"]["cfg"] == str(cfg) and record["network"]["letterbox"] is True
    assert 0.5 < record["network"]["iou"] < 1
    assert cv2.imread(str(out)) is not None
    assert f"drew {out}" in run("check", tiny_data, "-o", out)[1]


def test_a_terminal_sees_the_images_counted(
    tiny_data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    code, _, err = run("check", tiny_data)
    assert code == 0 and re.search(r"\r24/24 images *\n$", err)


def test_mistakes_are_one_line(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Run
) -> None:
    def one_line(*words: object, says: str) -> None:
        code, out, err = run("check", *words)
        assert (code, out) == (2, "") and err.count("\n") == 1, (code, err)
        assert says in err, err

    one_line(tmp_path / "none.data", says="none.data")
    one_line(tiny_data, "-o", tmp_path / "page.txt", says="page.txt")
    one_line(tiny_data, "-o", tmp_path / "no" / "page.png", says="page.png")
    one_line(tiny_data, "--cfg", tmp_path / "none.cfg", says="none.cfg")
    one_line(tiny_data, "--cfg", "yolov2-tiny.cfg", says="has 20 classes")
    for image in (tiny_data.parent / "images").iterdir():
        image.write_bytes(b"no")
    code, out, err = run("check", tiny_data, "-o", tmp_path / "page.png")
    assert code == 2 and "images that cannot be read: 24" in out and "nothing to draw" in err
    (tiny_data.parent / "train.txt").unlink()
    one_line(tiny_data, says="train.txt")
