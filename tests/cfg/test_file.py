"""Cfg files as sections; finding them; the shipped data files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylrm.cfg.file import Section, find_cfg, read_cfg
from pylrm.data.darknet import read_data
from pylrm.demo import scenes
from pylrm.engine import Network
from pylrm.errors import CfgError, CfgWarning
from pylrm.files import shipped
from tests.convert.trees import VOC_CLASSES

TEXT = """\ufeff# a comment\r
[net]\r
width = 32 # after white space
height=32\t; too
channels=3
note=a#b;c

 [ convolutional ]
filters=1
[convolutional]
"""


def test_sections_have_their_options_and_lines(tmp_path: Path) -> None:
    options = {"width": "32", "height": "32", "channels": "3", "note": "a#b;c"}
    expected = [
        Section("net", 2, options, {"width": 3, "height": 4, "channels": 5, "note": 6}),
        Section("convolutional", 8, {"filters": "1"}, {"filters": 9}),
        Section("convolutional", 10),
    ]
    assert read_cfg(TEXT) == expected
    path = tmp_path / "my.cfg"
    path.write_bytes(TEXT.encode())
    assert read_cfg(path) == read_cfg(str(path)) == expected


def test_of_a_key_given_twice_the_first_counts() -> None:
    text = "[net]\nwidth=4\nheight=4\nchannels=1\n[conv]\nfilters=2\nnone=1\nfilters=x\n"
    with pytest.warns(CfgWarning) as read:
        section = read_cfg(text)[1]
    assert (section.options["filters"], section.lines["filters"]) == ("2", 6)
    with pytest.warns(CfgWarning) as built, Network(text) as net:
        assert net[0].option("filters") == 2
    said = [str(warning.message) for warning in built]
    assert [str(warning.message) for warning in read] == said[1:] and len(said) == 2
    assert said[1] == "cfg:8: [conv] second key 'filters' is ignored; the first, in line 6, counts"


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        "# nothing\n",
        "width=3\n[net]\n",
        "[net]\nwidth\n",
        "[net]\n=3\n",
        "[net\nwidth=3\n",
        "[net] width=3\n",
        "[net]]\n",
        "[net]\nx=1\0\n",
    ],
)
def test_mistakes_are_the_engine_s(text: str) -> None:
    with pytest.raises(CfgError) as read:
        read_cfg(text)
    with pytest.raises(CfgError) as built:
        Network(text)
    assert str(read.value) == str(built.value)
    assert "\n" not in str(read.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CfgError, match="none.cfg"):
        read_cfg(tmp_path / "none.cfg")


def test_the_working_folder_comes_before_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "yolov2-tiny.cfg"
    there = shipped.folder("cfg") / name
    assert find_cfg(name) == find_cfg(f"cfg/{name}") == there and there.is_file()
    Path(name).write_text("[net]\n")
    assert find_cfg(name) == Path(name)
    assert find_cfg(tmp_path / name) == tmp_path / name


def test_what_is_nowhere_is_named_with_its_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CfgError, match=r"^yolov2-tinny.cfg: .*yolov2-tiny.cfg") as caught:
        find_cfg("yolov2-tinny.cfg")
    assert "darknet19.cfg" not in str(caught.value)
    with pytest.raises(CfgError, match=r"^runs/yolov2-tiny.cfg: no such file"):
        find_cfg("runs/yolov2-tiny.cfg")
    with pytest.raises(CfgError, match="a folder"):
        find_cfg(tmp_path)


def test_only_files_of_the_folder_are_shipped() -> None:
    assert shipped.find("data", "voc.names") == shipped.folder("data") / "voc.names"
    for name in ("../setup.py", "none.cfg", "", "voc.names"):
        assert shipped.find("cfg", name) is None
    assert "voc.data" in shipped.names("data")


def test_a_package_brings_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "pylrm" / "_shipped" / "cfg"
    packed.mkdir(parents=True)
    (packed / "one.cfg").write_text("[net]\n")
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "pylrm")
    assert shipped.names("cfg") == ["one.cfg"]
    assert shipped.find("cfg", "one.cfg") == packed / "one.cfg"
    assert shipped.names("data") == []


def test_names_are_those_of_the_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_data("voc.data").names == list(VOC_CLASSES)
    assert read_data("data/demo.data").names == list(scenes.CLASSES)
    kitti = ["car", "truck", "tram", "van", "pedestrian", "cyclist"]
    assert read_data("kitti.data").names == kitti
    assert read_data("voc.data").metric == "11point"
