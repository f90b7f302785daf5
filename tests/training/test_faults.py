"""Faults, by making them: killed processes, full disks, damaged files, vanished images."""

from __future__ import annotations

import errno
import os
import random
import re
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pylrm import errors, resume, train
from pylrm.runs.checkpoint import Checkpoint
from pylrm.runs.folder import Run
from pylrm.training.callbacks import Callback
from pylrm.training.run import Training
from tests.training.runs import Crash, CrashAfter, assert_same, rows, start, table, wait_for_rows

WriteCfg = Callable[..., Path]
QUIET: dict[str, Any] = {"quiet": True}


def kill_again_and_again(cfg: Path, data: Path, folder: Path, kills: int) -> None:
    """Kill a run at random moments and go on with it, until it ends; it is the undisturbed one."""
    chance = random.Random(kills)
    options = {"map_every": 20, "checkpoint_every": 7, "save_every": 30}
    whole = train(cfg, data, out=folder / "whole", **QUIET, **options).folder
    out = folder / "killed"
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    killed = 0
    while True:
        fresh = not Run(out).list_checkpoints()
        if fresh and out.exists():
            shutil.rmtree(out)  # killed before there was anything to lose
        process = start(*(["--cfg", cfg, "--data", data, "--out", out, *arguments] if fresh
                          else ["--resume", out]))  # fmt: skip
        before = rows(out)
        if killed < kills:
            wait_for_rows(process, out, before + 1)
            time.sleep(chance.random() * 0.08)
            process.kill()
            killed += process.poll() is None
        _, err = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, err
    assert_same(whole, out)
    assert not list(out.rglob("*.part"))


def test_killed_at_random_moments(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    kill_again_and_again(tiny_cfg(max_batches=80), tiny_data, tmp_path, 5)


@pytest.mark.slow
def test_killed_two_hundred_times(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    cfg = tiny_cfg(max_batches=2500, adam=1, subdivisions=2, region="random=1", lrm="[lrm]\nk=32\n")
    kill_again_and_again(cfg, tiny_data, tmp_path, 200)


def test_a_full_disk_while_a_checkpoint_is_written(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg, out = tiny_cfg(), tmp_path / "run"
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=0, **QUIET).folder
    with pytest.raises(Crash):
        train(cfg, tiny_data, out=out, map_every=0, checkpoint_every=1, callbacks=[CrashAfter(3)],
              **QUIET)  # fmt: skip
    size = Run(out).list_checkpoints()[0].stat().st_size

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    process = start("--resume", out, "--quiet", preexec_fn=full)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and err.count("\n") == 1, err
    assert "checkpoint" in err and "cannot be written: File too large" in err
    assert not list(out.rglob("*.part"))
    resume(out, **QUIET)
    assert_same(whole, out)


def damages(content: bytes) -> dict[str, bytes]:
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0x10
    return {"empty": b"", "cut": content[: len(content) // 2], "flipped": bytes(flipped)}


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_older_one_used(
    damage: str,
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cfg = tiny_cfg()
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=4, **QUIET).folder
    out = tmp_path / "run"
    with pytest.raises(Crash):
        train(cfg, tiny_data, out=out, map_every=4, checkpoint_every=2, callbacks=[CrashAfter(7)],
              **QUIET)  # fmt: skip
    newest, older = Run(out).list_checkpoints()
    assert (newest.name, older.name) == ("6.checkpoint", "4.checkpoint")
    newest.write_bytes(damages(newest.read_bytes())[damage])
    capsys.readouterr()
    resume(out, **QUIET)
    assert str(newest) in capsys.readouterr().err
    assert_same(whole, out)
    assert newest.with_name("6.checkpoint.damaged").exists()


def test_no_checkpoint_is_whole(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    out = tmp_path / "run"
    with pytest.raises(Crash):
        train(tiny_cfg(), tiny_data, out=out, map_every=0, callbacks=[CrashAfter(2)], **QUIET)
    for path in Run(out).list_checkpoints():
        path.write_bytes(b"")
    with pytest.raises(errors.DataError, match="no checkpoint to go on from: .*0.checkpoint"):
        resume(out)


class At(Callback):
    """Does something after an update."""

    def __init__(self, update: int, do: Callable[[], object]) -> None:
        self.update, self.do = update, do

    def update_done(self, run: Training) -> None:
        if run.state.update == self.update:
            self.do()


def test_images_that_vanish_are_left_out(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tiny_data.parent / "images"

    def remove() -> None:
        for number in range(4):
            (images / f"{number}.png").unlink()

    run = train(tiny_cfg(), tiny_data, out=tmp_path / "run", map_every=0,
                callbacks=[At(3, remove)], **QUIET)  # fmt: skip
    assert run.updates == 12 and len(run.skipped) == 4
    assert (run.folder / "skipped.txt").read_text().count("\n") == 4
    assert "images that could not be read, left out: 4 " in capsys.readouterr().err


@pytest.mark.parametrize("subdivisions", [1, 4])
def test_all_images_vanish(
    subdivisions: int, tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    images, away = tiny_data.parent / "images", tiny_data.parent / "away"
    cfg, out = tiny_cfg(subdivisions=subdivisions), tmp_path / "run"
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=0, **QUIET).folder
    with pytest.raises(errors.DataError, match="none of 16 images can be read"):
        train(cfg, tiny_data, out=out, map_every=0, checkpoint_every=2,
              callbacks=[At(5, lambda: images.rename(away))], **QUIET)  # fmt: skip
    kept = Run(out).list_checkpoints()[0]
    assert kept.name == f"{len(table(out))}.checkpoint"  # what ended is saved as it stood
    passes = Checkpoint.read(kept).record["state"]["passes"]
    images_seen = Checkpoint.read(kept).record["network"]["seen"]
    assert images_seen == 4 * len(table(out)) + (len(passes["losses"]) if passes else 0)
    away.rename(images)
    resume(out, **QUIET)
    assert_same(whole, out)


def test_an_error_in_a_thread_that_prepares_images(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylrm.data.samples import Preparation

    cfg, out = tiny_cfg(subdivisions=2), tmp_path / "run"
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=0, **QUIET).folder
    sample = Preparation.sample
    left = iter(range(22))  # the 6th update's first pass has its images, the second has not

    def fails(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise RuntimeError("a fault")
        return sample(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Preparation, "sample", fails)
        with pytest.raises(RuntimeError, match="a fault"):
            train(cfg, tiny_data, out=out, map_every=0, workers=1, **QUIET)
    assert Run(out).list_checkpoints()[0].name == "5.checkpoint" and rows(out) == 5
    resume(out, **QUIET)
    assert_same(whole, out)


def test_an_error_of_a_callback_loses_nothing(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg, out = tiny_cfg(), tmp_path / "run"
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=0, **QUIET).folder
    with pytest.raises(ZeroDivisionError):
        train(cfg, tiny_data, out=out, map_every=0, callbacks=[At(5, lambda: 1 // 0)])
    assert f"`pylrm train --resume {out}` goes on after update 5" in capsys.readouterr().out
    resume(out, **QUIET)
    assert_same(whole, out)


def test_a_validation_that_fails_loses_nothing(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg, out, listed = tiny_cfg(), tmp_path / "run", tiny_data.parent / "valid.txt"
    away = listed.with_name("away.txt")
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=4, **QUIET).folder
    with pytest.raises(errors.DataError, match="valid.txt"):
        train(cfg, tiny_data, out=out, map_every=4, callbacks=[At(6, lambda: listed.rename(away))],
              **QUIET)  # fmt: skip
    assert Run(out).list_checkpoints()[0].name == "8.checkpoint" and rows(out) == 7
    away.rename(listed)
    resume(out, **QUIET)
    assert_same(whole, out)


def test_the_clock_may_be_set(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No decision hangs on the time of day: it may jump back and forth."""
    jumps = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: (-1.0) ** next(jumps) * 10**9)
    result = train(tiny_cfg(), tiny_data, out=tmp_path / "run", map_every=0, time_limit="10h",
                   **QUIET)  # fmt: skip
    assert result.updates == 12 and result.stop is None
    assert [path.name for path in Run(result.folder).list_checkpoints()] == [
        "12.checkpoint",
        "0.checkpoint",
    ]


def test_checkpoints_by_the_clock(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    names = []

    class Minute(Callback):
        def update_done(self, run: Training) -> None:
            now[0] += 100
            names.append(run.folder.list_checkpoints()[0].name.removesuffix(".checkpoint"))

    train(tiny_cfg(), tiny_data, out=tmp_path / "run", map_every=0, callbacks=[Minute()], **QUIET)
    # An update takes 100 s; after each one no more than 300 s of work are unsaved.
    assert all(update - int(name) <= 3 for update, name in enumerate(names, 1))
    assert 3 <= len(set(names)) <= 6


def test_a_read_only_folder(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    """Root may write anywhere: a file in the folder's place refuses everybody."""
    cfg, out = tiny_cfg(), tmp_path / "run"

    def replace() -> None:
        shutil.rmtree(out / "checkpoint")
        (out / "checkpoint").touch()

    with pytest.raises(errors.PylrmError, match="checkpoint.*cannot be written") as stop:
        train(cfg, tiny_data, out=out, map_every=0, checkpoint_every=4, callbacks=[At(2, replace)],
              **QUIET)  # fmt: skip
    assert "\n" not in str(stop.value)


def test_a_checkpoint_that_cannot_be_read_now_is_left_alone(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg, out = tiny_cfg(), tmp_path / "run"
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=0, **QUIET).folder
    with pytest.raises(Crash):
        train(cfg, tiny_data, out=out, map_every=0, checkpoint_every=2, callbacks=[CrashAfter(7)],
              **QUIET)  # fmt: skip
    newest, _ = Run(out).list_checkpoints()
    path_open = Path.open

    def fails(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == newest:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return path_open(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", fails)
        line = f"{newest}: cannot be read: Input/output error"
        with pytest.raises(errors.DataError, match=re.escape(line)):
            resume(out, **QUIET)
    assert newest.exists()
    resume(out, **QUIET)
    assert_same(whole, out)


@pytest.mark.parametrize("name", ["log.csv", "train.log", "lock", "weights", "checkpoint"])
def test_a_run_with_a_link_out_of_it_is_not_gone_on_with(
    name: str, tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    out, away = tmp_path / "run", tmp_path / "away"
    with pytest.raises(Crash):
        train(tiny_cfg(), tiny_data, out=out, map_every=0, callbacks=[CrashAfter(2)], **QUIET)
    (out / name).rename(away)
    (out / name).symlink_to(away)
    before = {path: path.read_bytes() for path in [away, *away.rglob("*")] if path.is_file()}
    line = f"{out / name}: a link out of the run folder, to {away}: "
    with pytest.raises(errors.PylrmError, match=re.escape(line)):
        resume(out, **QUIET)
    assert before == {p: p.read_bytes() for p in [away, *away.rglob("*")] if p.is_file()}


def test_links_in_the_place_of_written_files_are_replaced(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    """Files of a run folder, and the parts that they are written as."""
    out, away = tmp_path / "run", tmp_path / "away"
    with pytest.raises(Crash):
        train(tiny_cfg(), tiny_data, out=out, map_every=0, callbacks=[CrashAfter(2)], **QUIET)
    away.write_text("not the run's")
    last = out / "weights" / "last.weights"
    places = [last, out / "checkpoint" / "12.checkpoint", out / "checkpoint" / "12.checkpoint.part"]
    places += [last.with_name(f"{last.name}.part"), last.with_name(f"{last.name}.part.part")]

    class Links(Callback):
        def update_done(self, run: Training) -> None:
            if run.state.update == 11:
                for place in places:
                    place.symlink_to(away)

    resume(out, callbacks=[Links()], **QUIET)
    assert away.read_text() == "not the run's"
    assert not last.is_symlink() and not places[1].is_symlink()
    assert not list(out.rglob("*.part"))
