"""Runs that end before their last update: patience, time limits, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pylrm import errors, resume, train
from pylrm.training.callbacks import Callback
from pylrm.training.options import TrainOptions, seconds_of
from pylrm.training.run import Training
from tests.training.runs import assert_same, rows, start, table, wait_for_rows

WriteCfg = Callable[..., Path]
QUIET: dict[str, Any] = {"quiet": True}


def give_maps(monkeypatch: pytest.MonkeyPatch, maps: Sequence[float]) -> None:
    """Validations find these, one after the other."""
    left = iter(maps)
    monkeypatch.setattr(
        "pylrm.training.detecting.evaluate",
        lambda *arguments, **options: SimpleNamespace(map=next(left)),
    )


def test_patience_ends_a_run_and_keeps_the_best(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = [0.1, 0.3, 0.2, 0.3, 0.25, 0.2, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1]
    cfg, out = tiny_cfg(), tmp_path / "run"
    give_maps(monkeypatch, maps)
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=1, **QUIET)
    give_maps(monkeypatch, maps)
    result = train(cfg, tiny_data, out=out, map_every=1, patience=3, **QUIET)
    assert (result.updates, result.best_map) == (5, 0.3)
    assert result.stop == "no better mAP in 3 validations"
    assert (out / "weights" / "best.weights").exists()
    with pytest.raises(errors.PylrmError, match="--patience N, above 3 or 0, goes on"):
        resume(out)
    give_maps(monkeypatch, maps[5:])
    result = resume(out, patience=6, **QUIET)
    assert (result.updates, result.best_map, result.stop) == (12, 0.5, None)
    assert_same(whole.folder, out)


@pytest.mark.parametrize("limit", [60, 100, 145])
def test_a_time_limit_leaves_time_for_what_comes(
    limit: int,
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Updates take 9 to 10 seconds, every fourth has a validation of 15."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr("pylrm.training.stopping.process_seconds", lambda: 5 + now[0])
    monkeypatch.setattr(
        "pylrm.training.detecting.evaluate",
        lambda *arguments, **options: now.__setitem__(0, now[0] + 15) or SimpleNamespace(map=0.5),
    )
    from pylrm.engine import Network

    step = Network.train_batch

    def slowly(net: Network, *arguments: Any) -> float:
        now[0] += 9 + net.seen // 4 % 2
        return step(net, *arguments)

    monkeypatch.setattr(Network, "train_batch", slowly)
    cfg, out = tiny_cfg(max_batches=100), tmp_path / "run"
    result = train(cfg, tiny_data, out=out, map_every=4, time_limit=f"{limit}s")
    assert result.stop == f"the time limit of {limit}s is near"
    assert limit - 32 < 5 + now[0] <= limit
    assert f"pylrm train --resume {out}` goes on" in capsys.readouterr().out
    assert len(table(out)) == result.updates


def test_a_time_limit_counts_from_the_start_of_the_process(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    code = (
        "import time; time.sleep(.7); from pylrm.training.stopping import process_seconds; "
        "print(process_seconds())"
    )
    began = time.monotonic()
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.7 <= float(shown.stdout) <= time.monotonic() - began + 0.02
    cfg, out = tiny_cfg(max_batches=10**6), tmp_path / "run"
    began = time.monotonic()
    process = start("--cfg", cfg, "--data", tiny_data, "--out", out, "--time-limit", "4s",
                    "--map-every", 0)  # fmt: skip
    said, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err.strip() == "", err
    assert time.monotonic() - began < 6
    assert f"`pylrm train --resume {out}` goes on" in said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h30m", 9000),
        ("90m", 5400),
        ("45s", 45),
        ("1d", 86400),
        ("1.5h", 5400),
        ("1d2h3m4s", 93784),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "30m2h", "2 h", "-1h", "0s", "2h30", "nan"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="2h30m"):
        TrainOptions(time_limit=text)
    process = start("--cfg", "x", "--time-limit", text)
    assert "2h30m" in process.communicate(timeout=60)[1] and process.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(
    number: int, tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg, out = tiny_cfg(max_batches=400), tmp_path / "run"
    process = start("--cfg", cfg, "--data", tiny_data, "--out", out, "--map-every", 0)
    wait_for_rows(process, out, 3)
    process.send_signal(number)
    said, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number and err.strip() == "", err
    done = rows(out)
    assert f"interrupted after update {done}; " in said
    assert f"`pylrm train --resume {out}` goes on" in said
    assert (out / "checkpoint" / f"{done}.checkpoint").exists()
    process = start("--resume", out, "--updates", 401)
    said, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err.strip() == "", err
    assert f"going on after update {done}" in said
    whole = train(cfg, tiny_data, out=tmp_path / "whole", updates=401, map_every=0, **QUIET).folder
    assert_same(whole, out)


@pytest.mark.parametrize("update", [5, 12])
def test_a_signal_within_a_validation_gives_it_up(
    update: int,
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run that goes on measures from the start; the last update's validation too."""
    from pylrm.engine import Network

    cfg, out = tiny_cfg(batch=2), tmp_path / "run"
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=5, **QUIET).folder
    forward, forwards = Network.forward, []

    def interrupted(net: Network, *arguments: Any, **options: Any) -> Any:
        forwards.append(net.seen)
        if net.seen == 2 * update:
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(net, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Network, "forward", interrupted)
        with pytest.raises(SystemExit) as stop:
            train(cfg, tiny_data, out=out, map_every=5, **QUIET)
    assert stop.value.code == 143 and forwards.count(2 * update) == 1
    assert rows(out) == update - 1  # it is not told before it is measured
    assert (out / "checkpoint" / f"{update}.checkpoint").exists()
    assert resume(out, **QUIET).updates == 12
    assert_same(whole, out)


def test_a_second_signal_acts_at_once(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here within an update that never ends."""

    class Twice(Callback):
        def update_done(self, run: Training) -> None:
            if run.state.update == 4:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(60)

    cfg, out = tiny_cfg(), tmp_path / "run"
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=0, **QUIET).folder
    with pytest.raises(KeyboardInterrupt):
        train(
            cfg, tiny_data, out=out, map_every=0, checkpoint_every=3, callbacks=[Twice()], **QUIET
        )
    assert not list(out.rglob("*.part"))
    resume(out, **QUIET)
    assert_same(whole, out)


def test_a_callback_may_end_a_run(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    class Enough(Callback):
        def update_done(self, run: Training) -> None:
            if run.state.update == 3:
                run.state.stop = "enough"

    result = train(tiny_cfg(), tiny_data, out=tmp_path / "run", map_every=0, callbacks=[Enough()],
                   **QUIET)  # fmt: skip
    assert (result.updates, result.stop) == (3, "enough")
    assert resume(result.folder, **QUIET).updates == 12
