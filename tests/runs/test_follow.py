"""Following runs: what is looked at, how often, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylrm.errors import DataError
from pylrm.runs.folder import Run
from pylrm.runs.follow import follow
from pylrm.runs.log import LogWriter, read_log


class Watched:
    """A run folder, and what is done in it while it is followed: a step at each wait."""

    def __init__(self, folder: Path) -> None:
        self.run = Run.create(folder, "run")
        self.run.options.write_text("{}")
        self.log = LogWriter(folder)
        self.updates: list[int] = []  # in the log at each act
        self.said: list[str] = []
        self.steps: list[object] = []

    def write(self) -> None:
        number = len((self.run.folder / "log.csv").read_text().splitlines())
        self.log.update({"update": number, "images": number, "loss": 1.0, "avg": 1.0, "rate": 1.0})

    def follow(self, path: Path) -> None:
        waits = iter(self.steps)
        follow(
            [path],
            lambda: self.updates.append(len(read_log(path))),
            lambda: next(waits)(),  # type: ignore[operator]
            self.said.append,
        )
        assert next(waits, None) is None


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "run")


@pytest.mark.parametrize("name", ["", "log.csv", "train.log"])
def test_each_growth_is_seen_and_the_last_rows_too(watched: Watched, name: str) -> None:
    lock = watched.run.locked()
    lock.__enter__()

    def end() -> None:
        watched.write()
        lock.__exit__(None, None, None)

    watched.write()
    watched.steps = [watched.write, lambda: None, watched.write, end]
    watched.follow(watched.run.folder / name)
    assert watched.updates == [1, 2, 3, 4] and not watched.said


def test_a_run_that_nobody_trains_is_looked_at_once(watched: Watched) -> None:
    watched.write()
    watched.follow(watched.run.folder)
    assert watched.updates == [1]
    with watched.run.locked():  # which looking did not hinder
        assert watched.run.is_locked()
    assert not watched.run.is_locked()


def test_the_first_update_is_waited_for(watched: Watched) -> None:
    lock = watched.run.locked()
    lock.__enter__()
    watched.steps = [watched.write, lambda: lock.__exit__(None, None, None)]
    watched.follow(watched.run.folder)
    assert watched.updates == [1] and len(watched.said) == 1
    assert "no rows in it (yet)" in watched.said[0]


def test_what_nobody_writes_to_is_a_mistake(watched: Watched, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows in it$"):
        watched.follow(watched.run.folder)
    with pytest.raises(DataError, match="No such file"):
        watched.follow(tmp_path / "nowhere.log")


def test_another_log_is_followed_until_an_interruption(watched: Watched, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    path = tmp_path / "darknet.log"
    path.write_text("1: 2.5, 2.5 avg, 0.1 rate, 1.0 seconds, 64 images\n")
    watched.steps = [lambda: None, interrupt]
    with pytest.raises(KeyboardInterrupt):
        watched.follow(path)
    assert watched.updates == [1]
