"""The runs of a study that are done and those that are left, and what is shown of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Protocol, TextIO

from pylrm.errors import PylrmError
from pylrm.study.arms import Mining
from pylrm.study.folder import StudyFolder
from pylrm.study.processes import Job
from pylrm.study.rows import FAILED, write_rows
from pylrm.study.run import Result, Task, empty_result
from pylrm.terminal import count_of
from pylrm.training.progress import Progress


class Executor(Protocol):
    """What does runs."""

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Task, str]]:
        """Do them; yields each with why it has no result, or ""."""


class Work:
    """The runs of a study.

    Parameters
    ----------
    folder : StudyFolder
        Where they are.
    classes : list of str
        Their names.
    mining : dict of str to Mining
        What [lrm] does in each arm.
    tasks : list of Task
        All runs, in the order of the table.
    stream : TextIO or None
        Where progress is shown; None: nowhere.

    Attributes
    ----------
    left : list of Task
        Those without a result.
    """

    def __init__(
        self,
        folder: StudyFolder,
        classes: list[str],
        mining: dict[str, Mining],
        tasks: list[Task],
        stream: TextIO | None,
    ) -> None:
        self.folder, self.classes, self.mining, self.tasks = folder, classes, mining, tasks
        self.results: dict[tuple[str, str], Result] = {}
        for task in tasks:
            found = folder.result(task)
            if found is not None:
                self.results[_key(task)] = found
        self.left = [task for task in tasks if _key(task) not in self.results]
        self.failed: list[str] = []
        self.progress = Progress(0, len(tasks), stream)
        self.pace = Pace(len(self.left))
        self._screen = threading.Lock()

    def do(self, executor: Executor) -> None:
        """Do the runs that are left.

        Raises
        ------
        PylrmError
            Some of them failed.
        """
        folder, say = self.folder, self.progress.say
        say(f"study: {folder.folder}, {self._count()} done: {folder.table}")
        self._write()
        jobs = [(task, folder.clear(task)) for task in self.left]
        for task, failure in executor.run(jobs):
            self._ended(task, failure)
        if self.failed:
            raise PylrmError(
                f"{folder.folder}: {count_of(len(self.failed), 'run')} failed, first "
                f"{self.failed[0]}; the same command tries them again"
            )
        say(f"next:  pylrm study table {folder.folder}")

    def told(self, task: Task, update: int, last: int) -> None:
        """Hear that a run has done an update."""
        with self._screen:
            self.pace.told(str(task), update / last)
            self.progress.passing(f"{self._count()}, {self.pace.left()} left")

    def _ended(self, task: Task, failure: str) -> None:
        result = self.folder.result(task)
        if result is None:
            failure = failure or "its process left no result"
            self.failed.append(f"{task}: {failure}")
            result = empty_result(task, FAILED + failure)
        with self._screen:
            self.results[_key(task)] = result
            self._write()
            self.pace.told(str(task), 1.0)
            figure = result.note if result.map is None else f"mAP {result.map:.4f}"
            spent = timedelta(seconds=round(result.seconds))
            line = f"{task}: {figure}, {spent}  ({self._count()}, {self.pace.left()} left)"
            self.progress.say(line)

    def _write(self) -> None:
        keys = [_key(task) for task in self.tasks]
        there = [self.results[key] for key in keys if key in self.results]
        write_rows(self.folder.table, there, self.classes, self.mining)

    def _count(self) -> str:
        return f"{len(self.results)}/{count_of(len(self.tasks), 'run')}"


class Pace:
    """How long a study will go on, from what it has done so far.

    Parameters
    ----------
    runs : int
        To be done.
    """

    def __init__(self, runs: int) -> None:
        self.runs = runs
        self.shares: dict[str, float] = {}
        self.began = time.monotonic()

    def told(self, run: str, share: float) -> None:
        """Hear which share of a run is done."""
        self.shares[run] = share

    def left(self) -> timedelta:
        """Return the time that is left."""
        done = sum(self.shares.values())
        spent = time.monotonic() - self.began
        return timedelta(seconds=round(spent / done * (self.runs - done)) if done else 0)


def _key(task: Task) -> tuple[str, str]:
    return task.arm, task.place
