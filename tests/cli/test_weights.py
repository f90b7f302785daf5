"""pylrm weights: from a trained network to a start, and looking into weights files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weights import naive

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "my.cfg"
    path.write_text(naive.small_cfg(head="[convolutional]\nfilters=4\nactivation=linear\n"))
    return path


@pytest.fixture
def start(run: Run, tmp_path: Path, tiny_data: Path, cfg: Path) -> Path:
    source, out = naive.small_source(tmp_path / "small.npz"), tmp_path / "start.weights"
    words = ["--cfg", cfg, "--data", tiny_data, "--images", 4, "--seed", 2, "-o", out]
    code, text, error = run("weights", "import", source, *words)
    assert (code, error) == (0, "")
    assert text == f"wrote {out}: layers 0 to 4 of {cfg}\n"
    return out


def test_show_tells_header_layers_and_end(run: Run, start: Path, cfg: Path) -> None:
    code, out, _ = run("weights", "show", start)
    assert code == 0 and out.count("\n") == 1 and "version 0.2.0, 0 images seen" in out
    code, longer, _ = run("weights", "show", start, "--cfg", cfg)
    assert code == 0 and longer.startswith(out)
    assert longer.count("rolling_variance") == 5 and longer.endswith("\nends after layer 4\n")


def test_cut_and_diff(run: Run, tmp_path: Path, start: Path, cfg: Path) -> None:
    part = tmp_path / "part.weights"
    code, out, _ = run("weights", "cut", start, "--cfg", cfg, "--upto", 2, "-o", part)
    assert (code, out) == (0, f"wrote {part}: layers 0 to 1 of {cfg}\n")
    code, out, _ = run("weights", "diff", start, part, "--cfg", cfg)
    *rows, first, second = out.splitlines()
    assert code == 0 and len(rows) == 1 + 2 * 5
    assert first.endswith("ends after layer 4") and second.endswith("ends after layer 1")


def test_mistakes_are_one_line(run: Run, tmp_path: Path, tiny_data: Path, cfg: Path) -> None:
    source, out = naive.small_source(tmp_path / "small.npz"), tmp_path / "no" / "start.weights"
    words = ["--cfg", cfg, "--data", tiny_data, "--images", 4, "-o", out]
    code, text, error = run("weights", "import", source, *words)
    assert (code, text) == (2, "") and error.count("\n") == 1
    assert "start.weights: cannot be written: No such file" in error
    code, _, error = run("weights", "import", source, "--padding", "exact", *words)
    assert code == 2 and f"{cfg}:9, 33: exact padding needs size=5" in error
