"""A YOLOv1, with [local] and [detection], in the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Outcome = tuple[int, str, str]
CONV = "[convolutional]\nbatch_normalize=1\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
CFG = (
    "[net]\nbatch=8\nwidth=64\nheight=64\nchannels=3\nmax_batches=150\nadam=1\n"
    "learning_rate=0.002\n"
    f"{CONV}filters=8\n{CONV}filters=12\n{CONV}filters=16\n"
    "[local]\nfilters=8\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
    "[connected]\noutput=192\nactivation=linear\n"
    "[detection]\nclasses=2\nside=4\nnum=2\nsqrt=1\nrescore=1\njitter=0\n"
    "object_scale=1\nnoobject_scale=.5\nclass_scale=1\ncoord_scale=5\n"
)


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "yolov1.cfg"
    path.write_text(CFG)
    return path


def test_a_yolov1_learns_its_images(
    cfg: Path, tiny_data: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    tiny_data.write_text(tiny_data.read_text().replace("valid=valid", "valid=train"))
    out, common = tmp_path / "run", ("--data", tiny_data)
    code, *_ = run("train", "--cfg", cfg, *common, "--out", out, "--map-every", 0, "--quiet")
    assert code == 0
    weights = out / "weights" / "last.weights"
    code, text, _ = run("map", "--cfg", cfg, "--weights", weights, *common, "--json")
    assert code == 0
    assert json.loads(text)["map"] > 0.8
    image = tiny_data.parent / "images" / "0.png"
    code, text, _ = run("detect", "--cfg", cfg, "--weights", weights, *common, image, "--json")
    assert code == 0
    assert "red" in {found["class"] for found in json.loads(text)[0]["detections"]}


def test_info_tells_of_its_cells(cfg: Path, run: Callable[..., Outcome]) -> None:
    code, text, _ = run("info", cfg)
    assert code == 0
    assert "2 classes; 4x4 cells x 2 boxes = N=32 predictions an image" in text


def test_what_wants_anchors_refuses_it_with_its_line(
    cfg: Path, tiny_data: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    from pylrm.engine import Network

    weights = tmp_path / "w.weights"
    with Network(cfg) as net:
        net.save_weights(weights)
    refusal = f"{cfg}:39: [detection] has no anchors"
    for command in (
        ("hardest", tiny_data, "--cfg", cfg, "--weights", weights),
        ("check", tiny_data, "--cfg", cfg),
    ):
        code, _, error = run(*command)
        assert code == 2 and refusal in error
    text = CFG.replace("classes=2", "classes=3").replace("output=192", "output=208")
    cfg.write_text(text)
    code, _, error = run("train", "--cfg", cfg, "--data", tiny_data, "--out", tmp_path / "run")
    assert code == 2
    assert f"{cfg}:40: [detection] has 3 classes" in error
    assert "and output= before it to side*side*(classes+num*5)" in error
