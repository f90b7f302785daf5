"""KITTI's object detection benchmark, and others with its labels.

A tree has label_2/*.txt and image_2 (*.png or *.jpg), itself or in training/. A label's line is an
object: type, truncated (a share, 0 to 1), occluded (0 to 3), alpha, left, top, right, bottom (edges
in pixels, from 0), and seven figures of the box in space, which are not looked at; -1 stands for a
truncation or an occlusion that isn't given.

The classes are the six that the paper on Loss Rank Mining counts in its table II. It measures
them by VOC's mAP, so that the .data file says metric=area; its split is a random one, 9 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Literal

from pylrm.convert.annotations import AnnotatedImage, Annotation
from pylrm.convert.reading import IMAGE_SUFFIXES, Found, files_by_stem, finite, is_file, shown
from pylrm.convert.sizes import on_image
from pylrm.errors import DataError
from pylrm.files.text import read_text
from pylrm.terminal import count_of

KITTI_CLASSES = ["car", "truck", "tram", "van", "pedestrian", "cyclist"]
FIELDS = 15

Sitting = Literal["ignore", "pedestrian", "drop"]
Other = Literal["ignore", "drop"]


def read_label(
    path: str | Path,
    *,
    person_sitting: Sitting = "ignore",
    misc: Other = "ignore",
    dontcare: Other = "ignore",
) -> list[Annotation]:
    """Read a label file of KITTI's.

    Parameters
    ----------
    path
        The file.
    person_sitting
        What a Person_sitting becomes: a region to ignore of class pedestrian, a pedestrian, or
        nothing ("drop").
    misc, dontcare
        What Misc and DontCare become: a region to ignore that stands for every class, or nothing.

    Raises
    ------
    DataError
        At the first bad line, naming file and line.
    """
    path = Path(path)
    kinds: dict[str, tuple[str | None, str]] = {name: (name, "object") for name in KITTI_CLASSES}
    kinds["person_sitting"] = ("pedestrian", person_sitting)
    kinds["misc"] = (None, misc)
    kinds["dontcare"] = (None, dontcare)
    objects = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        where = f"{path}:{number}"
        if len(fields) != FIELDS:
            hint = ", and one of a detection 16" if len(fields) == FIELDS + 1 else ""
            raise DataError(
                f"{where}: {count_of(len(fields), 'field')}; a line of a KITTI label has "
                f"{FIELDS}{hint}"
            )
        if fields[0].lower() not in kinds:
            known = "Car, Truck, Tram, Van, Pedestrian, Cyclist, Person_sitting, Misc and DontCare"
            raise DataError(f"{where}: type {shown(fields[0])}; KITTI has {known}")
        truncated = _number(where, "truncated", fields[1])
        occluded = _number(where, "occluded", fields[2])
        if not (0 <= truncated <= 1 or truncated == -1):
            raise DataError(f"{where}: truncated is {fields[1]}; expected 0…1, or -1")
        if occluded not in (-1, 0, 1, 2, 3):
            raise DataError(f"{where}: occluded is {fields[2]}; expected 0, 1, 2, 3 or -1")
        left, top, right, bottom = (
            _number(where, name, field)
            for name, field in zip(("left", "top", "right", "bottom"), fields[4:8], strict=True)
        )
        if left > right or top > bottom:
            raise DataError(
                f"{where}: left {left:g}, right {right:g}, top {top:g}, bottom {bottom:g}; the "
                "box ends before it begins"
            )
        name, role = kinds[fields[0].lower()]
        if role != "drop":
            objects.append(
                Annotation(
                    name,
                    (left, top, right, bottom),
                    truncated=max(truncated, 0.0),
                    occluded=max(int(occluded), 0),
                    ignore=role == "ignore",
                )
            )
    return objects


def _number(where: str, name: str, text: str) -> float:
    value = finite(text)
    if value is None:
        raise DataError(f"{where}: {name} is {shown(text)}; expected a finite number")
    return value


def read(
    source: Path,
    *,
    train: str | None = None,
    valid: str | None = None,
    person_sitting: Sitting = "ignore",
    misc: Other = "ignore",
    dontcare: Other = "ignore",
) -> Found:
    """Find the images and labels of a KITTI tree.

    The benchmark's own metric, "kitti", spares detections in DontCare but not on Misc, as its
    devkit does: misc="drop" goes with it.

    Parameters
    ----------
    source
        The tree, or the folder that holds training/.
    train, valid
        Lists of images, one name a line: files, or names of lists in ImageSets. Default: train
        and val, where both are in ImageSets. Where there is none to validate on: a random split of
        `train`, else of all images that have labels.
    person_sitting, misc, dontcare
        What becomes of them, as `read_label` takes it.

    Raises
    ------
    DataError
        Where anything in the tree doesn't fit, naming the file.
    """
    root = _find_root(source)
    images = files_by_stem(root / "image_2", *IMAGE_SUFFIXES)

    def load(stem: str) -> AnnotatedImage:
        path = root / "label_2" / f"{stem}.txt"
        if stem not in images:
            raise DataError(f"{path}: no image {stem}.png or .jpg in {root / 'image_2'}")
        objects = read_label(path, person_sitting=person_sitting, misc=misc, dontcare=dontcare)
        return on_image(stem, images[stem][0], path, objects)

    def loaders(stems: Sequence[str]) -> dict[str, Callable[[], AnnotatedImage]]:
        return {stem: partial(load, stem) for stem in stems}

    learnt, held = _choose(root, train, valid)
    return Found(loaders(learnt), None if held is None else loaders(held), KITTI_CLASSES)


def _find_root(tree: Path) -> Path:
    if not tree.is_dir():
        raise DataError(f"{tree}: no such folder")
    for root in (tree, tree / "training"):
        if (root / "label_2").is_dir() and (root / "image_2").is_dir():
            return root
    raise DataError(
        f"{tree}: no KITTI tree; expected label_2/*.txt and image_2, here or in training"
    )


def _choose(root: Path, train: str | None, valid: str | None) -> tuple[list[str], list[str] | None]:
    """The images to train and to validate on; None: those to train on are to be split."""
    sets = {
        path.stem: path
        for folder in (root.parent if root.name == "training" else root, root)
        for path in sorted((folder / "ImageSets").glob("*.txt"))
    }
    if train is None and valid is None and {"train", "val"} <= set(sets):
        train, valid = "train", "val"
    labels = root / "label_2"
    stems = sorted(files_by_stem(labels, ".txt"))
    chosen = stems if train is None else _read_set(labels, _find_set(sets, root, train))
    if valid is None:
        return chosen, None
    held = _read_set(labels, _find_set(sets, root, valid))
    if train is None:
        chosen = sorted(set(stems) - set(held))
        if not chosen:
            raise DataError(f"{labels}: {shown(valid)} lists all images; none is left to train on")
    return chosen, held


def _find_set(sets: Mapping[str, Path], root: Path, which: str) -> Path:
    """A list by its name in ImageSets, else by its path."""
    found = sets.get(which, Path(which))
    if not is_file(found):
        there = ", ".join(sorted(sets)) or "no lists"
        raise DataError(
            f"{root}: no list {shown(which)}, in ImageSets or as a file; there are {there}"
        )
    return found


def _read_set(labels: Path, path: Path) -> list[str]:
    """The images that a list names, by stem or by path."""
    stems: dict[str, None] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        image = PurePath(line.strip().replace("\\", "/"))
        stem = image.stem if image.suffix.lower() in IMAGE_SUFFIXES else image.name
        if not stem:
            continue
        if not is_file(labels / f"{stem}.txt"):
            raise DataError(f"{path}:{number}: no label {shown(stem + '.txt')} in {labels}")
        stems[stem] = None
    if not stems:
        raise DataError(f"{path}: no images in it; expected one name a line")
    return list(stems)
