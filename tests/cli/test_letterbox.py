"""Keeping images' aspect or stretching them: the same choice in every command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]


@pytest.fixture
def wide(tmp_path: Path, tiny_data: Path) -> Path:
    """An image twice as wide as high, among the training and validation images."""
    path = tmp_path / "tiny" / "images" / "wide.png"
    noise = np.random.default_rng(3).integers(0, 255, (40, 80, 3)).astype(np.uint8)
    assert cv2.imwrite(str(path), noise)
    for name in ("train.txt", "valid.txt"):
        (tiny_data.parent / name).write_text("images/wide.png\n")
    (tiny_data.parent / "labels" / "wide.txt").write_text("0 .5 .5 .4 .6\n")
    return path


@pytest.mark.parametrize("value", ["0", "1"])
def test_letter_box_in_the_cfg_is_the_default(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    wide: Path,
    run: Callable[..., Outcome],
    value: str,
) -> None:
    cfg, folder = tiny_cfg(letter_box=value), tmp_path / "run"
    code, _, err = run("train", "--cfg", cfg, "--data", tiny_data, "--out", folder, "--updates", 2)
    assert code == 0 and "unknown" not in err, err
    assert json.loads((folder / "options.json").read_text())["letterbox"] is (value == "1")
    way = "letterboxed" if value == "1" else "stretched"
    weights = folder / "weights" / "last.weights"
    use = ("--cfg", cfg, "--data", tiny_data, "--weights", weights)
    assert f"1 image, {way}" in run("map", *use)[1]
    assert "1 image, letterboxed" in run("map", *use, "--letterbox")[1]

    def found(*options: str) -> object:
        return json.loads(run("detect", *use, wide, "--thresh", ".05", "--json", *options)[1])

    assert found("--letterbox") != found("--no-letterbox")
    assert found() == found("--letterbox" if value == "1" else "--no-letterbox")


def test_detect_in_a_run_folder_is_as_in_training(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    wide: Path,
    run: Callable[..., Outcome],
) -> None:
    from pylrm.engine import Network

    folder = tmp_path / "run"
    train = ("train", "--cfg", tiny_cfg(letter_box=1), "--data", tiny_data, "--out", folder)
    assert run(*train, "--updates", 2, "--no-letterbox")[0] == 0
    cfg, weights = folder / "net.cfg", folder / "weights" / "last.weights"
    out = run("detect", "--cfg", cfg, "--weights", weights, wide, "--thresh", ".05", "--json")[1]
    image = cv2.imread(str(wide))
    x = np.empty((1, 3, 64, 64), np.float32)
    from pylrm.data.images import resize

    rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1), np.float32) / 255
    x[0] = resize(rgb, 64, 64)
    with Network(cfg, weights, batch=1, inference=True) as net:
        expected = net.detect(image, thresh=0.05, letterbox=False)
        net.forward(x)
        rows = net.boxes(0, (80, 40), 0.05, letterbox=False, nms=0.45)
    boxes = [one["box"] for one in json.loads(out)[0]["detections"]]
    assert boxes and boxes == [pytest.approx(one.box, abs=0.01) for one in expected]
    row, kind = np.nonzero(rows[:, 5:])
    scores = sorted(rows[row, 5 + kind], reverse=True)
    assert [one.score for one in expected] == pytest.approx(scores, abs=1e-5)


def test_another_value_is_a_mistake(
    tiny_data: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome]
) -> None:
    code, _, err = run("train", "--cfg", tiny_cfg(letter_box=2), "--data", tiny_data)
    line = err.strip().splitlines()[-1]
    assert code == 2 and "tiny.cfg:14: [net] letter_box=2: it must be 0 or 1" in line


@pytest.mark.parametrize(
    "content, message",
    [("{", "options.json:1: not JSON"), ("[]", "not a run's options"), ("{}", 'no "data" in it')],
)
def test_a_runs_options_that_cannot_be_read(
    tmp_path: Path, tiny_cfg: WriteCfg, run: Callable[..., Outcome], content: str, message: str
) -> None:
    cfg = tiny_cfg().rename(tmp_path / "net.cfg")
    (tmp_path / "options.json").write_text(content)
    for command in (("map",), ("detect", tmp_path)):
        code, out, err = run(*command, "--cfg", cfg, "--weights", tmp_path / "no.weights")
        assert (code, out, err.count("\n")) == (2, "", 1) and message in err
