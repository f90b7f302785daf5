"""The folder of a study.

study.json              what was asked
cfgs/ARM.cfg            the arms' networks
folds/seed-N/           lists of a cross-validation's folds
runs/ARM/seed-N/        run folders, each with result.json when it is complete
runs.csv                a row a run
lock                    held by the study that is at work here, and by its processes
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pylrm.cfg.file import Cfg
from pylrm.errors import DataError, PylrmError
from pylrm.files.jsonfile import read_json
from pylrm.files.writing import refuse_links_out, write_whole, writing
from pylrm.runs.folder import is_taken
from pylrm.study.arms import Arm
from pylrm.study.request import Request, read_request
from pylrm.study.rows import DIGITS, Rows
from pylrm.study.run import RESULT, Result, Task, write_result

WAIT = 10.0  # seconds for the processes of a study that was killed to end


class StudyFolder:
    """A study's files.

    Parameters
    ----------
    folder : Path
        The study's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.request = folder / "study.json"
        self.table = folder / "runs.csv"

    def cfg(self, arm: str) -> Path:
        """Return where an arm's cfg is."""
        return self.folder / "cfgs" / f"{arm}.cfg"

    def folds(self, seed: int) -> Path:
        """Return where the folds of a seed are."""
        return self.folder / "folds" / f"seed-{seed}"

    def run(self, task: Task) -> Path:
        """Return a run's folder."""
        return self.folder / "runs" / task.arm / task.place

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the folder, made if need be, so that no second study works in it.

        Yields
        ------
        int
            The lock's file descriptor. It is held as long as a process has that open, and no
            longer: not by a dead one.

        Raises
        ------
        PylrmError
            Another study holds it; the folder holds something else or links out of it, or cannot
            be made.
        """
        if is_taken(self.folder) and not self.request.exists() and not self._lock.exists():
            what = "holds files already" if self.folder.is_dir() else "is no folder"
            raise PylrmError(f"{self.folder}: {what}, and no study; name another with --out")
        for level in ("*", "runs/*", "runs/*/*"):
            refuse_links_out(self.folder, self.folder.glob(level), "study")
        with writing(self._lock):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._wait_for(handle)
            yield handle
        finally:
            os.close(handle)

    @property
    def _lock(self) -> Path:
        return self.folder / "lock"

    def _wait_for(self, handle: int) -> None:
        end = time.monotonic() + WAIT
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise PylrmError(f"{self.folder}: another study is at work here") from None
            time.sleep(0.1)

    def read(self) -> Request:
        """Read what the study was asked to do.

        Raises
        ------
        DataError
            The folder is not a study's.
        """
        if not self.request.is_file():
            raise DataError(f"{self.folder}: no study: there is no study.json in it")
        return read_request(read_json(self.request), self.request)

    def agree(self, asked: Request, arms: Sequence[Arm]) -> Request:
        """Write down what is asked, together with what was asked before.

        Raises
        ------
        PylrmError
            They do not go together, or it cannot be written.
        """
        joined = self.read().joined(asked, self.folder) if self.request.exists() else asked
        with writing(self.folder):
            self.cfg("any").parent.mkdir(exist_ok=True)
        for arm in arms:
            write_whole(self.cfg(arm.name), arm.cfg.text)
        text = json.dumps(joined.record(), indent=1, ensure_ascii=False)
        write_whole(self.request, text.encode("utf-8", "surrogateescape"), durable=True)
        return joined

    def arms(self, request: Request) -> list[Arm]:
        """Read the arms' cfgs.

        Raises
        ------
        PylrmError
            One is missing, or is another than when it was asked for.
        """
        arms = [Arm(name, Cfg.read(self.cfg(name))) for name in request.arms]
        for arm in arms:
            if arm.digest != request.arms[arm.name]:
                raise PylrmError(f"{arm.cfg}: changed since the study began: put it back")
        return arms

    def result(self, task: Task) -> Result | None:
        """Read a run's result; None: the run is not complete."""
        path = self.run(task) / RESULT
        if not path.is_file():
            return None
        try:
            return Result(**read_json(path))
        except TypeError as error:
            raise DataError(f"{path}: not a run's result: {error}") from error

    def clear(self, task: Task) -> Path:
        """Return a run's folder, without what an interrupted run left in it."""
        folder = self.run(task)
        with writing(folder):
            if folder.exists():
                shutil.rmtree(folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
        return folder

    def take(self, tasks: Iterable[Task], rows: Rows) -> None:
        """Take over results of runs that were done elsewhere, where the cfg is the same.

        Raises
        ------
        PylrmError
            They cannot be written.
        """
        known = {(row.arm, row.seed, row.fold): row for row in rows.results}
        for task in tasks:
            row = known.get((task.arm, task.seed, task.fold))
            if row is not None and task.digest[:DIGITS] == row.cfg and self.result(task) is None:
                with writing(self.run(task)):
                    self.run(task).mkdir(parents=True, exist_ok=True)
                write_result(self.run(task), replace(row, cfg=task.digest))
