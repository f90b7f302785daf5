"""What annotation tools write beside the letter of VOC's and COCO's formats."""

import json

import numpy as np
import pytest

from pylrm.convert import convert
from pylrm.data.darknet import read_ignore, read_list
from pylrm.errors import DataError
from tests.convert.trees import (
    VOC_CLASSES,
    add,
    annotation,
    lists,
    pixels,
    png,
    read_all,
    thing,
    write,
)
from tests.convert.trees import coco as write_coco

BOX = (1, 1, 9, 9)


def all_images(summary):
    """The images of both lists, by their paths in the data set."""
    data, _ = read_all(summary.data)
    top = summary.data.parent / "JPEGImages"
    return {
        str(image.relative_to(top)): image
        for image in read_list(data.train) + read_list(data.valid)
    }


# Crowds and difficult objects


@pytest.fixture
def crowds(tmp_path):
    """A file that marks all its masks as crowds."""
    things = [(image, 1, [1, 1, 20, 10], {"iscrowd": 1}) for image in (1, 2)]
    return write_coco(tmp_path / "all.json", ["a.png", "b.png"], things, ["ant", "bee"])


def test_crowds_alone_are_warned_of(crowds, tmp_path):
    summary = convert("coco", crowds, tmp_path / "out")
    assert summary.warnings == [
        "all annotations of ant are crowds (iscrowd=1), which training ignores; where they are "
        "objects like others, convert with --crowd train"
    ]
    assert summary.record()["warnings"] == summary.warnings


@pytest.mark.parametrize(
    "way, labels, regions, flag", [("ignore", 0, 1, 1), ("train", 1, 0, 0), ("drop", 0, 0, 1)]
)
def test_crowds_are_regions_objects_or_nothing(crowds, tmp_path, way, labels, regions, flag):
    summary = convert("coco", crowds, tmp_path / "out", crowd=way)
    assert (summary.warnings == []) == (way == "train")
    _, truth = read_all(summary.data)
    for image in all_images(summary).values():
        assert (len(pixels(image, 2)), len(read_ignore(image))) == (labels, regions)
    assert [each["iscrowd"] for each in truth["annotations"]] == [flag]


def test_difficult_objects_alone_are_warned_of(tmp_path):
    for stem in "ab":
        add(tmp_path / "t", stem, thing("ant", BOX, difficult=1), thing("bee", BOX))
    (warning,) = convert("voc", tmp_path / "t", tmp_path / "out").warnings
    assert warning.startswith("all annotations of ant are marked difficult, which training ignores")
    assert convert("voc", tmp_path / "t", tmp_path / "out", difficult="train").warnings == []


# Classes


@pytest.mark.parametrize("names", [["person"], ["person", "car"], ["person", "robot"], VOC_CLASSES])
def test_classes_are_those_found(tmp_path, names):
    for stem in "ab":
        add(tmp_path / "t", stem, *(thing(name, BOX) for name in names[::-1]))
    assert convert("voc", tmp_path / "t", tmp_path / "out").names == sorted(names)
    assert sorted(VOC_CLASSES) == VOC_CLASSES


def test_headings_are_no_classes(tmp_path):
    things = [(image, 2, [1, 1, 20, 10], {}) for image in (1, 2)]
    path = write_coco(tmp_path / "all.json", ["a.png", "b.png"], things, ["cell", "cell", "dot"])
    document = json.loads(path.read_text())
    for category, above in zip(document["categories"], ("none", "cell", "cell"), strict=True):
        category["supercategory"] = above
    write(path, json.dumps(document))
    assert convert("coco", path, tmp_path / "out").names == ["cell", "dot"]
    document["annotations"][0]["category_id"] = 1  # one that annotates is a class
    write(path, json.dumps(document))
    with pytest.raises(DataError, match="there are two of id '2' or name 'cell'"):
        convert("coco", path, tmp_path / "out")


# Where images and annotations are


@pytest.mark.parametrize(
    "annotations, images",
    [
        ("annots", "images"),
        ("Annotations", "JPEGImages"),
        ("Annotations", "pictures"),
        ("labels/xml", "images"),
        ("annotations/xmls", "images"),
        ("xml", "img"),
        ("all", "all"),
        (".", "."),
        (".", "img"),
        ("xml", "images/batch 1"),
        ("xml", "."),
    ],
)
def test_folders_of_any_names(tmp_path, annotations, images):
    root = tmp_path / "t"
    for stem in ("a", "b.c"):
        add(root, stem, thing("ant", BOX), folders=(annotations, images))
    write(root / "notes.txt", "text")
    found = all_images(convert("voc", root, tmp_path / "out"))
    expected = [root / images / name for name in ("a.png", "b.c.png")]
    assert sorted(image.resolve() for image in found.values()) == expected
    if annotations not in (".", "labels/xml", "annotations/xmls"):
        inner = all_images(convert("voc", root / annotations, tmp_path / "inner"))
        assert sorted(image.resolve() for image in inner.values()) == expected


def test_images_with_another_extension_beside_the_annotations(tmp_path):
    root = tmp_path / "t"
    for stem in "ab":
        add(root, stem, thing("ant", BOX), folders=("annots", "images"))
        (root / "images" / f"{stem}.png").rename(root / "images" / f"{stem}.JPEG")
    for source in (root, root / "annots"):
        assert sorted(all_images(convert("voc", source, tmp_path / "out"))) == ["a.JPEG", "b.JPEG"]


@pytest.mark.parametrize(
    "annotations, images",
    [
        ("annots/{}", "images/{}"),
        ("annots/{}", "pictures/{}"),
        ("Annotations/{}", "JPEGImages/{}"),
        ("{}/annots", "{}/images"),
        ("{}/xml", "{}/pictures"),
    ],
)
def test_annotations_in_folders_of_parts(tmp_path, annotations, images):
    root = tmp_path / "t"
    for part, stems in (("train", "ab"), ("val", "ac")):  # two images are called a
        for stem in stems:
            folders = annotations.format(part), images.format(part)
            add(root, stem, thing("ant", BOX), folders=folders)
    summary = convert("voc", root, tmp_path / "out")
    assert summary.images == {"train": 2, "valid": 2}
    found = {name: image.resolve() for name, image in all_images(summary).items()}
    expected = {
        f"{part}/{stem}.png": root / images.format(part) / f"{stem}.png"
        for part, stems in (("train", "ab"), ("val", "ac"))
        for stem in stems
    }
    assert found == expected
    one = convert("voc", root / annotations.format("train"), tmp_path / "one")
    assert one.images == {"train": 1, "valid": 1}


def test_annotations_in_folders_that_are_no_parts(tmp_path):
    for batch in ("one", "train"):
        add(tmp_path / "t", "a", thing("ant", BOX), folders=(f"xml/{batch}", "images"))
    with pytest.raises(DataError, match="annotations in several folders, .*; name one of them"):
        convert("voc", tmp_path / "t", tmp_path / "out")


@pytest.mark.parametrize("copy", [False, True])
def test_an_earlier_conversion_beside_the_images_is_none_of_them(tmp_path, copy):
    root = tmp_path / "t"
    for stem in "ab":
        add(root, stem, thing("ant", BOX), folders=("xml", "pictures"))
    found = [all_images(convert("voc", root, root / "new", copy=copy)) for _ in range(2)]
    assert found[0] == found[1]


def test_files_of_other_cases_and_archives_leftovers(tmp_path):
    root = tmp_path / "t"
    for stem in "ab":
        write(root / "Annotations" / f"{stem}.XML", annotation(stem, thing("ant", BOX)))
        png(root / "JPEGImages" / f"{stem}.PNG")
        write(root / "Annotations" / f"._{stem}.xml", "no XML")
        write(root / "JPEGImages" / f"._{stem}.png", "no PNG")
    write(root / "__MACOSX" / "Annotations" / "._a.xml", "no XML")
    assert sorted(all_images(convert("voc", root, tmp_path / "out"))) == ["a.PNG", "b.PNG"]


def test_images_of_several_folders(tmp_path):
    root = tmp_path / "t"
    for stem in "ab":
        add(root, stem, thing("ant", BOX), folders=("xml", "day"))
        png(root / "night" / f"{stem}.png")
    with pytest.raises(
        DataError, match=r"[ab]\.xml: several images .*/day/[ab]\.png and .*/night/"
    ):
        convert("voc", root, tmp_path / "out")
    for number, extra in enumerate(
        ("<folder>night</folder>", "<path>C:\\mine\\night\\a.png</path>")
    ):
        for stem in "ab":
            text = annotation(stem, thing("ant", BOX)).replace("<size>", f"{extra}<size>")
            write(root / "xml" / f"{stem}.xml", text)
        found = all_images(convert("voc", root, tmp_path / str(number)))
        assert found["a.png"].resolve() == root / "night" / "a.png"


def test_masks_are_not_taken_for_images(tmp_path):
    root = tmp_path / "t"
    for stem in "ab":
        write(
            root / "Annotations" / f"{stem}.xml",
            annotation(stem, thing("ant", BOX), filename=f"{stem}.jpg"),
        )
        png(root / "SegmentationClass" / f"{stem}.png")
    with pytest.raises(DataError, match=r"no image .[ab]\.jpg. in .*Annotations or a folder"):
        convert("voc", root, tmp_path / "out")


def test_images_where_the_annotation_says(tmp_path):
    root = tmp_path / "t"
    far = tmp_path / "far" / "away"
    for stem in "ab":
        png(far / f"{stem}.png")
        path = f"<path>{far / stem}.png</path><size>"
        text = annotation(stem, thing("ant", BOX)).replace("<size>", path)
        write(root / "Annotations" / f"{stem}.xml", text)
    found = all_images(convert("voc", root, tmp_path / "out"))
    assert found["a.png"].resolve() == far / "a.png"


def test_annotations_in_several_folders(tmp_path):
    for folder in ("one", "two"):
        add(tmp_path / "t", folder, thing("ant", BOX), folders=(folder, "images"))
    with pytest.raises(DataError, match=r"in several folders, .*/one and .*/two among them"):
        convert("voc", tmp_path / "t", tmp_path / "out")


@pytest.mark.parametrize(
    "parts, images",
    [
        (("train", "valid", "test"), {"train": 2, "valid": 1}),
        (("train", "test"), {"train": 2, "valid": 1}),
        (("Train", "Val"), {"train": 2, "valid": 1}),
        (("cats", "dogs"), {"train": 2, "valid": 1}),
    ],
)
def test_folders_that_are_the_lists(tmp_path, parts, images):
    root = tmp_path / "t"
    for part in parts:
        for stem in "ab" if part in (parts[0]) else "a":
            add(root, stem, thing("ant", BOX), folders=(part, part))
    summary = convert("voc", root, tmp_path / "out")
    assert summary.images == images
    if parts[0] != "cats":
        data, _ = read_all(summary.data)
        assert {path.parent.name for path in read_list(data.train)} == {parts[0]}
        assert {path.parent.name for path in read_list(data.valid)} == {parts[1]}
    if "test" in parts:
        summary = convert("voc", root, tmp_path / "out", train="train", valid="test")
        assert {path.parent.name for path in read_list(summary.data.parent / "valid.txt")} == {
            "test"
        }


def test_lists_of_files(tmp_path):
    root = tmp_path / "t"
    for stem in ("a", "b", "c.d"):
        add(root, stem, thing("ant", BOX))
    lists(root, Train=["a.png", "JPEGImages\\c.d.jpg"], val=["/data/Annotations/b.xml"])
    assert convert("voc", root, tmp_path / "out").images == {"train": 2, "valid": 1}


# VOC's XML


def box_of(tmp_path, data):
    """The box that an XML file of these bytes becomes."""
    root = tmp_path / "t"
    add(root, "a")
    add(root, "b", thing("ant", BOX))
    lists(root, train=["a"], val=["b"])
    (root / "Annotations" / "a.xml").write_bytes(data)
    summary = convert("voc", root, tmp_path / "out")
    return summary.names, pixels(all_images(summary)["a.png"], len(summary.names))[:, 1:]


XML = annotation("a", thing("ant", (11, 6, 21, 16)))


@pytest.mark.parametrize(
    "data",
    [
        XML.encode("utf-16"),
        XML.encode("utf-16-le"),
        XML.encode("utf-16-be"),
        f'<?xml version="1.0" encoding="utf-8"?>{XML}'.encode("utf-16"),
        f'<?xml version="1.0" encoding="utf-16"?>{XML}'.encode("utf-16"),
        f'<?xml version="1.0" encoding="utf-16"?>{XML}'.encode(),
        f'<?xml version="1.0" encoding="UTF-16"?>{XML}'.encode("utf-8-sig"),
        f'<?xml version="1.0" encoding="gb2312"?>{XML}'.encode("gb2312"),
        XML.encode("utf-32"),
        XML.replace(">11<", ">\ufeff11<").replace("<width>", "<width>\ufeff").encode(),
        XML.replace(">11<", "> 11.0\n<").encode(),
        XML.replace("<size>", "<source/><size>").replace("<depth>3</depth>", "").encode(),
        XML.replace("<width>40</width>", "<width>0</width>").encode(),
        XML.replace("<width>40</width><height>30</height>", "").encode(),
        XML.replace("<name>", "<difficult/><truncated>Unspecified</truncated><name>").encode(),
        XML.replace("<name>", "<difficult>False</difficult><name>").encode(),
    ],
)
def test_xml_as_tools_write_it(tmp_path, data):
    names, boxes = box_of(tmp_path, data)
    assert names == ["ant"]
    np.testing.assert_allclose(boxes, [[10, 5, 20, 15]], atol=1e-4)


def test_names_in_the_declared_encoding(tmp_path):
    text = XML.replace("ant", "蚂蚁")
    data = f'<?xml version="1.0" encoding="gb2312"?>{text}'.encode("gb2312")
    assert box_of(tmp_path, data)[0] == ["ant", "蚂蚁"]


@pytest.mark.parametrize(
    "data, message",
    [
        (XML.replace("ant", "蚂蚁").encode("gb2312"), r"a\.xml: not UTF-8 text \(byte \d+\)"),
        (XML.encode("utf-16")[:-1], r"a\.xml: not UTF-16 text \(byte \d+\)"),
        (b"\xff\xd8\xff\xe0JPEG", r"a\.xml: not UTF-8 text \(byte 0\)"),
        (f'<?xml version="1.0" encoding="klingon"?>{XML}'.encode(), "unknown encoding: klingon"),
        (
            b"<annotations><image/></annotations>",
            "root is 'annotations'; .* See `pylrm convert cvat`",
        ),
        (
            XML.replace("bndbox", "robndbox").encode(),
            r"object 1 \(ant\) has no <bndbox>; there is <name>, <robndbox>",
        ),
    ],
)
def test_xml_that_is_something_else(tmp_path, data, message):
    with pytest.raises(DataError, match=message) as caught:
        box_of(tmp_path, data)
    assert "\n" not in str(caught.value)


def test_a_share_that_is_truncated_stays(tmp_path):
    for stem in "ab":
        add(tmp_path / "t", stem, thing("ant", BOX, truncated=0.25))
    _, truth = read_all(convert("voc", tmp_path / "t", tmp_path / "out").data)
    assert truth["annotations"][0]["truncated"] == 0.25


# COCO's JSON


@pytest.fixture
def document(tmp_path):
    """Write a COCO file anew after a change; returns all labels' boxes."""
    things = [(image, 1, [10, 5, 10, 10], {}) for image in (1, 2)]
    path = write_coco(tmp_path / "all.json", ["a.png", "b.png"], things, ["ant"])

    def convert_changed(change):
        values = json.loads(path.read_text())
        change(values)
        summary = convert("coco", write(path, json.dumps(values)), tmp_path / "out")
        return [pixels(image, 1).tolist() for image in all_images(summary).values()]

    return convert_changed


def ids(images, refers, categories, means):
    """Change the ids: of images, where an annotation names them; the same of categories."""

    def change(values):
        for number, image in enumerate(values["images"], 1):
            image["id"] = images(number)
        for each in values["annotations"]:
            each["image_id"] = refers(each["image_id"])
            each["category_id"] = means(each["category_id"])
        for category in values["categories"]:
            category["id"] = categories(category["id"])

    return change


def each(key, **fields):
    """Change or remove (None) fields of all entries of a list."""

    def change(values):
        for entry in values[key]:
            for name, value in fields.items():
                if value is None:
                    entry.pop(name, None)
                else:
                    entry[name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        ids(int, str, int, str),
        ids(str, int, str, int),
        ids(str, str, str, str),
        ids(float, int, float, str),
        ids(int, lambda number: f"{number}.0", int, float),
        ids("img_{}".format, "img_{}".format, "c{}".format, "c{}".format),
        ids("{:03}".format, "{:03}".format, lambda _: 0, lambda _: "0"),
        each("annotations", bbox=["10", "5.0", "10", "10"]),
        each("annotations", iscrowd=False, ignore=False, difficult="0", truncated="0"),
        each("annotations", iscrowd="0", occluded=False, area="100.0"),
        each("annotations", iscrowd=None, id=None),
        each(
            "annotations", bbox=None, segmentation=[[10, 5, 20, 5, 20, 15], [12, 6, 13, 6, 13, 9]]
        ),
        each("annotations", bbox=[], segmentation=[[10, 5, 20, 5, 20, 15]]),
        each("images", width="40", height="30"),
        each("images", width=None, height=None),
        each("images", width=0, height=0),
    ],
)
def test_json_as_tools_write_it(document, change):
    assert np.array(document(change)) == pytest.approx(
        np.array([[[0, 10, 5, 20, 15]]] * 2), abs=1e-3
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (ids(lambda n: 12 if n == 1 else "12", lambda _: 12, int, int), "there are two of id '12'"),
        (ids(lambda n: n + 0.5, int, int, int), r"image 1: id is '1\.5'; expected a whole number"),
        (ids("{:03}".format, int, int, int), "image_id '1' is no image's id"),
        (each("annotations", bbox=[], segmentation=[]), "bbox is a list; expected x, y, width"),
        (each("annotations", bbox=None, segmentation={"counts": "x"}), "no 'bbox'"),
        (each("annotations", bbox=None, segmentation=[["x", 1]]), "no 'bbox'"),
    ],
)
def test_json_that_cannot_be_meant(document, change, message):
    with pytest.raises(DataError, match=message):
        document(change)


def named(tmp_path, names, files, **options):
    """Convert a file with these names of images; returns the images' paths in the data set."""
    root = tmp_path / "set"
    things = [(number, 1, [1, 1, 5, 5], {}) for number, _ in enumerate(names, 1)]
    path = write_coco(root / "all.json", [], things, ["ant"])
    values = json.loads(path.read_text())
    values["images"] = [{"id": n, "file_name": name} for n, name in enumerate(names, 1)]
    write(path, json.dumps(values))
    for file in files:
        png(root / file)
    return all_images(convert("coco", path, tmp_path / "out", **options))


@pytest.mark.parametrize(
    "names, files, expected",
    [
        (
            ["images\\a.png", "images\\b.png"],
            ["images/a.png", "images/b.png"],
            ["images/a", "images/b"],
        ),
        (["x/1.png", "y/1.png"], ["images/x/1.png", "images/y/1.png"], ["x/1", "y/1"]),
        (["/home/x/1.png", "/home/y/1.png"], ["images/x/1.png", "images/y/1.png"], ["x/1", "y/1"]),
        (["D:\\s\\x\\1.png", "D:\\s\\y\\1.png"], ["x/1.png", "y/1.png"], ["x/1", "y/1"]),
        (["../../up/a.png", "../../up/b.png"], ["images/a.png", "images/b.png"], ["a", "b"]),
        (["/home/x/a.png", "/home/y/b.png"], ["images/a.png", "images/b.png"], ["x/a", "y/b"]),
    ],
)
def test_names_of_images_with_folders(tmp_path, names, files, expected):
    found = named(tmp_path, names, files)
    assert sorted(found) == [f"{name}.png" for name in expected]
    assert sorted(image.resolve() for image in found.values()) == sorted(
        (tmp_path / "set" / file) for file in files
    )


def test_one_image_is_not_taken_for_two(tmp_path):
    with pytest.raises(DataError, match=r"no image 'x/1\.png' in"):
        named(tmp_path, ["x/1.png", "y/1.png"], ["images/1.png"])


def test_paths_that_exist_here(tmp_path):
    for name in ("a", "b"):
        png(tmp_path / "far" / f"{name}.png")
    found = named(tmp_path, [str(tmp_path / "far" / f"{name}.png") for name in "ab"], [])
    assert {image.resolve().parent for image in found.values()} == {tmp_path / "far"}
