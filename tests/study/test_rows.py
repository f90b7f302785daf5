"""A table of runs kept without its study: the same figures, and mistakes in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pylrm.cfg.file import Cfg
from pylrm.errors import DataError, PylrmError
from pylrm.study.arms import mining_of, read_arms
from pylrm.study.figures import read_figures
from pylrm.study.folder import StudyFolder
from pylrm.study.rows import LEADING, TRAILING, read_rows, write_rows
from pylrm.study.run import Result, Task
from pylrm.study.table import table
from tests.study.studies import BASE, write_study

ARMS = read_arms(Cfg.read(BASE), [8, 16], [0.0, 0.5], ["free_=[net] momentum=.8"])
MINING = {arm.name: mining_of(arm.cfg) for arm in ARMS}


def figure(arm: str, column: str, seed: int) -> float | None:
    """Of as many digits as the table keeps; two runs diverged."""
    if (arm, seed) in {("k8", 2), ("free_", 0)}:
        return None
    return float(np.random.default_rng([seed, *f"{arm} {column}".encode()]).integers(200, 800)) / 10


@pytest.mark.parametrize("folds", [0, 3])
def test_the_same_table_as_from_the_study(tmp_path: Path, folds: int) -> None:
    folder = write_study(tmp_path / "study", ARMS, ["a", "b, c"], 7, figure, folds=folds)
    study = StudyFolder(folder)
    tasks = [
        Task(arm.name, seed, fold, "", arm.digest, "", {})
        for seed in range(7)
        for fold in (range(folds) if folds else [None])
        for arm in ARMS
    ]
    kept = tmp_path / "kept.csv"
    results = [study.result(task) for task in tasks]
    write_rows(kept, [each for each in results if each is not None], ["a", "b, c"], MINING)
    for form in ("markdown", "latex", "csv"):
        theirs = table([read_figures(folder)], form)
        assert table([read_figures(kept)], form) == theirs.replace(str(folder), str(kept))
    found = read_rows(kept).results
    assert [(each.updates, each.note, each.ap75) for each in found] == [
        (each.updates, each.note, pytest.approx(each.ap75, abs=1e-6)) for each in results if each
    ]


def test_mistakes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arm,seed\nbaseline,0\n")
    with pytest.raises(DataError, match="no table of a study's runs: it has no column 'K'"):
        read_figures(path)
    write_rows(path, [Result("k8", 0, None, "12")], [], MINING)
    with pytest.raises(PylrmError, match="no run of the baseline in it"):
        read_figures(path)
    text = path.read_text()
    path.write_text(text.replace("k8,8,0,0,", "k8,8,0,x,"))
    with pytest.raises(DataError, match="t.csv, line 2: 'x' is not a number"):
        read_figures(path)
    path.write_text(text.replace("k8,8,", "k8,many,"))
    with pytest.raises(DataError, match="t.csv, line 2: 'many' is not a number"):
        read_figures(path)
    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    with pytest.raises(DataError, match="UTF-16"):
        read_figures(path)
    path.write_text(",".join((*LEADING, *TRAILING)) + "\n")
    with pytest.raises(PylrmError, match="no run of the baseline"):
        read_figures(path)


def test_a_stray_carriage_return_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_bytes(b"arm,K\n\r,1\n\rx")
    with pytest.raises(DataError, match="runs.csv"):
        read_rows(tmp_path / "runs.csv")
    header = ",".join([*LEADING, *TRAILING]).encode()
    (tmp_path / "runs.csv").write_bytes(header + b"\nbaseline\r,128\n")
    with pytest.raises(DataError, match="runs.csv, line 1: new-line character"):
        read_rows(tmp_path / "runs.csv")
