"""Annotations made at another size than the image's."""

import struct

import numpy as np
import pytest

from pylrm.convert import convert
from pylrm.data.darknet import read_list
from pylrm.errors import DataError
from tests.convert.trees import (
    add,
    add_kitti,
    annotation,
    car,
    lists,
    pixels,
    png,
    read_all,
    thing,
    write,
)
from tests.convert.trees import coco as write_coco

HALF = (80, 60)  # twice the image's 40x30


def voc_tree(tmp_path, size, box=(21, 11, 61, 41)):
    """Two images of 40x30; the first is annotated at another size."""
    root = tmp_path / "tree"
    add(root, "a")
    add(root, "b", thing("ant", (1, 1, 9, 9)))
    path = write(root / "Annotations" / "a.xml", annotation("a", thing("ant", box), size=size))
    lists(root, train=["a"], val=["b"])
    return root, path


def coco_file(tmp_path, size):
    """The same in COCO's format."""
    things = [(1, 1, [20, 10, 40, 30], {"area": 600}), (2, 1, [0, 0, 8, 8], {})]
    path = write_coco(tmp_path / "a.json", ["a.png", "b.png"], things, ["ant"])
    old = '"file_name": "a.png", "width": 40, "height": 30'
    new = f'"file_name": "a.png", "width": {size[0]}, "height": {size[1]}'
    assert old in path.read_text()
    return write(path, path.read_text().replace(old, new))


def rotated(path, orientation):
    """Give a PNG file an EXIF orientation."""
    data = path.read_bytes()
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HHI", orientation, 0, 0)
    path.write_bytes(
        data[:33] + struct.pack(">I", len(exif)) + b"eXIf" + exif + b"\0" * 4 + data[33:]
    )


def test_voc_refuses_scales_or_keeps(tmp_path):
    root, path = voc_tree(tmp_path, HALF)
    with pytest.raises(
        DataError, match="annotated at 80x60, but .*a.png is 40x30; --size-mis"
    ) as e:
        convert("voc", root, tmp_path / "out")
    assert str(e.value).startswith(f"{path}: ") and not (tmp_path / "out").exists()
    for way, box in (("scale", [10, 5, 30, 20]), ("keep", [20, 10, 40, 30])):
        data, _ = read_all(convert("voc", root, tmp_path / "out", size_mismatch=way).data)
        np.testing.assert_allclose(pixels(read_list(data.train)[0], 1), [[0, *box]], atol=1e-4)


def test_coco_refuses_scales_or_keeps(tmp_path):
    path = coco_file(tmp_path, (80, 15))
    with pytest.raises(DataError, match=r"a\.json: annotated at 80x15, but .*a.png is 40x30"):
        convert("coco", path, tmp_path / "out", valid=path)
    for way, expected in (("scale", [10, 20, 20, 10, 600]), ("keep", [20, 10, 20, 20, 600])):
        _, truth = read_all(
            convert("coco", path, tmp_path / "out", valid=path, size_mismatch=way).data
        )
        found = truth["annotations"][0]
        np.testing.assert_allclose([*found["bbox"], found["area"]], expected)


@pytest.mark.parametrize("way", ["refuse", "scale"])
def test_swapped_sizes_are_explained(tmp_path, way):
    root, path = voc_tree(tmp_path, (30, 40))
    with pytest.raises(DataError, match="annotated at 30x40, but .* 40x30: width and height are s"):
        convert("voc", root, tmp_path / "out", size_mismatch=way)
    convert("voc", root, tmp_path / "out", size_mismatch="keep")
    rotated(root / "JPEGImages" / "a.png", 6)
    for size in ((30, 40), (60, 80)):
        write(path, annotation("a", thing("ant", (1, 1, 9, 9)), size=size))
        with pytest.raises(DataError, match=r"stores 40x30, to be turned .*orientation 6\); Dark"):
            convert("voc", root, tmp_path / "out", size_mismatch=way)
    write(path, annotation("a", thing("ant", (1, 1, 9, 9))))
    convert("voc", root, tmp_path / "out", size_mismatch=way)


def test_images_that_exif_turns_by_half(tmp_path):
    """The size cannot tell whether the boxes are of the turned image."""
    root, _ = voc_tree(tmp_path, (40, 30), (11, 6, 31, 21))
    rotated(root / "JPEGImages" / "a.png", 3)
    for way in ("refuse", "scale"):
        with pytest.raises(DataError, match=r"a\.xml: .*orientation 3\), and nothing says whether"):
            convert("voc", root, tmp_path / "out", size_mismatch=way)
    data, _ = read_all(convert("voc", root, tmp_path / "out", size_mismatch="keep").data)
    np.testing.assert_allclose(pixels(read_list(data.train)[0], 1), [[0, 10, 5, 30, 20]], atol=1e-4)


def test_an_image_that_cannot_be_read_has_the_annotated_size(tmp_path):
    root, _ = voc_tree(tmp_path, HALF)
    (root / "JPEGImages" / "a.png").write_bytes(b"")
    assert convert("voc", root, tmp_path / "out").images == {"train": 1, "valid": 1}


@pytest.mark.parametrize("name", ["voc", "coco", "kitti"])
def test_boxes_that_are_shares_are_refused(tmp_path, name):
    box = (0.25, 0.25, 0.5, 0.75)
    if name == "voc":
        source = tmp_path / "tree"
        for stem in "ab":
            add(source, stem, thing("ant", box))
    elif name == "kitti":
        source = tmp_path / "tree"
        for stem in "ab":
            add_kitti(source, stem, car(box))
    else:
        things = [(image, 1, box, {}) for image in (1, 2)]
        source = write_coco(tmp_path / "a.json", ["a.png", "b.png"], things, ["ant"])
    with pytest.raises(DataError, match="no box reaches beyond 1, .* shares of the image"):
        convert(name, source, tmp_path / "out")


def test_sizes_of_other_image_formats_count_too(tmp_path):
    import cv2

    root, _ = voc_tree(tmp_path, HALF)
    image = root / "JPEGImages" / "a.png"
    cv2.imwrite(str(image.with_suffix(".bmp")), np.zeros((30, 40, 3), np.uint8))
    image.unlink()
    with pytest.raises(DataError, match=r"a\.bmp is 40x30"):
        convert("voc", root, tmp_path / "out")


def test_no_pixels_are_decoded(tmp_path, monkeypatch):
    root, _ = voc_tree(tmp_path, (40, 30))
    png(root / "JPEGImages" / "c.png")
    monkeypatch.setattr("pylrm.data.images.read_image", lambda *_: pytest.fail("decoded"))
    convert("voc", root, tmp_path / "out")
