"""pylrm convert: the three formats from the command line, and mistakes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm.data.darknet import read_data, read_images
from pylrm.errors import DataError
from tests.convert.trees import VOC_CLASSES, add, add_kitti, car, lists, thing, write
from tests.convert.trees import coco as write_coco

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A tree of VOC's, one of KITTI's, a file of COCO's."""
    for stem in "abc":
        box = thing("ant", (1, 1, 21, 11), difficult=int(stem == "a"))
        add(tmp_path / "devkit" / "VOC2007", stem, box, thing("bee", (1, 1, 9, 9)))
    lists(tmp_path / "devkit" / "VOC2007", trainval=["a", "b"], test=["c"], train=["b"])
    for stem in "ab":
        region = car((30, 2, 40, 9), "DontCare", -1, -1)
        add_kitti(tmp_path / "kitti" / "training", stem, car((1, 1, 21, 11)), region)
    things = [(image, kind, [1, 1, 20, 10], {}) for image in (1, 2) for kind in (1, 2)]
    write_coco(tmp_path / "all.json", ["a.png", "b.png"], things, ["person", "traffic light"])
    return tmp_path


@pytest.mark.parametrize("name", ["voc", "kitti", "coco"])
def test_each_has_help_and_an_example(run: Run, name: str) -> None:
    code, out, err = run("convert", name, "--help")
    assert (code, err) == (0, "")
    assert f"pylrm convert {name} " in out.split("Example:")[1]
    assert all(f"--{option} " in out for option in ("out", "name", "split", "seed", "metric"))


@pytest.mark.parametrize(
    ("arguments", "names", "metric", "counts"),
    [
        ("voc devkit --metric 11point", ["ant", "bee"], "11point", ["3", "1", "2", "0"]),
        ("voc devkit --difficult train", ["ant", "bee"], "area", ["4", "0", "2", "0"]),
        (
            "voc devkit --train 2007:train --train 2007:test --valid VOC2007:test",
            ["ant", "bee"],
            "area",
            ["4", "0", "2", "0"],
        ),
        (
            "kitti kitti --split .5",
            ["car", "truck", "tram", "van", "pedestrian", "cyclist"],
            "area",
            ["1", "1", "1", "1"],
        ),
        (
            "kitti kitti --split .5 --dontcare drop --metric kitti",
            ["car", "truck", "tram", "van", "pedestrian", "cyclist"],
            "kitti",
            ["1", "0", "1", "0"],
        ),
        ("coco all.json", ["person", "traffic light"], "coco", ["2", "0", "2", "0"]),
        ("coco all.json --classes=traffic\u00a0light", ["traffic light"], "coco", ["1", "0"] * 2),
    ],
)
def test_conversions(
    sources: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: str, names: list[str],
    metric: str, counts: list[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(sources)
    words = [word.replace("\u00a0", " ") for word in arguments.split(" ")]
    code, out, err = run("convert", *words, "--out", "new", "--name", "set")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "wrote new/set.data"
    row = next(line for line in out.splitlines() if line.startswith("all "))
    assert row.split()[1:5] == counts
    data = read_data(sources / "new" / "set.data")
    assert (data.names, data.metric) == (names, metric)


def test_json(sources: Path, run: Run) -> None:
    out = sources / "new"
    code, text, _ = run("convert", "voc", sources / "devkit", "--out", out, "--json")
    record = json.loads(text)
    assert code == 0 and record["data"] == str(out / "new.data")
    assert record["images"] == {"train": 2, "valid": 1}
    assert record["classes"][0] == {
        "name": "ant",
        "boxes": {"train": 1, "valid": 1},
        "ignored": {"train": 1, "valid": 0},
        "median_size": [20, 10],
    }


def test_warnings_beside_the_summary(sources: Path, run: Run) -> None:
    text = (sources / "all.json").read_text().replace('"bbox"', '"iscrowd": 1, "bbox"')
    crowds = write(sources / "crowds.json", text)
    arguments = ("convert", "coco", crowds, "--out", sources / "new", "--json")
    code, out, err = run(*arguments)
    assert code == 0 and json.loads(out)["classes"][0]["boxes"] == {"train": 0, "valid": 0}
    assert re.fullmatch("pylrm: warning: all annotations of person, .* --crowd train\n", err)
    code, out, err = run(*arguments, "--crowd", "train")
    assert (code, err) == (0, "")
    assert json.loads(out)["classes"][0]["boxes"] == {"train": 1, "valid": 1}


def test_sizes_that_differ(sources: Path, run: Run) -> None:
    path = sources / "all.json"
    write(path, path.read_text().replace('"width": 40, "height": 30', '"width": 80, "height": 60'))
    arguments = ("convert", "coco", path, "--out", sources / "new")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and "annotated at 80x60, but" in err and err.count("\n") == 1
    assert "10x5" in run(*arguments, "--size-mismatch", "scale")[1]
    assert "20x10" in run(*arguments, "--size-mismatch", "keep")[1]


def test_progress_on_a_terminal_only(
    sources: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("convert", "kitti", sources / "kitti", "--out", sources / "new")
    assert run(*arguments)[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    shown = run(*arguments)[2]
    assert re.findall(r"\r(\w+ \d/\d images)", shown) == [
        f"{what} {done}/2 images" for what in ("reading", "writing") for done in (1, 2)
    ]
    assert re.search("images *\n$", shown)
    last = Path((sources / "new" / "valid.txt").read_text().strip()).stem
    write(sources / "kitti" / "training" / "label_2" / f"{last}.txt", "Car")
    assert re.search(r"\rreading 1/2 images\npylrm: .*\.txt:1: 1 field;", run(*arguments)[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("voc devkit", "Missing option '--out'"),
        ("voc nowhere --out new", "nowhere: no such folder"),
        ("voc devkit --out new --train 2007:most", r"VOC2007: no images in a list .*most\.txt"),
        ("voc devkit --out new --difficult keep", "'keep' is not one of"),
        ("voc devkit --out kitti", "kitti holds other files than an earlier conversion's"),
        ("voc kitti --out new", "kitti: no VOC tree; expected"),
        ("kitti devkit --out new", "devkit: no KITTI tree; expected label_2"),
        ("kitti kitti --out new --valid val", "no list 'val', in ImageSets or as a file"),
        ("kitti kitti --out new --split 1", "1.0 is not in the range 0<x<1"),
        ("coco kitti --out new", "kitti: Is a directory"),
        ("coco all.json --out new --classes persn", r"did you mean person\?"),
        ("coco all.json --out new --classes car --names x", "--classes and --names both say"),
        ("coco all.json --out new --names x.names", r"x\.names: No such file"),
        ("coco all.json --out new --name a/b", "'a/b' is no name of a data set"),
        ("kitty", "kitti"),
    ],
)
def test_mistakes_get_a_line(
    sources: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str
) -> None:
    monkeypatch.chdir(sources)
    code, out, err = run("convert", *arguments.split())
    assert (code, out) == (2, "")
    assert re.search(message, err) and err.startswith("pylrm: ") and err.count("\n") == 1
    assert not (sources / "new").exists()


@pytest.mark.parametrize("name", ["voc", "kitti"])
def test_what_a_shipped_data_set_asks_for_is_what_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    things = [thing(name, (1, 1, 21, 11)) for name in VOC_CLASSES]
    for stem in "ab":
        add(tmp_path / "VOCdevkit" / "VOC2007", stem, *things)
        add_kitti(tmp_path / "KITTI" / "training", stem, car((1, 1, 21, 11)))
    lists(tmp_path / "VOCdevkit" / "VOC2007", trainval=["a"], test=["b"])
    with pytest.raises(DataError, match=f"data/{name}/train.txt, which is not there") as error:
        read_images(read_data(f"{name}.data"), "train")
    command = str(error.value).split("`pylrm ")[1].rstrip("`").split()
    assert run(*command)[0] == 0
    shipped, written = read_data(f"{name}.data"), read_data(f"data/{name}/{name}.data")
    assert shipped.path != written.path
    assert (shipped.names, shipped.metric) == (written.names, written.metric)
    for part in ("train", "valid", "truth"):
        ours, theirs = getattr(shipped, part), getattr(written, part)
        assert ours.is_file() and ours.resolve() == theirs.resolve()
