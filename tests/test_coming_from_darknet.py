"""The commands and the program of docs/coming-from-darknet.md, on a small data set and network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.pages import steps
from tests.videos import write_clip

PAGE = Path(__file__).parents[1] / "docs" / "coming-from-darknet.md"


def test_the_commands_and_the_program(
    tmp_path: Path, tiny_data: Path, tiny_cfg: Callable[..., Path]
) -> None:
    tiny = tiny_data.parent
    tiny_cfg().rename(tmp_path / "yolo-obj.cfg")
    for name in ("images", "labels", "train.txt", "valid.txt", "tiny.names"):
        (tiny / name).rename(tmp_path / name)
    lines = "classes=2\ntrain=train.txt\nvalid=valid.txt\nnames=tiny.names\nbackup=backup/\n"
    (tmp_path / "obj.data").write_text(lines)
    for name in ("street.png", "new.png"):
        shutil.copyfile(tmp_path / "images" / "0.png", tmp_path / name)
    (tmp_path / "new.txt").write_text("new.png\n")
    write_clip(tmp_path / "drive.avi", 3)
    code = "from pylrm.cli.darknet.main import main; main()"
    (tmp_path / "darknet").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    (tmp_path / "darknet").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
        "OMP_WAIT_POLICY": "passive",
    }

    def sh(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    commands = steps(PAGE)
    assert len(commands) == 11
    for step in commands:
        printed = [line.rstrip() for line in sh(step.command).splitlines()]
        for line in step.printed:
            assert line == "…" or line in printed, (step.command, line, printed)
    for made in (
        *("anchors.txt", "cloud.png", "chart.png", "predictions.jpg", "result.json", "drawn.avi"),
        *("backup/yolo-obj_last.weights", "backup/yolo-obj_best.weights"),
        *("results/comp4_det_test_red.txt", "yolo-obj.conv.2"),
    ):
        assert (tmp_path / made).is_file(), made
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "program.py").write_text(program)
    sh(f'"{sys.executable}" program.py')
