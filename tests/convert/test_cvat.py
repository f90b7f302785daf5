"""CVAT's own XML: shapes, subsets, tracks, and mistakes' lines."""

import math
import tempfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.convert import convert
from pylrm.data.darknet import read_data
from pylrm.errors import DataError
from tests.convert.random_sets import NAMES, ROUND_TRIP, SIZE, by_alphabet, sets
from tests.convert.trees import assert_boxes, boxes_in, png, read_all, write


def element(tag, **values):
    return f"<{tag} {' '.join(f'{key}={quoteattr(str(v))}' for key, v in values.items())}/>"


def box(name, left, top, right, bottom, **more):
    return element("box", label=name, xtl=left, ytl=top, xbr=right, ybr=bottom, **more)


def polygon(name, left, top, right, bottom):
    x, y = (left + right) / 2, (top + bottom) / 2
    points = f"{left},{y};{x},{top};{right},{y};{x},{bottom}"
    return element("polygon", label=name, points=points, z_order="0")


def ellipse(name, left, top, right, bottom):
    x, y, rx, ry = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    return element("ellipse", label=name, cx=x, cy=y, rx=rx, ry=ry)


def mask(name, left, top, right, bottom):
    sizes = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return element("mask", label=name, rle="1, 2", **sizes)


def turned(name, left, top, right, bottom):
    """A box that is turned by a quarter: of swapped sides."""
    x, y, w, h = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    return box(name, x - h, y - w, x + h, y + w, rotation="90.00")


SHAPES = [box, polygon, ellipse, mask, turned]


def image(name, *shapes, size=SIZE, **more):
    values = {"id": 0, "name": name, "width": size[0], "height": size[1], **more}
    return f"{element('image', **values)[:-2]}>{''.join(shapes)}</image>"


def annotations(*parts):
    meta = "<version>1.1</version><meta><task><name>x</name></task></meta>"
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return f"{head}<annotations>{meta}{''.join(parts)}</annotations>"


def converted(root, *parts, **options):
    for stem in "ab":
        png(root / "images" / f"{stem}.png", SIZE)
    write(root / "annotations.xml", annotations(*parts))
    return convert("cvat", root / "annotations.xml", root / "out", **options)


ANT = box("ant", 1, 2, 30, 40)


@ROUND_TRIP
@given(sets(), st.sampled_from(SHAPES))
def test_round_trip(images, way):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        parts = []
        for stem, boxes in images.items():
            png(root / "images" / f"{stem}.png", SIZE)
            parts.append(
                image(f"{stem}.png", *(way(NAMES[kind], *edges) for kind, *edges in boxes))
            )
        write(root / "annotations.xml", annotations(*parts))
        data = read_data(convert("cvat", root, root / "out").data)
        assert data.names == sorted(NAMES)
        assert_boxes(boxes_in(data, len(NAMES)), by_alphabet(images))


@pytest.mark.parametrize("degrees", [0, 30, 45, 137.5, 359])
def test_rotated_shapes_are_in_the_boxes_around_them(tmp_path, degrees):
    parts = [
        image("a.png", box("ant", 60, 40, 100, 60, rotation=degrees)),
        image(
            "b.png", element("ellipse", label="ant", cx=80, cy=50, rx=20, ry=10, rotation=degrees)
        ),
    ]
    data = read_data(converted(tmp_path, *parts).data)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[cos, -sin], [sin, cos]])
    corners = np.array([[-20, -10], [20, -10], [20, 10], [-20, 10]]) @ turn.T + [80, 50]
    t = np.linspace(0, 2 * np.pi, 100001)
    rim = np.stack([20 * np.cos(t), 10 * np.sin(t)], 1) @ turn.T + [80, 50]
    expected = {
        name: [(0, *points.min(0), *points.max(0))] for name, points in (("a", corners), ("b", rim))
    }
    assert_boxes(boxes_in(data, 1), expected)


def test_cuboids_and_what_has_no_area(tmp_path):
    corners = {
        f"{axis}{corner}{side}": {"x": 10, "y": 20}[axis] + 5 * number
        for axis in "xy"
        for number, (corner, side) in enumerate(
            (corner, side) for corner in ("tl", "bl", "tr", "br") for side in "12"
        )
    }
    shapes = [
        element("cuboid", label="ant", **corners),
        element("points", label="ant", points="1.5,2;3,4"),
        element("polyline", label="ant", points="1,2;3,4"),
        '<tag label="ant"/><skeleton label="ant"><points label="1" points="1,2"/></skeleton>',
    ]
    summary = converted(tmp_path, image("a.png", *shapes), image("b.png"))
    assert_boxes(boxes_in(read_data(summary.data), 1), {"a": [(0, 10, 20, 45, 55)], "b": []})
    assert summary.empty == {tmp_path / "annotations.xml": 2}


def test_subsets_are_the_lists(tmp_path):
    parts = [image("a.png", ANT, subset="Train"), image("b.png", ANT, subset="Validation")]
    data = read_data(converted(tmp_path, *parts[::-1]).data)
    assert data.train.read_text() == "JPEGImages/a.png\n"
    second = write(tmp_path / "two.xml", annotations(image("images\\b.png", ANT)))
    data = read_data(converted(tmp_path, image("x/a.png", ANT), valid=second).data)
    assert data.valid.read_text() == "JPEGImages/b.png\n"


def test_occlusion_is_kept_for_evaluation(tmp_path):
    shape = box("ant", 1, 2, 30, 40, occluded=1)
    summary = converted(tmp_path, image("a.png", shape), image("b.png", shape))
    _, truth = read_all(summary.data)
    assert [each["occluded"] for each in truth["annotations"]] == [1]


def test_tracks(tmp_path):
    for number in (0, 7, 12):
        png(tmp_path / "images" / f"frame_{number:06}.png", SIZE)
    size = "<meta><original_size><width>160</width><height>120</height></original_size></meta>"
    frames = [
        box("", 1, 2, 30, 40, frame=0, outside=0, keyframe=1),
        box("", 2, 2, 30, 40, frame=7, outside=0, keyframe=0),
        box("", 2, 2, 30, 40, frame=12, outside=1, keyframe=1),
    ]
    tracks = f'<track id="0" label="ant">{"".join(frames)}</track>'
    tracks += f'<track id="1" label="bee">{polygon("", 5, 6, 7, 8)}</track>'.replace(
        "<polygon", '<polygon frame="7" outside="0"'
    )
    data = read_data(converted(tmp_path, size, tracks).data)
    expected = {
        "frame_000000": [(0, 1, 2, 30, 40)],
        "frame_000007": [(0, 2, 2, 30, 40), (1, 5, 6, 7, 8)],
    }
    assert_boxes(boxes_in(data, 2), expected)


@pytest.mark.parametrize(
    "part, message",
    [
        (image("c.png", ANT), r"annotations\.xml: no image 'c\.png' in "),
        (image("", ANT), "image 2 has no name"),
        (image("b.png", size=("x", 1)), r"image 2 \('b.png'\): width and height; expected numbers"),
        (image("a.png", ANT), "the image 'a.png' is there twice"),
        (image("b.png", box(" ", 1, 2, 3, 4)), r"image 2 \('b.png'\): box 1: label is ''; exp"),
        (image("b.png", box("ant", 1, 2, "x", 4)), "box 1: xbr is 'x', not a number"),
        (image("b.png", ANT, box("ant", 9, 2, 3, 4)), "box 2: the box ends before it begins"),
        (image("b.png", '<box label="ant" xtl="1"/>'), "box 1: ytl is missing"),
        (image("b.png", '<polygon label="ant"/>'), "polygon 1: points; expected x,y;x,y;…"),
        (image("b.png", element("polygon", label="x", points="1,2;3")), "polygon 1: points; exp"),
        (image("b.png", element("polygon", label="x", points="1,z")), "y is 'z', not a number"),
        (image("b.png", box("ant", 1, 2, 3, 4, rotation="x")), "rotation is 'x', not a number"),
        (f'<track label="ant">{ANT}</track>', "track 1: box 1: frame is missing"),
        ("<image>", r"annotations\.xml:\d: malformed XML"),
        ("<!DOCTYPE x>", "a DOCTYPE or entity declaration is refused"),
    ],
)
def test_mistakes(tmp_path, part, message):
    with pytest.raises(DataError, match=message) as error:
        converted(tmp_path, image("a.png", ANT), part)
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_other_files(tmp_path):
    path = write(tmp_path / "annotations.xml", "<annotation/>")
    with pytest.raises(DataError, match=r"the root is 'annotation'; .*; VOC's\? See `pylrm conver"):
        convert("cvat", path, tmp_path / "out")
    with pytest.raises(DataError, match=r"annotations\.xml: no annotated images in it"):
        converted(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"annotations\.xml: No such file"):
        convert("cvat", tmp_path, tmp_path / "out")
