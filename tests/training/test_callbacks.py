"""What callbacks may do, and what becomes of their errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import pylrm
from pylrm.errors import DataError
from pylrm.training.run import Training

WriteCfg = Callable[..., Path]


class Told(pylrm.Callback):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def run_begins(self, run: object) -> None:
        self.told.append("begins")

    def update_done(self, run: object) -> None:
        self.told.append("update")

    def validated(self, run: object) -> None:
        self.told.append("validated")

    def saved(self, run: object, path: Path) -> None:
        self.told.append(path.name)

    def run_ends(self, run: object) -> None:
        self.told.append("ends")


class Fails(pylrm.Callback):
    """Raises at the second update, and at the end."""

    def update_done(self, run: Training) -> None:
        if run.state.update == 2:
            raise DataError("the real error")

    def run_ends(self, run: object) -> None:
        raise RuntimeError("a later error")


def test_callbacks_are_told_in_order(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    told = Told()
    cfg = tiny_cfg(max_batches=2)
    pylrm.train(cfg, tiny_data, out=tmp_path / "run", map_every=2, quiet=True, callbacks=[told])
    saved = [what for what in told.told if what.endswith(".weights")]
    assert saved == ["best.weights", "last.weights"]
    rest = [what for what in told.told if not what.endswith(".weights")]
    assert rest == ["begins", "update", "validated", "update", "ends"]


def test_an_error_at_the_end_hides_nothing_and_skips_nobody(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    told = Told()
    with pytest.raises(DataError, match="the real error"):
        pylrm.train(
            tiny_cfg(), tiny_data, out=tmp_path / "run", quiet=True, callbacks=[Fails(), told]
        )
    assert told.told.count("ends") == 1


class Stops(pylrm.Callback):
    """Ends the run after an update."""

    def __init__(self, update: int) -> None:
        self.update = update

    def update_done(self, run: Training) -> None:
        if run.state.update == self.update:
            run.state.stop = "enough"


@pytest.mark.parametrize("update", [2, 3])
def test_a_stop_at_the_last_update_is_a_complete_run(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    capsys: pytest.CaptureFixture[str],
    update: int,
) -> None:
    cfg = tiny_cfg(max_batches=3)
    done = pylrm.train(cfg, tiny_data, out=tmp_path / "run", map_every=0, callbacks=[Stops(update)])
    assert done.updates == update
    assert done.stop == (None if update == 3 else "enough")
    assert ("--resume" in capsys.readouterr().out) == (update < 3)


def test_a_callbacks_error_of_the_system_is_its_own(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    class Reads(pylrm.Callback):
        def update_done(self, run: Training) -> None:
            Path("/nowhere/at/all").read_bytes()

    with pytest.raises(FileNotFoundError, match="/nowhere/at/all"):
        pylrm.train(tiny_cfg(), tiny_data, out=tmp_path / "run", callbacks=[Reads()], quiet=True)
