"""Doing something again and again while runs are trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pylrm.errors import DataError
from pylrm.runs.folder import CSV_NAME, TEXT_NAME, Run


def follow(
    runs: Sequence[Path],
    act: Callable[[], None],
    wait: Callable[[], None],
    say: Callable[[str], None],
) -> None:
    """Act now, and whenever a log has grown, until no process trains in any of the runs' folders.

    Parameters
    ----------
    runs : sequence of Path
        Run folders or logs. Of a log that is in no run folder, nobody knows when it ends: then this
        goes on until it is interrupted.
    act : callable
        What is to be done.
    wait : callable
        Passes the time between two looks.
    say : callable
        Gets a line where `act` finds no update in a log yet, and will try again.

    Raises
    ------
    DataError
        A log cannot be read, and nobody writes to it.
    """
    seen = None
    while True:
        going_on = any(is_trained(run) for run in runs)  # before the look: the last rows count
        sizes = [log_size(run) for run in runs]
        if sizes != seen:
            seen = sizes
            try:
                act()
            except DataError as error:
                if not going_on:
                    raise
                say(f"{error} (yet)")
        if not going_on:
            return
        wait()


def is_trained(run: Path) -> bool:
    """Tell whether a process trains in a run's folder; True for a log that is in none."""
    folder = Run(run if run.is_dir() else run.parent)
    inside = run.is_dir() or (run.name in (CSV_NAME, TEXT_NAME) and folder.options.is_file())
    return folder.is_locked() if inside else run.is_file()


def log_size(run: Path) -> int:
    """Return the bytes of a run's log; 0: there is none yet."""
    names = (CSV_NAME, TEXT_NAME)
    logs = [run / name for name in names] if run.is_dir() else [run]
    return sum(path.stat().st_size for path in logs if path.is_file())
