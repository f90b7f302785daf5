"""Darknet's .data, names, list and label files: what is read, and each mistake's line."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.data import darknet
from pylrm.errors import DataError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data set of three classes; the working folder is another."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    root = tmp_path / "set"
    root.mkdir()
    (root / "d.names").write_text("ant\nbee\ncat\n\n")
    (root / "d.data").write_text(
        "# a comment\nclasses = 3\ntrain=train.txt ; the list\nvalid = nowhere.txt\r\n"
        "names=d.names\nbackup = backup\nmetric=11point\ntop=5\n"
    )
    (root / "train.txt").write_text("images/a.jpg\n\n images/b c.png \n")
    for name in ("images/a.jpg", "images/b c.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    return root


def test_data_file(folder):
    data = darknet.read_data(folder / "d.data")
    assert data.path == folder / "d.data"
    assert (data.classes, data.names) == (3, ["ant", "bee", "cat"])
    assert data.train == folder / "train.txt"
    assert data.valid == Path("nowhere.txt")  # as it is named
    assert data.backup == Path("backup")  # nowhere yet: the working folder, as in Darknet
    assert data.results is data.truth is None
    assert (data.eval, data.metric) == ("voc", "11point")


def test_a_data_set_that_was_made_on_windows(folder):
    r"""Its paths have backslashes; a file whose name has one is found all the same."""
    (folder / "lists").mkdir()
    (folder / "lists" / "t.txt").write_text("..\\images\\a.jpg\r\nimages\\none.jpg\r\nb\\c.jpg\r\n")
    (folder / "w.data").write_text(
        "classes=3\r\ntrain=lists\\t.txt\r\nnames = .\\d.names\r\nbackup = backup\\\r\n"
    )
    data = darknet.read_data(folder / "w.data")
    assert (data.names, data.backup) == (["ant", "bee", "cat"], Path("backup"))
    lists = folder / "lists"
    assert data.train == lists / "t.txt"
    wanted = [lists / "../images/a.jpg", lists / "images/none.jpg", lists / "b/c.jpg"]
    assert darknet.read_list(data.train) == wanted
    if os.sep == "/":
        (lists / "b\\c.jpg").touch()
        assert darknet.read_list(data.train)[2] == lists / "b\\c.jpg"


def test_names_stand_in_for_classes_and_numbers_for_names(folder):
    (folder / "n.data").write_text("names=d.names")
    assert darknet.read_data(folder / "n.data").classes == 3
    (folder / "c.data").write_text("classes=2")
    assert darknet.read_data(folder / "c.data").names == ["0", "1"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("classes=4\nnames=d.names", "d.data:1: classes=4, but .*d.names has 3 names"),
        ("classes=three", "d.data:1: classes=three"),
        ("classes=0", "d.data:1: classes=0"),
        ("\nnames=none.names", "d.data:2: names=none.names: no such file"),
        ("train=a", "d.data: neither classes= nor names="),
        ("classes=1\nwhat is this", "d.data:2: 'what is this'"),
        ("classes=1\nmetric=best", "d.data:2: metric=best; expected area, 11point, coco or kitti"),
    ],
)
def test_mistakes_in_a_data_file(folder, text, message):
    (folder / "d.data").write_text(text)
    with pytest.raises(DataError, match=message):
        darknet.read_data(folder / "d.data")


@pytest.mark.parametrize("text, line", [("a\n\nb", 2), ("a\nb\na", 3)])
def test_mistakes_in_names(tmp_path, text, line):
    (tmp_path / "n").write_text(text)
    with pytest.raises(DataError, match=f"n:{line}: "):
        darknet.read_names(tmp_path / "n")


def test_missing_and_binary_files(folder):
    for read, name in (
        (darknet.read_data, "no.data"),
        (darknet.read_list, "no.txt"),
        (darknet.read_names, "no.names"),
    ):
        with pytest.raises(DataError, match=name):
            read(folder / name)
    (folder / "train.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        darknet.read_list(folder / "train.txt")
    (folder / "train.txt").write_text("\n")
    with pytest.raises(DataError, match="no images"):
        darknet.read_list(folder / "train.txt")


@pytest.mark.parametrize("name", ["a" * 6000, "~nobody-of-this-name/a.jpg"])
def test_lines_of_a_list_that_no_path_can_be(folder, name):
    (folder / "train.txt").write_text(f"images/a.jpg\n{name}\n")
    with pytest.raises(DataError, match=r"train\.txt:2: '.{26,40}' is no path: "):
        darknet.read_list(folder / "train.txt")


def test_list_looks_in_its_own_folder_then_in_the_working_one(folder):
    images = [folder / "images" / "a.jpg", folder / "images" / "b c.png"]
    Path("images").mkdir()
    for name in ("a.jpg", "b c.png"):
        Path("images", name).touch()
    assert darknet.read_list(folder / "train.txt") == images
    images[0].unlink()
    assert [str(path) for path in darknet.read_list(folder / "train.txt")] == [
        os.path.join("images", "a.jpg"),
        str(images[1]),
    ]
    Path("images/a.jpg").unlink()
    assert darknet.read_list(folder / "train.txt") == images  # a file that is nowhere: the list's


@pytest.mark.parametrize(
    "image, label",
    [
        ("images/a.jpg", "labels/a.txt"),
        ("JPEGImages/a.b.png", "labels/a.b.txt"),
        ("train_images/a.jpg", "train_labels/a.txt"),
        ("images/run/images/a.jpg", "labels/run/images/a.txt"),
        ("images/run/JPEGImages/a.jpg", "images/run/labels/a.txt"),
        ("pictures/a.jpg", "pictures/a.txt"),
        ("images/a.jpg", "images/a.txt"),
    ],
)
def test_label_of_an_image(tmp_path, image, label):
    assert darknet.find_label(tmp_path / image) is None
    (tmp_path / label).parent.mkdir(parents=True)
    (tmp_path / label).touch()
    assert darknet.find_label(tmp_path / image) == tmp_path / label


def test_the_first_match_wins_over_later_ones_and_the_place_beside(tmp_path):
    for name in ("labels/images/a.txt", "images/labels/a.txt", "images/images/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert darknet.find_label(tmp_path / "images/images/a.jpg") == tmp_path / "labels/images/a.txt"


def test_labels(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("0 .5 .5 .25 1\r\n\n2\t1e-1 0.2 0 0.4\n")
    rows = darknet.read_labels(path, 3)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(
        rows, np.array([[0, 0.5, 0.5, 0.25, 1], [2, 0.1, 0.2, 0, 0.4]], np.float32)
    )
    path.write_text("")
    assert darknet.read_labels(path, 3).shape == (0, 5)


@pytest.mark.parametrize(
    "line, message",
    [
        ("99 .5 .5 .1 .1", r"class 99, but D.data has 3 classes \(0…2\)"),
        ("-1 .5 .5 .1 .1", "class -1, but D.data has 3 classes"),
        ("1.5 .5 .5 .1 .1", "class '1.5'; expected a whole number 0…2"),
        ("nan .5 .5 .1 .1", "class 'nan'; expected a whole number"),
        ("1 nan .5 .1 .1", "x is nan; expected a finite number"),
        ("1 .5 .5 .1 inf", "h is inf; expected a finite number"),
        ("1 .5 y .1 .1", "y is 'y', not a number"),
        ("1 .5 .5 .1", "4 fields; a label is 'class x y w h'"),
        ("1 .5 .5 .1 .1 .9", "6 fields"),
        ("1 320 .5 .1 .1", "x is 320; a centre stands within 0…1"),
        ("1 .5 .5 -.1 .1", "w is -.1; a size is relative"),
    ],
)
def test_mistakes_in_labels_name_file_and_line(tmp_path, line, message):
    label = tmp_path / "a.txt"
    label.write_text(f"1 .5 .5 .1 .1\n{line}\n")
    with pytest.raises(DataError, match=message) as caught:
        darknet.check_labels([tmp_path / "a.jpg"], 3, "D.data")
    assert str(caught.value).startswith(f"{label}:2: ") and "\n" not in str(caught.value)


@given(st.binary(max_size=60))
def test_any_bytes_give_labels_or_a_data_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.txt"
    path.write_bytes(content)
    try:
        rows = darknet.read_labels(path, 5)
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(rows).all() and ((rows[:, 0] >= 0) & (rows[:, 0] < 5)).all()


def test_an_inspection_reads_past_all_bad_lines(tmp_path):
    label, image = tmp_path / "a.txt", tmp_path / "a.jpg"
    label.write_text(
        "7 .5 .5 .1 .1\n0 .5 .5 .1 .1\n\nx\n1 .25 .5 .1 .2\n" + "9" * 5000 + " 0 0 0 0"
    )
    (tmp_path / "a.ignore.txt").write_text("1 1 1\n.5 .5 .1 .1\n")
    image.touch()
    truth = darknet.inspect_truth(image, 2, "D.data")
    assert truth.label == label
    np.testing.assert_allclose(
        truth.objects.boxes, [[0, 0.5, 0.5, 0.1, 0.1], [1, 0.25, 0.5, 0.1, 0.2]]
    )
    assert truth.objects.lines.tolist() == [2, 5] and truth.regions.lines.tolist() == [2]
    where = [str(error).split(": ")[0] for error in (*truth.objects.wrong, *truth.regions.wrong)]
    assert where == [f"{label}:1", f"{label}:4", f"{label}:6", f"{tmp_path / 'a.ignore.txt'}:1"]
    unknown = [isinstance(error, darknet.UnknownClassError) for error in truth.objects.wrong]
    assert unknown == [True, False, False]
    found = darknet.summarise([truth], 2)
    assert (found.boxes, found.ignored, found.absent, found.missing) == (2, 1, [], [])
    label.write_bytes(b"\xff\xfe")
    wrong = darknet.inspect_truth(image, 2).objects.wrong
    assert len(wrong) == 1 and "not UTF-8" in str(wrong[0])


def test_ignore_regions(tmp_path):
    label = tmp_path / "a.b.txt"
    assert darknet.read_ignore(label).shape == (0, 4)
    (tmp_path / "a.b.ignore.txt").write_text(".5 .5 .2 .3\n\n")
    np.testing.assert_allclose(darknet.read_ignore(label), [[0.5, 0.5, 0.2, 0.3]])
    (tmp_path / "a.b.ignore.txt").write_text("0 .5 .5 .2 .3\n")
    with pytest.raises(DataError, match=r"a\.b\.ignore\.txt:1: 5 fields"):
        darknet.read_ignore(label)


def test_check_labels_counts(tmp_path):
    (tmp_path / "a.txt").write_text("0 .5 .5 .1 .1\n2 .5 .5 .1 .1\n2 .5 .5 .0001 .1\n")
    (tmp_path / "a.ignore.txt").write_text(".5 .5 .2 .3\n")
    (tmp_path / "b.txt").write_text("")
    images = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    found = darknet.check_labels(images, 3)
    assert (found.images, found.boxes, found.boxes_per_class) == (3, 3, [1, 0, 2])
    assert found.missing == [images[2]] and found.absent == images
    assert found.images_per_class == [1, 0, 1]
    assert (found.ignored, found.most, found.small) == (1, 4, 1)
    (tmp_path / "c.ignore.txt").write_text(".5 .5 .2 .3\n" * 5)
    found = darknet.check_labels(images, 3)
    assert (found.missing, found.ignored, found.most) == ([images[2]], 6, 5)
    (tmp_path / "c.ignore.txt").write_text(".5 .5 .2\n")
    with pytest.raises(DataError, match=r"c\.ignore\.txt:1: 3 fields"):
        darknet.check_labels(images, 3)


NO_PATHS = {"too long": "x" * 300, "of nobody": "~nobody-there/x", "a zero byte": "~\0b c.png"}


@pytest.mark.parametrize("kind", NO_PATHS)
def test_what_can_be_no_path_has_its_line(kind, tmp_path):
    listed, data = tmp_path / "list.txt", tmp_path / "a.data"
    listed.write_text(f"a.png\n{NO_PATHS[kind]}\n")
    data.write_text(f"classes=2\ntrain={NO_PATHS[kind]}\n")
    with pytest.raises(DataError, match=f"{listed}:2: '.* is no path: "):
        darknet.read_list(listed)
    with pytest.raises(DataError, match=f"{data}:2: train='.* is no path: "):
        darknet.read_data(data)
