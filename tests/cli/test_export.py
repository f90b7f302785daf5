"""pylrm export and pylrm cfg deploy: what they take, print, write and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm import Network
from pylrm.export import deploy

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def trained(tiny_cfg: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    cfg, weights = tiny_cfg(lrm="[lrm]\nk=4\n"), tmp_path / "tiny.weights"
    with Network(cfg) as net:
        net.save_weights(weights)
    return cfg, weights


@pytest.mark.parametrize(
    ("options", "outputs"),
    [
        ([], "  region_4 (batch, 14, 8, 8)\n"),
        (["--decode"], "  boxes (batch, 128, 4)\n  scores (batch, 128, 2)\n"),
        (["--nms", ".4", "--thresh", ".1"], "  detections (found, 7)\n"),
    ],
)
def test_it_says_what_the_file_gives(
    run: Run, trained: tuple[Path, Path], tiny_data: Path, options: list[str], outputs: str
) -> None:
    onnx = pytest.importorskip("onnx")
    file = tiny_data.parent / "net.onnx"
    code, out, err = run("export", *trained, "-o", file, "--data", tiny_data, *options)
    assert (code, err) == (0, "")
    assert out == f"wrote {file}, which gives\n{outputs}"
    model = onnx.load(file)
    facts = {each.key: each.value for each in model.metadata_props}
    assert json.loads(facts["names"]) == ["red", "green"]
    thresholds = [onnx.numpy_helper.to_array(each).tolist() for each in model.graph.initializer]
    assert ("--nms" in options) == all([pytest.approx(value)] in thresholds for value in (0.4, 0.1))


def test_mistakes_are_one_line(run: Run, trained: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    cfg, weights = trained
    out = tmp_path / "net.onnx"
    for arguments, message in (
        ((cfg, weights), "Missing option"),
        ((cfg, weights, "-o", out, "--thresh", ".1"), "--thresh needs --nms"),
        ((cfg, tmp_path / "none.weights", "-o", out), "none.weights: cannot be read"),
        (("none.cfg", weights, "-o", out), "none.cfg: no such file"),
    ):
        code, said, err = run("export", *arguments)
        assert (code, said) == (2, "") and message in err and err.count("\n") == 1
    assert not out.exists()


def test_deploy_writes_to_standard_output(run: Run, trained: tuple[Path, Path]) -> None:
    assert run("cfg", "deploy", trained[0]) == (0, deploy(trained[0]), "")
    code, out, err = run("cfg", "deploy", "none.cfg")
    assert (code, out) == (2, "") and err.startswith("pylrm: none.cfg: no such file")
    code, out, err = run("cfg", "deploy")
    assert (code, out) == (2, "") and "CFG" in err and "pylrm cfg deploy --help" in err
