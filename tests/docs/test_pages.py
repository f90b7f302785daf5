"""The commands of pages that need no real data, run on a few drawn scenes with a small network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pylrm import Network
from pylrm.data.darknet import read_data
from pylrm.demo.scenes import draw
from tests import layouts
from tests.pages import OTHER, ROOT, Shell, Step, steps
from tests.weights.naive import mobilenet_source

PAGES = ["faq.md", "lrm.md"]
# Whose commands go on with what other commands wrote.
LATER = [
    *("metrics.md", "onnx.md", "pretrained.md", "reliability.md", "report.md", "study-command.md"),
    "study.md",
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
    (folder / "backup").mkdir()
    with Network(folder / "my.cfg", seed=1) as net:  # as Darknet would have left it
        net.save_weights(folder / "backup" / "my_last.weights")
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
    """What the other pages' commands go on with: two runs, results, a pretrained MobileNet."""
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
    (made / "bccd").symlink_to("my")
    (made / "my" / "bccd.data").symlink_to("demo.data")
    mobilenet_source(made / "mobilenet_v1_0.25_128.npz", 0.25)
    (made / "other.cfg").write_text((made / "my.cfg").read_text().replace("burn_in=", "burn_in=1"))
    Shell(made)(Step("pylrm map --cfg net.cfg --weights best.weights --out results"))
    shutil.rmtree(made / "tools")
    (made / "kept").mkdir()
    (made / "kept" / "runs.csv").symlink_to("../study/runs.csv")  # which the page's commands write
    return made


@pytest.mark.slow  # runs, and a study
@pytest.mark.parametrize("name", LATER)
def test_the_commands_go_on_with_what_others_wrote(name: str, later: Path, tmp_path: Path) -> None:
    test_the_commands_do_what_the_page_says(name, later, tmp_path)


@pytest.mark.slow  # three studies
def test_the_tables_of_the_paper(tmp_path: Path) -> None:
    """With drawn images in the folders of KITTI and VOC, and small networks."""
    layouts.kitti(tmp_path)
    layouts.voc(tmp_path)
    shell = Shell(tmp_path)
    small = "--size 64 --multiplier .25 --batch 2"
    for name in ("yolov2-mobilenet", "yolov2-darknet19", "yolov2-tiny"):
        shell(Step(f"pylrm cfg {name} --classes 20 {small} --updates 1 > {name}.cfg"))
    for name in ("mobilenet", "darknet19"):
        with Network(tmp_path / f"yolov2-{name}.cfg", seed=1) as net:
            net.save_weights(tmp_path / f"{name}.weights", upto=18)
    for step in steps(ROOT / "docs" / "paper.md"):
        command = step.command.replace("--updates 45000", f"--updates 1 {small}")
        shell(Step(command, step.printed))
    for study, arms in (("kitti", 10), ("voc", 10), ("losses", 4)):
        assert len((tmp_path / study / "runs.csv").read_text().splitlines()) == 1 + arms


def test_the_tutorial_s_other_data_sets(tmp_path: Path) -> None:
    """With drawn images in the folders of KITTI, COCO and VOC."""
    for make in (layouts.kitti, layouts.coco, layouts.voc):
        make(tmp_path)
    shell = Shell(tmp_path)
    page = [step for step in steps(ROOT / "docs" / "tutorial.md") if OTHER.search(step.command)]
    assert len(page) == 5
    for step in page:
        shell(step)
    read = {
        path.name: (data.names, data.metric)
        for path in (*tmp_path.glob("data/*/*.data"), *tmp_path.glob("voc07/*.data"))
        if (data := read_data(path))
    }
    assert read["kitti.data"][1] == "kitti" and read["voc.data"][1] == "11point"
    assert read["people.data"] == (["person", "bicycle"], "coco")
    assert len(read["kitti.data"][0]) == 6 and len(read["voc07.data"][0]) == 20


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
