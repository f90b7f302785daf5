"""Annotations in COCO's format to Darknet's files: what is written, and each mistake's line."""

import json

import numpy as np
import pytest

from pylrm.convert import convert
from pylrm.data.darknet import read_ignore, read_list
from pylrm.errors import DataError
from tests.convert.trees import coco as write_coco
from tests.convert.trees import pixels, read_all, snapshot, write

NAMES = ["person", "traffic light", "car"]


@pytest.fixture
def files(tmp_path):
    """Two files, in two folders, with images of the same names."""
    train = write_coco(
        tmp_path / "one" / "train.json",
        ["1.png", "2.png"],
        [(1, 3, [1.5, 2, 10, 8.25], {}), (2, 1, [0, 0, 40, 30], {"area": 700.5})],
        NAMES,
    )
    valid = write_coco(
        tmp_path / "two" / "valid.json",
        ["1.png", "3.png"],
        [
            (1, 1, [2, 3, 4, 5], {"iscrowd": 1, "area": 11}),
            (1, 2, [5, 6, 7.5, 8], {"area": 50.25, "iscrowd": 0}),
            (2, 3, [35, 25, 10, 10], {"ignore": 1}),
        ],
        NAMES,
    )
    return train, valid


def test_what_is_written(files, tmp_path):
    summary = convert("coco", files[0], tmp_path / "out", valid=files[1])
    data, truth = read_all(summary.data)
    assert data.names == NAMES
    lists = read_list(data.train), read_list(data.valid)
    assert [[path.name for path in part] for part in lists] == [
        ["1.png", "2.png"],
        ["1.png", "3.png"],
    ]
    assert lists[0][0].resolve() == tmp_path / "one" / "images" / "1.png"
    assert lists[1][0].resolve() == tmp_path / "two" / "images" / "1.png"
    np.testing.assert_allclose(pixels(lists[0][0], 3), [[2, 1.5, 2, 11.5, 10.25]], atol=1e-4)
    np.testing.assert_allclose(pixels(lists[1][0], 3), [[1, 5, 6, 12.5, 14]], atol=1e-4)
    assert len(pixels(lists[1][1], 3)) == 0
    np.testing.assert_allclose(
        read_ignore(lists[1][0]) * [40, 30, 40, 30], [[4, 5.5, 4, 5]], rtol=1e-5
    )
    fields = ("image_id", "category_id", "bbox", "area", "iscrowd", "ignore")
    assert [[each[field] for field in fields] for each in truth["annotations"]] == [
        [1, 1, [2, 3, 4, 5], 11, 1, 0],
        [1, 2, [5, 6, 7.5, 8], 50.25, 0, 0],
        [2, 3, [35, 25, 5, 5], 25, 0, 1],
    ]
    assert summary.boxes == {"train": [1, 0, 1], "valid": [0, 1, 0]}
    assert summary.ignored == {"train": [0, 0, 0], "valid": [1, 0, 1]}
    assert summary.shared == 0


def test_classes_of_choice_in_their_order(files, tmp_path):
    names = write(tmp_path / "my.names", "traffic light\nperson\n")
    for options in ({"classes": ["traffic light", "person"]}, {"names": names}):
        summary = convert("coco", files[0], tmp_path / "out", valid=files[1], **options)
        data, truth = read_all(summary.data)
        assert data.names == ["traffic light", "person"]
        assert summary.images == {"train": 2, "valid": 2}  # those without objects stay
        assert summary.boxes == {"train": [0, 1], "valid": [1, 0]}
        assert [each["category_id"] for each in truth["annotations"]] == [2, 1]


def test_labels_give_the_boxes_back(tmp_path):
    rng = np.random.default_rng(0)
    edges = np.sort(rng.uniform(0, [[40], [30]], (50, 2, 2)), axis=2).transpose(0, 2, 1)
    boxes = np.hstack([edges[:, 0], edges[:, 1] - edges[:, 0]]).round(2)
    things = [(image, 1, box, {}) for image in (1, 2) for box in boxes.tolist()]
    path = write_coco(tmp_path / "a.json", ["a.png", "b.png"], things, ["ant"])
    data, truth = read_all(convert("coco", path, tmp_path / "out").data)
    assert np.abs([each["bbox"] for each in truth["annotations"]] - boxes).max() < 1e-9
    expected = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    for image in read_list(data.train) + read_list(data.valid):
        assert np.abs(pixels(image, 1)[:, 1:] - expected).max() < 1e-3


def test_one_file_is_split_by_names(tmp_path):
    images = [f"{number}.png" for number in range(20)]
    things = [(number, 1, [1, 1, 5, 5], {}) for number in range(1, 21)]
    valid = []
    for order in (images, images[::-1]):  # the order in the file does not matter
        path = write_coco(tmp_path / "a.json", order, things, ["ant"])
        data, _ = read_all(convert("coco", path, tmp_path / "out").data)
        assert len(read_list(data.train)) == 18
        valid.append([image.stem for image in read_list(data.valid)])
    # for n in $(seq 0 19); do echo $(printf "0 $n" | sha256sum) $n; done | sort | tail -2
    assert valid[0] == valid[1] == ["11", "19"]


def test_a_truth_file_reads_back_as_it_was(files, tmp_path):
    first = convert("coco", files[0], tmp_path / "out", valid=files[1]).data.parent
    document = json.loads((first / "truth.json").read_text())
    document["annotations"][0].update(category_id=0, ignore=1, truncated=0.5, occluded=2)
    document["annotations"][1].update(difficult=1)
    truth = write(first.parent / "out" / "truth.json", json.dumps(document))
    data, again = read_all(convert("coco", truth, tmp_path / "again", valid=truth).data)
    for image in (*document["images"], *again["images"]):
        image["file_name"] = image["file_name"].split("/")[-1]
    assert again == document
    image = read_list(data.train)[0]
    assert (len(pixels(image, 3)), len(read_ignore(image))) == (0, 2)


def test_where_images_are_found(files, tmp_path):
    for number, (place, given) in enumerate(
        [
            ("set/annotations/instances_val2017.json set/val2017/x 1.png", None),
            ("set/annotations/instances_val2017.json set/images/val2017/x 1.png", None),
            ("set/_annotations.json set/x 1.png", None),
            ("a/all.json b/all/x 1.png", "b"),
            ("a/all.json b/x 1.png", "b"),
        ]
    ):
        root = tmp_path / str(number)
        path, _, image = place.partition(" ")
        write_coco(root / path, ["x 1.png", "y 1.png"], [(1, 1, [1, 1, 5, 5], {})], ["ant"])
        target = (root / image).parent
        target.mkdir(parents=True, exist_ok=True)
        for file in ((root / path).parent / "images").iterdir():
            file.rename(target / file.name)
        data, _ = read_all(
            convert("coco", root / path, root / "out", images=given and root / given).data
        )
        found = {image.name for image in read_list(data.train) + read_list(data.valid)}
        assert found == {"x 1.png", "y 1.png"}


def test_other_machines_paths_byte_order_marks_and_missing_sizes(tmp_path):
    path = write_coco(
        tmp_path / "a.json", ["x.png", "y.png"], [(1, 1, [1, 1, 5, 5], {})], [" a\tb"]
    )
    document = json.loads(path.read_text())
    document["images"] = [
        {"id": 1, "file_name": "C:\\data\\x.png", "width": None, "height": 30},
        {"id": 2, "file_name": "../images/y.png"},
    ]
    text = json.dumps(document, indent=1).replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    data, _ = read_all(convert("coco", path, tmp_path / "out").data)
    assert data.names == ["a b"]
    images = {image.stem: image for image in read_list(data.train) + read_list(data.valid)}
    np.testing.assert_allclose(pixels(images["x"], 1), [[0, 1, 1, 6, 6]], atol=1e-4)


def test_a_second_conversion_changes_nothing(files, tmp_path):
    convert("coco", files[0], tmp_path / "out", valid=files[1])
    before = snapshot(tmp_path / "out")
    convert("coco", files[0], tmp_path / "out", valid=files[1])
    assert snapshot(tmp_path / "out") == before


def changed(key, number, **values):
    """A change of one entry."""
    return lambda document: document[key][number].update(values)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda d: d.clear(), "not in COCO's format: 'categories' should list objects"),
        (lambda d: d.update(images={}), "'images' should list objects; found an object"),
        (lambda d: d["annotations"].append(3), "annotation 3: expected an object, found '3'"),
        (changed("images", 0, id=2), r"image 2 \(id '2'\): there are two of id '2'"),
        (changed("images", 0, id=1.5), "image 1: id is '1.5'; expected a whole number"),
        (changed("images", 0, id=True), "id is 'True'; expected a whole number"),
        (changed("images", 0, file_name=7), "file_name is '7'; expected a text"),
        (changed("images", 0, file_name="."), "file_name '.' names no file"),
        (changed("images", 0, file_name="a.png"), "no image 'a.png' in .*one or .*--images"),
        (changed("images", 1, file_name="a.png"), "no image 'a.png' in .*images$"),
        (changed("images", 1, file_name="a" * 5000), "no image 'a{57}…' in"),
        (changed("images", 1, file_name="a\0"), "no image"),
        (changed("images", 1, file_name="1.jpg"), "'1.png' and '1.jpg' would have one label"),
        (changed("images", 0, width=-4), r"image 1 \(id '1'\): a size of -4x30"),
        (changed("images", 0, width=10**400), "width is '10{56}…'; expected a finite number"),
        (changed("images", 0, height="tall"), "height is 'tall'; expected a finite number"),
        (changed("categories", 0, name="car"), r"category 3 .* there are two of id '3' or name"),
        (changed("categories", 0, name="\ud800"), "can't stand in a names file"),
        (changed("categories", 0, name=" "), "category 1 .* name is ''; expected a text"),
        (changed("annotations", 1, bbox=[1, 2, 3]), r"annotation 2 \(id '2'\): bbox is '1', '2', "),
        (changed("annotations", 1, bbox=[1, 2, -3, 4]), "no size below 0"),
        (changed("annotations", 1, bbox=[1, 2, float("nan"), 4]), "bbox is '1', '2', 'nan', '4'"),
        (changed("annotations", 1, bbox={}), "bbox is an object; expected x, y, width"),
        (changed("annotations", 1, bbox=None), "annotation 2 .* no 'bbox'"),
        (changed("annotations", 1, image_id=9), "image_id '9' is no image's id"),
        (changed("annotations", 1, category_id=0), "category_id '0' is no category's id"),
        (changed("annotations", 1, iscrowd="yes"), "iscrowd is 'yes'; expected a finite"),
        (changed("annotations", 1, truncated=2), "truncated is 2; expected 0…1"),
        (changed("annotations", 1, occluded=0.5), "occluded is 0.5; expected 0, 1, 2 or 3"),
        (lambda d: d.update(annotations=[]), "no annotations of person, traffic light, car"),
        (lambda d: d.update(images=[], annotations=[]), "no images in it"),
        (lambda d: d.update(categories=[], annotations=[]), "no categories in it"),
    ],
)
def test_malformed_documents(files, tmp_path, change, message):
    document = json.loads(files[0].read_text())
    change(document)
    write(files[0], json.dumps(document))
    with pytest.raises(DataError, match=message) as caught:
        convert("coco", files[0], tmp_path / "out")
    assert str(files[0]) in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.parametrize(
    "content, message",
    [
        (b'{\n"images": [}', r"train\.json:2: not JSON: .*column 12"),
        (b"", r"train\.json:1: not JSON"),
        ("{}".encode("utf-16"), r"train\.json: not UTF-8 text"),
        (b"[" * 200000, r"train\.json: not JSON that can be read: nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", r"train\.json: .* a number is too long"),
        (b"[]", r"train\.json: not in COCO's format: expected an object at the top"),
    ],
)
def test_files_that_are_no_json(files, tmp_path, content, message):
    files[0].write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        convert("coco", files[0], tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_mistakes_in_classes_and_files(files, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"no category 'persn'; did you mean person\?"):
        convert("coco", files[0], out, classes=["persn"])
    with pytest.raises(DataError, match="no category 'x'; there is person, traffic light, car"):
        convert("coco", files[0], out, classes=["x"])
    with pytest.raises(DataError, match="classes car, car: expected names, each once"):
        convert("coco", files[0], out, classes=["car", "car"])
    with pytest.raises(DataError, match=r"none\.json: No such file"):
        convert("coco", files[0], out, valid=tmp_path / "none.json")
    with pytest.raises(DataError, match=r"one: Is a directory"):
        convert("coco", files[0].parent, out)
    assert not out.exists()


@pytest.mark.parametrize("name", ["bccd", "raccoon"])
def test_real_boxes_from_voc_to_coco_and_back(name, tmp_path, real_data):
    first = convert("voc", real_data(name), tmp_path / "voc").data
    data, truth = read_all(first)
    path = first.parent / "truth.json"
    again, copied = read_all(convert("coco", path, tmp_path / "coco", valid=path).data)
    assert again.names == data.names
    assert copied["annotations"] == truth["annotations"]
    for old, new in zip(read_list(data.valid), read_list(again.valid), strict=True):
        assert np.abs(pixels(old, data.classes) - pixels(new, data.classes)).max() < 1e-3
