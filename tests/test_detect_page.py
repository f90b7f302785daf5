"""The commands and programs of docs/detect.md, run on a small video with a small network."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pylrm
from pylrm.cli.main import run
from tests.pages import steps
from tests.videos import read_clip, write_clip

PAGE = Path(__file__).parents[1] / "docs" / "detect.md"
WriteCfg = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the files that the page names."""
    monkeypatch.chdir(tmp_path)
    cfg = tiny_cfg().rename("net.cfg")
    with pylrm.Network(cfg, seed=1) as net:
        net.save_weights("best.weights")
    write_clip(Path("cells.mp4"), 24, codec="mp4v", size=(640, 480))
    return tmp_path


def test_the_commands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = steps(PAGE)
    assert len(commands) == 3
    for step in commands:
        monkeypatch.setattr(sys, "argv", shlex.split(step.command))
        assert run() == 0, step.command
        out, err = capsys.readouterr()
        for line in step.printed:  # the same lines, but for figures, names and numbers of objects
            begin = re.split(r"  |, \"detections", line)[0]
            assert line == "…" or begin in out, line
        assert err == ""


def test_the_programs(folder: Path) -> None:
    pytest.importorskip("supervision")
    pytest.importorskip("trackers")
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(programs) == 2
    said = []
    for number, program in enumerate(programs):
        # Random weights are sure of nothing.
        Path(f"{number}.py").write_text(program.replace("thresh=0.4", "thresh=0.3"))
        done = subprocess.run(
            [sys.executable, f"{number}.py"],
            env={"PYTHONPATH": str(PAGE.parents[1]), "PATH": ""},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert "22 " in said[0] and "(480, 640, 3)" in said[0]
    assert said[1].endswith(" objects\n")
    assert len(read_clip(Path("tracked.mp4"))) == 24
