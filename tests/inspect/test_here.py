"""`pylrm` without a command: what it finds in folders, and that what it suggests can be done."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm.convert import FORMATS
from pylrm.inspect.here import advice
from pylrm.inspect.here.advice import overview
from pylrm.inspect.here.found import MOST, MOST_BELOW, last_update, look
from pylrm.runs.folder import Run
from pylrm.training.train import train
from tests.docs.test_commands import parse

XML = "<annotation><size><width>64</width><height>64</height></size></annotation>"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the working one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def put(path: str, text: str = "") -> Path:
    """Write a file of the working folder."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def suggested() -> list[str]:
    """Return the suggested commands; each is one that the command line takes."""
    text = overview(Path())
    assert text.endswith("\npylrm --help shows all commands.")
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    for line in lines:
        parse(line.replace("FORMAT DATASET", "voc DATASET"))
    return lines


def run_folder(name: str, *, update: int = 3, text: str = "[net]\n[region]\n") -> Run:
    """Write a folder of a run of nine updates, as far as it is looked at."""
    put(f"{name}/net.cfg", text)
    put(f"{name}/options.json", json.dumps({"data": "a.data", "last": 9}))
    rows = "".join(f"{n},8,1.5\n" for n in range(1, update + 1))
    put(f"{name}/log.csv", "update,images,loss\n" + rows)
    return Run(Path(name))


def test_nothing(here: Path) -> None:
    assert suggested() == ["pylrm demo", "pylrm convert FORMAT DATASET --out FOLDER"]
    assert advice.CONVERTIBLE.split(", ") == list(FORMATS)
    assert "no data set, network or run in this folder" in overview(Path())


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"birds/Annotations/1.xml": XML}, "voc birds --out data/birds"),
        ({"birds/annotations/1.XML": XML, "birds/images/1.jpg": ""}, "voc birds --out data/birds"),
        ({"annotations/1.xml": XML}, "voc . --out data/here"),
        ({"my birds/train/1.xml": XML}, "voc 'my birds' --out data/my-birds"),
        ({"kit/VOC2007/Annotations/1.xml": XML}, "voc kit --out data/kit"),
        ({"-x/Annotations/1.xml": XML}, "voc ./-x --out data/x"),
        ({"KITTI/training/label_2/1.txt": "", "KITTI/training/image_2/1.png": ""},
         "kitti KITTI/training --out data/training"),
        ({"birds/data.yaml": "train: images\nnames: [a]\n"},
         "yolo birds/data.yaml --out data/birds"),
        ({"mugs.yml": '"train": a\n"names":\n - b\n'}, "yolo mugs.yml --out data/mugs"),
        ({"birds/classes.txt": "a\n", "birds/images/1.jpg": ""}, "yolo birds --out data/birds"),
        ({"coco/annotations/instances_train2017.json": '{"images": [], "annotations": []}',
          "coco/annotations/instances_val2017.json": '{"categories": [], "images": []}'},
         "coco coco/annotations/instances_train2017.json "
         "--valid coco/annotations/instances_val2017.json --out data/coco"),
        ({"birds/_annotations.coco.json": '{"images": [], "annotations": []}'},
         "coco birds/_annotations.coco.json --out data/birds"),
        ({"pictures/1.json": '{"shapes": [], "imagePath": "1.jpg"}'},
         "labelme pictures --out data/pictures"),
    ],
)  # fmt: skip
def test_data_sets_to_convert(here: Path, files: dict[str, str], command: str) -> None:
    for name, text in files.items():
        put(name, text)
    first, *rest = suggested()
    assert first == f"pylrm convert {command}"
    name = command.rpartition("/")[2]
    assert rest == [
        f"pylrm check data/{name}/{name}.data",
        f"pylrm cfg yolov2-mobilenet --data data/{name}/{name}.data > {name}.cfg",
        f"pylrm anchors data/{name}/{name}.data --cfg {name}.cfg --write",
        f"pylrm train --cfg {name}.cfg",
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"Annotations/notes.txt": ""},
        {"workflow.yaml": "train: on\n"},
        {"package.json": '{"images": []}'},
        {"notes.cfg": "[paths]\nimages=a\n"},
        {"table.data": "1 2 3\n"},
        {"run/net.cfg": "[net]\n", "run/options.json": "[1"},
        {"run/net.cfg": "[net]\n", "run/options.json": "[]"},
        {"run/net.cfg": "[net]\n", "run/options.json": '{"last": "many"}'},
        {".hidden/my.data": "train=a\n"},
        {"a/b/c/d/my.data": "train=a\n"},  # too deep
    ],
)
def test_other_files_are_nothing(here: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        put(name, text)
    assert suggested()[0] == "pylrm demo"


def test_the_suggestions_lead_from_a_voc_tree_to_a_run(
    here: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each first suggestion is done; the next one follows from what it wrote."""
    tree = here / "squares"
    shutil.copytree(tiny_data.parent / "images", tree / "images")
    for number in range(24):
        box = f"<xmin>9</xmin><ymin>9</ymin><xmax>{20 + number}</xmax><ymax>40</ymax>"
        thing = f"<object><name>c{number % 2}</name><bndbox>{box}</bndbox></object></annotation>"
        put(f"squares/annotations/{number}.xml", XML.replace("</annotation>", thing))

    def do(start: str) -> list[str]:
        command = next(each for each in suggested() if each.startswith(start))
        command = command.replace("mobilenet ", "mobilenet --size 64 --multiplier .25 --batch 2 ")
        python = f'"{sys.executable}" -m pylrm'
        more = " --updates 2" if start == "pylrm train" else ""
        done = subprocess.run(
            ["sh", "-c", command.replace("pylrm", python, 1) + more],
            env={**os.environ, "PYTHONPATH": str(Path(advice.__file__).parents[3])},
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, 1 if "check" in start else 0), done.stderr
        return suggested()

    assert do("pylrm convert")[0] == "pylrm check data/squares/squares.data"
    assert "data set:   data/squares/squares.data" in overview(Path())
    do("pylrm check")
    assert do("pylrm cfg") == [
        "pylrm anchors data/squares/squares.data --cfg squares.cfg --write",
        "pylrm train --cfg squares.cfg",
    ]
    do("pylrm anchors")
    network = "--cfg runs/squares/net.cfg --weights runs/squares/weights/best.weights"
    assert do("pylrm train") == [
        f"pylrm map {network}",
        f"pylrm detect {network} IMAGE",
        "pylrm plot runs/squares -o curves.png",
        "pylrm report runs/squares -o report.html",
    ]
    assert "run:        runs/squares (complete)" in overview(Path())
    do("pylrm map")


def test_a_network_and_a_data_set(here: Path) -> None:
    put("old.data", "classes=1\ntrain = a.txt\n")
    put("examples/newest.data", "train=a.txt\n")
    put("examples/newest.cfg", "[net]\n[region]\n")
    put("my.data", "train=a.txt\n")
    os.utime("old.data", (1, 1))
    put("my.cfg", "[net]\nbatch=4\n[region]\n")
    assert suggested() == [
        "pylrm anchors my.data --cfg my.cfg --write",
        "pylrm train --cfg my.cfg --data my.data",
    ]
    put("my.cfg", "[net]\nbatch=4\ndata = my.data\n[yolo]\n")
    assert suggested()[1] == "pylrm train --cfg my.cfg"
    put("my.cfg", "[net]\n[softmax]\n")
    assert suggested() == ["pylrm classify train --cfg my.cfg --data my.data"]
    assert "data set:   my.data, old.data, examples/newest.data" in overview(Path())


def test_a_network_without_a_data_set_counts_only_if_it_names_one(here: Path) -> None:
    put("my.cfg", "[net]\n[region]\n")
    assert suggested()[0] == "pylrm demo"
    put("my.cfg", "[net]\ndata=kitti.data\n[region]\n")
    assert suggested() == ["pylrm train --cfg my.cfg"]


def test_a_run_that_is_under_way(here: Path) -> None:
    run = run_folder("runs/a")
    with run.locked():
        assert suggested() == ["pylrm plot --follow runs/a -o curves.png"]
        assert "runs/a (running, update 3 of 9)" in overview(Path())
        put("runs/a/weights/last.weights")
        assert "pylrm map --cfg runs/a/net.cfg --weights runs/a/weights/last.weights" in suggested()
    assert "runs/a (stopped after update 3 of 9)" in overview(Path())


def test_a_run_that_stopped(here: Path) -> None:
    run_folder("runs/a")
    put("runs/a/weights/last.weights")
    assert "pylrm train --resume runs/a" not in suggested()  # there is no checkpoint
    put("runs/a/checkpoint/3.checkpoint")
    assert suggested()[0] == "pylrm train --resume runs/a"
    put("runs/a/weights/best.weights")
    assert suggested()[1].endswith("--weights runs/a/weights/best.weights")


def test_a_run_that_left_nothing_is_passed_over(here: Path) -> None:
    run_folder("runs/a", update=0)
    put("my.data", "train=a.txt\n")
    assert suggested()[0] == "pylrm check my.data"


def test_the_newest_run_counts(here: Path) -> None:
    for age, name in enumerate(("runs/c", "runs/a", "runs/b")):
        run_folder(name, update=9)
        os.utime(f"{name}/log.csv", (1000 - age, 1000 - age))
    put("runs/a/weights/last.weights")
    assert suggested()[0] == "pylrm plot runs/c -o curves.png"
    assert "runs/c (complete), runs/a (complete), runs/b (complete)" in overview(Path())
    run_folder("runs/d")
    assert "runs/b (complete) and 1 more" not in overview(Path())
    assert "runs/a (complete) and 1 more" in overview(Path())


def test_an_older_run_that_stopped_can_be_gone_on_with(here: Path) -> None:
    for age, name in enumerate(("runs/new", "runs/old", "runs/done")):
        run_folder(name, update=3 if name == "runs/old" else 9)
        put(f"{name}/checkpoint/3.checkpoint")
        os.utime(f"{name}/log.csv", (1000 - age, 1000 - age))
    assert [line for line in suggested() if "--resume" in line] == ["pylrm train --resume runs/old"]
    assert suggested()[0] == "pylrm plot runs/new -o curves.png"


def test_inside_a_run_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder("mine")
    put("mine/checkpoint/3.checkpoint")
    monkeypatch.chdir("mine")
    assert suggested()[0] == "pylrm train --resume ."


def test_a_classifiers_run(here: Path) -> None:
    run_folder("runs/a", update=9, text="[net]\n[softmax]\n")
    put("runs/a/weights/best.weights")
    network = "--cfg runs/a/net.cfg --weights runs/a/weights/best.weights"
    assert suggested()[:2] == [
        f"pylrm classify valid {network}",
        f"pylrm classify predict {network} IMAGE",
    ]


def test_it_says_of_real_runs_where_they_stand(
    here: Path, tiny_data: Path, tiny_cfg: Callable[..., Path]
) -> None:
    train(tiny_cfg(), tiny_data, updates=2, out=here / "runs" / "whole", quiet=True)
    (run,) = look(Path()).runs
    assert (run.update, run.last, run.complete, run.running) == (2, 2, True, False)
    assert run.resumable and run.detects and run.weights == Path("runs/whole/weights/best.weights")


def test_the_last_update_of_odd_logs(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    assert last_update(log) == 0
    for text, update in {
        "": 0,
        "update,loss\n": 0,
        "update,loss\n7,1\n8,": 7,
        "update,loss\n7,1\n": 7,
        f"update\n{'9' * 5000},1\n": 0,
        "update\n" + "x" * 100_000: 0,
    }.items():
        log.write_text(text)
        assert last_update(log) == update


def test_odd_folders(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("my.data", "train=a\n")
    os.mkfifo("pipe.data")  # to open it would wait for ever
    Path("loop").symlink_to(".")
    Path("gone.cfg").symlink_to("nowhere")
    Path("all.yaml").mkdir()
    (here / os.fsdecode(b"bad\xff.data")).write_text("train=a\n")
    (here / "two\nlines.data").write_text("train=a\n")
    Path("binary.cfg").write_bytes(bytes(range(256)) * 999)
    put("locked/my.cfg", "[net]\n[region]\n")
    real = os.scandir

    def scandir(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        assert suggested()[0] == "pylrm check my.data"
        assert "data set:   my.data\n" in overview(Path())
    shutil.rmtree(here)
    assert suggested()[0] == "pylrm demo"  # the working folder is gone


def test_large_folders_are_looked_at_in_part(here: Path) -> None:
    for folder in range(4):
        Path(f"{folder}/images").mkdir(parents=True)
        for number in range(MOST_BELOW + 100):
            Path(f"{folder}/images/{number}.jpg").touch()
    put("my.data", "train=a\n")
    began = time.process_time()
    assert suggested()[0] == "pylrm check my.data"
    assert time.process_time() - began < 5
    seen = 0
    real = os.scandir

    class Counted:
        def __init__(self, path: Path) -> None:
            self.entries = real(path)

        def __enter__(self) -> Counted:
            return self

        def __exit__(self, *_: object) -> None:
            self.entries.close()

        def __iter__(self) -> Counted:
            return self

        def __next__(self) -> os.DirEntry[str]:
            nonlocal seen
            seen += 1
            return next(self.entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", Counted)
        look(Path())
    assert 4 * MOST_BELOW < seen < 4 * (MOST_BELOW + 10) + 20 < MOST


def test_the_commands_are_quoted(here: Path) -> None:
    put("my data/it's.data", "train=a\n")
    first = suggested()[0]
    assert shlex.split(first) == ["pylrm", "check", "my data/it's.data"]


def test_neither_it_nor_the_help_loads_what_computes() -> None:
    for arguments in ([], ["--help"]):
        code = (
            "import sys\nfrom pylrm.cli.main import run\n"
            f"sys.argv[1:] = {arguments}\nassert run() == 0\n"
            "sys.stderr.write(repr(sorted({'numpy', 'cv2', 'matplotlib', 'pylrm.binding.library'}"
            " & set(sys.modules))))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "[]"), done.stderr
