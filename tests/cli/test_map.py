"""pylrm map as typed, with a network of random weights on drawn images."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evaluate import oracle_data as oracle

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]


@pytest.fixture
def weights(tmp_path: Path, tiny_cfg: WriteCfg) -> Path:
    from pylrm.engine import Network

    path = tmp_path / "random.weights"
    with Network(tiny_cfg(), seed=5) as net:
        net.save_weights(path)
    return path


def test_a_table(
    tiny_data: Path, tiny_cfg: WriteCfg, weights: Path, run: Callable[..., Outcome]
) -> None:
    arguments = ("map", "--cfg", tiny_cfg(), "--data", tiny_data, "--weights", weights)
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "valid.txt: 8 images, letterboxed, scores above 0.005" in lines[0]
    assert [line.split()[:2] for line in lines[3:5]] == [["red", "4"], ["green", "4"]]
    assert lines[6].startswith("mAP@.5 (VOC, area)") and "\r" not in out
    assert lines[8].startswith("at scores of at least 0.25, IoU above .5")
    assert lines[9].split()[:4] == ["class", "TP", "FP", "FN"]
    assert [sum(map(int, line.split()[1:4:2])) for line in (*lines[11:13], lines[-1])] == [4, 4, 8]
    code, out, _ = run(*arguments, "--metric", "11point", "--no-letterbox", "--thresh", ".1")
    assert "stretched, scores above 0.1" in out and "mAP@.5 (VOC, 11 points)" in out


def test_json_says_what_evaluate_says(
    tiny_data: Path, tiny_cfg: WriteCfg, weights: Path, run: Callable[..., Outcome]
) -> None:
    from pylrm.data.darknet import read_data
    from pylrm.engine import Network
    from pylrm.evaluate.network import evaluate
    from pylrm.evaluate.report import report

    cfg = tiny_cfg()
    for way in ("--letterbox", "--no-letterbox"):
        code, out, _ = run(
            "map", "--cfg", cfg, "--data", tiny_data, "--weights", weights, way, "--json",
            "--nms", ".3", "--threads", "1",
        )  # fmt: skip
        record = json.loads(out)
        with Network(cfg, weights, batch=1) as net:
            expected = evaluate(net, read_data(tiny_data), letterbox=way == "--letterbox", nms=0.3)
        assert code == 0 and record["map"] == pytest.approx(expected.map, abs=1e-6)
        assert record["ap"] == pytest.approx(expected.ap, abs=1e-6)
        assert record["images"] == 8 and record["nms"] == 0.3 and record["metric"] == "area"
        counts = report(expected.matching(), 0.25).record()
        assert record["counts"]["confusion"] == counts["confusion"]


def test_a_runs_cfg_brings_its_data_and_its_way_with_images(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    folder = tmp_path / "run"
    trained = run("train", "--cfg", tiny_cfg(), "--data", tiny_data, "--out", folder,
                    "--no-letterbox", "--quiet", "--updates", "2")  # fmt: skip
    assert trained[0] == 0
    measure = ("map", "--cfg", folder / "net.cfg", "--weights", folder / "weights" / "last.weights")
    code, out, err = run(*measure)
    assert (code, err) == (0, "") and "8 images, stretched" in out
    assert "8 images, letterboxed" in run(*measure, "--letterbox")[1]


def test_classes_without_objects_and_unreadable_images(
    tiny_data: Path, tiny_cfg: WriteCfg, weights: Path, run: Callable[..., Outcome]
) -> None:
    folder = tiny_data.parent
    for number in range(16, 24, 2):
        (folder / "labels" / f"{number}.txt").write_text("")
    (folder / "images" / "16.png").write_bytes(b"no image")
    arguments = ("map", "--cfg", tiny_cfg(), "--data", tiny_data, "--weights", weights)
    code, out, err = run(*arguments)
    assert code == 0 and "7 images" in out
    assert "1 image could not be read" in err and "16.png" in err
    reds = [line.split()[-1] for line in out.splitlines() if line.startswith("red")]
    assert reds == ["-", "-"]
    assert json.loads(run(*arguments, "--json")[1])["ap"]["red"] is None
    (folder / "images" / "17.png").write_bytes(b"no image")
    for number in range(18, 24):
        (folder / "labels" / f"{number}.txt").write_text("")
    code, out, err = run(*arguments)
    assert code == 2 and "not one object in 6 images" in err.splitlines()[-1]
    (folder / "labels" / "17.txt").write_text("")
    code, out, err = run(*arguments)
    assert code == 2 and "valid.txt: not one object in 8 images: no mAP" in err
    assert err.count("\n") == 1


def test_a_terminal_sees_progress(
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    weights: Path,
    run: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    code, out, err = run("map", "--cfg", tiny_cfg(), "--data", tiny_data, "--weights", weights)
    assert code == 0 and re.search(r"\r8/8 images *\n$", err) and "\r" not in out


def test_mistakes_are_one_line(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    weights: Path,
    run: Callable[..., Outcome],
) -> None:
    def one_line(*parts: str, **changes: str | Path) -> None:
        arguments = {"cfg": tiny_cfg(), "data": tiny_data, "weights": weights, **changes}
        words = [word for name, value in arguments.items() for word in (f"--{name}", value)]
        code, _, err = run("map", *words)
        lines = err.strip().splitlines()
        assert code == 2 and len(lines) == 1, (code, err)
        assert all(part in lines[0] for part in parts), lines[0]

    one_line("none.weights", weights=tmp_path / "none.weights")
    one_line("none.data", data=tmp_path / "none.data")
    three = tmp_path / "three.data"
    three.write_text("classes=3\nvalid=tiny/valid.txt\n")
    one_line("tiny.cfg:", "three.data", "classes=3", data=three)
    classifier = tmp_path / "classifier.cfg"
    classifier.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n\n[connected]\noutput=2\n")
    from pylrm.engine import Network

    with Network(classifier) as net:
        net.save_weights(tmp_path / "classifier.weights")
    one_line(
        "no [region], [yolo] or [detection]",
        cfg=classifier,
        weights=tmp_path / "classifier.weights",
    )
    (tiny_data.parent / "labels" / "20.txt").write_text("0 .5 .5 .1 .1\n7 .5 .5 .1 .1\n")
    one_line("20.txt:2", "class 7")
    (tiny_data.parent / "valid.txt").unlink()
    one_line("valid.txt", "not there")


@pytest.mark.parametrize("metric", ["area", "11point", "coco", "kitti"])
def test_files_score_as_the_network_that_they_are_of(
    tiny_data: Path, tiny_cfg: WriteCfg, weights: Path, run: Callable[..., Outcome], metric: str
) -> None:
    out = tiny_data.parent / "new" / "results"
    code, text, err = run(
        "map", "--cfg", tiny_cfg(), "--data", tiny_data, "--weights", weights, "--json",
        "--metric", metric, "--out", out, "--at", ".4",
    )  # fmt: skip
    assert (code, err) == (0, "")
    of_the_network = json.loads(text)
    assert sorted(path.name for path in out.iterdir()) == [
        "coco_results.json", "confusion.csv", "confusion.png", "kitti", "pr.png", "voc",
    ]  # fmt: skip
    for part in ("coco_results.json", "voc", "kitti"):
        code, text, err = run(
            "map", "--data", tiny_data, "--detections", out / part, "--json", "--at", ".4",
            "--metric", metric,
        )  # fmt: skip
        assert (code, err) == (0, "")
        of_files = json.loads(text)
        assert of_files.pop("detections") == str(out / part)
        assert of_files == {name: of_the_network[name] for name in of_files}
    assert set(of_the_network) - set(of_files) == {"letterbox", "thresh", "nms"}


def test_detections_as_a_table(tmp_path: Path, run: Callable[..., Outcome]) -> None:
    data = oracle.voc_data(tmp_path)
    files = oracle.VOC / "results"
    code, out, err = run("map", "--data", data, "--detections", files, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"{tmp_path / 'truth.json'}: 300 images, detections of {files}"
    assert lines[10].split()[-1] == "0.6465" and lines[-1] == f"wrote {tmp_path / 'out'}"
    code, out, _ = run("map", "--data", oracle.kitti_data(tmp_path), "--detections",
                       oracle.KITTI / "results")  # fmt: skip
    assert code == 0 and "AP40 moderate" in out  # metric=kitti


def test_mistakes_about_detections_and_out(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    def one_line(part: str, *arguments: object) -> None:
        code, _, err = run("map", *arguments)
        assert code == 2 and err.count("\n") == 1 and part in err, (code, err)

    one_line("--cfg and --weights", "--data", tiny_data)
    one_line("--cfg and --weights", "--cfg", tiny_cfg())
    one_line("needs --data", "--detections", tmp_path)
    one_line("--nms is for a network", "--detections", tmp_path, "--data", tiny_data, "--nms", ".4")
    one_line("no detections", "--detections", tmp_path, "--data", tiny_data)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    out = ("--out", tmp_path / "taken")
    one_line("holds files already", "--detections", tmp_path, "--data", tiny_data, *out)
    one_line(
        "holds files already", "--cfg", tiny_cfg(), "--data", tiny_data, "--weights", "x", *out
    )
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["file"]
