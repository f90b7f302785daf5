"""KITTI trees to Darknet's files: what is written, round trips, and each mistake's line."""

import numpy as np
import pytest

from pylrm.convert import convert
from pylrm.data.darknet import read_ignore, read_list
from pylrm.errors import DataError
from tests.convert.trees import add_kitti, car, pixels, png, read_all, snapshot, write

SIX = ["car", "truck", "tram", "van", "pedestrian", "cyclist"]


@pytest.fixture
def tree(tmp_path):
    """Three images with a box of each type."""
    root = tmp_path / "KITTI" / "training"
    add_kitti(
        root,
        "000000",
        car((10.5, 3.25, 30.75, 20.5), "Car", 0.25, 1),
        car((40, 5, 45, 30), "Person_sitting", 0.5, 2),
        car((50, 5, 60, 30), "Misc", 0, 3),
        car((70.5, 5, 80, 12.5), "DontCare", -1, -1),
    )
    add_kitti(root, "000001", *(car((9, 9, 19, 19), kind.title()) for kind in SIX))
    add_kitti(root, "000002")
    write(root.parent / "ImageSets" / "train.txt", "000001\n000002\n")
    write(root.parent / "ImageSets" / "val.txt", "000000\n")
    return root


def test_what_is_written(tree, tmp_path):
    summary = convert("kitti", tree.parent, tmp_path / "out")
    data, truth = read_all(summary.data)
    assert data.names == SIX and data.metric == "area"
    assert [path.stem for path in read_list(data.train)] == ["000001", "000002"]
    (image,) = read_list(data.valid)
    np.testing.assert_allclose(pixels(image, 6), [[0, 10.5, 3.25, 30.75, 20.5]], atol=1e-4)
    regions = read_ignore(image) * [124, 37, 124, 37]
    np.testing.assert_allclose(
        regions, [[42.5, 17.5, 5, 25], [55, 17.5, 10, 25], [75.25, 8.75, 9.5, 7.5]], rtol=1e-5
    )
    fields = ("category_id", "bbox", "truncated", "occluded", "ignore", "difficult", "iscrowd")
    assert [[each[field] for field in fields] for each in truth["annotations"]] == [
        [1, [10.5, 3.25, 20.25, 17.25], 0.25, 1, 0, 0, 0],
        [5, [40, 5, 5, 25], 0.5, 2, 1, 0, 0],
        [0, [50, 5, 10, 25], 0, 3, 1, 0, 0],
        [0, [70.5, 5, 9.5, 7.5], 0, 0, 1, 0, 0],
    ]
    assert truth["images"][0]["width"] == 124 and truth["images"][0]["height"] == 37
    assert summary.boxes == {"train": [1] * 6, "valid": [1, 0, 0, 0, 0, 0]}
    assert summary.ignored["valid"] == [0, 0, 0, 0, 1, 0]
    assert summary.regions == {"train": 0, "valid": 2}


@pytest.mark.parametrize(
    "options, labels, regions",
    [
        ({}, [0], 3),
        ({"person_sitting": "pedestrian"}, [0, 4], 2),
        ({"person_sitting": "drop"}, [0], 2),
        ({"misc": "drop"}, [0], 2),
        ({"misc": "drop", "dontcare": "drop"}, [0], 1),
    ],
)
def test_what_becomes_of_other_types(tree, tmp_path, options, labels, regions):
    data, truth = read_all(convert("kitti", tree, tmp_path / "out", **options).data)
    (image,) = read_list(data.valid)
    assert pixels(image, 6)[:, 0].tolist() == labels
    assert len(read_ignore(image)) == regions
    assert [each["ignore"] for each in truth["annotations"]].count(1) == regions
    assert len(truth["annotations"]) == len(labels) + regions


def test_labels_give_the_boxes_back(tmp_path):
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.uniform(0, [[1242], [375]], (40, 2, 2)), axis=2).transpose(0, 2, 1)
    boxes = boxes.reshape(-1, 4).round(2)
    add_kitti(tmp_path, "a", *(car(box, "Cyclist") for box in boxes.tolist()), size=(1242, 375))
    add_kitti(tmp_path, "b", car((1, 1, 9, 9)))
    for valid in "ab":
        write(tmp_path / "held.txt", valid)
        held = str(tmp_path / "held.txt")
        data, truth = read_all(convert("kitti", tmp_path, tmp_path / "out", valid=held).data)
        image = next(i for i in read_list(data.train) + read_list(data.valid) if i.stem == "a")
        assert np.abs(pixels(image, 6)[:, 1:] - boxes).max() < 0.01
        if valid == "a":
            back = np.array([each["bbox"] for each in truth["annotations"]])
            back[:, 2:] += back[:, :2]
            np.testing.assert_allclose(back, boxes, atol=1e-9)


def test_nine_to_one_where_no_list_says(tree, tmp_path):
    for path in (tree.parent / "ImageSets").glob("*.txt"):
        path.unlink()
    for number in range(3, 20):
        add_kitti(tree, f"{number:06d}", car((1, 1, 9, 9)))
    found = []
    for seed in (0, 0, 1):
        data, _ = read_all(convert("kitti", tree, tmp_path / "out", seed=seed).data)
        train, valid = ([p.stem for p in read_list(part)] for part in (data.train, data.valid))
        assert len(train) == 18 and sorted(train + valid) == [f"{n:06d}" for n in range(20)]
        found.append(valid)
    # for n in $(seq -f %06g 0 19); do echo $(printf "0 $n" | sha256sum) $n; done | sort | tail -2
    assert found[0] == found[1] == ["000001", "000013"] != found[2]


def test_lists(tree, tmp_path):
    mine = write(tmp_path / "my list.txt", "\ufefftraining/image_2/000002.png\r\n\r\n000001 \r\n")

    def stems(**options):
        data, _ = read_all(convert("kitti", tree, tmp_path / "out", **options).data)
        return [[path.stem for path in read_list(part)] for part in (data.train, data.valid)]

    png(tree / "image_2" / "000001.webp")
    data, _ = read_all(convert("kitti", tree, tmp_path / "out").data)
    assert read_list(data.train)[0].name == "000001.png"  # the first by name
    assert stems(valid=str(mine)) == [["000000"], ["000002", "000001"]]
    assert stems(train="val", valid="train") == [["000000"], ["000001", "000002"]]
    train, valid = stems(train="train")
    assert sorted(train + valid) == ["000001", "000002"]


def test_crlf_byte_order_marks_other_cases_and_blanks_in_names(tmp_path):
    lines = "\ufeff" + "\r\n".join([car((1, 2, 3, 4), "CAR"), "", car((5, 6, 7, 8), "van"), ""])
    for stem in ("a b", "c.d"):
        write(tmp_path / "label_2" / f"{stem}.txt").write_bytes(lines.encode())
        png(tmp_path / "image_2" / f"{stem}.PNG")
    data, _ = read_all(convert("kitti", tmp_path, tmp_path / "the out").data)
    for image in read_list(data.train) + read_list(data.valid):
        assert image.stem in ("a b", "c.d")
        np.testing.assert_allclose(pixels(image, 6), [[0, 1, 2, 3, 4], [3, 5, 6, 7, 8]], atol=1e-4)


def test_a_second_conversion_changes_nothing(tree, tmp_path):
    convert("kitti", tree, tmp_path / "out")
    before = snapshot(tmp_path / "out")
    convert("kitti", tree, tmp_path / "out")
    assert snapshot(tmp_path / "out") == before


GOOD = car((1, 2, 3, 4))


@pytest.mark.parametrize(
    "text, message",
    [
        (GOOD + "\nCar 0 0", r"0\.txt:2: 3 fields; a line of a KITTI label has 15$"),
        (GOOD + " 0.9", r"0\.txt:1: 16 fields; .* has 15, and one of a detection 16"),
        (car((1, 2, 3, 4), "Bus"), r"0\.txt:1: type 'Bus'; KITTI has Car, Truck"),
        (car((1, "two", 3, 4)), r"0\.txt:1: top is 'two'; expected a finite number"),
        (car((1, 2, "nan", 4)), r"0\.txt:1: right is 'nan'; expected a finite"),
        (car((1, 2, 3, "1e999")), r"0\.txt:1: bottom is '1e999'; expected a finite"),
        (car((4, 2, 3, 4)), r"0\.txt:1: left 4, right 3, .* ends before it begins"),
        (car((1, 2, 3, 4), truncated=1.5), r"0\.txt:1: truncated is 1.5; expected 0…1, or -1"),
        (car((1, 2, 3, 4), occluded=4), r"0\.txt:1: occluded is 4; expected 0, 1, 2, 3 or -1"),
        (car((1, 2, 3, 4), occluded=0.5), r"0\.txt:1: occluded is 0.5"),
    ],
)
def test_malformed_labels(tree, tmp_path, text, message):
    label = write(tree / "label_2" / "000000.txt", text)
    with pytest.raises(DataError, match=message) as caught:
        convert("kitti", tree, tmp_path / "out")
    assert str(label) in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["KITTI"]


def test_mistakes_in_trees_and_lists(tree, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(DataError, match="no such folder"):
        convert("kitti", tmp_path / "nothing", out)
    with pytest.raises(DataError, match="no KITTI tree; expected label_2"):
        convert("kitti", tmp_path, out)
    with pytest.raises(DataError, match="no list 'most', .* there are train, val"):
        convert("kitti", tree, out, train="most")
    everything = write(tmp_path / "all.txt", "000000\n000001\n000002\n")
    with pytest.raises(DataError, match="lists all images; none is left to train on"):
        convert("kitti", tree, out, valid=str(everything))
    write(everything, "000000\n../000009\n")
    with pytest.raises(DataError, match=r"all\.txt:2: no label '000009\.txt' in .*label_2"):
        convert("kitti", tree, out, train=str(everything))
    write(everything, "\n")
    with pytest.raises(DataError, match=r"all\.txt: no images in it"):
        convert("kitti", tree, out, train=str(everything))
    everything.write_bytes("000000\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"all\.txt: not UTF-8 text"):
        convert("kitti", tree, out, train=str(everything))
    (tree / "image_2" / "000000.png").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"000000\.png: not a readable image"):
        convert("kitti", tree, out)
    (tree / "image_2" / "000000.png").unlink()
    with pytest.raises(DataError, match=r"000000\.txt: no image 000000\.png or \.jpg in"):
        convert("kitti", tree, out)
    assert not out.exists()
