"""`pylrm classify`: trained, resumed, measured and used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pylrm
from pylrm import errors
from pylrm.data.darknet import read_data
from pylrm.evaluate.classifier import Classified, classify, evaluate_classifier
from pylrm.runs.log import read_log
from tests.data.stripes import CLASSES, network, write_tree
from tests.training.runs import Crash, CrashAfter, assert_same

Run = Callable[..., tuple[int, str, str]]

QUIET = {"quiet": True, "threads": 1}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("classify") / "tree")


@pytest.fixture(scope="module")
def trained(tree: Path) -> pylrm.RunResult:
    cfg = network(240, "flip=1\nmax_crop=40\n")
    return pylrm.train(cfg, tree, out=tree.parent / "run", map_every=80, **QUIET)


def test_it_learns(trained: pylrm.RunResult) -> None:
    assert trained.map is not None and trained.map > 0.9
    log = read_log(trained.folder)
    assert log.figure == "top-1"
    there = np.isfinite(log.validations)
    assert log["update"][there].tolist() == [80, 160, 240]
    assert log["top1"][-1] == pytest.approx(trained.map) and log["top5"][-1] == 1
    assert log["loss"][-20:].mean() < 0.3 * log["loss"][:5].mean()
    assert np.isnan(log["map"]).all() and np.isnan(log["iou"]).all()


def test_a_run_that_goes_on_ends_as_an_undisturbed_one(tree: Path, tmp_path: Path) -> None:
    cfg = network(12, "angle=10\naspect=1.3\nhue=.1\ncutmix=1\nmixup=1\n", passes=3)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    pylrm.train(cfg, tree, out=whole, map_every=5, **QUIET)
    with pytest.raises(Crash):
        pylrm.train(cfg, tree, out=cut, map_every=5, callbacks=[CrashAfter(7)], **QUIET)
    pylrm.resume(cut, quiet=True)
    assert_same(whole, cut)


def test_figures_are_those_of_plain_counting(trained: pylrm.RunResult, tree: Path) -> None:
    data = read_data(tree)
    with pylrm.Network(
        trained.folder / "net.cfg", trained.folder / "weights/last.weights", batch=5, inference=True
    ) as net:
        done = evaluate_classifier(net, data)
        images = [image for name in CLASSES for image in sorted((tree / "valid" / name).iterdir())]
        scores = dict(classify(net, images, []))
    assert done.images == images
    right = 0
    for image, own, guess, rank in zip(images, done.classes, done.guesses, done.ranks, strict=True):
        assert CLASSES[own] == image.parent.name
        better = sum(score > scores[image][own] for score in scores[image])
        assert rank == better and guess == int(np.argmax(scores[image]))
        right += better == 0
        assert scores[image].sum() == pytest.approx(1, abs=1e-5)
    assert done.top1 == right / len(images) == pytest.approx(trained.map)


def test_recalls_and_confusions() -> None:
    classes, guesses = np.array([0, 0, 0, 1, 1]), np.array([0, 2, 2, 1, 0])
    done = Classified([], classes, np.array([0, 1, 2, 0, 1]), guesses, ["a", "b", "c"])
    assert done.top1 == 0.4 and done.top(2) == 0.8
    assert done.recalls["a"] == pytest.approx(1 / 3) and done.recalls["b"] == 0.5
    assert np.isnan(done.recalls["c"])
    assert done.confusions == [("a", "c", 2), ("b", "a", 1)]


def test_a_network_that_knows_nothing_is_not_right(tree: Path) -> None:
    """All classes equally probable: only the first is guessed."""
    with pylrm.Network(network()) as net:
        for layer in net:
            for name, values in layer.params.items():
                if "rolling" not in name:
                    values[...] = 0
        done = evaluate_classifier(net, read_data(tree))
    assert done.top1 == pytest.approx(1 / 3) and done.top(2) == pytest.approx(2 / 3)


def options_of(run: pylrm.RunResult) -> list[str]:
    weights = run.folder / "weights/last.weights"
    return ["--cfg", str(run.folder / "net.cfg"), "--weights", str(weights)]


def test_valid_prints_figures(trained: pylrm.RunResult, run: Run) -> None:
    code, out, err = run("classify", "valid", *options_of(trained))
    assert code == 0, err
    assert out.startswith(f"top-1 {trained.map:.4f}, top-5 1.0000\n12 images of 3 classes\n")
    code, out, _ = run("classify", "valid", *options_of(trained), "--json")
    assert json.loads(out)["top1"] == pytest.approx(trained.map)


def test_predict_names_images(trained: pylrm.RunResult, tree: Path, run: Run) -> None:
    folder = tree / "valid" / "standing"
    code, out, err = run("classify", "predict", *options_of(trained), str(folder), "--top", "2")
    assert code == 0, err
    lines = out.splitlines()
    assert len(lines) == 3 * 4 and lines[0] == f"{folder / '0.png'}:"
    assert sum(line.endswith("%  standing") for line in lines[1::3]) >= 3
    code, out, _ = run("classify", "predict", *options_of(trained), str(folder), "--json")
    first = json.loads(out.splitlines()[0])
    assert first["image"] == str(folder / "0.png") and len(first["classes"]) == 3
    assert sum(each["probability"] for each in first["classes"]) == pytest.approx(1, abs=1e-5)


def test_images_that_cannot_be_read(
    trained: pylrm.RunResult, tree: Path, tmp_path: Path, run: Run
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    good = tree / "valid" / "plain" / "0.png"
    code, out, err = run("classify", "predict", *options_of(trained), str(bad), str(good))
    assert code == 0 and "1 image could not be read" in err and out.startswith(f"{good}:")
    code, _, err = run("classify", "predict", *options_of(trained), str(bad))
    assert code == 2 and "not one of 1 image can be read" in err
    code, _, err = run("classify", "predict", *options_of(trained), str(tmp_path / "x.mp4"))
    assert code == 2 and "no image: classifiers look at images" in err


REGION = "[region]\nclasses=1\nnum=1\nanchors=1,1\n"
BARE = "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=3\nsize=32\nstride=1\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (BARE, "nothing in it learns: training wants a detection layer"),
        (
            network().replace("filters=3", "filters=4"),
            "a classifier, of 4 classes; .*tree has 3: set",
        ),
        (network().replace("channels=3", "channels=4"), "channels=4: images have 3 channels, or"),
    ],
)
def test_networks_that_do_not_fit(text: str, line: str, tree: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.CfgError, match=line):
        pylrm.train(text, tree, out=tmp_path / "run", **QUIET)
    assert not (tmp_path / "run").exists()


def test_a_detector_is_no_classifier(tree: Path, tmp_path: Path, run: Run) -> None:
    cfg = tmp_path / "x.cfg"
    cfg.write_text(BARE.replace("filters=3", "filters=6") + REGION)
    weights = tmp_path / "x.weights"
    with pylrm.Network(cfg) as net:
        net.save_weights(weights)
    names = ("--cfg", str(cfg), "--weights", str(weights))
    code, _, err = run("classify", "predict", *names, str(tree / "valid/plain/0.png"))
    assert code == 2 and f"{cfg}:9: [region] makes it a detector" in err


def test_images_that_are_gone(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "x.names").write_text("\n".join(CLASSES) + "\n")
    images = sorted((tree / "train").rglob("*.png"))
    there = [*map(str, images), "/nowhere/plain/1.png"]
    (tmp_path / "train.txt").write_text("\n".join(there) + "\n")
    data = tmp_path / "x.data"
    data.write_text("names=x.names\ntrain=train.txt\n")
    pylrm.train(network(2), data, out=tmp_path / "run", **QUIET)
    assert "images that are not there, passed over: 1 of 37 " in capsys.readouterr().err
    (tmp_path / "train.txt").write_text("/nowhere/plain/1.png\n")
    with pytest.raises(errors.DataError, match="none of its 1 image is there"):
        pylrm.train(network(2), data, out=tmp_path / "other", **QUIET)
