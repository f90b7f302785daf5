"""Data sets of YOLO tools: what is written comes back, wherever paths lead, and mistakes' lines."""

import struct
import sys
import tempfile
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.convert import convert
from pylrm.data.darknet import read_data, read_list
from pylrm.errors import DataError, PylrmError
from tests.convert.random_sets import NAMES, ROUND_TRIP, SIZE, sets
from tests.convert.trees import assert_boxes, boxes_in, png, read_all, write

ROW = "0 0.5 0.5 0.2 0.4"


def shares(box):
    """Edges in pixels as shares of the image."""
    return [value / side for value, side in zip(box, SIZE * 2, strict=True)]


def as_box(box):
    left, top, right, bottom = shares(box)
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def as_polygon(box):
    left, top, right, bottom = shares(box)
    x, y = (left + right) / 2, (top + bottom) / 2
    return [left, y, x, top, right, y, x, bottom, x, y]


def as_oriented(box):
    left, top, right, bottom = shares(box)
    x, y = left + (right - left) / 3, top + (bottom - top) / 4
    return [x, top, right, y, left + right - x, bottom, left, top + bottom - y]


WAYS = {
    "box": as_box,
    "confidence": lambda box: [*as_box(box), 0.75],
    "polygon": as_polygon,
    "polygon and confidence": lambda box: [*as_polygon(box), 1],
    "oriented": as_oriented,
    "oriented and confidence": lambda box: [*as_oriented(box), 0.25],
}


def row(kind, values):
    return " ".join([str(kind), *(f"{value:.10g}" for value in values)])


def data_yaml(root, text="train: images\nnames: [ant, bee]\n"):
    return write(root / "data.yaml", text)


def add(root, name, *rows, folders=("images", "labels"), suffix=".png", size=SIZE):
    """Add an image and its labels."""
    png((root / folders[0] / name).with_name(Path(name).name + suffix), size)
    label = (root / folders[1] / name).with_name(Path(name).name + ".txt")
    return write(label, "".join(f"{line}\n" for line in rows))


def names_of(summary):
    """The images' names to train and to validate on."""
    data, _ = read_all(summary.data)
    top = data.train.parent / "JPEGImages"
    return [
        [str(image.relative_to(top).with_suffix("")) for image in read_list(part)]
        for part in (data.train, data.valid)
    ]


@ROUND_TRIP
@given(sets(), st.sampled_from(sorted(WAYS)), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_round_trip(images, way, end, mark):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "a set"
        for stem, boxes in images.items():
            label = add(root, stem)
            text = end.join(row(kind, WAYS[way](box)) for kind, *box in boxes)
            label.write_bytes(("\ufeff" * mark + text).encode())
        names = ", ".join(f"{n}: {name}" for n, name in enumerate(NAMES))
        data_yaml(root, f"train: images\nnames: {{{names}}}\n")
        data = read_data(convert("yolo", root / "data.yaml", Path(folder) / "out").data)
        assert data.names == NAMES
        assert_boxes(boxes_in(data, len(NAMES)), images)


def test_a_pose_is_its_box(tmp_path):
    for stem in "ab":
        add(tmp_path, stem, f"{ROW} 0.1 0.1 2 0.9 0.9 0", "0 0.5 0.5 0.2 0.4")
    path = data_yaml(tmp_path, "train: images\nkpt_shape: [2, 3]\nnames: [ant]\n")
    data = read_data(convert("yolo", path, tmp_path / "out").data)
    assert_boxes(boxes_in(data, 1), {stem: [(0, 64, 36, 96, 84)] for stem in "ab"})  # once
    data_yaml(tmp_path, "train: images\nkpt_shape: [3, 3]\nnames: [ant]\n")
    with pytest.raises(DataError, match=r"\w\.txt:1: 11 fields; with the key points .* is 14, wit"):
        convert("yolo", path, tmp_path / "out")


def test_what_reaches_beyond_the_image_is_cut(tmp_path):
    add(tmp_path, "a", "0 0.95 0.5 0.2 0.5", "0 -0.1 0.2 1.0371 0.2 1.0371 0.4", "0 1.02 .5 .1 .1")
    add(tmp_path, "b", "1 0.5 0.5 1 1")
    data = read_data(convert("yolo", data_yaml(tmp_path), tmp_path / "out").data)
    found = boxes_in(data, 2)
    expected = [(0, 136, 30, 160, 90), (0, 0, 24, 160, 48), (0, 155.2, 54, 160, 66)]
    assert_boxes(found, {"a": expected, "b": [(1, 0, 0, 160, 120)]}, 1e-3)


@pytest.mark.parametrize(
    "line, box",
    [
        ("0.0 0.5 0.5 0.2 0.4", 0),
        ("1.000000e+00 5.0e-01 5.0e-01 2.0e-01 4.0e-01", 1),
        ("  +1\t0.5  0.5 0.2 0.4  ", 1),
        ("0,0.5,0.5,0.2,0.4", 0),
        ("0, 0.5, 0.5, 0.2, 0.4", 0),
        ("1\t0.5,0.5,0.2,0.4", 1),
    ],
)
def test_rows_as_tools_write_them(tmp_path, line, box):
    for stem in "ab":
        add(tmp_path, stem, line, "", line)  # and twice, which counts once
    data = read_data(convert("yolo", data_yaml(tmp_path), tmp_path / "out").data)
    assert_boxes(boxes_in(data, 2), {stem: [(box, 64, 36, 96, 84)] for stem in "ab"})


@pytest.mark.parametrize(
    "line, message",
    [
        ("0 .5 .5 .1", "4 fields; a label is 'class x y w h', or a polygon's"),
        ("ant .5 .5 .1 .1", r"class 'ant'; expected a whole number 0…1"),
        ("0.5 .5 .5 .1 .1", r"class '0\.5'; expected a whole"),
        ("nan .5 .5 .1 .1", "class 'nan'; expected a whole"),
        ("2 .5 .5 .1 .1", r"class 2, but .*data\.yaml has 2 classes \(0…1\); classes count from 0"),
        ("7 .5 .5 .1 .1", r"class 7, but .*data\.yaml has 2 classes \(0…1\)$"),
        ("-1 .5 .5 .1 .1", "class -1, but"),
        ("0 210 46 730 549", "'210'; expected shares of the image, 0…1: are these pixels"),
        ("0 .5 .5 -.1 .1", "a width or height of -0.1"),
        ("0 .5 x .1 .1", "'x' is no finite number"),
        ("0 .5 nan .1 .1", "'nan' is no finite number"),
        ("0 0,5 0,5 0,1 0,1", "'0,5' is no finite number"),
        ("0 .5 .5 .1 .1 1.57", r"6 fields, but the last, 1\.57, is no confidence 0…1; an oriented"),
    ],
)
def test_mistakes_in_labels(tmp_path, line, message):
    add(tmp_path, "a", ROW)
    label = add(tmp_path, "b", ROW, line)
    with pytest.raises(DataError, match=message) as error:
        convert("yolo", data_yaml(tmp_path), tmp_path / "out")
    assert str(error.value).startswith(f"{label}:2: ") and not (tmp_path / "out").exists()


# Where paths lead


def three_parts(root, inside_out=False):
    """train, valid and test; images/train where `inside_out`, else train/images."""
    for part in ("train", "valid", "test"):
        for stem in ("1", "2") if part == "train" else ("1",):
            folders = [f"{kind}/{part}" if inside_out else f"{part}/{kind}" for kind in KINDS]
            add(root, stem, ROW, folders=folders)


KINDS = ("images", "labels")
TRAINED, VALIDATED = ["train/1", "train/2"], ["valid/1"]


@pytest.mark.parametrize(
    "text",
    [
        "train: train/images\nval: valid/images",
        "train: ./train\nval: ./valid/",
        "train: ../train/images\nval: ../valid/images\ntest: ../test/no/images",
        "path: .\ntrain: train/images\nval: valid/images",
        "path: ''\ntrain: [train/images]\nval: valid/images\ntest:",
        "path: /content/datasets/birds-3\ntrain: train/images\nval: valid/images",
        "path: ../datasets/birds\ntrain: train/images\nval: valid/images",
        "train: /content/birds-3/train/images\nval: /content/birds-3/valid/images",
        "train: birds-3/train/images\nval: birds-3/valid/images",
        "train: C:\\birds\\train\\images\nval: 'C:\\birds\\valid\\images'",
        "train: train\\images\nval: valid\\images",
        "val: valid/images\ntrain:\n- train/images/1.png\n- ./train/images/2.png",
    ],
)
def test_paths_in_yaml(tmp_path, text):
    root = tmp_path / "birds"
    three_parts(root)
    path = data_yaml(root, f"{text}\nnc: 1\nnames: ['wren']\n")
    assert names_of(convert("yolo", path, tmp_path / "out")) == [TRAINED, VALIDATED]
    # the folder stands for the file in it
    assert names_of(convert("yolo", root, tmp_path / "out")) == [TRAINED, VALIDATED]


def test_a_root_elsewhere(tmp_path, monkeypatch):
    three_parts(tmp_path / "datasets" / "birds", inside_out=True)
    monkeypatch.chdir(tmp_path)
    for root in (str(tmp_path / "datasets" / "birds"), "datasets/birds", "birds", "../birds"):
        text = f"path: {root}\ntrain: images/train\nval: images/valid\nnames:\n  0: wren\n"
        path = data_yaml(tmp_path / "datasets" / "yaml", text)
        assert names_of(convert("yolo", path, tmp_path / "out")) == [TRAINED, VALIDATED]


def test_the_folder_of_the_file_counts_before_the_working_folder(tmp_path, monkeypatch):
    for name in ("birds", "other/here"):
        three_parts(tmp_path / name)
    add(tmp_path / "other", "3", ROW, folders=("train/images", "train/labels"))
    monkeypatch.chdir(tmp_path / "other" / "here")
    text = "train: ../train/images\nval: ../valid/images\nnames: [wren]\n"
    path = data_yaml(tmp_path / "birds", text)
    assert names_of(convert("yolo", path, tmp_path / "out")) == [TRAINED, VALIDATED]
    path = data_yaml(tmp_path / "yaml", "train: train/images\nval: valid/images\nnames: [wren]\n")
    assert names_of(convert("yolo", path, tmp_path / "out")) == [TRAINED, VALIDATED]


@pytest.mark.parametrize(
    "line",
    ["{}/images/{}.png", "./{}/images/{}.png", "data/{}/images/{}.png", "/kaggle/{}/images/{}.png",
     "D:\\x\\{}\\images\\{}.png"],
)  # fmt: skip
def test_lists_of_images(tmp_path, line):
    root = tmp_path / "birds"
    three_parts(root)
    write(root / "train.txt", "\n".join(line.format("train", n) for n in "12") + "\n")
    write(root / "val.txt", "\ufeff" + line.format("valid", 1) + "\r\n\r\n")
    path = data_yaml(root, "train: train.txt\nval: val.txt\nnames: [wren]\n")
    assert names_of(convert("yolo", path, tmp_path / "out")) == [TRAINED, VALIDATED]
    path.unlink()
    write(root / "obj.names", "wren\n")
    assert names_of(convert("yolo", root, tmp_path / "out")) == [TRAINED, VALIDATED]
    data = write(root / "x.data", "classes=1\nnames=obj.names\ntrain=train.txt\nvalid=val.txt\n")
    assert names_of(convert("yolo", data, tmp_path / "out")) == [TRAINED, VALIDATED]
    write(root / "val.txt", "valid/images/9.png\n")
    with pytest.raises(DataError, match=r"val\.txt:1: no image 'valid/images/9\.png' in "):
        convert("yolo", root, tmp_path / "out")


def test_cvats_archive(tmp_path):
    """obj.names, obj.data and a list that names data/obj_train_data/…"""
    for stem in "ab":
        add(tmp_path / "x", stem, ROW, folders=["obj_train_data"] * 2)
    write(tmp_path / "x" / "obj.names", "ant\n")
    write(tmp_path / "x" / "obj.data", "classes=1\ntrain=data/train.txt\nnames=data/obj.names\n")
    write(tmp_path / "x" / "train.txt", "data/obj_train_data/a.png\ndata/obj_train_data/b.png\n")
    assert names_of(convert("yolo", tmp_path / "x", tmp_path / "out")) == [["b"], ["a"]]
    with pytest.raises(
        DataError, match=r"obj\.data:3: names=data/obj.* its folder can be converted"
    ):
        convert("yolo", tmp_path / "x" / "obj.data", tmp_path / "out")


def test_roboflows_archive(tmp_path):
    """Darknet's format there: labels beside images, and the names in each folder."""
    for part in ("train", "valid"):
        for stem in "ab":
            add(tmp_path / "x" / part, stem, ROW, folders=[".", "."])
        write(tmp_path / "x" / part / "_darknet.labels", "ant\n")
    write(tmp_path / "x" / "README.roboflow.txt", "2 images were exported")
    summary = convert("yolo", tmp_path / "x", tmp_path / "out")
    expected = [["train/a", "train/b"], ["valid/a", "valid/b"]]
    assert names_of(summary) == expected and not summary.warnings


@pytest.mark.parametrize(
    "images, labels",
    [
        ("images", "labels"), ("Images", "Labels"), ("JPEGImages", "labels"), (".", "."),
        ("photos", "labels"), ("photos/day 1", "labels/day 1"), ("images", "images"),
    ],
)  # fmt: skip
def test_folders_without_yaml(tmp_path, images, labels):
    root = tmp_path / "x"
    for stem in ("a", "b"):
        add(root, stem, ROW, folders=(images, labels))
    write(root / labels / "classes.txt", "ant\nbee\n")
    write(root / "notes.json", "{}")
    names = None if labels != "labels/day 1" else root / labels / "classes.txt"
    summary = convert("yolo", root, tmp_path / "out", names=names)
    assert sorted(chain(*names_of(summary))) == ["a", "b"]
    assert summary.names == ["ant", "bee"] and not summary.warnings


@pytest.mark.parametrize("inside_out", [False, True])
def test_folders_of_parts(tmp_path, inside_out):
    three_parts(tmp_path / "x", inside_out)
    write(tmp_path / "x" / "classes.txt", "ant\n")
    assert names_of(convert("yolo", tmp_path / "x", tmp_path / "out")) == [TRAINED, VALIDATED]


def test_extensions_in_any_case(tmp_path):
    for stem, suffix in (("a", ".PNG"), ("b", ".Jpeg"), ("c", ".JPG"), ("d", ".WEBP")):
        add(tmp_path, stem, ROW)
        (tmp_path / "images" / f"{stem}.png").rename(tmp_path / "images" / (stem + suffix))
    write(tmp_path / "images" / "._a.png")
    found = names_of(convert("yolo", data_yaml(tmp_path), tmp_path / "out"))
    assert sorted(chain(*found)) == ["a", "b", "c", "d"]


def test_images_and_labels_without_each_other_are_warned_of(tmp_path):
    for stem in "ab":
        add(tmp_path, stem, ROW)
    png(tmp_path / "images" / "c.png", SIZE)
    write(tmp_path / "labels" / "d.txt", ROW)
    write(tmp_path / "labels" / "classes.txt", "ant\nbee\n")
    write(tmp_path / "labels" / "b.cache.txt", "")
    warnings = convert("yolo", data_yaml(tmp_path), tmp_path / "out").warnings
    assert len(warnings) == 2
    assert warnings[0].startswith("images without a label file, background then: /")
    assert warnings[0].endswith("c.png")
    assert warnings[1].startswith("label files without an image (jpg, ")
    assert warnings[1].endswith(": " + str(tmp_path / "labels" / "d.txt"))
    write(tmp_path / "labels" / "e.txt", ROW)
    (warning,) = convert("yolo", data_yaml(tmp_path), tmp_path / "out").warnings[1:]
    assert warning.endswith(": 2, first " + str(tmp_path / "labels" / "d.txt"))


# YAML


@pytest.mark.parametrize(
    "text, names",
    [
        ("names: [no, 007]", ["no", "007"]),  # not False and 7
        ("names: ['a  b', \"c\"]", ["a b", "c"]),
        ("names:\n  1: b\n  0: a", ["a", "b"]),
        ("names: {'0': a, '1': b}\nnc: 2", ["a", "b"]),
        ("# Möwe\nnames:\n- Möwe\n- 鳥\n", ["Möwe", "鳥"]),
        ("names: birds.names", ["x", "y"]),
    ],
)
def test_names_in_yaml(tmp_path, text, names):
    for stem in "ab":
        add(tmp_path, stem, ROW)
    write(tmp_path / "birds.names", "x\ny\n")
    path = data_yaml(tmp_path, f"\ufefftrain: images\n{text}\n".replace("\n", "\r\n"))
    assert convert("yolo", path, tmp_path / "out").names == names


@pytest.mark.parametrize(
    "text, message",
    [
        ("train: images\nnames: [a, a]", r"yaml:2: names: class 1 is 'a', which another is"),
        ("train: images\nnames: [a, '']", r"yaml:2: names: class 1 is no name"),
        ("train: images\nnames: [a, [b]]", r"yaml:2: names: class 1 is no name"),
        ("train: images\nnames: {0: a, 2: b}", r"yaml:2: names: expected the numbers 0…1"),
        ("train: images\nnames: nowhere.txt", r"yaml:2: names is 'nowhere.txt'; expected a list"),
        ("train: images\nnc: 3\nnames: [a, b]", r"yaml:2: nc is '3', but there are 2 names"),
        ("train: images", r"yaml: no names: of the classes; --names FILE"),
        ("names: [a]", r"yaml: no train: that says where the images are"),
        ("names: [a]\ntrain: {x: y}", r"yaml:2: train is an object; expected a path"),
        ("names: [a]\nval: empty\ntrain: images", r"yaml:2: val: no images in "),
        ("names: [a]\nval: x/y\ntrain: images", r"yaml:2: val: no 'x/y' in "),
        ("names: [a]\ntrain: images\nkpt_shape: x", r"yaml:3: kpt_shape is 'x'; expected two"),
        ("names: [a", r"yaml:\d: not YAML: "),
        ("names: [a]\n\ttrain: x", r"yaml:2: not YAML: "),
        ('names: [a]\ntrain: "C:\\data"', r"yaml:2: not YAML: .*write / between folders"),
        ("\0", r"yaml: not YAML: "),
        ("just text", r"yaml: no data set; expected keys such as train"),
        ("", r"yaml: no data set"),
        ("[" * 5000, r"yaml.*: not YAML"),
        ("names: &a [*a]", r"yaml:1: not YAML: found unconstructable recursive node"),
    ],
)
def test_mistakes_in_yaml(tmp_path, text, message):
    for stem in "ab":
        add(tmp_path, stem, ROW)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message) as error:
        convert("yolo", data_yaml(tmp_path, text), tmp_path / "out")
    assert "\n" not in str(error.value)


def test_without_pyyaml_a_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(PylrmError, match=r"data\.yaml: YAML needs PyYAML: pip install 'pylrm.yaml"):
        convert("yolo", data_yaml(tmp_path), tmp_path / "out")


# Mistakes of data sets


def test_mistakes_of_data_sets(tmp_path):
    root = tmp_path / "x"
    png(root / "images" / "a.png")
    png(root / "images" / "b.png")
    with pytest.raises(DataError, match=r"x: no names of the classes; expected data\.yaml, cl"):
        convert("yolo", root, tmp_path / "out")
    write(root / "classes.txt", "")
    with pytest.raises(DataError, match=r"classes\.txt: no class names in it"):
        convert("yolo", root, tmp_path / "out")
    write(root / "classes.txt", "ant\n")
    with pytest.raises(DataError, match=r"none of its 2 images has a label file; looked for a\.tx"):
        convert("yolo", root, tmp_path / "out")
    write(root / "labels" / "a.txt", ROW)
    png(root / "images" / "sub" / "a.bmp")
    png(root / "images" / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg and .*a\.png would have one label file"):
        convert("yolo", root, tmp_path / "out")
    with pytest.raises(DataError, match="expected a YAML file, a .data file, or a folder"):
        convert("yolo", root / "classes.txt", tmp_path / "out")


def test_a_turned_image_is_refused(tmp_path):
    add(tmp_path, "a", ROW)
    add(tmp_path, "b", ROW)
    image = tmp_path / "images" / "b.png"
    data = image.read_bytes()
    for orientation in (3, 6):
        exif = struct.pack(">HHI", orientation, 0, 0)
        exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + exif
        chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + b"\0" * 4
        image.write_bytes(data[:33] + chunk + data[33:])
        with pytest.raises(DataError, match=rf"b\.txt: .*orientation {orientation}\), and nothing"):
            convert("yolo", data_yaml(tmp_path), tmp_path / "out")


def test_labels_read_directly_name_the_converter(tmp_path):
    """Polygons and confidences in a .data file's own labels."""
    from pylrm.data.darknet import read_labels

    for line, what in (("0 .5 .5 .1 .1 .9", "6 .* a confidence at its end"), ("0" * 7, "1 fie")):
        path = write(tmp_path / "a.txt", line)
        with pytest.raises(DataError, match=rf"a\.txt:1: {what}"):
            read_labels(path, 1)
    path = write(tmp_path / "a.txt", "0 .1 .1 .9 .1 .9 .9")
    with pytest.raises(DataError, match=r"7 fields; .* a polygon\? `pylrm convert yolo` makes bo"):
        read_labels(path, 1)


@pytest.mark.parametrize("name", ["bccd", "raccoon"])
def test_real_labels_come_back(tmp_path, real_data, name):
    first = convert("voc", real_data(name), tmp_path / "voc")
    again = convert("yolo", first.data, tmp_path / "yolo")
    data, truth = (read_data(each.data) for each in (again, first))
    assert (again.images, again.boxes) == (first.images, first.boxes)
    count = len(again.names)
    assert_boxes(boxes_in(data, count), boxes_in(truth, count))
