"""A run that is gone on with comes to what an undisturbed one comes to, bit by bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylrm import errors, resume, train
from pylrm.runs.folder import Run
from tests.training.runs import Crash, CrashAfter, assert_same, table

WriteCfg = Callable[..., Path]
UPDATES = 12
QUIET: dict[str, Any] = {"quiet": True}


def crash(cfg: Path, data: Path, out: Path, update: int, **options: Any) -> Path:
    """Train, and crash after an update; returns the run folder."""
    with pytest.raises(Crash):
        train(cfg, data, out=out, callbacks=[CrashAfter(update)], **QUIET, **options)
    return out


def dropout(cfg: Path) -> Path:
    """Put a [dropout] before the last convolution."""
    head, tail = cfg.read_text().rsplit("[convolutional]", 1)
    cfg.write_text(f"{head}[dropout]\nprobability=.3\n\n[convolutional]{tail}")
    return cfg


CASES = {
    "sgd": {},
    "adam, 2 passes an update": {"adam": 1, "batch": 8, "subdivisions": 2},
    "multi-scale, clip_norm": {"region": "random=1", "clip_norm": 3},
    "lrm, 2 passes": {"lrm": "[lrm]\nk=32\n", "subdivisions": 2},
    "dropout, random policy": {"policy": "random", "power": 2},
}


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_is_the_undisturbed_one(
    case: str, tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pylrm.training.schedule.LARGEST_AT_END", 0)
    monkeypatch.setattr("pylrm.training.schedule.SIZE_EVERY", 2)
    cfg = tiny_cfg(max_batches=UPDATES, **CASES[case])
    if "dropout" in case:
        dropout(cfg)
    options: dict[str, Any] = {"map_every": 5, "save_every": 4, "seed": 3}
    whole = train(cfg, tiny_data, out=tmp_path / "whole", **QUIET, **options).folder
    for cut in (0, 1, 4, 7, 11):
        every = 1 + cut % 3
        out = tmp_path / f"cut-{cut}"
        if cut:
            crash(cfg, tiny_data, out, cut, checkpoint_every=every, **options)
        else:  # before the first update's end
            crash(cfg, tiny_data, out, 1, **options)
        threads, workers = 1 + cut % 2, 1 + cut % 4
        result = resume(out, threads=threads, workers=workers, **QUIET)
        assert result.updates == UPDATES and result.folder == out
        assert_same(whole, out)
        shutil.rmtree(out)


def test_a_run_may_be_cut_again_and_again(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg = tiny_cfg(max_batches=UPDATES)
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=4, **QUIET)
    out = crash(cfg, tiny_data, tmp_path / "run", 2, map_every=4, checkpoint_every=2)
    for update in (3, 7, 11):
        with pytest.raises(Crash):
            resume(out, callbacks=[CrashAfter(update)], **QUIET)
    result = resume(out, **QUIET)
    assert_same(whole.folder, out)
    assert (result.map, result.best_map, result.loss) == (whole.map, whole.best_map, whole.loss)
    assert len(Run(out).list_checkpoints()) == 2
    with pytest.raises(errors.PylrmError, match="update 12, the last, is done: --updates"):
        resume(out, **QUIET)
    assert resume(out, updates=14, **QUIET).updates == 14
    assert [row["update"] for row in table(out)] == [str(n) for n in range(1, 15)]
    with pytest.raises(errors.PylrmError, match="update 14, the last"):  # it is remembered
        resume(out, **QUIET)


def test_options_are_the_runs_own(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    cfg = tiny_cfg(max_batches=UPDATES)
    out = crash(cfg, tiny_data, tmp_path / "run", 3, checkpoint_every=1, seed=5)
    before = (out / "options.json").read_bytes()
    for changes in ({"seed": 6}, {"letterbox": False}, {"weights": cfg}, {"keep_seen": True}):
        name = next(iter(changes))
        with pytest.raises(errors.PylrmError, match=f"{name.replace('_', '-')} .*contradicts"):
            resume(out, **changes, **QUIET)
    assert (out / "options.json").read_bytes() == before
    result = resume(out, seed=5, workers=3, save_every=10, map_every=6, **QUIET)
    assert result.updates == UPDATES and (out / "weights" / "10.weights").exists()
    options = json.loads((out / "options.json").read_text())
    assert (options["workers"], options["save_every"], options["first"]) == (3, 10, 1)


def edits() -> Iterator[tuple[str, str, str | None]]:
    yield "max_batches=12", "max_batches=14", None
    yield "learning_rate=0.002", "learning_rate=0.001", None
    yield "max_batches=12", "max_batches=12\nburn_in=20", None
    yield "max_batches=12", "# longer\nmax_batches=12", None  # says the same
    yield "momentum=0.9", "momentum=0.8", r"net.cfg:8: \[net\] momentum=0.8 was 0.9; a run goes on"
    yield "filters=8", "filters=9", r"net.cfg:21: \[convolutional\] filters=9 was 8; "
    yield "[maxpool]\nsize=2\nstride=2\n", "", r"net.cfg:24: \[convolutional\] was \[maxpool\]"
    yield "object_scale=5\n", "", r"\[region\] has no object_scale=, which was 5"


@pytest.mark.parametrize(("old", "new", "message"), list(edits()))
def test_a_cfg_that_was_edited(
    old: str,
    new: str,
    message: str | None,
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = crash(tiny_cfg(), tiny_data, tmp_path / "run", 3, checkpoint_every=1, map_every=0)
    copy = out / "net.cfg"
    assert old in copy.read_text()
    copy.write_text(copy.read_text().replace(old, new, 1))
    capsys.readouterr()
    if message is not None:
        with pytest.raises(errors.CfgError, match=message):
            resume(out, **QUIET)
        return
    result = resume(out, **QUIET)
    said = capsys.readouterr().err
    changed = [line for line in new.splitlines() if line not in old and not line.startswith("#")]
    assert all(line in said for line in changed) and said.count("\n") == len(changed)
    assert result.updates == (14 if "max_batches=14" in new else 12)


def test_what_makes_the_rest_another_run_is_said(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, capsys: pytest.CaptureFixture[str]
) -> None:
    from pylrm.engine import Network

    out = crash(tiny_cfg(), tiny_data, tmp_path / "run", 3, checkpoint_every=1, map_every=0)
    listed = tiny_data.parent / "train.txt"
    listed.write_text("\n".join(listed.read_text().splitlines()[:-1]) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Network, "kernels", property(lambda self: "abacus"))
        resume(out, **QUIET)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "here they are for abacus" in said[0] and "(16 then, 15 now)" in said[1]


def test_a_data_set_by_a_relative_path_is_the_same_one_when_resumed(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    crash(tiny_cfg(), tiny_data.relative_to(tmp_path), Path("run"), 3, checkpoint_every=1)
    resume("run", updates=4, **QUIET)
    monkeypatch.chdir(tmp_path / "tiny")
    resume("../run", updates=5)
    printed = capsys.readouterr()
    assert not printed.err
    (after,) = [line.split() for line in printed.out.splitlines() if line.startswith("next:")]
    weights = "../run/weights/best.weights"
    assert after[1:] == ["pylrm", "map", "--cfg", "../run/net.cfg", "--weights", weights]


def test_what_is_no_run(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    with pytest.raises(errors.PylrmError, match="no such run folder"):
        resume(tmp_path / "none")
    with pytest.raises(errors.PylrmError, match=r"no run folder: there is no net\.cfg"):
        resume(tiny_data.parent)
    out = crash(tiny_cfg(), tiny_data, tmp_path / "run", 3, map_every=0)
    options = (out / "options.json").read_text()
    for wrong in ("{", "[]", '{"seed": 1}', options.replace('"seed": 0', '"seed": "x"')):
        (out / "options.json").write_text(wrong)
        with pytest.raises(errors.DataError, match=r"options\.json"):
            resume(out)
    (out / "options.json").write_text(options)
    shutil.rmtree(out / "checkpoint")
    with pytest.raises(errors.DataError, match="no checkpoint to go on from"):
        resume(out)


def test_rows_that_are_missing_are_a_warning(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, capsys: pytest.CaptureFixture[str]
) -> None:
    out = crash(tiny_cfg(), tiny_data, tmp_path / "run", 6, checkpoint_every=1, map_every=0)
    (out / "log.csv").unlink()
    resume(out, **QUIET)
    assert "log.csv: it was longer at update 6" in capsys.readouterr().err
    assert [row["update"] for row in table(out)] == [str(n) for n in range(7, 13)]


def test_unreadable_images_of_before_are_remembered(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    (tiny_data.parent / "images" / "3.png").write_bytes(b"no image")
    cfg = tiny_cfg()
    whole = train(cfg, tiny_data, out=tmp_path / "whole", map_every=0, **QUIET)
    out = crash(cfg, tiny_data, tmp_path / "run", 8, checkpoint_every=8, map_every=0)
    assert resume(out, **QUIET).skipped == whole.skipped != []
    assert_same(whole.folder, out)


def test_two_processes_do_not_share_a_folder(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    out = crash(tiny_cfg(), tiny_data, tmp_path / "run", 3, checkpoint_every=1, map_every=0)
    held = Run(out)
    with held.locked(), pytest.raises(errors.PylrmError, match=r"another process \(\d+\)"):
        resume(out)
    assert resume(out, **QUIET).updates == 12
