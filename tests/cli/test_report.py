"""pylrm report as typed: the page, and mistakes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm.errors import PylrmError
from pylrm.report.page import write_report
from tests.report.pages import Page, write_runs

Outcome = tuple[int, str, str]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_runs(tmp_path_factory.mktemp("runs"))


def test_the_command(run: Callable[..., Outcome], runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    assert run("report", *runs, "-o", out, "--title", "A & B", "--images", 2) == (0, f"{out}\n", "")
    page = Page(out.read_text())
    assert page.text_of("h1") == ["A & B"] and len(page.all("img")) == 2


def test_mistakes(run: Callable[..., Outcome], runs: list[Path], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    shutil.copytree(runs[0], gone)
    options = json.loads((gone / "options.json").read_text())
    (gone / "options.json").write_text(json.dumps({**options, "data": "/no/such.data"}))
    for arguments, message in [
        ((runs[0], "-o", tmp_path / "r.pdf"), "r.pdf: a report ends in .html"),
        ((runs[0], "-o", tmp_path / "no" / "r.html"), "there is no folder"),
        ((tmp_path / "nowhere", "-o", tmp_path / "r.html"), "nowhere"),
        ((gone, "-o", tmp_path / "r.html"), "--data names the data set elsewhere"),
    ]:
        code, out, err = run("report", *arguments)
        assert code == 2 and not out and message in err and err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gone"]
    data = options["data"]
    code, out, err = run("report", gone, "--data", data, "-o", tmp_path / "r.html")
    assert (code, err) == (0, "")
    with pytest.raises(ValueError, match="no runs"):
        write_report([], tmp_path / "r.html")
    with pytest.raises(PylrmError):
        write_report([runs[0].parent], tmp_path / "r.html")
