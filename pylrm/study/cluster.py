"""Runs on the workers of a Dask cluster, which need the data set at the same path.

A worker does a run in a folder and a process of its own, and sends the files back as bytes. When a
worker is lost, the scheduler gives its runs to others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pylrm.errors import PylrmError
from pylrm.extras import extra
from pylrm.files.writing import write_whole, writing
from pylrm.study.processes import Job, Processes
from pylrm.study.run import RESULT, Task
from pylrm.version import VERSION

PATIENCE = 30  # seconds for the scheduler to answer

Files = dict[str, bytes]  # paths below the run folder to contents


class Cluster:
    """Does runs on a cluster.

    Parameters
    ----------
    address : str
        The scheduler's, tcp://HOST:PORT.
    threads : int
        Of each run.

    Raises
    ------
    PylrmError
        Dask is not installed.
    """

    def __init__(self, address: str, threads: int) -> None:
        self.dask = extra("cluster", "--scheduler needs Dask")
        self.address, self.threads = address, threads

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Task, str]]:
        """Do runs, begun in the order given.

        Yields
        ------
        task, failure : Task and str
            As the runs end: each with its files in its folder, or why it has none.

        Raises
        ------
        PylrmError
            The scheduler does not answer, or is lost.
        """
        with self._client() as client:
            waiting = {}
            for index, (task, folder) in enumerate(jobs):
                future = client.submit(
                    remote, task.record(), self.threads, VERSION, pure=False, priority=-index
                )
                waiting[future] = task, folder
            for future in self.dask.as_completed(list(waiting)):
                task, folder = waiting.pop(future)  # with its future go the bytes it holds
                yield task, self._received(future, folder)

    def _client(self) -> Any:
        try:
            return self.dask.Client(self.address, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            raise PylrmError(f"--scheduler {self.address}: no answer: {error}") from error

    def _received(self, future: Any, folder: Path) -> str:
        if future.cancelled():
            raise PylrmError(f"--scheduler {self.address}: lost; the same command goes on")
        error = future.exception()
        if error is not None:
            return f"{type(error).__name__}: {error}".splitlines()[0]
        files, failure = future.result()
        if not failure:
            keep(files, folder)
        return str(failure)


def remote(task: dict[str, Any], threads: int, version: str) -> tuple[Files, str]:
    """Do a run on a worker; returns the run folder's files, and why there is no result."""
    if version != VERSION:
        return {}, f"a worker has pylrm {VERSION}, the study {version}"
    with tempfile.TemporaryDirectory(prefix="pylrm-study-") as place:
        folder = Path(place) / "run"
        runs = Processes(1, threads, (), lambda *_: None)
        [(_, failure)] = runs.run([(Task(**task), folder)])
        if failure:
            return {}, failure
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}, ""


def keep(files: Files, folder: Path) -> None:
    """Write a run's files, its result last, by which it counts as complete."""
    for name in sorted(files, key=lambda name: (name == RESULT, name)):
        path = folder / name
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, files[name], durable=name == RESULT)
