"""pylrm study: the command line around pylrm.study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from pylrm.cli.study import parse_ks, parse_seeds, parse_thresholds

Run = Callable[..., tuple[int, str, str]]
WriteCfg = Callable[..., Path]


def test_lists_of_options() -> None:
    assert parse_ks("64, 128") == [64, 128]
    assert parse_thresholds("none,.5,1") == [0.0, 0.5, 0.0]
    assert parse_seeds("3") == [0, 1, 2]
    assert parse_seeds("10-12") == [10, 11, 12] and parse_seeds("4,7,9-10") == [4, 7, 9, 10]
    for parse, bad in (
        (parse_ks, "0"),
        (parse_ks, "a"),
        (parse_thresholds, "2"),
        (parse_thresholds, "x"),
        (parse_seeds, "0"),
        (parse_seeds, "9-3"),
        (parse_seeds, "0-99999"),
    ):
        with pytest.raises(click.BadParameter):
            parse(bad)


def test_from_a_question_to_its_table(
    run: Run, tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    cfg, out = tiny_cfg(), tmp_path / "study"
    asked = ("study", "grid", "--cfg", cfg, "--data", tiny_data, "--out", out, "--updates", 12)
    code, said, err = run(*asked, "--seeds", 2, "--k", 8, "--nms", ".5")
    assert (code, err) == (0, "") and "4/4 runs" in said
    code, said, _ = run(*asked, "--seeds", "1", "--arm", "Loss2+LRM=[lrm] k=9")
    assert code == 0 and "6/6 runs" in said
    code, said, _ = run("study", "table", out)
    assert code == 0 and "| Loss2+LRM | 9 | 0.7 | 2 |" in said
    code, said, _ = run("study", "table", out, "--format", "csv")
    assert code == 0 and said.startswith("study,arm,K,NMS,column,pairs,mean")
    code, said, _ = run("study", "focal", out)
    assert code == 0 and "| Loss2+LRM | 9 |" in said
    code, said, _ = run("study", "claims", out)
    assert code == 0 and "tram gains most" in said
    code, said, _ = run("study", "plot", out, "-o", tmp_path / "grid.png")
    assert code == 0 and (tmp_path / "grid.png").stat().st_size > 10_000
    run_folder = out / "runs/baseline/seed-0"
    code, said, _ = run("study", "backbones", "yolov2-tiny.cfg", out, run_folder)
    rows = [line.split(" | ") for line in said.splitlines()]
    assert rows[2] == ["| yolov2-tiny.cfg", "15,867,885", "3.49", "6.97", "- |"]
    assert rows[3][0] == "| study" and rows[3][-1] != "- |"
    assert rows[4][0] == "| seed-0" and rows[4][-1] == "- |"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--k", "a"), "expected whole numbers from 1 on, as in 64,128,256"),
        (("--nms", "3"), "'3': expected none or an IoU"),
        (("--seeds", "x"), "expected how many (3), or which"),
        (("--arm", "x=[lrm] kk=3"), "--arm x: [lrm] has no key 'kk'; the nearest is k"),
        (("--cfg", "none.cfg"), "none.cfg: no such file"),
        (("--scheduler", "tcp://a", "--processes", "2"), "--processes is for this machine"),
    ],
)
def test_mistakes_are_one_line(
    run: Run,
    tiny_cfg: WriteCfg,
    tiny_data: Path,
    tmp_path: Path,
    arguments: tuple[str, str],
    message: str,
) -> None:
    asked = ("--cfg", tiny_cfg(), "--data", tiny_data, "--out", tmp_path / "study")
    code, out, err = run("study", "grid", *asked, *arguments)
    assert (code, out) == (2, "") and err.count("\n") == 1 and message in err
    assert not (tmp_path / "study").exists()


def test_a_folder_that_is_no_study(run: Run, tmp_path: Path) -> None:
    for name in ("table", "claims", "focal"):
        code, _, err = run("study", name, tmp_path)
        assert code == 2 and err == f"pylrm: {tmp_path}: no study: there is no study.json in it\n"
    assert run("study", "backbones", tmp_path)[0] == 2
