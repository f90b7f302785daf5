"""The commands of pages that need no real data, run on a few drawn scenes with a small network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pylrm.demo.scenes import draw
from tests.pages import ROOT, Shell, Step, steps

PAGES = ["faq.md", "install.md"]
CFG = "pylrm cfg yolov2-mobilenet --data my.data --size 128 --multiplier .25 --batch 4"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages' commands go on with: my.data, my.cfg and runs/my; a run that broke."""
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "my", (16, 6), processes=1)
    (folder / "my.data").write_text((folder / "my" / "demo.data").read_text())
    shell = Shell(folder)
    for command in (
        f"{CFG} --updates 20 > my.cfg",
        "sed s/filters=55/filters=50/ my.cfg > broken.cfg",
        "pylrm train --cfg my.cfg",
        f"{CFG} --updates 40 --net clip_norm=0 --net learning_rate=1000 --net burn_in=0 > wild.cfg",
        "! pylrm  train --cfg wild.cfg --out runs/wild",  # all of its updates: two blanks
    ):
        shell(Step(command))
    shutil.rmtree(folder / "tools")
    return folder


@pytest.mark.slow  # a minute and more: dozens of commands
@pytest.mark.parametrize("name", PAGES)
def test_the_commands_do_what_the_page_says(name: str, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(made, folder, symlinks=True)
    shell = Shell(folder)
    page = steps(ROOT / "docs" / name)
    assert page
    for step in page:
        if "pylrm export" in step.command:
            pytest.importorskip("onnx")
        shell(step)
