"""Tables of boxes: layouts, headers, delimiters, and mistakes' lines."""

import csv
import io
import tempfile
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.convert import convert
from pylrm.data.darknet import read_data, read_list
from pylrm.errors import DataError
from tests.convert.random_sets import NAMES, ROUND_TRIP, SIZE, by_alphabet, sets
from tests.convert.trees import assert_boxes, boxes_in, png, write

WIDTH, HEIGHT = SIZE


def retinanet(image, name, left, top, right, bottom):
    return [image, left, top, right, bottom, name]


def tensorflow(image, name, left, top, right, bottom):
    return [image, WIDTH, HEIGHT, name, left, top, right, bottom]


def sku(image, name, left, top, right, bottom):
    return [image, left, top, right, bottom, name, WIDTH, HEIGHT]


def makesense(image, name, left, top, right, bottom):
    return [name, left, top, right - left, bottom - top, image, WIDTH, HEIGHT]


def other(image, name, left, top, right, bottom):
    return [7, right, left, "x", bottom, top, image, name]


LAYOUTS = {
    retinanet: ["image", "xmin", "ymin", "xmax", "ymax", "class"],
    tensorflow: ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"],
    sku: ["Image_Path", "X1", "y1", "x2", "y2", "label name", "image_width", "image_height"],
    makesense: [
        "label_name", "bbox_x", "bbox_y", "bbox_width", "bbox_height", "image_name", "image_width",
        "image_height",
    ],
    other: ["id", "x_max", "x_min", "note", "YMax", "YMin", "file", "Category"],
}  # fmt: skip


def text_of(rows, delimiter=",", decimal=".", end="\n"):
    out = io.StringIO()
    table = csv.writer(out, delimiter=delimiter, lineterminator=end)
    for row in rows:
        table.writerow([str(v).replace(".", decimal) if isinstance(v, float) else v for v in row])
    return out.getvalue()


@ROUND_TRIP
@given(
    sets(), st.sampled_from(sorted(LAYOUTS, key=str)), st.booleans(),
    st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("|", ".")]),
    st.sampled_from(["\n", "\r\n"]), st.booleans(),
)  # fmt: skip
def test_round_trip(images, layout, header, signs, end, mark):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows = [LAYOUTS[layout]] if header or layout is other else []
        for stem, boxes in images.items():
            png(root / "images" / f"{stem}.png", SIZE)
            name = f"images/{stem}.png"
            rows += [layout(name, NAMES[kind], *box) for kind, *box in boxes]
            if not boxes:
                rows.append([name if key == name else "" for key in layout(name, *range(5))])
        (root / "boxes.csv").write_bytes(
            ("\ufeff" * mark + text_of(rows, *signs, end)).encode("utf-8")
        )
        data = read_data(convert("csv", root / "boxes.csv", root / "out").data)
        assert data.names == sorted(NAMES)
        found = {name.removeprefix("images/"): boxes for name, boxes in boxes_in(data, 3).items()}
        assert_boxes(found, by_alphabet(images))


@pytest.fixture
def pictures(tmp_path):
    for stem in "ab":
        png(tmp_path / "images" / f"{stem}.png", SIZE)
    return tmp_path


def converted(root, *lines, **options):
    path = write(root / "boxes.csv", "\n".join(lines) + "\n")
    return convert("csv", path, root / "out", **options)


@pytest.mark.parametrize(
    "name", ["a.png", "images/a.png", "images\\a.png", "C:\\x\\images\\a.png", "/data/a.PNG", "a"]
)
def test_names_of_images(pictures, name):
    lines = ["image,xmin,ymin,xmax,ymax,class", f"{name},1,2,30.5,40,ant", "b.png,,,,,"]
    data = read_data(converted(pictures, *lines).data)
    assert_boxes(boxes_in(data, 1), {"a": [(0, 1, 2, 30.5, 40)], "b": []})


def test_images_elsewhere_and_a_second_file(pictures):
    far = pictures / "far" / "away"
    first = write(far / "train.csv", "a.png,1,2,30,40,ant\n")
    second = write(far / "test.csv", "b.png,210.0,2,300,40,bee\n")
    with pytest.raises(DataError, match=r"train\.csv:1: no image 'a\.png' in "):
        convert("csv", first, pictures / "out")
    options = {"images": pictures / "images", "valid": second}
    summary = convert("csv", first, pictures / "out", **options)
    assert summary.images == {"train": 1, "valid": 1} and summary.empty == {second: 1}


def test_shares_in_place_of_pixels(pictures):
    """Open Images' columns."""
    lines = [
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded",
        "a,x,/m/0k4j,1,0.25,0.75,0.5,1,0",
        "b,x,/m/0k4j,1,0,0.5,0,0.5,0",
    ]
    with pytest.raises(DataError, match="no box reaches beyond 1.*; --coordinates shares takes"):
        converted(pictures, *lines)
    data = read_data(converted(pictures, *lines, coordinates="shares").data)
    expected = {"a": [(0, 40, 60, 120, 120)], "b": [(0, 0, 0, 80, 60)]}
    assert_boxes(boxes_in(data, 1), expected)


def test_another_size_is_refused_or_scaled(pictures):
    lines = ["a.png,320,240,ant,20,40,60,80", "b.png,160,120,ant,1,1,5,5"]
    with pytest.raises(DataError, match=r"csv: annotated at 320x240, but .*a\.png is 160x120; --s"):
        converted(pictures, *lines)
    data = read_data(converted(pictures, *lines, size_mismatch="scale").data)
    assert_boxes(boxes_in(data, 1), {"a": [(0, 10, 20, 30, 40)], "b": [(0, 1, 1, 5, 5)]})


def test_rows_that_come_twice_and_blank_lines(pictures):
    lines = ["", "a.png, 1, 2, 30, 40, ant", ",,,,,", "images/a.png,1,2,30,40,ant", "b.png ,,,,,"]
    data = read_data(converted(pictures, *lines).data)
    assert_boxes(boxes_in(data, 1), {"a": [(0, 1, 2, 30, 40)], "b": []})


def test_names(pictures):
    names = write(pictures / "my.names", "bee\nant\n")
    lines = ["a.png,1,2,30,40,ant", "b.png,1,2,30,40,ant"]
    assert converted(pictures, *lines, names=names).names == ["bee", "ant"]
    with pytest.raises(DataError, match=r"csv:2: class 'cow' is not in .*my\.names"):
        converted(pictures, lines[0], "b.png,1,2,30,40,cow", names=names)


HEADER = "image,xmin,ymin,xmax,ymax,class"


@pytest.mark.parametrize(
    "lines, message",
    [
        ([], r"csv: nothing in it"),
        (["a.png 1 2 3 4 ant"], r"csv:1: expected a header that names the columns, or image,xmin"),
        (["a.png,1,2,3,4"], r"csv:1: expected a header"),
        (["a,b,c,d,e,f"], r"csv:1: expected a header"),
        (["image,xmin,ymin,xmax,ymax"], r"csv:1: no column class; there are 'image', 'xmin'"),
        (["image,xmin,xmax,ymax,class"], r"csv:1: no column ymin"),
        (["image,file,xmin,ymin,xmax,ymax,class"], r"csv:1: several columns for image"),
        ([HEADER, "a.png,1,2,x,4,ant"], r"csv:2: xmax is 'x', not a number"),
        ([HEADER, "a.png,1,2,inf,4,ant"], r"csv:2: xmax is 'inf', not a number"),
        ([HEADER, "a.png,1,2,,4,ant"], r"csv:2: xmax is missing"),
        ([HEADER, "a.png,1,2,3,4,"], r"csv:2: class is missing"),
        ([HEADER, "a.png,1,2,3,4"], r"csv:2: class is missing"),
        ([HEADER, ",1,2,3,4,ant"], r"csv:2: no image is named"),
        ([HEADER, "a.png,1,2,3,4,ant,5"], r"csv:2: 7 fields; expected 6"),
        ([HEADER, "a.png,30,2,3,4,ant"], r"csv:2: xmin 30, xmax 3, .* greater than its maximum"),
        ([HEADER, "", "c.png,1,2,3,4,ant"], r"csv:3: no image 'c\.png' in "),
        ([HEADER, '"a.png,1,2,3,4,ant'], r"csv:2: no"),
        (["a.png,160,120,ant,1,2,3,4", "a.png,16,12,ant,1,2,3,4"], r"csv:2: another size of a.png"),
        (["a.png,1e9,120,ant,1,2,3,4"], r"csv:1: a size of 1e\+09x120"),
    ],
)
def test_mistakes(pictures, lines, message):
    with pytest.raises(DataError, match=message) as error:
        converted(pictures, *lines)
    assert "\n" not in str(error.value) and not (pictures / "out").exists()


def test_several_images_of_a_name(pictures):
    png(pictures / "more" / "a.png", SIZE)
    with pytest.raises(DataError, match=r"csv:1: several images could be 'a\.png': .* and "):
        converted(pictures, "a.png,1,2,3,4,ant")
    data = read_data(converted(pictures, "x/more/a.png,1,2,3,4,ant", "b.png,1,2,3,4,ant").data)
    images = chain(read_list(data.train), read_list(data.valid))
    assert sorted(image.resolve().parent.name for image in images) == ["images", "more"]


def test_one_image_is_not_taken_for_two(pictures):
    with pytest.raises(DataError, match=r"csv:2: 'y/a\.png' and 'x/a\.png' would both be .*a\.png"):
        converted(pictures, "x/a.png,1,2,3,4,ant", "y/a.png,1,2,3,4,ant")
    lines = ["x/images/a.png,1,2,3,4,ant", "images\\a.png,5,6,7,8,ant", "b.png,1,2,3,4,ant"]
    data = read_data(converted(pictures, *lines).data)
    expected = {"a": [(0, 1, 2, 3, 4), (0, 5, 6, 7, 8)], "b": [(0, 1, 2, 3, 4)]}
    assert_boxes(boxes_in(data, 1), expected)
