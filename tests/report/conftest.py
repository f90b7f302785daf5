"""Two trained runs, and their report."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylrm.report.page import write_report
from tests.report.pages import write_runs


@pytest.fixture(scope="package")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A run without and one with [lrm]."""
    return write_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="package")
def report(tmp_path_factory: pytest.TempPathFactory, runs: list[Path]) -> Path:
    """The report of both."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    write_report(runs, out, at=0.05, images=5, threads=1)
    return out
