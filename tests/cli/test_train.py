"""pylrm train as typed: messages, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm import Network, models
from pylrm.cfg.file import Cfg
from pylrm.training.checks import anchor_warnings

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]
COMMAND = "from pylrm.cli.main import main; main()"


def one_line(outcome: Outcome, *parts: str) -> None:
    code, _, err = outcome
    lines = err.strip().splitlines()
    assert code == 2 and len(lines) == 1, (code, err)
    assert all(part in lines[0] for part in parts), lines[0]


def test_a_run_says_what_it_does_and_what_comes_next(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    cfg = tiny_cfg(lrm="[lrm]\nk=32\n")
    out = tmp_path / "run"
    code, text, err = run("train", "--cfg", cfg, "--data", tiny_data, "--out", out)
    assert (code, err) == (0, "")
    assert "16 images with 16 boxes" in text and "k=32 of N=128" in text and "25.0%" in text
    assert "12/12  loss " in text and "\r" not in text
    assert str(out / "weights" / "best.weights") in text
    assert f"pylrm map --cfg {out / 'net.cfg'}" in text and f"pylrm plot {out}" in text
    one_line(run("train", "--cfg", cfg, "--data", tiny_data, "--out", out), str(out), "--out")


def test_k_beyond_n_warns(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    cfg = tiny_cfg(lrm="[lrm]\nk=128\n")
    code, _, err = run("train", "--cfg", cfg, "--data", tiny_data, "--out", tmp_path / "run")
    assert code == 0 and "k=128" in err and "N=128" in err


def test_what_is_odd_about_the_data_is_a_warning(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    folder = tiny_data.parent
    (folder / "images" / "3.png").unlink()
    (folder / "labels" / "4.txt").unlink()
    for number in range(1, 16, 2):
        (folder / "labels" / f"{number}.txt").write_text("")
    code, _, err = run(
        "train", "--cfg", tiny_cfg(), "--data", tiny_data, "--out", tmp_path / "run",
        "--updates", 1, "--map-every", 0,
    )  # fmt: skip
    assert code == 0
    for part in (
        "images that are not there, passed over: 1 of 16",
        "no label file for 1 of 16 images",
        "green",
    ):
        assert part in err


def break_label(text: str) -> Callable[[Path, WriteCfg], tuple[Path, list[str]]]:
    def breaks(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
        (data.parent / "labels" / "5.txt").write_text(f"0 .5 .5 .2 .2\n{text}\n")
        return write(), ["5.txt:2"]

    return breaks


def wrong_filters(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    return write(filters=15), ["tiny.cfg:", "filters", "14"]


def wrong_classes(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    (data.parent / "tiny.names").write_text("red\ngreen\nblue\n")
    data.write_text(data.read_text().replace("classes=2", "classes=3"))
    return write(), ["tiny.cfg:", "2 classes", "has 3", "classes=3"]


def missing_list(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    (data.parent / "train.txt").unlink()
    return write(), ["tiny.data", "train.txt", "not there"]


def missing_valid_list(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    (data.parent / "valid.txt").unlink()
    return write(), ["tiny.data", "valid.txt", "not there"]


def bad_validation_label(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    (data.parent / "labels" / "20.txt").write_text("2 .5 .5 .2 .2\n")
    return write(), ["20.txt:1", "class 2"]


def empty_list(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    (data.parent / "train.txt").write_text("\n")
    return write(), ["train.txt", "no images"]


def no_labels(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    (data.parent / "labels").rename(data.parent / "elsewhere")
    return write(), ["train.txt", "not one labelled box"]


def no_end(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    return write(max_batches=0), ["tiny.cfg", "max_batches is 0", "--updates"]


def classifier(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    cfg = write()
    cfg.write_text(cfg.read_text().split("[region]")[0] + "[avgpool]\n\n[softmax]\n")
    return cfg, ["tiny.cfg", "no [region], [yolo] or [detection], so it is a classifier"]


def jitter(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    cfg = write(region="jitter=1")
    line = cfg.read_text().splitlines().index("jitter=1") + 1
    return cfg, [f"tiny.cfg:{line}: ", "jitter=1", "below 1"]


def cutmix(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    cfg = write(cutmix=1)
    line = cfg.read_text().splitlines().index("cutmix=1") + 1
    return cfg, [f"tiny.cfg:{line}: ", "cutmix=1", "mosaic=1"]


def channels(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    return write(channels=4), ["tiny.cfg:6: ", "channels=4"]


def other_head(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    cfg = write()
    text = cfg.read_text() + (
        "\n[route]\nlayers=-3\n\n[convolutional]\nfilters=8\nactivation=linear\n\n"
        "[yolo]\nmask=0\nanchors=16,16\nnum=1\nclasses=3\nmax=10\n"
    )
    cfg.write_text(text)
    line = text.splitlines().index("classes=3") + 1
    return cfg, [f"tiny.cfg:{line}: [yolo] has 3 classes", "has 2", "classes=2"]


def no_valid_object(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    for number in range(16, 24):
        (data.parent / "labels" / f"{number}.txt").write_text("")
    return write(), ["valid.txt: not one object in 8 images", "--map-every 0"]


def coco(data: Path, count: int, **more: object) -> None:
    """Give the data set a truth= of the first `count` valid images."""
    numbers = range(16, 16 + count)
    document = {
        "images": [{"id": n, "file_name": f"images/{n}.png"} for n in numbers],
        "annotations": [
            {"image_id": n, "category_id": 1, "bbox": [1, 1, 9, 9], **more} for n in numbers
        ],
        "categories": [{"id": 1, "name": "red"}],
    }
    (data.parent / "truth.json").write_text(json.dumps(document))
    data.write_text(data.read_text() + "truth=truth.json\n")


def truth_without_an_image(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    coco(data, 7)
    return write(), ["truth.json: no such image: ", "23.png"]


def truth_of_difficult_objects(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    coco(data, 8, difficult=1)
    return write(), ["valid.txt: not one object in 8 images"]


def broken_truth(data: Path, write: WriteCfg) -> tuple[Path, list[str]]:
    coco(data, 8)
    (data.parent / "truth.json").write_text("{")
    return write(), ["truth.json:1: not JSON"]


@pytest.mark.parametrize(
    "breaks",
    [
        jitter,
        cutmix,
        channels,
        other_head,
        no_valid_object,
        truth_without_an_image,
        truth_of_difficult_objects,
        broken_truth,
        break_label("99 .5 .5 .2 .2"),
        break_label("1 nan .5 .2 .2"),
        break_label("1 .5 .5"),
        wrong_filters,
        wrong_classes,
        missing_list,
        missing_valid_list,
        bad_validation_label,
        empty_list,
        no_labels,
        no_end,
        classifier,
    ],
)
def test_mistakes_are_one_line_before_anything_is_written(
    breaks: Callable[[Path, WriteCfg], tuple[Path, list[str]]],
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    run: Callable[..., Outcome],
) -> None:
    cfg, parts = breaks(tiny_data, tiny_cfg)
    out = tmp_path / "run"
    one_line(run("train", "--cfg", cfg, "--data", tiny_data, "--out", out), *parts)
    assert not out.exists()


def test_a_refused_run_leaves_no_folder(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    from pylrm import train

    out = tmp_path / "run"
    arguments = ("train", "--cfg", tiny_cfg(), "--data", tiny_data, "--out", out)
    one_line(run(*arguments, "--seed", 2**63), "--seed", "9223372036854775807")
    for options in ({"workers": 0}, {"seed": 2**64}):
        with pytest.raises(ValueError, match=next(iter(options))):
            train(tiny_cfg(), tiny_data, out=out, quiet=True, **options)
    assert not out.exists()


def test_weights_that_do_not_fit(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    from pylrm.engine import Network

    cfg, out = tiny_cfg(), tmp_path / "run"
    whole = tmp_path / "whole.weights"
    with Network(cfg) as net:
        net.save_weights(whole)
    cut = tmp_path / "cut.weights"
    cut.write_bytes(whole.read_bytes()[:-6])
    arguments = ("train", "--cfg", cfg, "--data", tiny_data, "--out", out, "--weights")
    one_line(run(*arguments, cut), "cut.weights")
    one_line(run(*arguments, tmp_path / "none.weights"), "none.weights")
    assert not out.exists()


def test_without_data_the_cfg_says_which(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    run: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    one_line(run("train", "--cfg", tiny_cfg()), "tiny.cfg:1", "data=", "--data")
    one_line(run("train", "--cfg", tiny_cfg(data="none.data")), "none.data")
    one_line(run("train", "--cfg", "yolov2-mobilenet-lrm.cfg"), "voc", "pylrm convert voc")
    assert not (tmp_path / "runs").exists()
    cfg = tiny_cfg(data="tiny/tiny.data")
    assert run("train", "--cfg", cfg, "--updates", "2", "--quiet") == (0, "", "")
    assert (tmp_path / "runs" / "tiny" / "weights" / "last.weights").exists()
    assert run("train", "--cfg", "runs/tiny/net.cfg", "--updates", "2", "--quiet")[0] == 0
    assert (tmp_path / "runs" / "net" / "log.csv").exists()


def test_an_unwritable_place(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "run"
    one_line(run("train", "--cfg", tiny_cfg(), "--data", tiny_data, "--out", out), str(out))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_keeps_the_weights(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, number: int
) -> None:
    from pylrm.engine import Network

    cfg, out = tiny_cfg(max_batches=1_000_000), tmp_path / "run"
    arguments = ["train", "--cfg", cfg, "--data", tiny_data, "--out", out, "--map-every", 0]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        while process.poll() is None and (
            not (out / "log.csv").exists() or (out / "log.csv").read_text().count("\n") < 3
        ):
            time.sleep(0.01)
        process.send_signal(number)
        text, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err and text.count("interrupted after update") == 1
    assert [path.name for path in (out / "weights").iterdir()] == ["last.weights"]
    with Network(cfg, out / "weights" / "last.weights") as net:
        updates = (out / "log.csv").read_text().count("\n") - 1
        assert net.seen // 4 == updates


def test_images_that_are_not_there_are_named_with_what_would_fit(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    listed = tiny_data.parent / "train.txt"
    images = [Path(line).name for line in listed.read_text().split()]
    there = tiny_data.parent / "images" / images[0]
    cases = {  # how a list was written elsewhere, and what its message has
        "/home/somebody/sets/tiny/images/{}": f"there is {there}: name it so in the list",
        "/images/{}": f"there is {there}",
        "C:\\sets\\tiny\\images\\{}": f"there is {there}: name it so in the list",
        "/nowhere/a{}": "images is there; the first is /nowhere/a",
    }
    for form, part in cases.items():
        listed.write_text("\n".join(form.format(name) for name in images))
        done = run("train", "--cfg", tiny_cfg(), "--data", tiny_data)
        one_line(done, part)
        one_line(done, f"none of its {len(images)} images is there; the first is ")
        one_line(done, form.format(images[0]).replace("\\", "/"))


def test_anchors_beyond_the_image_are_a_warning(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    cfg = tiny_cfg(max_batches=1)
    cfg.write_text(cfg.read_text().replace("anchors=2,2, 3.5,3.5", "anchors=20,30, 2,2"))
    arguments = ["--cfg", cfg, "--data", tiny_data, "--out", tmp_path / "run", "--map-every", 0]
    code, _, err = run("train", *arguments)
    line = next(i for i, text in enumerate(cfg.read_text().split("\n"), 1) if "20,30" in text)
    assert code == 0
    assert f"{cfg}:{line}: [region] anchors larger than the whole image: 1 of 2 (20 x 30" in err
    assert "cells of the output" in err


def test_anchors_in_cells_where_pixels_are_wanted_are_a_warning() -> None:
    cells = [0.37, 1.56, 1.3, 1.7, 3.9, 5.3, 1.9, 2.1]  # the last: no more than 4 pixels
    cfg = Cfg.read(models.build("yolov3-tiny", classes=2, size=64, anchors=cells))
    with Network(cfg, outline=True) as net:
        warned = list(anchor_warnings(net, cfg))
        assert [line.split(":")[1] for line in warned] == [
            str(cfg.line_of(head.line, "anchors")) for head in net.detectors
        ]
    for line in warned:
        assert "[yolo] anchors smaller than any object: 3 of 4 (0.37 x 1.56; the image has" in line
        assert "64 x 64 pixels of the input" in line
    pixels = [2, 2.1, 8, 8, 64, 64]
    cfg = Cfg.read(models.build("yolov3-tiny", classes=2, size=64, anchors=pixels))
    with Network(cfg, outline=True) as net:
        assert list(anchor_warnings(net, cfg)) == []


def test_modes_of_mining_say_what_they_keep(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    cfg = tiny_cfg(max_batches=1, lrm="[lrm]\nmode=negatives\nnegatives=2\n")
    arguments = ["--cfg", cfg, "--data", tiny_data, "--out", tmp_path / "run", "--map-every", 0]
    code, text, err = run("train", *arguments)
    assert code == 0
    assert "lrm mode=negatives, of N=128 predictions an image: what truths claim, and for" in text
    assert "no limit" not in err


def test_patience_without_validations_is_refused(
    tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    arguments = ["--cfg", tiny_cfg(), "--data", tiny_data, "--patience", 2, "--map-every", 0]
    one_line(run("train", *arguments), "--patience counts validations")
