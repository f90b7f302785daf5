"""Small data sets in other formats, and what the tests of their converters share."""

from __future__ import annotations

import json

import cv2
import numpy as np

from pylrm.data.darknet import find_label, read_data, read_ignore, read_labels, read_list
from pylrm.data.images import read_image

# fmt: off
VOC_CLASSES = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
]
# fmt: on


def write(path, text=""):
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def thing(name, box, **flags):
    """An object of a VOC annotation."""
    keys = ("xmin", "ymin", "xmax", "ymax")
    corners = "".join(f"<{key}>{value}</{key}>" for key, value in zip(keys, box, strict=True))
    extra = "".join(f"<{key}>{value}</{key}>" for key, value in flags.items())
    return f"<object><name>{name}</name>{extra}<bndbox>{corners}</bndbox></object>"


def annotation(stem, *things, size=(40, 30), filename=None):
    """A VOC annotation."""
    w, h = size
    return (
        f"<annotation><filename>{filename or stem + '.png'}</filename>"
        f"<size><width>{w}</width><height>{h}</height><depth>3</depth></size>"
        f"{''.join(things)}</annotation>"
    )


def png(path, size=(40, 30)):
    """Write a black image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = cv2.imencode(".png", np.zeros((size[1], size[0], 3), np.uint8))[1].tobytes()
    path.write_bytes(image)


def add(root, stem, *things, size=(40, 30), folders=("Annotations", "JPEGImages")):
    """Add an image and its annotation to a VOC tree."""
    write(root / folders[0] / f"{stem}.xml", annotation(stem, *things, size=size))
    png(root / folders[1] / f"{stem}.png", size)


def lists(root, **members):
    """Write lists of a VOC tree."""
    for name, stems in members.items():
        write(root / "ImageSets" / "Main" / f"{name}.txt", "\n".join(stems) + "\n")


def car(box, kind="Car", truncated=0, occluded=0):
    """A line of a KITTI label."""
    edges = " ".join(str(edge) for edge in box)
    return f"{kind} {truncated} {occluded} -10 {edges} -1 -1 -1 -1000 -1000 -1000 -10"


def add_kitti(root, stem, *lines, size=(124, 37)):
    """Add an image and its label to a KITTI tree."""
    write(root / "label_2" / f"{stem}.txt", "".join(f"{line}\n" for line in lines))
    png(root / "image_2" / f"{stem}.png", size)


def coco(path, images, things, names):
    """Write a COCO file and its images, of 40x30.

    images: names; things: tuples (image's number, category's number, bbox, further fields), both
    from 1.
    """
    for name in images:
        png(path.parent / "images" / name)
    document = {
        "images": [
            {"id": number, "file_name": name, "width": 40, "height": 30}
            for number, name in enumerate(images, 1)
        ],
        "annotations": [
            {"id": number, "image_id": image, "category_id": kind, "bbox": bbox, **extra}
            for number, (image, kind, bbox, extra) in enumerate(things, 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
    }
    return write(path, json.dumps(document))


def snapshot(root):
    """All files below a folder, with their contents."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def pixels(image, classes):
    """Class and edges in pixels, (n, 5), of an image's labels."""
    h, w = read_image(image).shape[:2]
    rows = read_labels(find_label(image), classes).astype(np.float64)
    centre, size = rows[:, 1:3] * (w, h), rows[:, 3:] * (w, h)
    return np.hstack([rows[:, :1], centre - size / 2, centre + size / 2])


def read_all(path):
    """Read all of a data set; returns its .data file's content and truth.json's."""
    data = read_data(path)
    for image in read_list(data.train) + read_list(data.valid):
        assert image.is_file()
        read_labels(find_label(image), data.classes)
        read_ignore(image)
    return data, json.loads(data.truth.read_text("utf-8"))


def boxes_in(data, classes):
    """Class and edges of all boxes of a data set by the images' names."""
    top = data.train.parent / "JPEGImages"
    return {
        str(image.relative_to(top).with_suffix("")): pixels(image, classes).tolist()
        for image in read_list(data.train) + read_list(data.valid)
    }


def assert_boxes(found, expected, precision=1e-3):
    """Hold boxes against those expected: {name: [(class, left, top, right, bottom), …]}."""

    def in_order(boxes):
        return sorted(boxes, key=lambda box: [round(value, 2) for value in box])

    assert found.keys() == expected.keys()
    for name, boxes in expected.items():
        assert len(found[name]) == len(boxes), name
        if boxes:
            difference = np.array(in_order(found[name])) - np.array(in_order(boxes))
            assert np.abs(difference).max() <= precision, name
