"""VOC trees to Darknet's files: what is written, round trips, and each mistake's line."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pylrm.cli.convert import command
from pylrm.convert import convert
from pylrm.convert.vocxml import read_annotation
from pylrm.data.darknet import (
    check_labels,
    find_label,
    read_data,
    read_ignore,
    read_labels,
    read_list,
)
from pylrm.data.images import read_image
from pylrm.errors import DataError
from tests.convert.trees import (
    VOC_CLASSES,
    add,
    annotation,
    lists,
    pixels,
    read_all,
    snapshot,
    thing,
    write,
)


@pytest.fixture
def tree(tmp_path):
    """Four images of three classes, with all four lists."""
    root = tmp_path / "tree"
    add(root, "a", thing("zebra", (1, 1, 40, 30)), thing("ant", (5, 6, 10, 12)))
    add(
        root,
        "b",
        thing("ant", (3, 4, 9, 9), difficult=1, truncated=1),
        thing("mole", (2, 2, 8, 20), occluded=1),
    )
    add(root, "c")
    add(
        root,
        "é d",
        thing("ant", (11, 1, 20, 10), difficult=0),
        thing("ant", (21, 11, 30, 20), difficult=1),
    )
    lists(root, train=["a"], val=["b"], trainval=["a", "b"], test=["c", "é d"])
    write(root / "ImageSets" / "Main" / "ant_train.txt", "a  1\n")
    return root


def test_what_is_written(tree, tmp_path):
    out = tmp_path / "new" / "zoo"
    summary = convert("voc", tree, out)
    assert summary.data == out / "zoo.data"
    data = read_data(out / "zoo.data")
    assert data.names == ["ant", "mole", "zebra"] and data.metric == "area"
    train, valid = read_list(data.train), read_list(data.valid)
    assert [path.stem for path in train] == ["a", "b"]
    assert [path.stem for path in valid] == ["c", "é d"]
    for path in train + valid:
        assert read_image(path).shape == (30, 40, 3)
        assert find_label(path) == out / "labels" / f"{path.stem}.txt"
    labels = {path.stem: read_labels(find_label(path), 3) for path in train + valid}
    np.testing.assert_allclose(
        labels["a"],
        [[2, 19.5 / 40, 14.5 / 30, 39 / 40, 29 / 30], [0, 6.5 / 40, 8 / 30, 5 / 40, 0.2]],
    )
    assert labels["b"][:, 0].tolist() == [1] and labels["c"].shape == (0, 5)
    ignored = read_ignore(out / "labels" / "b.txt")
    np.testing.assert_allclose(ignored, [[5 / 40, 5.5 / 30, 6 / 40, 5 / 30]], rtol=1e-6)
    assert len(read_ignore(out / "labels" / "a.txt")) == 0
    found = check_labels(train, 3)
    assert (found.boxes_per_class, found.ignored, found.missing) == ([1, 1, 1], 1, [])
    assert summary.images == {"train": 2, "valid": 2}
    assert summary.boxes == {"train": [1, 1, 1], "valid": [1, 0, 0]}
    assert summary.ignored == {"train": [1, 0, 0], "valid": [1, 0, 0]}
    assert not list(out.parent.glob(".*"))


def test_truth_in_cocos_format(tree, tmp_path):
    convert("voc", tree, tmp_path / "out", valid="val", train="train")
    data = read_data(tmp_path / "out" / "out.data")
    truth = json.loads(data.truth.read_text("utf-8"))
    assert truth["images"] == [
        {"id": 1, "file_name": "JPEGImages/b.png", "width": 40, "height": 30}
    ]
    assert truth["categories"] == [
        {"id": 1, "name": "ant"},
        {"id": 2, "name": "mole"},
        {"id": 3, "name": "zebra"},
    ]
    flags = {"difficult": 1, "truncated": 1, "occluded": 0, "ignore": 0}
    common = {"image_id": 1, "iscrowd": 0}
    first, second = truth["annotations"]
    assert first == {
        "id": 1, "category_id": 1, "bbox": [2, 3, 6, 5], "area": 30, **common, **flags
    }  # fmt: skip
    assert second["difficult"] == 0 and second["occluded"] == 1 and second["category_id"] == 2


def test_labels_give_the_annotated_corners_back(tmp_path):
    rng = np.random.default_rng(0)
    root, w, h = tmp_path / "tree", 487, 333
    boxes = []
    for _ in range(50):
        x, y = np.sort(rng.choice(w, 2, False) + 1), np.sort(rng.choice(h, 2, False) + 1)
        boxes.append((x[0], y[0], x[1], y[1]))
    add(root, "a", *(thing("ant", box) for box in boxes), size=(w, h))
    add(root, "b", size=(w, h))
    lists(root, train=["a"], val=["b"])
    convert("voc", root, tmp_path / "out")
    back = pixels(tmp_path / "out" / "JPEGImages" / "a.png", 1)[:, 1:] + 1
    np.testing.assert_allclose(back, boxes, atol=1e-3)


def test_a_second_conversion_gives_the_same_and_keeps_other_files(tree, tmp_path):
    out = tmp_path / "out"
    convert("voc", tree, out)
    before = snapshot(out)
    weights = write(out / "backup" / "w.weights", "precious")
    convert("voc", tree, out)
    assert weights.read_text() == "precious"
    weights.unlink()
    assert snapshot(out) == before


def test_a_second_conversion_replaces_the_first(tree, tmp_path):
    out = tmp_path / "out"
    convert("voc", tree, out, name="old")
    convert("voc", tree, out, name="new", train="train", valid="val")
    assert not (out / "old.data").exists() and not (out / "old.names").exists()
    assert sorted(path.name for path in (out / "labels").glob("*")) == [
        "a.txt",
        "b.ignore.txt",
        "b.txt",
    ]
    assert not list(tmp_path.glob(".*"))


def test_other_folders_are_left_alone(tree, tmp_path):
    write(tmp_path / "full" / "thesis.tex", "text")
    for out in (tmp_path / "full", tree):
        before = snapshot(out)
        with pytest.raises(DataError, match="holds other files"):
            convert("voc", tree, out)
        assert snapshot(out) == before
    with pytest.raises(DataError, match="is a file"):
        convert("voc", tree, tmp_path / "full" / "thesis.tex")


def test_images_are_links_or_copies(tree, tmp_path, monkeypatch):
    convert("voc", tree, tmp_path / "links")
    convert("voc", tree, tmp_path / "copies", copy=True)
    monkeypatch.setattr(Path, "symlink_to", lambda *_: (_ for _ in ()).throw(OSError("no links")))
    convert("voc", tree, tmp_path / "fallback")
    for name, linked in (("links", True), ("copies", False), ("fallback", False)):
        image = tmp_path / name / "JPEGImages" / "a.png"
        assert image.is_symlink() == linked
        assert read_image(image).shape == (30, 40, 3)


def test_devkit_takes_all_trainval_lists_and_the_public_test(tmp_path):
    root = tmp_path / "VOCdevkit"
    for year, stems in (("VOC2007", "abc"), ("VOC2012", "abd")):
        for stem in stems:
            add(root / year, stem, thing("cat", (1, 1, 9, 9)), thing("dog", (2, 2, 8, 8)))
    add(root / "VOC2007", "c", *(thing(name, (1, 1, 9, 9)) for name in VOC_CLASSES))
    lists(root / "VOC2007", trainval=["a", "b"], test=["c"])
    lists(root / "VOC2012", train=["a"], val=["b"], trainval=["a", "b"], test=["hidden"])
    for tree in (root, tmp_path):
        summary = convert("voc", tree, tmp_path / "out" / "voc", metric="11point")
        assert summary.images == {"train": 4, "valid": 1} and summary.shared == 0
    data = read_data(summary.data)
    assert data.metric == "11point" and data.names == VOC_CLASSES and data.classes == 20
    train = read_list(data.train)
    assert [str(path.relative_to(tmp_path / "out/voc/JPEGImages")) for path in train] == [
        "VOC2007/a.png",
        "VOC2007/b.png",
        "VOC2012/a.png",
        "VOC2012/b.png",
    ]
    assert all(len(read_labels(find_label(path), 20)) == 2 for path in train)


@pytest.mark.parametrize("folders", [("annotations", "images"), ("images", "images")])
def test_a_tree_without_lists_is_split(tmp_path, folders):
    root = tmp_path / "tree"
    for index in range(20):
        add(root, f"i{index}", thing("ant", (1, 1, 9, 9)), folders=folders)
    sets = []
    for out, options in (("a", {}), ("b", {}), ("c", {"seed": 1}), ("d", {"split": 0.5})):
        convert("voc", root, tmp_path / out, **options)
        data = read_data(tmp_path / out / f"{out}.data")
        train, valid = ({p.stem for p in read_list(part)} for part in (data.train, data.valid))
        assert not train & valid and len(train | valid) == 20
        sets.append((train, valid))
    assert sets[0] == sets[1] != sets[2]
    assert [len(train) for train, _ in sets] == [18, 18, 18, 10]


def test_trees_with_few_lists(tree, tmp_path):
    main = tree / "ImageSets" / "Main"
    (main / "test.txt").unlink()
    summary = convert("voc", tree, tmp_path / "a")
    assert summary.images == {"train": 1, "valid": 1} and summary.shared == 0
    (main / "val.txt").unlink()
    (main / "train.txt").unlink()
    assert convert("voc", tree, tmp_path / "b").images == {"train": 1, "valid": 1}
    assert convert("voc", tree, tmp_path / "c", valid="trainval").shared == 2
    (main / "trainval.txt").unlink()
    lists(tree, train=["a", "b"], test=["c"])
    assert convert("voc", tree, tmp_path / "d").images == {"train": 2, "valid": 1}
    lists(tree, train=["a", "b"], other=["c"])
    assert convert("voc", tree, tmp_path / "e", valid="other").images == {"train": 2, "valid": 1}


def test_of_images_of_one_stem_the_annotated_one_counts(tree, tmp_path):
    folder = tree / "JPEGImages"
    for stem in "ab":
        (folder / f"{stem}.jpg").write_bytes((folder / f"{stem}.png").read_bytes())
    path = tree / "Annotations" / "a.xml"
    path.write_text(path.read_text().replace("a.png", "elsewhere.gif"))
    convert("voc", tree, tmp_path / "out")
    found = sorted(path.name for path in (tmp_path / "out" / "JPEGImages").glob("[ab].*"))
    assert found == ["a.jpg", "b.png"]


def test_boxes_beyond_the_image_are_clipped_and_empty_ones_counted(tmp_path):
    root = tmp_path / "tree"
    boxes = [(0, 0, 50, 40), (5, 5, 5, 9), (41, 1, 60, 9), (1.5, 2, 10.5, 8)]
    add(root, "a", *(thing("ant", box) for box in boxes))
    add(root, "b")
    lists(root, train=["a"], val=["b"])
    summary = convert("voc", root, tmp_path / "out")
    assert summary.empty == {root / "Annotations" / "a.xml": 2}
    assert "boxes without area, left out: 2, first in" in summary.table()
    rows = read_labels(tmp_path / "out" / "labels" / "a.txt", 1)
    np.testing.assert_allclose(rows[0], [0, 0.5, 0.5, 1, 1])
    np.testing.assert_allclose(rows[1], [0, 5 / 40, 4 / 30, 9 / 40, 0.2], rtol=1e-6)


def test_a_size_that_is_not_given_is_the_images(tree, tmp_path):
    path = tree / "Annotations" / "a.xml"
    text = path.read_text()
    path.write_text(text.replace(text[text.index("<size>") : text.index("</size>") + 7], ""))
    convert("voc", tree, tmp_path / "out")
    rows = read_labels(tmp_path / "out" / "labels" / "a.txt", 3)
    np.testing.assert_allclose(rows[1], [0, 6.5 / 40, 8 / 30, 5 / 40, 0.2], rtol=1e-6)


def test_names_from_a_file(tree, tmp_path):
    names = write(tmp_path / "n.names", "zebra\nmole\nant\nyak\n")
    assert convert("voc", tree, tmp_path / "out", names=names).names == [
        "zebra",
        "mole",
        "ant",
        "yak",
    ]
    names.write_text("ant\nmole\n")
    with pytest.raises(DataError, match=r"a\.xml: class 'zebra' is not in .*n\.names"):
        convert("voc", tree, tmp_path / "other", names=names)
    assert not (tmp_path / "other").exists()


BOX = thing("ant", (1, 2, 3, 4))


@pytest.mark.parametrize(
    "text, message",
    [
        ("<annotation>\n<object>", r"a\.xml:2: malformed XML"),
        ("", r"a\.xml:1: malformed XML"),
        ("<html/>", r"a\.xml: the root is 'html'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "DOCTYPE or entity"),
        (annotation("a", BOX.replace("ant", "")), "object 1 has no <name>"),
        (
            annotation("a", BOX, "<object><name>x</name></object>"),
            r"object 2 \(x\) has no <bndbox>",
        ),
        (
            annotation("a", BOX.replace("<xmin>1</xmin>", "")),
            r"object 1 \(ant\): <xmin> is missing",
        ),
        (annotation("a", BOX.replace(">4<", ">four<")), "<ymax> is 'four', not a number"),
        (annotation("a", BOX.replace(">4<", ">nan<")), "<ymax> is 'nan', not a number"),
        (annotation("a", BOX.replace(">4<", ">1<")), "ymin 2, ymax 1; a minimum is greater"),
        (annotation("a", BOX, size=(-4, 3)), "a size of -4x3"),
        (annotation("a", BOX, size=("1e300", 3)), r"a size of 1e\+300x3; expected up to"),
        (annotation("a", BOX.replace(">4<", f">{'9' * 400}<")), "<ymax> is '9{57}…', not a"),
        (annotation("a", BOX, size=("wide", 3)), "the image: <width> is 'wide'"),
    ],
)
def test_malformed_annotations(tree, tmp_path, text, message):
    write(tree / "Annotations" / "a.xml", text)
    with pytest.raises(DataError, match=message) as caught:
        convert("voc", tree, tmp_path / "out")
    assert str(tree / "Annotations" / "a.xml") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree"]


def test_entities_in_another_encoding_are_refused_too(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>'.encode("utf-16"))
    with pytest.raises(DataError, match="DOCTYPE"):
        read_annotation(path)


def test_mistakes_in_lists_and_trees(tree, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(DataError, match="there are test, train, trainval, val"):
        convert("voc", tree, out, train="most", valid="val")
    lists(tree, test=["c", "", "unknown"])
    with pytest.raises(DataError, match=r"test\.txt:3: no annotation .*unknown\.xml"):
        convert("voc", tree, out)
    lists(tree, test=["c", "../c"])
    with pytest.raises(DataError, match=r"test\.txt:2: '../c' is no image's name"):
        convert("voc", tree, out)
    lists(tree, test=["c"])
    (tree / "JPEGImages" / "c.png").unlink()
    with pytest.raises(DataError, match=r"c\.xml: no image 'c\.png' in .*JPEGImages"):
        convert("voc", tree, out)
    with pytest.raises(DataError, match="no such folder"):
        convert("voc", tmp_path / "nothing", out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no VOC tree; expected Annotations"):
        convert("voc", tmp_path / "empty", out)
    for wrong in ({"split": 1.0}, {"metric": "best"}, {"name": "a/b"}):
        with pytest.raises(DataError):
            convert("voc", tree, out, **wrong)
    assert not out.exists()


def test_command(tree, tmp_path):
    out = tmp_path / "zoo"
    result = CliRunner().invoke(command, ["voc", str(tree), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "        train           valid           median",
        "class   boxes  ignored  boxes  ignored  pixels",
        "ant         1        1      1        1     7x8",
        "mole        1        0      0        0    6x18",
        "zebra       1        0      0        0   39x29",
        "all         3        1      1        1    8x14",
        "images      2               2",
        f"wrote {out / 'zoo.data'}",
    ]
    result = CliRunner().invoke(command, ["voc", str(tree)])
    assert result.exit_code == 2 and "--out" in result.output


def test_difficult_objects_are_regions_objects_or_nothing_in_training(tree, tmp_path):
    ways = {}
    for way in ("ignore", "train", "drop"):
        summary = convert("voc", tree, tmp_path / way, difficult=way)
        _, truth = read_all(summary.data)
        b, d = (tmp_path / way / "JPEGImages" / f"{stem}.png" for stem in ("b", "é d"))
        ways[way] = [len(pixels(b, 3)), len(read_ignore(b)), len(pixels(d, 3)), summary.dropped]
        assert [each["difficult"] for each in truth["annotations"]] == [0, 1]
        assert ("difficult objects that training does not know of: 2" in summary.table()) == (
            way == "drop"
        )
    assert ways == {"ignore": [1, 1, 1, 0], "train": [2, 0, 2, 0], "drop": [1, 0, 1, 2]}


@pytest.fixture
def devkit(tmp_path):
    """Two years, which share a name."""
    root = tmp_path / "VOCdevkit"
    for year, stems in (("VOC2007", "abc"), ("VOC2012", "adef")):
        for stem in stems:
            add(root / year, stem, thing("cat", (1, 1, 9, 9)))
    lists(root / "VOC2007", train=["a"], val=["b"], trainval=["a", "b"], test=["c"])
    lists(root / "VOC2012", train=["a", "d"], val=["e"], trainval=["a", "d", "e"], more=["f"])
    return root


@pytest.mark.parametrize(
    "train, valid, expected",
    [
        ("2007:trainval,2012:trainval", "2007:test", ("7a 7b 2a 2d 2e", "7c")),
        ("VOC2012:train, 2007:val", "2012:val", ("2a 2d 7b", "2e")),
        ("train,more", "val", ("7a 2a 2d 2f", "7b 2e")),
        ("train,trainval", "test", ("7a 2a 2d 7b 2e", "7c")),
        (None, "2012:val", ("7a 7b 2a 2d 2e", "2e")),
    ],
)
def test_lists_of_several_years(devkit, tmp_path, train, valid, expected):
    data, _ = read_all(convert("voc", devkit, tmp_path / "out", train=train, valid=valid).data)
    found = [
        [path.parent.name[-1] + path.stem for path in read_list(part)]
        for part in (data.train, data.valid)
    ]
    assert tuple(" ".join(part) for part in found) == expected


def test_mistakes_in_lists_of_several_years(devkit, tmp_path):
    for train, message in (
        ("2008:trainval", r"VOCdevkit: no tree '2008'; there are VOC2007, VOC2012"),
        ("2012:test", r"VOC2012: no images in a list ImageSets/Main/test\.txt; there are more, "),
        ("2007:", r"no images in a list ImageSets/Main/\.txt"),
    ):
        with pytest.raises(DataError, match=message):
            convert("voc", devkit, tmp_path / "out", train=train, valid="2007:test")


def test_crlf_byte_order_marks_and_blanks_in_names(tmp_path):
    root = tmp_path / "a tree"
    for stem in ("one two", "three"):
        add(root, stem, thing(" traffic\n light ", (1, 1, 9, 9)))
        xml = root / "Annotations" / f"{stem}.xml"
        xml.write_bytes(b"\xef\xbb\xbf" + xml.read_bytes().replace(b"><", b">\r\n<"))
    for name, stem in (("train", "one two"), ("val", "three")):
        write(root / "ImageSets" / "Main" / f"{name}.txt", f"\ufeff{stem}  \r\n\r\n")
    data, truth = read_all(convert("voc", root, tmp_path / "the out").data)
    assert data.names == ["traffic light"] == [each["name"] for each in truth["categories"]]
    (image,) = read_list(data.train)
    np.testing.assert_allclose(pixels(image, 1), [[0, 0, 0, 8, 8]], atol=1e-4)


def test_progress_counts_images_read_and_written(tree, tmp_path):
    told = []
    convert("voc", tree, tmp_path / "out", progress=lambda *state: told.append(state))
    assert told == [(what, n, 4) for what in ("reading", "writing") for n in (1, 2, 3, 4)]


def corners_of(xml):
    """(n, 4) xmin ymin xmax ymax of an annotation, by another way than the converter's."""
    text = xml.read_text()
    columns = [
        [float(part.split("<")[0]) for part in text.split(f"<{key}>")[1:]]
        for key in ("xmin", "ymin", "xmax", "ymax")
    ]
    return np.array(columns).T.reshape(-1, 4)


@pytest.mark.parametrize(
    "name, images, boxes",
    [
        ("bccd", (292, 72), {"RBC": 4153, "WBC": 372, "Platelets": 361}),
        ("raccoon", (180, 20), {"raccoon": 217}),
    ],
)
def test_real_trees(name, images, boxes, tmp_path, real_data):
    root = real_data(name)
    summary = convert("voc", root, tmp_path / name)
    data = read_data(summary.data)
    lists = read_list(data.train), read_list(data.valid)
    assert tuple(map(len, lists)) == images
    assert summary.names == sorted(boxes)
    total = np.add(summary.boxes["train"], summary.boxes["valid"])
    assert dict(zip(summary.names, total.tolist(), strict=True)) == boxes
    annotations = next(path for path in root.iterdir() if path.name.lower() == "annotations")
    for path in lists[0] + lists[1]:
        expected = corners_of(annotations / f"{path.stem}.xml")
        expected = expected[(expected[:, :2] < expected[:, 2:]).all(1)]
        back = pixels(path, data.classes)[:, 1:] + 1
        assert np.abs(back - expected).max(initial=0) <= 0.5
