"""pylrm bench: the table, its figures, the chart, mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm import Network
from pylrm.inspect.bench import middle

Run = Callable[..., tuple[int, str, str]]


def record(run: Run, *arguments: object) -> dict[str, Any]:
    code, out, err = run("bench", *arguments, "--json", "--rounds", 4)
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_table_of_training(run: Run, tiny_cfg: Callable[..., Path]) -> None:
    code, out, err = run("bench", tiny_cfg(lrm="[lrm]\nk=9\n"), "--rounds", 3, "--threads", 1)
    assert (code, err) == (0, "")
    table, told = out.split("\n\n")
    head, *rows = table.splitlines()
    assert head.split()[:5] == ["layer", "size/stride", "output", "forward", "ms"]
    assert [row.split()[1] for row in rows] == [
        *("convolutional", "maxpool", "convolutional", "convolutional", "region", "lrm")
    ]
    assert len(rows[0]) == len(rows[2]) == len(head)
    assert "tiny.cfg, training: 64x64, batch 4, 1 thread, " in told and "3 rounds" in told
    assert "img/s" in told and "ms a step" in told and "of the peak of" in told


def test_training_s_figures_fit_together(run: Run, tiny_cfg: Callable[..., Path]) -> None:
    cfg = tiny_cfg()
    found = record(run, cfg)
    layers = found["layers"]
    phases = ("forward", "backward", "update")
    times = np.array([[layer[phase] for phase in phases] for layer in layers])
    assert times.shape == (5, 3) and (times >= 0).all() and (times[:, :2] > 0).all()
    assert times.sum() <= found["seconds"]
    assert found["outside"] == pytest.approx(1 - times.sum() / found["seconds"])
    assert found["images_per_second"] == pytest.approx(4 / found["seconds"])
    assert found["batch"] == found["rounds"] == 4 and found["width"] == 64
    with Network(cfg, batch=4) as net:
        for layer, timed in zip(net, layers, strict=True):
            assert timed["forward_operations"] == 8 * layer.multiply_adds
            assert timed["backward_operations"] == 8 * layer.backward_multiply_adds
        assert found["planned"] == sum(net.memory("train"))
    assert found["resident"] > found["planned"]


def test_inference(run: Run, tiny_cfg: Callable[..., Path]) -> None:
    found = record(run, tiny_cfg(), "--inference", "--size", 96)
    assert (found["batch"], found["width"], found["height"]) == (1, 96, 96)
    for layer in found["layers"]:
        assert layer["forward"] > 0 and layer["backward"] == layer["update"] == 0
        assert layer["backward_operations"] == 0
    assert run("bench", tiny_cfg(), "--inference", "--rounds", 2)[1].count("backward") == 0


def test_a_layer_within_the_next(run: Run, tmp_path: Path) -> None:
    cfg = tmp_path / "pair.cfg"
    cfg.write_text(
        "[net]\nwidth=12\nheight=12\nchannels=6\n"
        "[convolutional]\nfilters=6\ngroups=6\nsize=3\npad=1\nactivation=relu\n"
        "[convolutional]\nfilters=5\nactivation=relu\n"
    )
    first, second = record(run, cfg, "--inference")["layers"]
    assert (first["within"], first["forward"], first["forward_operations"]) == (True, 0, 0)
    assert second["forward_operations"] == 2 * 12 * 12 * (6 * 9 + 6 * 5)
    rows = run("bench", cfg, "--inference", "--rounds", 2)[1].splitlines()
    assert rows[1].endswith("in the next") and "%" in rows[2] and "in the next" not in rows[2]


def test_subdivisions_make_the_batch(run: Run, tiny_cfg: Callable[..., Path]) -> None:
    cfg = tiny_cfg(batch=6, subdivisions=3)
    assert record(run, cfg)["batch"] == 2
    assert record(run, cfg, "--batch", 3)["batch"] == 3


@pytest.mark.parametrize("loss", ["[softmax]\n", "[connected]\noutput=5\n[cost]\n"])
def test_networks_that_are_no_detectors(run: Run, tmp_path: Path, loss: str) -> None:
    cfg = tmp_path / "plain.cfg"
    body = "[net]\nbatch=2\nwidth=8\nheight=8\nchannels=3\n[connected]\noutput=10\n"
    cfg.write_text(body + loss)
    assert record(run, cfg)["seconds"] > 0
    cfg.write_text(body)
    code, out, err = run("bench", cfg)
    assert (code, out) == (2, "") and err.count("\n") == 1 and "plain.cfg: no loss layer" in err
    assert record(run, cfg, "--inference")["batch"] == 1


@pytest.mark.parametrize("kind", ["training", "inference"])
def test_the_chart(run: Run, tmp_path: Path, tiny_cfg: Callable[..., Path], kind: str) -> None:
    import cv2

    out = tmp_path / "chart.png"
    mode = ["--inference"] if kind == "inference" else []
    code, said, _ = run("bench", tiny_cfg(), *mode, "--rounds", 2, "-o", out)
    assert code == 0 and said.endswith(f"chart: {out}\n")
    picture = cv2.imread(str(out))
    blue, red = (0xB2, 0x72, 0x00), (0x00, 0x5E, 0xD5)  # forward and backward
    assert (picture == blue).all(2).sum() > 100
    assert ((picture == red).all(2).sum() > 100) == (kind == "training")


def test_mistakes(run: Run, tmp_path: Path, tiny_cfg: Callable[..., Path]) -> None:
    cfg = tiny_cfg()
    code, out, err = run("bench", cfg, "-o", tmp_path / "chart.bmp")
    assert (code, out) == (2, "") and "chart.bmp: a figure ends in" in err
    code, out, err = run("bench", tmp_path / "none.cfg")
    assert (code, out) == (2, "") and "none.cfg" in err and err.count("\n") == 1
    code, out, err = run("bench", "yolov2-mobilenet.cfg", "--inference", "--size", 200)
    assert (code, out) == (2, "") and "stride=2 must divide" in err and err.count("\n") == 1
    assert run("bench", cfg, "--batch", 0)[0] == 2


def test_the_middle_half_counts() -> None:
    walls = np.array([9.0, 1, 2, 8, 3, 4, 5, 6])
    assert sorted(walls[middle(walls)]) == [3, 4, 5, 6]
    for n in (1, 2, 3):
        assert len(middle(np.arange(n, dtype=float))) == n
