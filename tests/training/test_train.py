"""The training loop on a data set and a network that train in seconds."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pylrm
from pylrm import errors
from pylrm.files.writing import writing
from pylrm.runs.folder import Run
from pylrm.training.progress import Progress
from pylrm.training.schedule import Schedule, Sizes, multi_scale_sizes, usual_map_every

WriteCfg = Callable[..., Path]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def losses(folder: Path) -> list[str]:
    return [row["loss"] for row in rows(folder)]


def parameters(cfg: Path, weights: Path) -> list[np.ndarray]:
    from pylrm.engine import Network

    with Network(cfg, weights) as net:
        return [values.copy() for layer in net for values in layer.params.values()]


def test_a_run_learns_and_keeps_its_books(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    from pylrm import train
    from pylrm.engine import Network

    cfg = tiny_cfg(max_batches=60)
    result = train(cfg, tiny_data, out=tmp_path / "run", map_every=20, save_every=25, quiet=True)
    log = rows(result.folder)
    assert [int(row["update"]) for row in log] == list(range(1, 61))
    assert [int(row["images"]) for row in log] == list(range(4, 244, 4))
    loss = [float(row["loss"]) for row in log]
    assert np.mean(loss[-10:]) < 0.7 * np.mean(loss[:10])
    assert [bool(row["map"]) for row in log] == [update % 20 == 0 for update in range(1, 61)]
    assert all(0 <= float(row["iou"]) <= 1 and 0 <= float(row["recall"]) <= 1 for row in log)
    average = loss[0]
    for row, value in zip(log, loss, strict=True):
        average = 0.9 * average + 0.1 * value
        assert float(row["avg"]) == pytest.approx(average, rel=1e-4)
    assert result.updates == 60 and result.loss == pytest.approx(average, rel=1e-4)
    found = [float(row["map"]) for row in log if row["map"]]
    assert result.best_map == pytest.approx(max(found), abs=1e-4)
    assert result.map == pytest.approx(found[-1], abs=1e-4)
    weights = sorted(path.name for path in (result.folder / "weights").iterdir())
    assert weights == ["25.weights", "50.weights", "best.weights", "last.weights"]
    for name in weights:
        Network(result.folder / "net.cfg", result.folder / "weights" / name).close()
    assert (result.folder / "net.cfg").read_text() == cfg.read_text()
    options = json.loads((result.folder / "options.json").read_text())
    assert options["letterbox"] is True and options["last"] == 60 and options["seed"] == 0


def test_the_wait_for_images_is_logged(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylrm import train
    from pylrm.data import samples

    read, slow = samples.read_image, 0.03

    def slowly(*arguments: Any) -> Any:
        time.sleep(slow)
        return read(*arguments)

    monkeypatch.setattr(samples, "read_image", slowly)
    run = train(tiny_cfg(), tiny_data, out=tmp_path / "run", workers=1, map_every=0, quiet=True)
    stalls = [float(row["stall"]) for row in rows(run.folder)]
    seconds = [4 / float(row["img_s"]) for row in rows(run.folder)]
    assert sum(stalls) > 0.5 * len(stalls) * 4 * slow  # 4 images, one after the other
    assert all(stall <= took * 1.001 for stall, took in zip(stalls, seconds, strict=True))


def test_a_seed_repeats_for_any_number_of_workers(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    from pylrm import train

    cfg = tiny_cfg(subdivisions=2)
    runs = [
        train(cfg, tiny_data, out=tmp_path / str(workers), workers=workers, seed=3, quiet=True)
        for workers in (1, 3)
    ]
    other = train(cfg, tiny_data, out=tmp_path / "other", seed=4, quiet=True)
    assert losses(runs[0].folder) == losses(runs[1].folder)
    assert losses(runs[0].folder) != losses(other.folder)
    first, second = ((run.folder / "weights" / "last.weights").read_bytes() for run in runs)
    assert first == second


def test_validation_leaves_training_as_it_is(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    from pylrm import train

    cfg = tiny_cfg(subdivisions=2)
    often = train(cfg, tiny_data, out=tmp_path / "often", map_every=3, quiet=True)
    never = train(cfg, tiny_data, out=tmp_path / "never", map_every=0, quiet=True)
    assert losses(often.folder) == losses(never.folder)
    assert never.map is None and never.best_map is None
    assert not (never.folder / "weights" / "best.weights").exists()


def test_the_lrm_columns(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    from pylrm import train

    cfg = tiny_cfg(lrm="\n[lrm]\nk=10\nnms=0\n")
    result = train(cfg, tiny_data, out=tmp_path / "run", map_every=0, quiet=True)
    for row in rows(result.folder):
        assert float(row["kept"]) == 10
        assert 0 <= float(row["kept_claimed"]) <= 1 and 0 < float(row["kept_loss"]) < 1
        fg, before, after = (float(row[name]) for name in ("fg", "fg_loss", "fg_kept_loss"))
        assert fg == pytest.approx(1 / 128)  # a square an image
        assert fg < before < after <= 1
    plain = train(tiny_cfg(), tiny_data, out=tmp_path / "plain", map_every=0, quiet=True)
    assert {row[name] for row in rows(plain.folder) for name in ("kept", "fg")} == {""}


def test_multi_scale_changes_the_input_every_ten_updates(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylrm import train
    from pylrm.training.statistics import PassStatistics

    seen = []
    add_pass = PassStatistics.add

    def add(self: PassStatistics, loss: float) -> None:
        seen.append(self.heads[0].shape[1:])
        add_pass(self, loss)

    monkeypatch.setattr(PassStatistics, "add", add)
    cfg = tiny_cfg(max_batches=230, region="random=1", batch=2, subdivisions=2)
    result = train(cfg, tiny_data, out=tmp_path / "run", map_every=15, quiet=True)
    sizes = Sizes(multi_scale_sizes(64, 64, 8), 2, 230, 0)
    assert seen == [(sizes.at(i)[1] // 8, sizes.at(i)[0] // 8) for i in range(460)]
    assert all(math.isfinite(float(row["loss"])) for row in rows(result.folder))


def test_starting_from_weights(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    from pylrm import train
    from pylrm.engine import Network

    cfg = tiny_cfg()
    first = train(cfg, tiny_data, out=tmp_path / "first", map_every=0, quiet=True)
    weights = first.folder / "weights" / "last.weights"
    with Network(cfg, weights) as net:
        assert net.seen == 48
    again = train(cfg, tiny_data, weights=weights, out=tmp_path / "again", map_every=0, quiet=True)
    assert rows(again.folder)[0]["images"] == "4"
    with pytest.raises(errors.PylrmError, match=r"update 12, and max_batches=12 ends"):
        train(cfg, tiny_data, weights=weights, out=tmp_path / "none", keep_seen=True, quiet=True)
    assert not (tmp_path / "none").exists()
    more = train(
        cfg,
        tiny_data,
        weights=weights,
        out=tmp_path / "more",
        keep_seen=True,
        updates=15,
        map_every=0,
        quiet=True,
    )
    assert [row["update"] for row in rows(more.folder)] == ["13", "14", "15"]


def test_a_diverging_run_stops_and_keeps_good_weights(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    from pylrm import train

    cfg = tiny_cfg(max_batches=300, policy="steps", steps="105", scales="1e9", learning_rate=0.001)
    advice = "lower learning_rate, a longer burn_in"
    with pytest.raises(errors.NumericsError, match=advice) as stop:
        train(cfg, tiny_data, out=tmp_path / "run", map_every=0, quiet=True)
    last = tmp_path / "run" / "weights" / "last.weights"
    assert str(last) in str(stop.value) and "\n" not in str(stop.value)
    assert all(np.isfinite(values).all() for values in parameters(cfg, last))
    assert 100 <= len(rows(tmp_path / "run")) < 300


def test_unreadable_images_are_left_out_and_listed(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, capsys: pytest.CaptureFixture[str]
) -> None:
    from pylrm import train

    for name in ("3.png", "8.png"):
        (tiny_data.parent / "images" / name).write_bytes(b"no image")
    result = train(tiny_cfg(), tiny_data, out=tmp_path / "run", map_every=0, quiet=True)
    assert [path.name for path in sorted(result.skipped)] == ["3.png", "8.png"]
    assert (result.folder / "skipped.txt").read_text().count("\n") == 2
    assert "images that could not be read, left out: 2 " in capsys.readouterr().err


def test_a_full_disk_is_one_line(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylrm import train

    replaced = Run.save

    def full(self: Run, net: object, path: Path) -> None:
        with writing(path):
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Run, "save", full)
    message = r"last\.weights: .*No space left on device"
    with pytest.raises(errors.PylrmError, match=message) as stop:
        train(tiny_cfg(), tiny_data, out=tmp_path / "run", map_every=0, quiet=True)
    assert "\n" not in str(stop.value)
    monkeypatch.setattr(Run, "save", replaced)


def test_weights_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    class Broken:
        def save_weights(self, path: Path) -> None:
            Path(path).write_bytes(b"half")
            raise errors.WeightsError(f"{path}: the disk is full")

    run = Run.create(tmp_path / "run", "x")
    run.last.write_bytes(b"good")
    with pytest.raises(errors.WeightsError):
        run.save(Broken(), run.last)
    assert [path.name for path in run.last.parent.iterdir()] == ["last.weights"]
    assert run.last.read_bytes() == b"good"


def test_runs_that_start_at_the_same_moment_are_numbered(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(
            pool.map(lambda _: Run.create(None, "net", parent=tmp_path / "runs"), range(64))
        )
    assert len({run.folder for run in runs}) == 64
    assert (tmp_path / "runs" / "net-64").is_dir()


def test_options_record_the_threads_that_were_asked_for(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    for threads in (None, 1):
        out = tmp_path / f"run-{threads}"
        options = {"threads": threads, "map_every": 0, "quiet": True}
        pylrm.train(tiny_cfg(max_batches=1), tiny_data, out=out, **options)
        assert json.loads((out / "options.json").read_text())["threads"] == threads


def test_run_folders_are_numbered_and_never_shared(tmp_path: Path) -> None:
    folders = [Run.create(None, "net", parent=tmp_path).folder.name for _ in range(3)]
    assert folders == ["net", "net-2", "net-3"]
    with pytest.raises(errors.PylrmError, match="holds files already"):
        Run.create(tmp_path / "net", "net")
    (tmp_path / "empty").mkdir()
    assert Run.create(tmp_path / "empty", "net").folder == tmp_path / "empty"
    (tmp_path / "file").touch()
    with pytest.raises(errors.PylrmError, match="is no folder"):
        Run.create(tmp_path / "file", "net")
    with pytest.raises(errors.PylrmError, match="cannot be written"):
        Run.create(tmp_path / "file" / "below", "net")


def test_the_schedule() -> None:
    schedule = Schedule(1, 105, 50, 40)
    updates = range(1, 106)
    assert [n for n in updates if schedule.validates(n)] == [50, 100, 105]
    assert [n for n in updates if schedule.saves(n)] == [50, 100, 105]
    assert [n for n in updates if schedule.numbers(n)] == [40, 80]
    assert not any(Schedule(1, 105, 0, 0).validates(n) for n in updates)
    assert usual_map_every(1, 45000) == 4500 and usual_map_every(1, 3) == 1


@pytest.mark.parametrize(
    ("width", "height", "stride"), [(416, 416, 32), (608, 608, 32), (320, 320, 16)]
)
def test_multi_scale_is_darknets(width: int, height: int, stride: int) -> None:
    assert multi_scale_sizes(width, height, stride) == [(s, s) for s in range(320, 609, 32)]


@pytest.mark.parametrize(
    ("width", "height", "stride"),
    [(64, 64, 8), (224, 224, 32), (416, 320, 32), (640, 384, 64)],
)
def test_multi_scale_around_other_sizes(width: int, height: int, stride: int) -> None:
    sizes = multi_scale_sizes(width, height, stride)
    assert all(w % stride == 0 and h % stride == 0 for w, h in sizes)
    assert (width, height) in sizes and sizes == sorted(sizes)
    assert abs(sizes[0][0] - width * 10 / 13) <= stride / 2
    assert abs(sizes[-1][1] - height * 19 / 13) <= stride / 2


def test_sizes_are_a_function_of_seed_and_position() -> None:
    choices = multi_scale_sizes(416, 416, 32)
    sizes = Sizes(choices, 4, 1000, 1)
    drawn = [sizes.at(batch) for batch in range(4000)]
    assert all(len(set(drawn[start : start + 40])) == 1 for start in range(0, 3200, 40))
    assert set(drawn[:3200]) == set(choices)
    assert set(drawn[3200:]) == {(608, 608)}
    assert drawn != [Sizes(choices, 4, 1000, 2).at(batch) for batch in range(4000)]


def test_progress_renews_a_line_on_a_terminal_and_prints_lines_in_a_pipe() -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream in (Terminal(), io.StringIO()):
        progress = Progress(1, 200, stream)
        for update in range(1, 201):
            progress.update(update, 1.5, 2.5, None if update < 100 else 0.25, 10.0, 2.0)
        progress.say("done")
        text = stream.getvalue()
        assert text.endswith("\ndone\n")
        if stream.isatty():
            assert text.count("\r") == 200 and text.count("\n") == 2
        else:
            assert "\r" not in text and text.count("\n") == 52
            assert "100/200  loss 1.5000  avg 2.5000  mAP 0.2500  10.0 img/s  0:03:20 left" in text
