"""Damaged data sets: each is converted and can be read, or refused in a line and left alone."""

import json
import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.convert import convert
from pylrm.data.darknet import read_list
from pylrm.errors import DataError
from pylrm.evaluate.truths import CocoTruth
from tests.convert.trees import (
    add,
    add_kitti,
    annotation,
    car,
    lists,
    png,
    read_all,
    snapshot,
    thing,
    write,
)
from tests.convert.trees import coco as write_coco
from tests.damage import damaged

EXAMPLES = settings(max_examples=40, deadline=None)


def holds(build, run, contents, earlier):
    """Convert a damaged tree, into a new folder or over an earlier conversion."""
    with tempfile.TemporaryDirectory() as folder:
        root, out = (Path(folder).resolve() / name for name in ("tree", "out"))
        build(root)
        if earlier:
            run(root, out)
        before = snapshot(out)
        for name, content in contents.items():
            (root / name).write_bytes(content)
        try:
            summary = run(root, out)
        except DataError as error:
            assert "\n" not in str(error) and str(folder) in str(error)
            assert len(str(error)) < 1500
            assert snapshot(out) == before and out.exists() == earlier
            assert {path.name for path in Path(folder).iterdir()} <= {"tree", "out"}
            return
        data, _ = read_all(summary.data)
        assert data.names == summary.names and summary.table()
        truth = CocoTruth(data.truth, data.names)
        assert all(truth.image_id(image) for image in read_list(data.valid))
        before = snapshot(out)
        run(root, out)
        assert snapshot(out) == before


convert_voc, convert_kitti = partial(convert, "voc"), partial(convert, "kitti")


def build_voc(root):
    add(root, "a", thing("ant", (1, 2, 30, 20), difficult=1), thing("bee", (5, 5, 9, 9)))
    add(root, "b c", thing("bee", (3, 3, 8, 8), truncated=0))
    lists(root, train=["a"], val=["b c"])


VOC_FILES = {
    "Annotations/a.xml": annotation("a", thing("ant", (1, 2, 30, 20), difficult=1)).encode(),
    "ImageSets/Main/train.txt": b"a\n",
    "ImageSets/Main/val.txt": b"b c\r\na\r\n",
}


@EXAMPLES
@given(damaged(VOC_FILES), st.booleans())
def test_voc(contents, earlier):
    holds(build_voc, convert_voc, contents, earlier)


LABEL = "\n".join(
    [
        car((1.5, 2, 30.25, 20)),
        car((5, 5, 9, 9), "Person_sitting"),
        car((5, 5, 9, 9), "DontCare", -1, -1),
        car((9, 9, 20, 20), "Van"),
    ]
)


def build_kitti(root):
    add_kitti(root, "a", LABEL)
    add_kitti(root, "b c", car((3, 3, 8, 8), "Tram"))
    (root / "ImageSets").mkdir()
    for name, stem in (("train", "a"), ("val", "b c")):
        (root / "ImageSets" / f"{name}.txt").write_text(f"{stem}\n")


KITTI_FILES = {
    "label_2/a.txt": LABEL.encode(),
    "label_2/b c.txt": LABEL.replace("\n", "\r\n").encode(),
    "ImageSets/train.txt": b"a\n",
}


@EXAMPLES
@given(damaged(KITTI_FILES), st.booleans())
def test_kitti(contents, earlier):
    holds(build_kitti, convert_kitti, contents, earlier)


def build_coco(root):
    write_coco(
        root / "all.json",
        ["a.png", "b c.png"],
        [
            (1, 1, [1.5, 2, 10, 20], {"iscrowd": 1}),
            (1, 2, [1.5, 2, 10, 20], {"area": 7, "truncated": 0.5, "occluded": 1}),
            (2, 2, [3, 3, 8, 8], {"ignore": 1}),
        ],
        ["ant", "traffic light"],
    )


def coco_file():
    with tempfile.TemporaryDirectory() as folder:
        build_coco(Path(folder))
        return (Path(folder) / "all.json").read_bytes()


COCO_FILE = coco_file()


def convert_coco(root, out):
    return convert("coco", root / "all.json", out)


@EXAMPLES
@given(damaged({"all.json": COCO_FILE}), st.booleans())
def test_coco(contents, earlier):
    holds(build_coco, convert_coco, contents, earlier)


ODD = ["\ud800", "a\0b", "\u2028", "\ufeff", "../a.png", "x" * 300, 10**400, 1e308, -1, 0, 1, 2]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


VALUES = st.booleans().flatmap(lambda odd: st.sampled_from(ODD) if odd else ANY)


@st.composite
def other_values(draw):
    """The COCO file with some values replaced by others, of any type."""
    document = json.loads(COCO_FILE)
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from(sorted(document)))
        if draw(st.integers(0, 9)) == 0 or not isinstance(document[key], list):
            document[key] = draw(VALUES)
            continue
        entry = draw(st.sampled_from(document[key])) if document[key] else None
        if isinstance(entry, dict) and entry:
            entry[draw(st.sampled_from(sorted(entry)))] = draw(VALUES)
        else:
            document[key].append(draw(VALUES))
    return {"all.json": json.dumps(document).encode()}


@EXAMPLES
@given(other_values(), st.booleans())
def test_coco_of_other_values(contents, earlier):
    holds(build_coco, convert_coco, contents, earlier)


def build_yolo(root):
    for folder, stem in (("train", "a"), ("valid", "b c")):
        png(root / folder / "images" / f"{stem}.png")
    for name, content in YOLO_FILES.items():
        write(root / name, content.decode())


YOLO_FILES = {
    "data.yaml": b"train: ../train/images\nval: val.txt\nnc: 2\nnames:\n  0: ant\n  1: 'b e'\n",
    "val.txt": b"./valid/images/b c.png\n",
    "train/labels/a.txt": b"0 0.5 0.5 0.25 0.5\n1 .1 .1 .2 .2 .9\n0 0.1 0.1 0.5 0.1 0.5 0.4\n",
    "valid/labels/b c.txt": b"1 0.5 0.5 0.25 0.5\r\n",
}


def convert_yolo(root, out):
    return convert("yolo", root / "data.yaml", out)


@EXAMPLES
@given(damaged(YOLO_FILES), st.booleans())
def test_yolo(contents, earlier):
    holds(build_yolo, convert_yolo, contents, earlier)


def build_images_and(contents):
    def build(root):
        for stem in ("a", "b c"):
            png(root / "images" / f"{stem}.png")
        for name, content in contents.items():
            write(root / name, content.decode())

    return build


CSV_FILES = {
    "boxes.csv": b"filename,width,height,class,xmin,ymin,xmax,ymax\n"
    b'a.png,40,30,ant,1,2,30.5,20\n"images/b c.png",40,30,"b, e",3,3,8,8\na.png,,,,,,,\n'
}
build_csv = build_images_and(CSV_FILES)


def convert_csv(root, out):
    return convert("csv", root / "boxes.csv", out)


@EXAMPLES
@given(damaged(CSV_FILES), st.booleans())
def test_csv(contents, earlier):
    holds(build_csv, convert_csv, contents, earlier)


SHAPES = (
    b'[{"label": "ant", "points": [[1, 2], [30.5, 20]], "shape_type": "rectangle"},'
    b' {"label": "b e", "points": [[9, 9], [9, 12]], "shape_type": "circle"}]'
)
LABELME_FILES = {
    f"{stem}.json": b'{"imagePath": "images\\\\%s.png", "imageWidth": 40, "imageHeight": 30,'
    b' "imageData": null, "shapes": %s}' % (stem.encode(), SHAPES)
    for stem in ("a", "b c")
}
build_labelme, convert_labelme = build_images_and(LABELME_FILES), partial(convert, "labelme")


@EXAMPLES
@given(damaged(LABELME_FILES), st.booleans())
def test_labelme(contents, earlier):
    holds(build_labelme, convert_labelme, contents, earlier)


CVAT_FILES = {
    "annotations.xml": b'<?xml version="1.0" encoding="utf-8"?><annotations>'
    b'<image name="a.png" width="40" height="30"><box label="ant" xtl="1" ytl="2" xbr="30.5" '
    b'ybr="20" rotation="30" occluded="1"/><polygon label="b e" points="1,2;3.5,4;9,1"/></image>'
    b'<image name="b c.png" width="40" height="30" subset="val"><ellipse label="ant" cx="9" '
    b'cy="9" rx="4" ry="3"/></image></annotations>'
}
build_cvat, convert_cvat = build_images_and(CVAT_FILES), partial(convert, "cvat")


@EXAMPLES
@given(damaged(CVAT_FILES), st.booleans())
def test_cvat(contents, earlier):
    holds(build_cvat, convert_cvat, contents, earlier)


@pytest.mark.parametrize(
    "build, run",
    [
        (build_voc, convert_voc),
        (build_kitti, convert_kitti),
        (build_coco, convert_coco),
        (build_yolo, convert_yolo),
        (build_csv, convert_csv),
        (build_labelme, convert_labelme),
        (build_cvat, convert_cvat),
    ],
)
def test_undamaged(build, run):
    holds(build, run, {}, True)
