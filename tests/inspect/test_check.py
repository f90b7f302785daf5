"""Checks of a data set: each kind of problem alone, and none in a clean set."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylrm.data.darknet import inspect_truth
from pylrm.data.headers import Header, image_size, read_header
from pylrm.errors import CfgError, DataError
from pylrm.inspect.check import check
from pylrm.inspect.check.images import ImageFacts
from pylrm.inspect.check.kinds import KINDS, Findings
from pylrm.inspect.check.network import Reader, check_fit
from pylrm.inspect.check.page import page
from pylrm.inspect.heads import Head

WriteCfg = Callable[..., Path]


def label(folder: Path, number: int, text: str) -> None:
    (folder / "labels" / f"{number}.txt").write_text(text)


def image(folder: Path, number: int) -> Path:
    return folder / "images" / f"{number}.png"


def first_line(folder: Path, number: int) -> str:
    return (folder / "labels" / f"{number}.txt").read_text()


def listed(folder: Path, name: str) -> list[str]:
    return (folder / f"{name}.txt").read_text().split()


def relist(folder: Path, name: str, images: list[str]) -> None:
    (folder / f"{name}.txt").write_text("\n".join(images) + "\n")


def exif(orientation: int, order: str = "<") -> bytes:
    """EXIF's data with another entry before the orientation's."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    entries = struct.pack(order + "HHII", 0x010F, 2, 1, 0)
    entries += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "IH", 8, 2) + entries + struct.pack(order + "I", 0)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_exif(data: bytes, tiff: bytes) -> bytes:
    """A JPEG or PNG file with EXIF's data, behind another segment."""
    if data.startswith(b"\xff\xd8"):
        body = b"Exif\0\0" + tiff
        other = b"\xff\xe1\x00\x09http\0\0\0"
        return data[:2] + other + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data[:33] + chunk(b"eXIf", tiff) + data[33:]


def truth_file(folder: Path, numbers: list[int]) -> dict[str, list[dict[str, object]]]:
    """The labels as a file in COCO's format, which the .data file names."""
    annotations = []
    for number in numbers:
        kind, x, y, w, h = (float(word) for word in first_line(folder, number).split())
        box = [64 * value for value in (x - w / 2, y - h / 2, w, h)]
        annotations.append({"image_id": number, "category_id": 1 + int(kind), "bbox": box})
    data = folder / "tiny.data"
    if "truth=" not in data.read_text():
        data.write_text(data.read_text() + "truth=truth.json\n")
    document = {
        "images": [{"id": number, "file_name": f"images/{number}.png"} for number in numbers],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "green"}],
    }
    (folder / "truth.json").write_text(json.dumps(document))
    return document


def missing(folder: Path) -> None:
    image(folder, 3).unlink()


def unreadable(folder: Path) -> None:
    image(folder, 3).write_bytes(b"no image")


def empty_file(folder: Path) -> None:
    image(folder, 3).write_bytes(b"")


def cut(folder: Path) -> None:
    image(folder, 3).write_bytes(image(folder, 3).read_bytes()[:-300])


def rotated(folder: Path) -> None:
    image(folder, 3).write_bytes(with_exif(image(folder, 3).read_bytes(), exif(6)))


def twice(folder: Path) -> None:
    relist(folder, "train", [*listed(folder, "train"), "images/3.png"])


def twice_in_valid(folder: Path) -> None:
    relist(folder, "valid", [*listed(folder, "valid"), "images/20.png"])


def copied_in_another_format(folder: Path) -> None:
    pixels = cv2.imread(str(image(folder, 3)))
    assert cv2.imwrite(str(folder / "images" / "copy.bmp"), pixels)
    (folder / "labels" / "copy.txt").write_text(first_line(folder, 3))
    relist(folder, "train", [*listed(folder, "train"), "images/copy.bmp"])


def across(folder: Path) -> None:
    image(folder, 20).write_bytes(image(folder, 3).read_bytes())


def in_both_lists(folder: Path) -> None:
    relist(folder, "valid", [*listed(folder, "valid"), "images/3.png"])


def no_label(folder: Path) -> None:
    (folder / "labels" / "3.txt").unlink()


def bad_lines(folder: Path) -> None:
    label(folder, 3, first_line(folder, 3) + "0 .5 .5 .1\n0 .5 .5 .1 nan\n")
    (folder / "labels" / "3.ignore.txt").write_text("1\n")


def bad_text(folder: Path) -> None:
    (folder / "labels" / "3.ignore.txt").write_bytes(b"\xff\xfe")


def unknown(folder: Path) -> None:
    label(folder, 3, first_line(folder, 3) + "2 .5 .5 .1 .1\n")


def outside(folder: Path) -> None:
    label(folder, 3, "1 .1 .5 .4 .2\n1 .5 .9 .2 .23\n1 .05 .5 .1 .1\n1 .5 .5 1.02 1\n")


def empty_box(folder: Path) -> None:
    label(folder, 3, "1 .1 .5 0 .2\n")


def tiny_box(folder: Path) -> None:
    label(folder, 3, "1 .1 .5 .0005 .2\n")


def no_boxes(folder: Path) -> None:
    for number in range(16):
        label(folder, number, "")


def untrained(folder: Path) -> None:
    for number in range(1, 16, 2):
        label(folder, number, "")


def unmeasured(folder: Path) -> None:
    for number in range(17, 24, 2):
        label(folder, number, "")


def unmeasured_by_the_truth_file(folder: Path) -> None:
    unmeasured(folder)
    document = truth_file(folder, list(range(16, 24, 2)))
    document["images"] += [{"id": n, "file_name": f"images/{n}.png"} for n in range(17, 24, 2)]
    (folder / "truth.json").write_text(json.dumps(document))


def no_truth_file(folder: Path) -> None:
    truth_file(folder, [])
    (folder / "truth.json").unlink()


def broken_truth_file(folder: Path) -> None:
    truth_file(folder, [])
    (folder / "truth.json").write_text("{")


def truth_lacks(folder: Path) -> None:
    truth_file(folder, list(range(16, 23)))


def truth_has_more(folder: Path) -> None:
    truth_file(folder, list(range(14, 24)))


def truth_has_other_objects(folder: Path) -> None:
    truth_file(folder, list(range(16, 24)))
    label(folder, 20, "")
    label(folder, 21, first_line(folder, 20) or "0 .5 .5 .2 .2\n")


def truth_is_elsewhere(folder: Path) -> None:
    document = truth_file(folder, list(range(16, 24)))
    document["annotations"][4]["bbox"] = [0, 0, 3, 3]
    (folder / "truth.json").write_text(json.dumps(document))


ALONE: list[tuple[Callable[[Path], None], str, list[str]]] = [
    (missing, "image-missing", ["3.png"]),
    (unreadable, "image-unreadable", ["3.png: not a readable image"]),
    (empty_file, "image-unreadable", ["3.png: the file is empty"]),
    (cut, "image-cut", ["3.png"]),
    (rotated, "image-rotated", ["3.png: orientation 6: turned 90 degrees clockwise"]),
    (twice, "duplicate", ["3.png is listed twice"]),
    (twice_in_valid, "duplicate", ["20.png is listed twice"]),
    (copied_in_another_format, "duplicate", ["copy.bmp is "]),
    (across, "duplicate-across", ["20.png is .*/3.png, labelled otherwise$"]),
    (in_both_lists, "duplicate-across", ["3.png is listed twice"]),
    (no_label, "label-missing", ["3.png"]),
    (bad_lines, "label-line", ["3.txt:2: 4 f", "3.txt:3: h is nan", "3.ignore.txt:1: 1 field;"]),
    (bad_text, "label-line", ["3.ignore.txt: not UTF-8"]),
    (unknown, "class-unknown", ["3.txt:2: class 2, but .*tiny.data has 2 classes"]),
    (outside, "box-outside", ["3.txt:1: 0.1 beyond the left", "3.txt:2: 0.015 beyond the lower"]),
    (empty_box, "box-empty", ["3.txt:1: 0 of the width, 0.2 of the height"]),
    (tiny_box, "box-tiny", ["3.txt:1: 0.0005 of the width"]),
    (no_boxes, "no-boxes", ["train.txt: not one box in 16 images"]),
    (untrained, "class-untrained", ["train.txt: green"]),
    (unmeasured, "class-unmeasured", ["valid.txt: green"]),
    (unmeasured_by_the_truth_file, "class-unmeasured", ["truth.json: green"]),
    (no_truth_file, "truth-file", ["tiny.data names .*truth.json, which is not there"]),
    (broken_truth_file, "truth-file", ["truth.json:1: not JSON"]),
    (truth_lacks, "truth-image", ["truth.json: no such image: .*23.png"]),
    (truth_has_more, "truth-more", ["2 of 10 images, first images/14.png"]),
    (
        truth_has_other_objects,
        "truth-objects",
        ["20.png: 0 labels of red, 1 in", "21.png: 1 label of red, 0 in"],
    ),
    (truth_is_elsewhere, "truth-objects", ["20.png: a label of red is elsewhere"]),
]


@pytest.mark.parametrize("breaks, kind, texts", ALONE, ids=[case[0].__name__ for case in ALONE])
def test_each_problem_is_found_alone(
    tiny_data: Path, breaks: Callable[[Path], None], kind: str, texts: list[str]
) -> None:
    breaks(tiny_data.parent)
    report = check(tiny_data)
    found = report.findings.found()
    assert list(found) == [kind]
    lines = [example.text for example in found[kind]]
    assert len(lines) == len(texts)
    for line, text in zip(lines, texts, strict=True):
        assert re.search(text, line), line
    assert report.failed == KINDS[kind].error
    shown = report.text(None)
    assert all(line in shown for line in lines) and KINDS[kind].todo[:30] in shown
    record = json.loads(json.dumps(report.record()))
    assert record["findings"][0]["examples"] == lines and record["failed"] == report.failed


def test_every_kind_has_a_test() -> None:
    fit = {"anchors-poor", "truth-lost", "below-cell", "too-many"}
    assert {case[1] for case in ALONE} | fit == set(KINDS)


def test_a_clean_set_gives_nothing(tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    folder = tiny_data.parent
    label(folder, 2, "")  # background that is meant
    (folder / "labels" / "3.ignore.txt").write_text(".5 .5 .2 .2\n")
    document = truth_file(folder, list(range(16, 24)))
    more = {"image_id": 20, "category_id": 1, "bbox": [1, 1, 9, 9]}  # labels know nothing of it
    document["annotations"] += [{**more, "difficult": 1}, {**more, "ignore": 1}]
    (folder / "truth.json").write_text(json.dumps(document))
    calls: list[tuple[int, int]] = []
    report = check(tiny_data, cfg=tiny_cfg(), progress=lambda *call: calls.append(call))
    assert report.findings.found() == {} and not report.failed
    assert calls == [(done, 24) for done in range(1, 25)]
    text = report.text()
    assert "nothing wrong" in text and "error" not in text
    rows = [line.split() for line in text.splitlines()[2:7]]
    assert rows == [
        ["train", "valid"],
        ["class", "boxes", "images", "boxes", "images"],
        ["red", "7", "7", "4", "4"],
        ["green", "8", "8", "4", "4"],
        ["all", "15", "16", "8", "8"],
    ]
    record = report.record()
    assert record["findings"] == [] and record["lists"]["train"]["ignored"] == 1
    assert record["network"]["boxes"] == 15 and record["network"]["lost"] == 0


def test_without_a_valid_list_the_rest_is_checked(tiny_data: Path) -> None:
    tiny_data.write_text("classes=2\ntrain=train.txt\n")
    report = check(tiny_data)
    assert list(report.summaries) == ["train"] and report.findings.found() == {}


def test_how_the_boxes_fit_a_network(tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    folder = tiny_data.parent
    # The grid has 8x8 cells of 8x8 pixels; the anchors are 2x2 and 3.5x3.5 cells.
    label(folder, 3, "1 .5 .5 .25 .25\n1 .51 .51 .25 .25\n1 .51 .51 .4 .4\n1 .9 .9 .1 .1\n" * 1)
    label(folder, 5, "1 .5 .5 .25 .25\n" * 11)
    (folder / "labels" / "7.ignore.txt").write_text(".5 .5 .5 .5\n" * 10)
    report = check(tiny_data, cfg=tiny_cfg())
    found = {kind: [e.text for e in es] for kind, es in report.findings.found().items()}
    assert list(found) == ["truth-lost", "below-cell", "too-many"]
    name = str(image(folder, 3))
    assert found["truth-lost"][0] == f"{name}: 1 of 4" and found["below-cell"] == [
        f"{name}: 1 of 4"
    ]
    assert found["truth-lost"][1].endswith("5.png: 10 of 11")
    assert [text.split("/")[-1] for text in found["too-many"]] == [
        "5.png: 11, and max=10",
        "7.png: 11, and max=10",
    ]
    assert report.findings.count("truth-lost") == report.fit.lost == 11
    assert report.findings.examples["truth-lost"][0].rows == (0,)
    assert not report.failed
    cfg = tiny_cfg()
    cfg.write_text(cfg.read_text().replace("anchors=2,2, 3.5,3.5", "anchors=7,7, 8,.5"))
    report = check(tiny_data, cfg=cfg)
    assert f"tiny.cfg: average IoU of the boxes with the best anchor {report.fit.iou:.3f}" in (
        report.findings.examples["anchors-poor"][0].text
    )
    with pytest.raises(CfgError, match="2 classes"):
        tiny_data.write_text("classes=3\ntrain=train.txt\n")
        check(tiny_data, cfg=cfg)


def test_the_finest_grid_decides_what_is_smaller_than_a_cell(tiny_data: Path) -> None:
    heads = [
        Head("yolo", (n, n), (64, 64), np.array([[0.2, 0.2]]), np.array([0]), by_prediction=False)
        for n in (4, 8)
    ]
    reader = Reader(tiny_data, (64, 64), heads, 10, letterbox=True)
    name = image(tiny_data.parent, 3)
    looks: dict[Path, ImageFacts | None] = {name: ImageFacts((64, 64))}
    for size, below in ((0.2, 0), (0.12, 1)):
        label(tiny_data.parent, 3, f"1 .5 .5 {size} {size}\n")
        fit = check_fit(reader, [inspect_truth(name, 2)], looks, Findings())
        assert (fit.boxes, fit.below_cell) == (1, below)


def test_stretched_images_have_other_boxes(tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    folder = tiny_data.parent
    assert cv2.imwrite(str(image(folder, 3)), np.full((30, 120, 3), 9, np.uint8))
    label(folder, 3, "1 .5 .5 .12 .3\n")  # letterboxed 7.7x4.8 pixels, stretched 7.7x19.2
    assert list(check(tiny_data, cfg=tiny_cfg()).findings.found()) == ["below-cell"]
    assert check(tiny_data, cfg=tiny_cfg(), letterbox=False).findings.found() == {}


def test_mistakes_that_leave_nothing_to_check(tiny_data: Path) -> None:
    (tiny_data.parent / "valid.txt").unlink()
    with pytest.raises(DataError, match="valid.txt, which is not there"):
        check(tiny_data)
    with pytest.raises(DataError, match="none.data"):
        check(tiny_data.parent / "none.data")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.one_of(st.binary(max_size=30), st.just(b"0 .5 .5 .1 .1\n")), max_size=6))
def test_any_bytes_as_labels_are_findings(tmp_path: Path, parts: list[bytes]) -> None:
    (tmp_path / "a.txt").write_bytes(b"".join(parts))
    (tmp_path / "a.ignore.txt").write_bytes(b"".join(reversed(parts)))
    (tmp_path / "train.txt").write_text("a.png\n")
    (tmp_path / "d.data").write_text("classes=2\ntrain=train.txt\n")
    assert cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    report = check(tmp_path / "d.data")
    text = report.text(None)
    for examples in report.findings.found().values():
        assert all(example.text in text for example in examples)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_headers(tmp_path: Path, suffix: str, order: str) -> None:
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 255, (30, 50, 3)))
    plain = path.read_bytes()

    def header(data: bytes) -> Header | None:
        path.write_bytes(data)
        with path.open("rb") as file:
            return read_header(file)

    assert header(plain) == Header(50, 30, 1, False)
    for orientation in range(1, 9):
        data = with_exif(plain, exif(orientation, order))
        assert header(data) == Header(50, 30, orientation, False)
        assert image_size(path) == (50, 30)
        # OpenCV reads the same orientation: a quarter turn changes the size.
        turned = cv2.imread(str(path), cv2.IMREAD_COLOR).shape[:2] == (50, 30)
        assert turned == (orientation >= 5)
    for nonsense in (0, 9, 65535):
        assert header(with_exif(plain, exif(nonsense, order))) == Header(50, 30, 1, False)
    assert header(plain[:-20]) == Header(50, 30, 1, True)
    assert header(plain + b"\0" * 9) == Header(50, 30, 1, False)
    assert header(plain.replace(b"\xff\xc0\0", b"\xff\xff\xff\xc0\0")) == Header(50, 30, 1, False)
    assert header(plain[:12]) is None and header(b"") is None and header(b"GIF89a") is None
    with pytest.raises(DataError, match="a\\."):
        image_size(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_bytes_upset_the_header(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a"
    for suffix in (".jpg", ".png"):
        _, encoded = cv2.imencode(suffix, np.zeros((9, 9, 3), np.uint8))
        content = bytearray(with_exif(encoded.tobytes(), exif(3)))
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(2, min(len(content) - 1, 120)))] = data.draw(
                st.integers(0, 255)
            )
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        with path.open("rb") as file:
            found = read_header(file)
        assert found is None or (found.width > 0 and 1 <= found.orientation <= 8)


def test_the_page_shows_what_is_meant(tiny_data: Path) -> None:
    red = np.array([40, 40, 230], np.int64)

    def close_to_red(drawn: np.ndarray) -> int:
        return int((np.abs(drawn.astype(np.int64) - red).max(axis=-1) < 12).sum())

    assert page(check(tiny_data)).shape[1] > 4 * 320  # images with most boxes, four a row
    for breaks, drawn in ((rotated, False), (outside, True)):
        breaks(tiny_data.parent)
        shown = page(check(tiny_data))
        assert shown.shape[1] < 2 * 320  # that image alone, whose square is green
        # An outline and a small text; of an image of 64x64 pixels too.
        assert 300 < close_to_red(shown) < 2500 if drawn else close_to_red(shown) == 0
    for number in range(24):
        image(tiny_data.parent, number).write_bytes(b"no")
    with pytest.raises(DataError, match="not one image can be read"):
        page(check(tiny_data))
