"""What tests of runs share: comparing two, and ending one as a crash would."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np

from pylrm.runs.checkpoint import Checkpoint
from pylrm.runs.folder import Run
from pylrm.training.run import Callback, Training

TIMES = ("img_s", "stall")


class Crash(BaseException):
    """As if the process were gone: nothing is done about it."""


class CrashAfter(Callback):
    """Crashes after an update."""

    def __init__(self, update: int) -> None:
        self.update = update

    def update_done(self, run: Training) -> None:
        if run.state.update == self.update:
            raise Crash


def table(folder: Path) -> list[dict[str, str]]:
    """The rows of log.csv without what is measured by a clock."""
    with (folder / "log.csv").open() as file:
        return [
            {name: cell for name, cell in row.items() if name not in TIMES}
            for row in csv.DictReader(file)
        ]


def text(folder: Path) -> str:
    """train.log without what is measured by a clock."""
    return re.sub(r"Loaded: \S+ seconds|\S+ seconds", "", (folder / "train.log").read_text())


def state(folder: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The newest checkpoint's record without times, and its arrays."""
    found = Checkpoint.read(Run(folder).list_checkpoints()[0])
    record = json.loads(json.dumps(found.record))
    for name in ("seconds", "stall"):
        del record["state"][name]
    del record["logs"]
    arrays = {name: np.empty(e.shape, e.dtype) for name, e in found.arrays.items()}
    found.fill(arrays)
    return record, arrays


def assert_same(one: Path, other: Path) -> None:
    """Two run folders came to the same, bit by bit."""
    assert table(one) == table(other)
    assert text(one) == text(other)
    for path in sorted((one / "weights").iterdir()):
        assert path.read_bytes() == (other / "weights" / path.name).read_bytes(), path.name
    (record, arrays), (others, other_arrays) = state(one), state(other)
    assert record == others and arrays.keys() == other_arrays.keys()
    for name, values in arrays.items():
        assert np.array_equal(values, other_arrays[name]), name
