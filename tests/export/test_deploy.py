"""Cfg files for inference alone: the same network, and what another program finds with them."""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from pylrm import CfgError, CfgWarning, Network
from pylrm.cfg.file import Cfg, read_cfg
from pylrm.engine import keys
from pylrm.export import deploy
from pylrm.export.deploy import KEYS
from tests.export.nets import images, ours, save_like_trained, sized
from tests.layers.common import cfg, section

SHAPE = (3, 64, 96)

CONV = section("convolutional", batch_normalize=1, filters=8, size=3, pad=1, activation="leaky")
DOWN = section("maxpool", size=2, stride=2)
HEAD = section("convolutional", filters=21, size=1, activation="linear", learning_rate=2)


def yolo(mask: str) -> str:
    keys = {"anchors": "5,6, 7,8, 9,20, 30,30, 40,20, 60,50", "num": 6, "classes": 2}
    return section("yolo", mask=mask, **keys, jitter=0.3, ignore_thresh=0.7, prior=0.01)


# [lrm] in the middle: what follows counts layers without it
HEADS = (
    3 * (CONV + DOWN)
    + CONV
    + section("shortcut", **{"from": -2, "activation": "linear"})
    + DOWN
    + HEAD
    + yolo("3,4,5")
    + section("lrm", k=8)
    + section("route", layers="-4")
    + section("upsample", stride=2)
    + section("route", layers="-1, 7")
    + section("dropout", probability=0.3)
    + HEAD
    + yolo("0,1,2")
)
TRAINING = {"policy": "steps", "steps": 10, "scales": ".1", "clip_norm": 10, "batch": 8}


def trained(name: str) -> Cfg:
    """Return a cfg as people train it."""
    if name != "two heads":
        return sized(name, 96)
    return Cfg.read(cfg(HEADS, SHAPE).replace("batch=3", section("", **TRAINING)[3:]))


@pytest.mark.parametrize("name", ["two heads", "yolov2-tiny-lrm.cfg", "yolov2-mobilenet-lrm.cfg"])
def test_it_is_the_same_network(name: str, tmp_path: Path) -> None:
    source, weights = trained(name), tmp_path / "net.weights"
    save_like_trained(source, weights)
    text = deploy(source)
    with Network(source, weights, batch=2, inference=True) as net:
        x = images(net)
        expected = ours(net, x)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CfgWarning)
        with Network(text, weights, inference=True) as plain:
            assert (plain.batch, plain.subdivisions) == (1, 1)
        with Network(text, weights, batch=2, inference=True) as plain:
            got = ours(plain, x)
    assert len(got) == len(expected)
    for first, second in zip(got.values(), expected.values(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert deploy(text).split("\n\n")[1:] == text.split("\n\n")[1:]


def test_only_what_inference_reads_is_left() -> None:
    sections = read_cfg(deploy(trained("two heads")))
    assert {each.name for each in sections}.isdisjoint({"lrm"})
    left = {f"[{each.name}] {key}" for each in sections for key in each.options}
    assert left == {
        "[net] batch",
        "[net] subdivisions",
        "[net] channels",
        "[net] height",
        "[net] width",
        "[dropout] probability",
        *(f"[convolutional] {key}" for key in ("batch_normalize", "filters", "size", "pad")),
        "[convolutional] activation",
        "[maxpool] size",
        "[maxpool] stride",
        "[shortcut] from",
        "[shortcut] activation",
        "[route] layers",
        "[upsample] stride",
        *(f"[yolo] {key}" for key in ("anchors", "classes", "mask", "num")),
    }


def test_layers_are_counted_without_those_left_out() -> None:
    routes = [each.options["layers"] for each in read_cfg(deploy(trained("two heads")))[1:]
              if each.name == "route"]  # fmt: skip
    assert routes == ["8", "12,7"]  # as they were, 9 and 14 with 7; [lrm] was layer 11


def test_the_keys_are_the_engine_s() -> None:
    known = {(key.section, key.name) for key in keys()}
    assert {(name, key) for name, some in KEYS.items() for key in some} <= known


def test_scores_that_no_other_darknet_knows_are_refused() -> None:
    head = section("convolutional", filters=14, size=1)
    region = section("region", anchors="1,2, 3,1", num=2, classes=2, loss="sigmoids")
    with pytest.raises(CfgError, match=r"^cfg:\d+: \[region\] loss=sigmoids: "):
        deploy(cfg(head + region, SHAPE))


# What OpenCV's readers do of their own: thresholds of scores, suppression, order of predictions.
OPENCV = {"region": (0.001, 0.4), "yolo": (0.2, None)}


@pytest.mark.parametrize("name", ["two heads", "yolov2-tiny-lrm.cfg", "yolov2-mobilenet-lrm.cfg"])
def test_opencv_4_finds_the_same_boxes(name: str, tmp_path: Path) -> None:
    """OPENCV4_PYTHON: a Python with opencv-python 4; later versions read no Darknet files."""
    python = os.environ.get("OPENCV4_PYTHON")
    if not python:
        pytest.skip("OPENCV4_PYTHON names no Python with OpenCV 4")
    source, weights = trained(name), tmp_path / "net.weights"
    save_like_trained(source, weights)
    (tmp_path / "net.cfg").write_text(deploy(source))
    with Network(source, weights, batch=2, keep=True) as net:
        for layer in net:  # batch norm adds 1e-6 there to the variance, here 1e-5
            if "rolling_variance" in layer.params:
                layer.params["rolling_variance"][...] -= 9e-6
        x = images(net)
        np.save(tmp_path / "x.npy", x)
        net.forward(x)
        script = Path(__file__).with_name("opencv4.py")
        files = [tmp_path / file for file in ("net.cfg", "net.weights", "x.npy", "found.npz")]
        subprocess.run([python, script, *files], check=True, timeout=120)
        found = np.load(tmp_path / "found.npz")
        head = net.detectors[0]
        thresh, nms = OPENCV[head.type]
        for i in range(2):
            rows = net.boxes(i, thresh=0, letterbox=False, nms=nms)
            if head.type == "region":
                rows = rows.reshape(head.anchors, -1, rows.shape[1]).swapaxes(0, 1)
            rows = rows.reshape(found[f"arr_{i}"].shape)
            scores = np.where(rows[:, 5:] > thresh, rows[:, 5:], 0)
            assert np.count_nonzero(scores) > 20
            np.testing.assert_allclose(found[f"arr_{i}"][:, :4], rows[:, :4], 1e-4, 1e-4)
            np.testing.assert_allclose(found[f"arr_{i}"][:, 5:], scores, atol=1e-4)
