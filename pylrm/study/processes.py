"""Runs in processes of their own, several side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

import pylrm
from pylrm.study.run import Task

Job = tuple[Task, Path]  # and the folder it is done in, new or empty
Tell = Callable[[Task, int, int], None]  # told of updates done, and the last one


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Processes:
    """Does runs in child processes, which end with this one, even if it is killed.

    Parameters
    ----------
    count : int
        Side by side.
    threads : int
        Of each.
    kept : tuple of int
        File descriptors that the children hold open too: the lock of the study's folder.
    tell : callable
        Told how far each run is, from any thread.
    """

    def __init__(self, count: int, threads: int, kept: tuple[int, ...], tell: Tell) -> None:
        self.count, self.threads, self.kept, self.tell = count, threads, kept, tell
        self._children: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Task, str]]:
        """Do runs, begun in the order given.

        Yields
        ------
        task, failure : Task and str
            As the runs end: each with its result in its folder, or why it has none.
        """
        pool = ThreadPoolExecutor(self.count)
        try:
            futures = {pool.submit(self._one, task, folder): task for task, folder in jobs}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            self._stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            for child in list(self._children):
                child.kill()
            pool.shutdown()

    def _one(self, task: Task, folder: Path) -> str:
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "pylrm.study.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=self.kept,
                env=self._environment(),
                encoding="utf-8",
            )
            self._children.add(child)
            try:
                return self._follow(child, task, folder) or _last_words(child, errors.fileno())
            finally:
                self._children.discard(child)

    def _follow(self, child: subprocess.Popen[str], task: Task, folder: Path) -> str:
        """Give a child its task and listen until it ends; returns the failure it told."""
        assert child.stdin is not None and child.stdout is not None
        failure = ""
        with child:
            if self._stopped:
                child.kill()
                return "stopped"
            task = _with_threads(task, self.threads)
            order = {"task": task.record(), "folder": str(folder.resolve())}
            try:
                child.stdin.write(json.dumps(order) + "\n")
                child.stdin.flush()
            except BrokenPipeError:  # it ended already: its last words say why
                with suppress(BrokenPipeError):
                    child.stdin.close()
            for line in child.stdout:
                message = json.loads(line)
                failure = message.get("failed", failure)
                if "update" in message:
                    self.tell(task, message["update"], message["last"])
            child.wait()  # before its input is closed, which would end it
        return failure

    def _environment(self) -> dict[str, str]:
        """Return the environment of a child: this same pylrm, and so many threads."""
        here = str(Path(pylrm.__file__).resolve().parents[1])
        others = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([here, others]) if others else here
        return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(self.threads)}


def _with_threads(task: Task, threads: int) -> Task:
    return Task(**{**task.record(), "options": {**task.options, "threads": threads}})


def _last_words(child: subprocess.Popen[str], errors: int) -> str:
    """Say why a child ended without a word; "" where it ended well."""
    if child.returncode == 0:
        return ""
    if child.returncode < 0:
        return f"its process was ended by signal {-child.returncode}"
    text = os.pread(errors, 1 << 20, 0).decode(errors="replace").strip()
    return text.splitlines()[-1] if text else f"its process ended with {child.returncode}"
