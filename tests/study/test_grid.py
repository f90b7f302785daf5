"""A study from end to end, and what becomes of one that is killed, changed or gone on with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pylrm
from pylrm.errors import PylrmError
from pylrm.evaluate.network import evaluate
from pylrm.study.folder import StudyFolder
from pylrm.study.grid import side_by_side, study
from pylrm.study.work import Pace
from pylrm.training.options import TrainOptions
from tests.study.studies import rows

WriteCfg = Callable[..., Path]


def small(cfg: Path, data: Path, out: Path, **changes: Any) -> StudyFolder:
    asked: dict[str, Any] = {"ks": [8], "thresholds": [0.5], "arms": [], "seeds": [0, 1]}
    options = TrainOptions(updates=changes.pop("updates", 12), map_every=0)
    return study(cfg, data, out, options, quiet=True, **{**asked, **changes})


def test_each_arm_is_trained_with_each_seed(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    small(tiny_cfg(), tiny_data, out)
    table = rows(out)
    assert [(row["arm"], row["seed"]) for row in table] == [
        ("baseline", "0"),
        ("k8-nms0.5", "0"),
        ("baseline", "1"),
        ("k8-nms0.5", "1"),
    ]
    assert all(row["updates"] == "12" and row["note"] == row["fold"] == "" for row in table)
    with pylrm.Network(
        out / "runs/k8-nms0.5/seed-1/net.cfg",
        out / "runs/k8-nms0.5/seed-1/weights/last.weights",
        inference=True,
    ) as net:
        from pylrm.data.darknet import read_data

        done = evaluate(net, read_data(tiny_data))
    assert float(table[3]["mAP"]) == pytest.approx(done.map, abs=1e-6)
    assert float(table[3]["AP/green"]) == pytest.approx(done.ap["green"], abs=1e-6)
    alone = pylrm.train(
        out / "cfgs/baseline.cfg", tiny_data, out=tmp_path / "x", quiet=True, updates=12, seed=1
    )
    own, its = (
        folder / "weights/last.weights" for folder in (alone.folder, out / "runs/baseline/seed-1")
    )
    assert own.read_bytes() == its.read_bytes()


def test_finished_runs_stay_and_arms_and_seeds_are_added(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    out, cfg = tmp_path / "study", tiny_cfg()
    small(cfg, tiny_data, out, seeds=[0])
    first = rows(out)
    stamp = (out / "runs/baseline/seed-0/result.json").stat().st_mtime_ns
    (out / "runs/k8-nms0.5/seed-0/result.json").unlink()
    small(cfg, tiny_data, out, ks=[], thresholds=[], arms=["more=[lrm] k=9"], seeds=[3])
    table = rows(out)
    assert (out / "runs/baseline/seed-0/result.json").stat().st_mtime_ns == stamp
    assert [row for row in table if row["seed"] == "0" and row["arm"] != "more"] == first
    assert {(row["arm"], row["seed"]) for row in table} == {
        (arm, seed) for arm in ("baseline", "k8-nms0.5", "more") for seed in "03"
    }


def test_runs_that_were_done_elsewhere_are_not_done_again(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    there, here, cfg = tmp_path / "there", tmp_path / "here", tiny_cfg()
    small(cfg, tiny_data, there)
    kept = tmp_path / "kept.csv"
    lines = (there / "runs.csv").read_text().splitlines()
    broken = lines[4].rsplit(",", 1)[0] + ",failed: its process left no result"
    other = lines[3].replace(lines[3].split(",")[-2], "0" * 12)  # of another cfg
    kept.write_text("\n".join([*lines[:3], other, broken]) + "\n")
    small(cfg, tiny_data, here, done=[kept])
    done = {run.relative_to(here / "runs").parent for run in here.glob("runs/*/*/log.csv")}
    assert done == {Path("baseline/seed-1"), Path("k8-nms0.5/seed-1")}
    assert rows(here) == rows(there)
    small(cfg, tiny_data, here, done=[kept])  # what is there already stays
    assert rows(here) == rows(there)


def test_another_request_for_the_folder_is_refused(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    out, cfg = tmp_path / "study", tiny_cfg()
    small(cfg, tiny_data, out, seeds=[0])
    before = (out / "study.json").read_bytes()
    with pytest.raises(PylrmError, match="another --updates: 12, now 13; only arms and seeds"):
        small(cfg, tiny_data, out, updates=13)
    with pytest.raises(PylrmError, match="another number of folds: 0, now 2"):
        small(cfg, tiny_data, out, folds=2)
    with pytest.raises(PylrmError, match="another cfg of arm baseline"):
        small(tiny_cfg(momentum=0.8), tiny_data, out)
    label = tiny_data.parent / "labels" / "3.txt"
    label.write_text("0 .5 .5 .2 .2\n")
    with pytest.raises(PylrmError, match="another data set"):
        small(tiny_cfg(), tiny_data, out)
    assert (out / "study.json").read_bytes() == before
    with pytest.raises(PylrmError, match="holds files already, and no study"):
        small(cfg, tiny_data, tiny_data.parent)


@pytest.mark.parametrize("name", ["cfgs", "runs", "runs/baseline", "runs/baseline/seed-0", "lock"])
def test_a_study_with_a_link_out_of_it_is_not_gone_on_with(
    name: str, tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    out, away, cfg = tmp_path / "study", tmp_path / "away", tiny_cfg()
    small(cfg, tiny_data, out, seeds=[0])
    (out / "runs/baseline/seed-0/result.json").unlink()
    (out / name).rename(away)
    (out / name).symlink_to(away)
    before = {path: path.read_bytes() for path in [away, *away.rglob("*")] if path.is_file()}
    line = f"{out / name}: a link out of the study folder, to {away}: "
    with pytest.raises(PylrmError, match=re.escape(line)):
        small(cfg, tiny_data, out, seeds=[0])
    assert before == {p: p.read_bytes() for p in [away, *away.rglob("*")] if p.is_file()}


def test_folds_are_the_same_for_all_arms(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    small(tiny_cfg(), tiny_data, out, folds=3, seeds=[4])
    assert [(row["arm"], row["fold"]) for row in rows(out)] == [
        (arm, fold) for fold in "012" for arm in ("baseline", "k8-nms0.5")
    ]
    used = {
        json.loads((out / "runs" / arm / "seed-4-fold-1" / "options.json").read_text())["data"]
        for arm in ("baseline", "k8-nms0.5")
    }
    assert used == {str((out / "folds/seed-4/fold-1.data").resolve())}


def test_a_run_that_diverges_is_a_row_with_a_note(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    arms = ["wild=[net] learning_rate=1e6", "tame=[net] learning_rate=.001"]
    small(tiny_cfg(), tiny_data, out, ks=[], thresholds=[], arms=arms, seeds=[0])
    baseline, wild, tame = rows(out)
    assert wild["mAP"] == "" and "lower learning_rate" in wild["note"]
    assert baseline["mAP"] and tame["mAP"] and not tame["note"]


def test_mistakes_come_before_the_first_run(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    with pytest.raises(PylrmError, match=r"tiny.cfg \(arm x\):\d+: .*nms=7"):
        small(tiny_cfg(), tiny_data, out, arms=["x=[lrm] nms=7"])
    assert not out.exists()
    (tiny_data.parent / "labels" / "20.txt").write_text("5 .5 .5 .2 .2\n")
    with pytest.raises(PylrmError, match="20.txt:1"):
        small(tiny_cfg(), tiny_data, out)


def test_what_is_odd_is_said_once(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_data.parent / "labels" / "3.txt").unlink()
    small(tiny_cfg(), tiny_data, tmp_path / "study", arms=["all=[lrm] k=500"], folds=2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "(arm all): [lrm] k=500 is no limit" in lines[0]
    assert "no label file for 1 of 12 images" in lines[1]


def command(cfg: Path, data: Path, out: Path, updates: int) -> list[str]:
    words = f"study grid --k 8 --nms none,.5 --seeds 2 --updates {updates} --processes 2"
    return [sys.executable, "-m", "pylrm", *words.split(), *("--out", str(out)),
            *("--cfg", str(cfg)), *("--data", str(data))]  # fmt: skip


def start(*arguments: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(pylrm.__file__).parents[1])}
    return subprocess.Popen(
        command(*arguments),
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def children(parent: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                yield int(entry.name)


def alive(process: int) -> bool:
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2][1] != "Z"
    except OSError:
        return False


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_runs_start_from_a_backbones_weights(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    cfg, start = tiny_cfg(), tmp_path / "start.weights"
    with pylrm.Network(cfg, seed=9) as net:
        net.save_weights(start, upto=2)  # the file ends before the later layers
    options = TrainOptions(updates=4, map_every=0, weights=start)
    asked: dict[str, Any] = {"ks": [8], "thresholds": [0.5], "arms": [], "seeds": [0]}
    study(cfg, tiny_data, tmp_path / "study", options, quiet=True, **asked)
    assert [row["updates"] for row in rows(tmp_path / "study")] == ["4", "4"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_killed_study_goes_on_to_the_same_table(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    cfg, updates = tiny_cfg(), 150
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    process = start(cfg, tiny_data, calm, updates)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0 and "6/6 runs" in output, output
    for results in (0, 1, 3):
        process = start(cfg, tiny_data, killed, updates)

        def under_way(results: int = results) -> bool:
            done = len(list(killed.glob("runs/*/*/result.json")))
            logs = list(killed.glob("runs/*/*/log.csv"))
            return done >= results and len(logs) > done

        until(under_way)
        theirs = list(children(process.pid))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        until(lambda those=theirs: not any(map(alive, those)))
    assert len(list(killed.glob("runs/*/*/result.json"))) < 6
    process = start(cfg, tiny_data, killed, updates)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert rows(killed) == rows(calm)
    assert not list(killed.rglob("result.json.part"))  # a kill while it is written may leave one


def test_one_study_a_folder(tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path) -> None:
    from pylrm.study import folder as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WAIT", 0.2)
        with (
            StudyFolder(tmp_path / "study").locked(),
            pytest.raises(PylrmError, match="another study is at work here"),
        ):
            small(tiny_cfg(), tiny_data, tmp_path / "study")


def test_a_process_that_dies_is_a_failure_that_is_tried_again(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylrm.study import processes

    cfg, out = tiny_cfg(), tmp_path / "study"
    monkeypatch.setattr(processes.sys, "executable", "/bin/false")
    with pytest.raises(PylrmError, match="2 runs failed, first .* seed 0: its process ended"):
        small(cfg, tiny_data, out, seeds=[0])
    assert all(row["note"].startswith("failed: ") for row in rows(out))
    monkeypatch.undo()
    small(cfg, tiny_data, out, seeds=[0])
    assert all(row["mAP"] and not row["note"] for row in rows(out))


def test_many_processes_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from pylrm.study import grid

    monkeypatch.setattr(grid, "cores", lambda: 8)
    assert side_by_side(30, None, None) == (8, 1)
    assert side_by_side(2, None, None) == (2, 4)
    assert side_by_side(30, 2, None) == (2, 4)
    assert side_by_side(30, None, 4) == (2, 4)
    assert side_by_side(30, 3, 3) == (3, 3)
    assert side_by_side(0, None, None) == (1, 8)


def test_what_is_left_is_told_from_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("pylrm.study.work.time.monotonic", lambda: now[0])
    pace = Pace(4)
    assert pace.left().total_seconds() == 0
    now[0] = 110.0
    pace.told("a", 0.5)
    pace.told("b", 0.5)
    assert pace.left().total_seconds() == 30
    pace.told("a", 1.0)
    now[0] = 115.0
    assert pace.left().total_seconds() == 25
