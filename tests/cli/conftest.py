"""Running the command in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Runs a command line: exit code, stdout, stderr."""

    def call(*arguments: object) -> Outcome:
        from pylrm.cli.main import main

        monkeypatch.setattr(sys, "argv", ["pylrm", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


@pytest.fixture
def detect(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., Outcome],
) -> Callable[..., Outcome]:
    """Runs `pylrm detect` in tmp_path with random weights: exit code, stdout, stderr."""
    from pylrm.engine import Network

    cfg = tiny_cfg(data="tiny/tiny.data")
    with Network(cfg, seed=1) as net:
        net.save_weights(tmp_path / "tiny.weights")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Outcome:
        return run("detect", "--cfg", "tiny.cfg", "--weights", "tiny.weights", *arguments)

    return call
