"""pylrm plot as typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pylrm.cli.plot import command
from pylrm.errors import DataError, PylrmError
from pylrm.runs.log import LogWriter


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    with LogWriter(folder) as log:
        for update in range(1, 20):
            log.update({"update": update, "images": update, "loss": 1 / update, "kept": 9})
    return folder


def test_runs_in_any_form(tmp_path: Path, run: Path) -> None:
    out = tmp_path / "f.png"
    forms = [run, run / "log.csv", run / "train.log"]
    result = CliRunner().invoke(command, [*map(str, forms), "-o", str(out), "--title", "T"])
    assert result.exit_code == 0 and result.output == f"{out}\n"
    assert out.read_bytes().startswith(b"\x89PNG")
    mined = out.with_name("mining.png")
    result = CliRunner().invoke(command, [str(run), "--mining", "-o", str(mined)])
    assert result.exit_code == 0 and mined.read_bytes() != out.read_bytes()


def test_following_a_run_that_has_ended_draws_once(tmp_path: Path, run: Path) -> None:
    out = tmp_path / "f.png"
    (run / "options.json").write_text("{}")
    result = CliRunner().invoke(command, [str(run), "--follow", "-o", str(out)])
    assert result.exit_code == 0 and result.output == f"{out}\n" and out.is_file()


def test_mistakes(tmp_path: Path, run: Path) -> None:
    def invoke(*arguments: Path | str) -> BaseException | None:
        return CliRunner().invoke(command, list(map(str, arguments))).exception

    wrong = invoke(tmp_path / "nothing", "-o", tmp_path / "f.png")
    assert isinstance(wrong, DataError) and "nothing" in str(wrong)
    wrong = invoke(run, "-o", tmp_path / "f.bmp")
    assert isinstance(wrong, PylrmError) and "f.bmp" in str(wrong)
    for arguments in (["-o", "f.png"], [run]):
        wrong = invoke(*arguments)
        assert isinstance(wrong, SystemExit) and wrong.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
