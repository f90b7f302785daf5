"""Drawn data sets in the folders in which public ones come."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.convert.trees import VOC_CLASSES, add, add_kitti, car, lists, thing
from tests.convert.trees import coco as write_coco

KITTI = ("Car", "Truck", "Tram", "Van", "Pedestrian", "Cyclist")


def kitti(folder: Path) -> None:
    """KITTI/training with ten images, on each an object of each class."""
    root = folder / "KITTI" / "training"
    for number in range(10):
        places = [(3 + 20 * place, 4 + number, 19 + 20 * place, 24 + number) for place in range(6)]
        lines = [car(box, kind) for box, kind in zip(places, KITTI, strict=True)]
        add_kitti(root, f"{number:06}", *lines)
    paint(root / "image_2")


def voc(folder: Path) -> None:
    """VOCdevkit with both years and their lists, on each image some of the twenty classes."""
    for year, count in (("VOC2007", 6), ("VOC2012", 4)):
        root = folder / "VOCdevkit" / year
        stems = [f"{year[3:]}_{number:06}" for number in range(count)]
        for stem in stems:
            boxes = [(1 + 3 * place, 2 + place, 20 + 3 * place, 20 + place) for place in range(20)]
            add(root, stem, *map(thing, VOC_CLASSES, boxes), size=(80, 60))
        half = count // 2
        kept = stems[:-2] if year == "VOC2007" else stems
        lists(root, train=kept[:half], val=kept[half:], trainval=kept)
        if year == "VOC2007":
            lists(root, test=stems[-2:])
        paint(root / "JPEGImages")


def coco(folder: Path) -> None:
    """The files of COCO 2017 and their images, of people, bicycles and dogs."""
    for half in ("train", "val"):
        things = [(1, 1, [2, 3, 10, 12], {}), (1, 2, [15, 5, 9, 9], {}), (2, 3, [4, 4, 8, 8], {})]
        images = [f"{half}-{number}.png" for number in range(2)]
        path = folder / "coco" / "annotations" / f"instances_{half}2017.json"
        write_coco(path, images, things, ["person", "bicycle", "dog"])


def paint(folder: Path) -> None:
    """Give images in a folder random pixels in place of black ones."""
    random = np.random.default_rng(0)
    for path in sorted(folder.iterdir()):
        height, width = cv2.imread(str(path)).shape[:2]
        assert cv2.imwrite(str(path), random.integers(0, 256, (height, width, 3)).astype(np.uint8))
