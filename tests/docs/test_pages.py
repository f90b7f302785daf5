"""The commands of pages that need no real data, run on a few drawn scenes with a small network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pylrm.demo.scenes import draw
from tests.pages import ROOT, Shell, Step, steps

PAGES = ["faq.md", "lrm.md"]
# Whose commands go on with what other commands wrote.
LATER = [
    *("metrics.md", "onnx.md", "pretrained.md", "reliability.md", "report.md", "study-command.md")
]
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


@pytest.fixture(scope="module")
def later(made: Path) -> Path:
    """What the other pages' commands go on with: two runs, results, a study."""
    for name in ("plain", "lrm"):
        shutil.copytree(made / "runs" / "my", made / "runs" / name)
    weights = made / "runs" / "my" / "weights" / "best.weights"
    for name, target in {
        "net.cfg": made / "my.cfg",
        "D.data": made / "my.data",
        "best.weights": weights,
        "start.weights": weights,
    }.items():
        (made / name).symlink_to(target)
    shell = Shell(made)
    for command in (
        "pylrm map --cfg net.cfg --weights best.weights --out results",
        "pylrm study grid --cfg my.cfg --data my.data --seeds 6 --k 32 --nms none --updates 1"
        " --out study",
    ):
        shell(Step(command))
    (made / "kept").mkdir()
    (made / "kept" / "runs.csv").symlink_to(made / "study" / "runs.csv")
    shutil.rmtree(made / "tools")
    return made


@pytest.mark.slow  # runs, and a study
@pytest.mark.parametrize("name", LATER)
def test_the_commands_go_on_with_what_others_wrote(name: str, later: Path, tmp_path: Path) -> None:
    test_the_commands_do_what_the_page_says(name, later, tmp_path)


def test_the_conversions(tmp_path: Path) -> None:
    """With data sets of each layout that the page of formats converts."""
    pytest.importorskip("yaml")
    shell = Shell(tmp_path)
    for folder in ("birds", "labelled", "images"):
        (tmp_path / folder).mkdir()
        for number in range(2):
            image = np.full((40, 60, 3), 90 * number, np.uint8)
            assert cv2.imwrite(str(tmp_path / folder / f"{number}.png"), image)
            (tmp_path / folder / f"{number}.txt").write_text("0 .5 .5 .2 .2\n")
    files = {
        "birds/data.yaml": "train: .\nval: .\nnames: [wren]\n",
        "birds.names": "wren\n",
        "old.txt": "labelled/0.png\nlabelled/1.png\n",
        "old.data": "classes=1\ntrain=old.txt\nvalid=old.txt\nnames=birds.names\n",
        "train.csv": "image,xmin,ymin,xmax,ymax,class\n0.png,3,4,30,20,mug\n",
        "test.csv": "image,xmin,ymin,xmax,ymax,class\n1.png,3,4,30,20,mug\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    page = steps(ROOT / "docs" / "converting.md")
    assert len(page) == 4
    written = []
    for step in page:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)  # two of them write the same folder
        shell(step)
        written += [path.name for path in (tmp_path / "data").glob("*/*.data")]
    assert written == ["birds.data", "birds.data", "mended.data", "mugs.data"]


@pytest.mark.slow  # a large network
def test_coming_from_ultralytics(tmp_path: Path) -> None:
    """With a data set as that program has it, made of drawn scenes."""
    pytest.importorskip("yaml")
    pytest.importorskip("onnx")
    draw(tmp_path / "old", (16, 6), processes=1)
    for half in ("train", "valid"):
        for kind, ending in (("images", "jpg"), ("labels", "txt")):
            (tmp_path / kind / half).mkdir(parents=True)
            for path in (tmp_path / "old" / kind).glob(f"{half}-????.{ending}"):
                path.rename(tmp_path / kind / half / path.name)
    (tmp_path / "data.yaml").write_text(
        "path: .\ntrain: images/train\nval: images/valid\n"
        "names: [car, van, bus, cyclist, pedestrian, sign]\n"
    )
    (tmp_path / "street.jpg").symlink_to(tmp_path / "images" / "valid" / "valid-0000.jpg")
    page = ROOT / "docs" / "coming-from-ultralytics.md"
    shell = Shell(tmp_path)
    for step in steps(page):
        shell(step)
    (program,) = programs(page.name)
    (tmp_path / "program.py").write_text(program)
    shell(Step("python program.py | grep mAP"))


def programs(name: str) -> list[str]:
    """Return the programs in a page's blocks."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / name).read_text("utf-8"), re.DOTALL)


def test_the_program_of_the_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = programs("metrics.md")
    exec(program, {})
    assert capsys.readouterr().out == "1.0\n"


def test_the_logger_of_the_architecture(
    tmp_path: Path,
    tiny_cfg: Callable[..., Path],
    tiny_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_cfg().rename("my.cfg")
    tiny_data.rename(tiny_data.with_name("my.data"))
    (program,) = programs("architecture.md")
    exec(program.replace("my.data", "tiny/my.data").replace("updates=100", "updates=2"), {})
    assert len(re.findall(r"^[12] \d", capsys.readouterr().out, re.MULTILINE)) == 2
