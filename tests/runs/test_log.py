"""Logs: what is written is read again, in both forms; other Darknets' logs; crashes; mistakes."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.errors import DataError
from pylrm.runs.log import COLUMNS, LogWriter, read_log

ORIGINAL = """\
Learning Rate: 0.001, Momentum: 0.9, Decay: 0.0005
Loaded: 0.000042 seconds
Region Avg IOU: 0.400000, Class: 0.1, Obj: 0.500000, No Obj: 0.4, Avg Recall: 0.250000,  count: 1
Region Avg IOU: 0.100000, Class: 0.1, Obj: 0.100000, No Obj: 0.4, Avg Recall: 0.050000,  count: 3
1: 300.500000, 300.500000 avg, 0.000000 rate, 4.000000 seconds, 64 images
Region Avg IOU: -nan, Class: -nan, Obj: -nan, No Obj: 0.4, Avg Recall: -nan,  count: 0
2: 200.500000, 290.500000 avg, 0.001000 rate, 2.000000 seconds, 128 images
Saving weights to backup/x.weights
"""

FORK = """\
v3 (mse loss, Normalizer: (iou: 0.75, cls: 1.00) Region 82 Avg (IOU: 0.500000, GIOU: 0.4), Class: \
0.5, Obj: 0.300000, No Obj: 0.1, .5R: 0.700000, .75R: 0.2, count: 2, class_loss = 1.5, iou_loss = 2
Region 94 Avg IOU: 0.900000, Class: 0.5, Obj: 0.700000, No Obj: 0.1, .5R: 1.000000, .75R: 0.2,  \
count: 2

 (next mAP calculation at 1000 iterations)
 1000: 1.250000, 1.500000 avg loss, 0.001000 rate, 2.500000 seconds, 64000 images, 3.2 hours left
 detections_count = 412, unique_truth_count = 100
 IoU threshold = 50 %, used Area-Under-Curve for each unique Recall
 mean average precision (mAP@0.50) = 0.515000, or 51.50 %
\x1b[H\x1b[J 1001: nan, 1.600000 avg loss, 0.001000 rate, 2.500000 seconds, 64064 images, 3.1 \
hours left
 Last accuracy mAP@0.50 = 51.50 %, best = 51.50 %
1002: -nan(ind), 1.6 avg loss, 1e-05 rate, 2.5 seconds, 641"""


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def row(update: int, **fields: Any) -> dict[str, Any]:
    basic = {"update": update, "images": 64 * update, "loss": 2.5, "avg": 3.0, "rate": 0.001}
    return {**basic, "seconds": 2.0, "img_s": 32.0, **fields}


def test_both_forms_appear_at_once(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as log:
        log.update(row(1, iou=0.5, obj=0.25, recall=0.125, noobj=0.01, count=8, map=None))
        assert (tmp_path / "log.csv").read_text() == (
            ",".join(COLUMNS) + "\n1,64,2.5,3,0.001,32,0.5,0.25,0.125,,,,,,,,,,,\n"
        )
        log.update(row(2, kept=12.5, kept_claimed=0.1, kept_loss=0.75,
                       fg=0.0625, fg_loss=0.25, fg_kept_loss=0.5, map=0.515,
                       top1=0.5, top5=0.75))  # fmt: skip
        assert rows_of(tmp_path)[1]["map"] == "0.515"
        lines = (tmp_path / "train.log").read_text().splitlines()
    assert lines[0] == (
        "Region Avg IOU: 0.500000, Class: nan, Obj: 0.250000, No Obj: 0.010000, "
        "Avg Recall: 0.125000,  count: 8"
    )
    assert lines[1] == ("1: 2.500000, 3.000000 avg, 0.001000000 rate, 2.000000 seconds, 64 images")
    assert "LRM Foreground: 0.062500, Loss: 0.250000, Kept loss: 0.500000" in lines
    assert "Validation: top 1 0.500000, top 5 0.750000" in lines
    assert lines[-1] == "mean average precision (mAP@0.50) = 0.515000, or 51.50 %"


share = st.none() | st.floats(0, 1, width=32)
rate = st.floats(1e-6, 10)
written = st.fixed_dictionaries(
    {
        "loss": st.floats(1e-3, 1e6),
        "avg": st.floats(1e-3, 1e6),
        "rate": rate,
        "seconds": st.floats(0.01, 1e3),
        "iou": share,
        "obj": share,
        "recall": share,
        "kept": st.none() | st.integers(0, 1000).map(float),
        "kept_claimed": share,
        "kept_loss": share,
        "fg": share,
        "fg_loss": share,
        "fg_kept_loss": share,
        "map": share,
        "stall": st.none() | st.floats(0, 1e3),
        "grad_norm": st.none() | st.floats(0, 1e6),
        "count": st.integers(1, 500),
        "top1": share,
        "top5": share,
    }
)


@settings(deadline=None, max_examples=50)
@given(st.lists(written, min_size=1, max_size=6))
def test_what_is_written_is_read(tmp_path_factory: Any, values: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("run")
    rows = []
    for update, fields in enumerate(values, 1):
        for group in (
            ("iou", "obj", "recall"),
            ("kept", "kept_claimed", "kept_loss"),
            ("fg", "fg_loss", "fg_kept_loss"),
            ("top1", "top5"),
        ):
            if any(fields[name] is None for name in group):  # as in a run: all or none
                fields = {**fields, **dict.fromkeys(group)}
        rows.append({**fields, "update": update, "images": 16 * update,
                     "img_s": 16 / fields["seconds"]})  # fmt: skip
    with LogWriter(folder) as log:
        for fields in rows:
            log.update(fields)
    for path in (folder, folder / "log.csv", folder / "train.log"):
        read = read_log(path)
        assert len(read) == len(rows) and read.name == folder.name
        text = path.suffix == ".log"
        for name in COLUMNS:
            expected = [math.nan if r[name] is None else r[name] for r in rows]
            near = {"rel": 1e-3, "abs": 1e-6} if text else {"rel": 1e-6, "abs": 0}
            assert read[name].tolist() == pytest.approx(expected, nan_ok=True, **near), name


def test_a_log_goes_on_after_a_crash(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as log:
        log.update(row(1))
        log.update(row(2))
    for name, half in (("log.csv", b"3,192,2."), ("train.log", b"3: 2.5, 3.0 av")):
        with (tmp_path / name).open("ab") as file:
            file.write(half)
    assert len(read_log(tmp_path)) == 2 and len(read_log(tmp_path / "train.log")) == 2
    with LogWriter(tmp_path) as log:
        log.update(row(3))
    assert [line["update"] for line in rows_of(tmp_path)] == ["1", "2", "3"]
    assert read_log(tmp_path / "train.log")["update"].tolist() == [1, 2, 3]


def test_a_crash_within_the_header(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("update,ima")
    with LogWriter(tmp_path) as log:
        log.update(row(1))
    assert len(read_log(tmp_path)) == 1


def test_another_log_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss\n1,2\n")
    with pytest.raises(DataError, match=r"log\.csv:1: a log with other columns"):
        LogWriter(tmp_path)
    assert (tmp_path / "log.csv").read_text() == "epoch,loss\n1,2\n"


def test_where_a_run_was_gone_on_with_the_later_rows_count(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as log:
        for update, loss in ((1, 9.0), (2, 8.0), (3, 7.0), (2, 6.0)):
            log.update(row(update, loss=loss))
    for path in (tmp_path, tmp_path / "train.log"):
        assert read_log(path)["update"].tolist() == [1, 2]
        assert read_log(path)["loss"].tolist() == [9, 6]


def test_the_originals_log(tmp_path: Path) -> None:
    path = tmp_path / "voc.log"
    path.write_text(ORIGINAL)
    log = read_log(path)
    assert log.name == "voc" and log["update"].tolist() == [1, 2]
    assert log["loss"].tolist() == [300.5, 200.5] and log["avg"].tolist() == [300.5, 290.5]
    assert log["rate"].tolist() == [0, 0.001] and log["images"].tolist() == [64, 128]
    assert log["img_s"].tolist() == [16, 32]
    np.testing.assert_allclose(log["iou"], [0.175, math.nan])
    np.testing.assert_allclose(log["obj"], [0.2, math.nan])
    np.testing.assert_allclose(log["recall"], [0.1, math.nan])
    assert np.isnan(log["map"]).all() and np.isnan(log["kept"]).all()
    np.testing.assert_allclose(log["stall"], [0.000042, math.nan])


def test_a_table_from_before_stall_was_logged(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("update,images,loss,map\n1,64,2.5,\n2,128,2.25,0.5\n")
    log = read_log(path)
    assert log["loss"].tolist() == [2.5, 2.25] and log["map"][1] == 0.5
    assert np.isnan(log["stall"]).all()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_forks_log(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "fork.txt"
    path.write_bytes(FORK.replace("\n", "\r\n").encode(encoding))
    log = read_log(path)
    assert log["update"].tolist() == [1000, 1001]
    assert log["loss"][0] == 1.25 and math.isnan(log["loss"][1]) and log["avg"][1] == 1.6
    np.testing.assert_allclose(log["iou"], [0.7, math.nan])
    np.testing.assert_allclose(log["recall"], [0.85, math.nan])
    np.testing.assert_allclose(log["map"], [0.515, math.nan])
    assert log["img_s"][0] == pytest.approx(64 / 2.5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.log", "nothing\n", r"a\.log: no log of a training run: no line 'N: loss"),
        ("a.log", "", r"a\.log: no log"),
        ("a.csv", "", r"a\.csv:1: no log: expected a header"),
        ("a.csv", "epoch,loss\n1,2\n", r"a\.csv:1: no log"),
        ("a.csv", "update,loss\n", r"a\.csv: no log of a training run: no rows"),
        ("a.csv", "update,loss\n1,2\n2,x\n", r"a\.csv:3: loss is 'x', not a number"),
        ("a.csv", "update,loss\n1,2\n2,3,4\n", r"a\.csv:3: 3 fields, but 2 columns"),
        ("a.csv", "update,loss\n,2\n", r"a\.csv:2: no update number"),
        ("a.csv", 'update,loss\n1,"2\n', r"a\.csv:2: "),
        ("a.csv", "update,loss\n1,\0\n", r"a\.csv:2: "),
    ],
)
def test_mistakes_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as stop:
        read_log(tmp_path / name)
    assert "\n" not in str(stop.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no log\.csv or train\.log in the folder"):
        read_log(tmp_path)
    with pytest.raises(DataError, match=r"x\.csv: No such file"):
        read_log(tmp_path / "x.csv")
    (tmp_path / "train.log").write_text(ORIGINAL)
    assert read_log(tmp_path).name == tmp_path.name


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_content_crashes_the_reader(tmp_path_factory: Any, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("logs")
    for name, start in (("a.csv", b"update,loss\n1,2\n"), ("a.log", b"")):
        (folder / name).write_bytes(start + content)
        try:
            read_log(folder / name)
        except DataError as error:
            assert name in str(error)


NEWEST = """\
-> next mAP calculation will be at iteration #200
\x1b[1;37m1\x1b[0m: loss=\x1b[0;31m812.250\x1b[0m, avg loss=\x1b[0;31m812.250\x1b[0m, \
rate=0.000000, 1.250 seconds, 64 images, time remaining=3.2 hours
\x1b]2;2/4000: loss=30.0 time=3.2 hours\x07\
\x1b[1;37m2\x1b[0m: loss=\x1b[1;36m3.500\x1b[0m, avg loss=\x1b[0;31m731.375\x1b[0m, rate=0.002610, \
64.000 milliseconds, 128 images, time remaining=3.2 hours
mean average precision (mAP@0.50)=42.67%
-> last accuracy mAP@0.50=\x1b[1;31m42.67%\x1b[0m, best=\x1b[1;31m42.67%\x1b[0m
3: loss=-nan, avg loss=700.000, rate=0.002610, 64.000 microseconds, 192 images, time remaining=1 \
second
"""


def test_the_newest_forks_log_with_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "newest.log"
    path.write_text(NEWEST)
    log = read_log(path)
    assert log["update"].tolist() == [1, 2, 3] and log["images"].tolist() == [64, 128, 192]
    np.testing.assert_allclose(log["loss"], [812.25, 3.5, math.nan])
    np.testing.assert_allclose(log["avg"], [812.25, 731.375, 700])
    np.testing.assert_allclose(log["rate"], [0, 0.00261, 0.00261])
    np.testing.assert_allclose(log["map"], [math.nan, 0.4267, math.nan])
    np.testing.assert_allclose(log["img_s"], [51.2, 1000, 1e6], rtol=1e-6)


def last_accuracy(update: int, percent: float) -> str:
    return (
        f"\n (next mAP calculation at {update + 100} iterations) "
        f"\n Last accuracy mAP@0.50 = {percent:.2f} %, best = 60.00 % "
        f"\n {update}: 1.5, 1.5 avg loss, 0.001 rate, 2.5 seconds, {64 * update} images, "
        "1.000000 hours left\n"
    )


def test_a_repeated_map_counts_where_it_changes(tmp_path: Path) -> None:
    """A log of which the validations' own lines are gone; the first mAP may be of any update."""
    path = tmp_path / "fork.log"
    given = [(9, 30.0), (10, 30.0), (11, 41.5), (12, 41.5), (13, 41.49), (14, 12.25)]
    path.write_text("".join(last_accuracy(*one) for one in given))
    log = read_log(path)
    assert log["update"].tolist() == [9, 10, 11, 12, 13, 14]
    nan = math.nan
    np.testing.assert_allclose(log["map"], [nan, 0.415, nan, nan, 0.1225, nan])


def test_detectors_that_tell_their_iou_alone_and_an_older_forks_map(tmp_path: Path) -> None:
    path = tmp_path / "fork.log"
    path.write_text(
        "v3 (iou loss, Normalizer: (iou: 0.07, obj: 1.00, cls: 1.00) Region 161 Avg (IOU: 0.25), "
        "count: 3, class_loss = 519.5, iou_loss = 0.7, total_loss = 520.3\n"
        "v3 (iou loss, Normalizer: (iou: 0.07, obj: 1.00, cls: 1.00) Region 139 Avg (IOU: 0.75), "
        "count: 1, class_loss = 519.5, iou_loss = 0.7, total_loss = 520.3\n"
        " total_bbox = 142060, rewritten_bbox = 0.026045 % \n"
        "1: 2219.5, 2219.5 avg loss, 0.0 rate, 22.1 seconds, 64 images, -1.000000 hours left\n"
        " mean_average_precision (mAP@0.5) = 0.809347 \n"
    )
    log = read_log(path)
    assert log["iou"].tolist() == [0.375] and np.isnan(log["obj"]).all()
    assert log["map"].tolist() == [0.809347]
