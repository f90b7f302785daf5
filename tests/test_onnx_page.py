"""The round trip of docs/onnx.md: trained, exported, detected elsewhere, measured here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pylrm

PAGE = Path(__file__).parent.parent / "docs" / "onnx.md"
TEXT = PAGE.read_text(encoding="utf-8")
SCRIPT = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[-1]
COMMANDS = re.findall(r"^    ((?:pylrm export net|python detect|pylrm map ).*)$", TEXT, re.M)


def test_what_onnx_runtime_finds_has_the_network_s_map(
    tmp_path: Path, tiny_data: Path, tiny_cfg: Callable[..., Path]
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    cfg = tiny_cfg(width=96)  # wider than the images, which are letterboxed
    pylrm.train(cfg, tiny_data, updates=400, out=tmp_path / "run", quiet=True)
    folder = tiny_data.parent
    cfg.rename(folder / "net.cfg")
    (tmp_path / "run" / "weights" / "last.weights").rename(folder / "best.weights")
    tiny_data.rename(folder / "my.data")
    (folder / "detect_onnx.py").write_text(SCRIPT)
    assert len(COMMANDS) == 4
    figures = []
    for command in COMMANDS:
        program, *arguments = command.split()
        start = [sys.executable, *(["-m", "pylrm"] if program == "pylrm" else [])]
        paths = {"PYTHONPATH": str(Path(pylrm.__file__).parents[1])}
        done = subprocess.run(
            [*start, *arguments],
            cwd=folder,
            env={**os.environ, **paths},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        figures += re.findall(r"^mAP.* ([.\d]+)$", done.stdout, re.M)
    elsewhere, here = map(float, figures)
    assert here > 0.1 and elsewhere == pytest.approx(here, abs=0.001)
