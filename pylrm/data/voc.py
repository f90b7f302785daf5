"""PASCAL VOC trees, and others with VOC's annotations, to Darknet's files.

A tree has a folder of annotations (Annotations/*.xml), one of images (JPEGImages or images; the
annotations' own serves too) and, usually, lists (ImageSets/Main/trainval.txt, …). VOCdevkit, a
folder of such trees (VOC2007, VOC2012), counts as one data set.

Corners in VOC are pixels counted from 1, both inclusive. As other Darknets' converter does, a box
becomes centre ((xmin + xmax)/2 - 1)/width and size (xmax - xmin)/width: from the first pixel's
left edge to the last one's. The file for evaluation holds the same box in pixels,
[xmin - 1, ymin - 1, xmax - xmin, ymax - ymin], so that right = left + width is VOC's xmax - 1.
"""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from pylrm.data.conversion import Picture, Summary, Thing, check_target, write
from pylrm.data.darknet import read_names
from pylrm.data.images import read_image
from pylrm.errors import DataError

# fmt: off
VOC_CLASSES = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
]
# fmt: on

_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Annotation:
    """One annotation file: the image's name, its size in pixels (0: not given), its objects."""

    filename: str
    width: int
    height: int
    objects: list[Thing]


@dataclass
class _Part:
    """One tree: its folders, and the images' files by stem."""

    root: Path
    annotations: Path
    images: Path
    prefix: str
    files: dict[str, list[str]] = field(default_factory=dict)

    def lists(self) -> dict[str, Path]:
        """The lists of images by name; CLASS_train and the like are among them."""
        folder = self.root / "ImageSets" / "Main"
        return {path.stem: path for path in sorted(folder.glob("*.txt"))}

    def image_of(self, stem: str, annotation: Annotation, source: Path) -> Path:
        """The image that an annotation describes."""
        wanted = PurePosixPath(annotation.filename.replace("\\", "/")).name
        found = self.files.get(stem) or self.files.get(Path(wanted).stem, [])
        if not found:
            raise DataError(f"{source}: no image '{wanted or stem}' in {self.images}")
        return self.images / (wanted if wanted in found else found[0])


@dataclass(frozen=True)
class _Item:
    """An entry of a list."""

    part: _Part
    stem: str


def read_annotation(path: str | Path) -> Annotation:
    """Read one VOC annotation.

    Raises
    ------
    DataError
        Where the file is malformed, holds a DOCTYPE or entities, or a value doesn't fit.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    plain = data.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise DataError(f"{path}: a DOCTYPE or entity declaration is refused in an annotation")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line, column = error.position
        reason = str(error).split(":")[0]
        raise DataError(f"{path}:{line}: malformed XML ({reason}, column {column + 1})") from error
    except (ValueError, LookupError) as error:
        raise DataError(f"{path}: malformed XML ({error})") from error
    if root.tag != "annotation":
        raise DataError(f"{path}: the root is <{root.tag}>; expected <annotation>")

    width = int(_number(path, root, "size/width", "the image", 0))
    height = int(_number(path, root, "size/height", "the image", 0))
    if width < 0 or height < 0:
        raise DataError(f"{path}: a size of {width}x{height}")
    objects = []
    for count, element in enumerate(root.findall("object"), 1):
        name = " ".join((element.findtext("name") or "").split())
        if not name:
            raise DataError(f"{path}: object {count} has no <name>")
        what = f"object {count} ({name})"
        if element.find("bndbox") is None:
            raise DataError(f"{path}: {what} has no <bndbox>")
        xmin, ymin, xmax, ymax = (
            _number(path, element, f"bndbox/{key}", what)
            for key in ("xmin", "ymin", "xmax", "ymax")
        )
        if xmin > xmax or ymin > ymax:
            raise DataError(
                f"{path}: {what}: xmin {xmin:g}, xmax {xmax:g}, ymin {ymin:g}, ymax {ymax:g}; "
                "a minimum is greater than its maximum"
            )
        flags = [
            _number(path, element, key, what, 0) != 0
            for key in ("difficult", "truncated", "occluded")
        ]
        objects.append(Thing(name, (xmin - 1, ymin - 1, xmax - 1, ymax - 1), *flags))
    return Annotation((root.findtext("filename") or "").strip(), width, height, objects)


def _number(
    path: Path, element: ElementTree.Element, key: str, what: str, fallback: float | None = None
) -> float:
    """A finite number within `element`; where it is missing or blank, `fallback`."""
    text = (element.findtext(key) or "").strip()
    if not text and fallback is not None:
        return fallback
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        found = f"'{text}', not a number" if text else "missing"
        raise DataError(f"{path}: {what}: <{key.split('/')[-1]}> is {found}")
    return value


def convert(
    tree: str | Path,
    out: str | Path,
    *,
    name: str | None = None,
    names: str | Path | None = None,
    train: str | None = None,
    valid: str | None = None,
    split: float = 0.9,
    seed: int = 0,
    metric: str = "area",
    copy: bool = False,
) -> Summary:
    """Write Darknet's files of a VOC tree into a folder.

    An earlier conversion there is replaced; nothing is written where anything is wrong with the
    tree. `pylrm.data.conversion` says what the files are.

    Parameters
    ----------
    tree
        The tree, or a folder of trees.
    out
        The folder to write.
    name
        Of the data set; default: that of `out`.
    names
        A file of class names; default: those found, by the alphabet, or VOC's own order where all
        are VOC's.
    train, valid
        Lists in ImageSets/Main. Default: trainval and test, where a tree has a test list and its
        annotations, else train and val. Where there is none to validate on: a random split.
    split, seed
        Share of the images to train on in a random split, and its seed.
    metric
        metric= of the .data file: area or 11point.
    copy
        Copy images in place of links.

    Raises
    ------
    DataError
        Where anything in the tree or the folder doesn't fit, naming the file.
    """
    tree, out = Path(tree).absolute(), Path(out).absolute()
    name = name or out.name
    check_target(out, name, metric)
    if not 0 < split < 1:
        raise DataError(f"a split of {split}; expected a share between 0 and 1")
    chosen = _choose(_find_parts(tree), train, valid, split, seed)
    lists = {part: [_picture(item) for item in items] for part, items in chosen.items()}
    classes = _classes(lists, Path(names) if names is not None else None)
    return write(out, name, lists, classes, metric=metric, copy=copy)


def _picture(item: _Item) -> Picture:
    source = item.part.annotations / f"{item.stem}.xml"
    annotation = read_annotation(source)
    image = item.part.image_of(item.stem, annotation, source)
    width, height = annotation.width, annotation.height
    if not (width and height):
        height, width = read_image(image, 1).shape[:2]
    return Picture(item.part.prefix + item.stem, image, source, width, height, annotation.objects)


def _folder(root: Path, *names: str) -> Path | None:
    """The first folder in `root` with one of the names, whatever their case."""
    found = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    return next((found[name] for name in names if name in found), None)


def _find_part(root: Path, prefix: str) -> _Part | None:
    annotations = _folder(root, "annotations")
    images = _folder(root, "jpegimages", "images")
    if annotations is None:
        annotations = next(
            (folder for folder in (images, root) if folder and any(folder.glob("*.xml"))), None
        )
    if annotations is None:
        return None
    part = _Part(root, annotations, images or annotations, prefix)
    for file in sorted(part.images.iterdir()):
        if file.suffix.lower() in _EXTENSIONS:
            part.files.setdefault(file.stem, []).append(file.name)
    return part


def _find_parts(tree: Path) -> list[_Part]:
    if not tree.is_dir():
        raise DataError(f"{tree}: no such folder")
    part = _find_part(tree, "")
    if part is not None:
        return [part]
    for root in (tree, tree / "VOCdevkit"):
        if root.is_dir():
            parts = [_find_part(p, f"{p.name}/") for p in sorted(root.iterdir()) if p.is_dir()]
            found = [part for part in parts if part is not None]
            if found:
                return found
    raise DataError(
        f"{tree}: no VOC tree; expected Annotations/*.xml with JPEGImages or images beside it, "
        "or folders of such trees"
    )


def _read_set(part: _Part, path: Path) -> list[_Item]:
    items = []
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(lines, 1):
        stem = line.strip()
        if not stem:
            continue
        if "/" in stem or "\\" in stem or stem in (".", ".."):
            raise DataError(f"{path}:{number}: '{stem}' is no image's name")
        if not (part.annotations / f"{stem}.xml").is_file():
            raise DataError(f"{path}:{number}: no annotation {part.annotations / stem}.xml")
        items.append(_Item(part, stem))
    return items


def _gather(parts: Sequence[_Part], which: str) -> list[_Item]:
    """The images that all parts' lists of a name hold."""
    items = [
        item
        for part in parts
        for name, path in part.lists().items()
        if name == which
        for item in _read_set(part, path)
    ]
    if not items:
        there = sorted({name for part in parts for name in part.lists() if "_" not in name})
        raise DataError(
            f"{parts[0].root}: no images in a list ImageSets/Main/{which}.txt; "
            f"there are {', '.join(there) or 'no lists'}"
        )
    return items


def _tests(part: _Part) -> bool:
    """Whether a part has a test list with annotations: VOC2012's are not public."""
    path = part.lists().get("test")
    if path is None:
        return False
    names = path.read_text("utf-8-sig", errors="replace").split("\n")
    first = next((line.strip() for line in names if line.strip()), "")
    return bool(first) and (part.annotations / f"{first}.xml").is_file()


def _choose(
    parts: Sequence[_Part], train: str | None, valid: str | None, split: float, seed: int
) -> dict[str, list[_Item]]:
    """The images to train and to validate on."""
    there = {name for part in parts for name in part.lists()}
    if valid is None and train is None:
        if "trainval" in there and any(_tests(part) for part in parts):
            return {
                "train": _gather(parts, "trainval"),
                "valid": _gather([part for part in parts if _tests(part)], "test"),
            }
        if {"train", "val"} <= there:
            return {"train": _gather(parts, "train"), "valid": _gather(parts, "val")}
        if "train" in there and any(_tests(part) for part in parts):
            return {"train": _gather(parts, "train"), "valid": _gather(parts, "test")}
    if valid is not None:
        usual = next((name for name in ("trainval", "train") if name in there), "trainval")
        return {"train": _gather(parts, train or usual), "valid": _gather(parts, valid)}
    if train is None:
        train = next((name for name in ("trainval", "train") if name in there), None)
    if train is not None:
        items = _gather(parts, train)
    else:
        items = [
            _Item(part, path.stem)
            for part in parts
            for path in sorted(part.annotations.glob("*.xml"))
        ]
    if len(items) < 2:
        raise DataError(f"{parts[0].root}: {len(items)} annotated images; a split needs two")
    order = np.random.default_rng(seed).permutation(len(items))
    count = min(max(round(split * len(items)), 1), len(items) - 1)
    return {
        "train": [items[index] for index in sorted(order[:count])],
        "valid": [items[index] for index in sorted(order[count:])],
    }


def _classes(lists: Mapping[str, Sequence[Picture]], names: Path | None) -> list[str]:
    known = None if names is None else read_names(names)
    found: set[str] = set()
    for picture in itertools.chain(*lists.values()):
        for thing in picture.things:
            if known is not None and thing.name not in known:
                raise DataError(f"{picture.source}: class '{thing.name}' is not in {names}")
            found.add(thing.name)
    if known is not None:
        return known
    if not found:
        raise DataError("the annotations hold no objects")
    return list(VOC_CLASSES) if found <= set(VOC_CLASSES) else sorted(found)
