"""labelme's files: shapes, images beside them, elsewhere and inside, and mistakes' lines."""

import base64
import json
import math
import tempfile
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.convert import convert
from pylrm.data.darknet import read_data, read_list
from pylrm.data.images import read_image
from pylrm.errors import DataError
from tests.convert.random_sets import NAMES, ROUND_TRIP, SIZE, by_alphabet, sets
from tests.convert.trees import assert_boxes, boxes_in, png, write


def rectangle(left, top, right, bottom):
    return "rectangle", [[left, top], [right, bottom]]


def drawn_backwards(left, top, right, bottom):
    return "Rectangle", [[right, top], [left, bottom]]


def four_corners(left, top, right, bottom):
    return "rectangle", [[left, top], [right, top], [right, bottom], [left, bottom]]


def polygon(left, top, right, bottom):
    x, y = (left + right) / 2, (top + bottom) / 2
    return "polygon", [[left, y], [x, top], [right, y], [x, bottom], [x, y]]


def rotation(left, top, right, bottom):
    return "rotation", polygon(left, top, right, bottom)[1][:4]


def untold(left, top, right, bottom):
    return None, polygon(left, top, right, bottom)[1]


SHAPES = [rectangle, drawn_backwards, four_corners, polygon, rotation, untold]


def shape(name, kind, points, **fields):
    return {"label": name, "points": points, "shape_type": kind, "group_id": None, **fields}


def document(image, *shapes, size=SIZE, data=None, **fields):
    width, height = size
    values = {
        "version": "5.3.1", "flags": {}, "shapes": shapes, "imagePath": image, "imageData": data,
        "imageHeight": height, "imageWidth": width, **fields,
    }  # fmt: skip
    return json.dumps(values)


ANT = shape("ant", *rectangle(1, 2, 30, 40))


def inside(path):
    return base64.b64encode(path.read_bytes()).decode()


@ROUND_TRIP
@given(sets(), st.sampled_from(SHAPES), st.sampled_from(["beside", "elsewhere", "inside"]))
def test_round_trip(images, way, place):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        for stem, boxes in images.items():
            image = root / ("images" if place == "elsewhere" else "json") / f"{stem}.png"
            png(image, SIZE)
            shapes = [shape(NAMES[kind], *way(*box)) for kind, *box in boxes]
            named = {"elsewhere": f"..\\images\\{stem}.png"}.get(place, f"{stem}.png")
            data = inside(image) if place == "inside" else None
            write(root / "json" / f"{stem}.json", document(named, *shapes, data=data))
            if place == "inside":
                image.unlink()
        data = read_data(convert("labelme", root / "json", Path(folder) / "out").data)
        assert data.names == sorted(NAMES)
        assert_boxes(boxes_in(data, len(NAMES)), by_alphabet(images))


def converted(root, *documents, **options):
    for stem, text in zip("abc", documents, strict=False):
        write(root / "set" / f"{stem}.json", text)
        png(root / "set" / f"{stem}.png", SIZE)
    return convert("labelme", root / "set", root / "out", **options)


def test_a_circle_is_its_box(tmp_path):
    circle = shape("ant", "circle", [[50, 60], [53, 64]])
    data = read_data(converted(tmp_path, document("a.png", circle), document("b.png")).data)
    assert math.hypot(3, 4) == 5
    assert_boxes(boxes_in(data, 1), {"a": [(0, 45, 55, 55, 65)], "b": []})


def test_points_and_lines_are_left_out_and_counted(tmp_path):
    shapes = [
        shape("ant", "point", [[5, 6]]),
        shape("ant", "line", [[6, 6], [7, 8]]),
        shape("ant", "linestrip", [[7, 6], [7, 8], [1, 1]]),
        shape("bee", *rectangle(1, 1, 9, 9)),
    ]
    summary = converted(tmp_path, document("a.png", *shapes), document("b.png", ANT))
    assert summary.boxes["train"] + summary.boxes["valid"] in ([1, 0, 0, 1], [0, 1, 1, 0])
    assert summary.empty == {tmp_path / "set" / "a.json": 3}


@pytest.mark.parametrize(
    "name", ["", "other.png", "C:\\x\\y\\a.png", "../img/a.png", "a.jpg", None, 5]
)
def test_names_of_images(tmp_path, name):
    data = read_data(converted(tmp_path, document(name, ANT), document("b.png")).data)
    assert_boxes(boxes_in(data, 1), {"a": [(0, 1, 2, 30, 40)], "b": []})


def test_images_inside_are_written_out(tmp_path):
    png(tmp_path / "x.png", SIZE)
    jpeg = tmp_path / "x.jpg"
    import cv2

    cv2.imwrite(str(jpeg), read_image(tmp_path / "x.png"))
    data = "data:image/png;base64," + inside(tmp_path / "x.png")
    write(tmp_path / "set" / "a.json", document("D:\\1.png", ANT, data=data))
    write(tmp_path / "set" / "b.json", document("1.png", ANT, data=inside(jpeg), size=(None, None)))
    found = read_data(convert("labelme", tmp_path / "set", tmp_path / "out").data)
    images = {image.name: image for image in chain(read_list(found.train), read_list(found.valid))}
    assert sorted(images) == ["a.png", "b.jpg"]
    assert images["b.jpg"].read_bytes() == jpeg.read_bytes()
    assert not any(image.is_symlink() for image in images.values())
    assert [path.name for path in sorted((tmp_path / "set").iterdir())] == ["a.json", "b.json"]


def test_folders_of_parts(tmp_path):
    for part, stems in (("train", "ab"), ("val", "ac"), ("test", "d")):
        for stem in stems:
            png(tmp_path / "x" / part / f"{stem}.png", SIZE)
            write(tmp_path / "x" / part / f"{stem}.json", document(f"{stem}.png", ANT))
    summary = convert("labelme", tmp_path / "x", tmp_path / "out")
    assert summary.images == {"train": 2, "valid": 2}


def test_names_and_sizes(tmp_path):
    names = write(tmp_path / "my.names", "bee\n")
    half = document("a.png", ANT, size=(320, 240))
    with pytest.raises(DataError, match=r"a\.json: annotated at 320x240, but .*a\.png is 160x120"):
        converted(tmp_path, half, document("b.png"))
    data = read_data(converted(tmp_path, half, document("b.png"), size_mismatch="scale").data)
    assert_boxes(boxes_in(data, 1), {"a": [(0, 0.5, 1, 15, 20)], "b": []})
    with pytest.raises(DataError, match=r"a\.json: shape 1: class 'ant' is not in .*my\.names"):
        converted(tmp_path, half, names=names)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "a.json:1: not JSON"),
        ("[]", "a.json: not labelme's: expected an object with a list of shapes"),
        ('{"images": []}', "a.json: not labelme's"),
        (document("a.png", 5), "a.json: shape 1: expected an object, found '5'"),
        (document("a.png", {"points": [[1, 2]]}), "a.json: shape 1: label is 'None'"),
        (document("a.png", shape("", "point", [[1, 2]])), "a.json: shape 1: label is ''"),
        (document("a.png", ANT, shape("ant", "polygon", [])), r"shape 2 \(ant\): points is a list"),
        (document("a.png", shape("ant", "polygon", None)), r"shape 1 \(ant\): points is 'None'"),
        (document("a.png", shape("ant", "polygon", [[1]])), "a point is a list; expected two fin"),
        (document("a.png", shape("ant", "polygon", [[1, "x"]])), "a point is a list; expected two"),
        (document("a.png", shape("ant", "polygon", [5])), "a point is '5'; expected two finite"),
        (document("a.png", ANT, size=("x", 1)), "a.json: imageWidth is 'x'; expected a number"),
        (document("a.png", ANT, size=(-1, 1)), "a.json: a size of -1x1"),
    ],
)
def test_mistakes(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as error:
        converted(tmp_path, text, document("b.png", ANT))
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_mistakes_of_images(tmp_path):
    folder = tmp_path / "set"
    with pytest.raises(DataError, match="set: no such folder"):
        convert("labelme", folder, tmp_path / "out")
    folder.mkdir()
    with pytest.raises(DataError, match=r"set: no \*\.json of labelme's in it"):
        convert("labelme", folder, tmp_path / "out")
    path = write(folder / "a.json", document("x\\1.png", ANT))
    with pytest.raises(DataError, match=r"a\.json: no image 'x\\1\.png' in .* and none inside"):
        convert("labelme", folder, tmp_path / "out")
    write(path, document("1.png", ANT, data="=x="))
    with pytest.raises(DataError, match=r"a\.json: imageData is no image in base64"):
        convert("labelme", folder, tmp_path / "out")
    write(path, document("1.png", ANT, data=base64.b64encode(b"text").decode()))
    write(folder / "b.json", document("b.png", ANT))
    png(folder / "b.png", SIZE)
    write(path, document("1.png", ANT, data=base64.b64encode(b"text").decode(), size=(0, 0)))
    with pytest.raises(DataError, match=r"a\.jpg: the image inside its annotation is no JPEG or"):
        convert("labelme", folder, tmp_path / "out")
    write(path, document("b.png", ANT))
    with pytest.raises(DataError, match=r"b\.json: its image .*b\.png is that of .*a\.json too"):
        convert("labelme", folder, tmp_path / "out")
