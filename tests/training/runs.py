"""What tests of runs share: comparing two, and ending one as a crash would."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from pylrm.runs.checkpoint import Checkpoint
from pylrm.runs.folder import Run
from pylrm.training.callbacks import Callback
from pylrm.training.run import Training

COMMAND = "from pylrm.cli.main import main; main()"
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


class Poison(Callback):
    """Makes an array of a layer not finite after an update, so often."""

    def __init__(self, update: int, layer: int, name: str, value: float = np.nan) -> None:
        self.update, self.layer, self.name, self.value = update, layer, name, value
        self.times = 1

    def update_done(self, run: Training) -> None:
        if run.state.update == self.update and self.times:
            self.times -= 1
            run.net[self.layer].state[self.name].flat[3] = self.value


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start `pylrm train`."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "train", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        **options,
    )


def rows(folder: Path) -> int:
    """How many updates a run has logged."""
    file = folder / "log.csv"
    return max(0, file.read_text().count("\n") - 1) if file.exists() else 0


def wait_for_rows(process: subprocess.Popen[str], folder: Path, count: int) -> None:
    """Wait until a process has logged so many updates, or ended."""
    while process.poll() is None and rows(folder) < count:
        time.sleep(0.002)


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
