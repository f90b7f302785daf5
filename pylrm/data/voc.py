"""PASCAL VOC trees, and others with VOC's annotations, to Darknet's files.

A tree has a folder of annotations (Annotations/*.xml), one of images (JPEGImages or images; the
annotations' own serves too) and, usually, lists (ImageSets/Main/trainval.txt, …). VOCdevkit, a
folder of such trees (VOC2007, VOC2012), counts as one data set.

`pylrm.data.vocxml` says how boxes are taken. The file for evaluation holds the same box in pixels,
[xmin - 1, ymin - 1, xmax - xmin, ymax - ymin], so that right = left + width is VOC's xmax - 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pylrm.data.conversion import check_target, write
from pylrm.data.darknet import Metric, read_names
from pylrm.data.headers import image_size
from pylrm.data.sources import IMAGE_SUFFIXES, Progress, is_file, read_pictures, reading, shown
from pylrm.data.split import split as split_names
from pylrm.data.summary import Summary, summarise
from pylrm.data.things import Difficult, Picture
from pylrm.data.vocxml import Annotation, read_annotation
from pylrm.errors import DataError
from pylrm.files.text import read_text

# fmt: off
VOC_CLASSES = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
]
# fmt: on


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
            raise DataError(f"{source}: no image {shown(wanted or stem)} in {self.images}")
        return self.images / (wanted if wanted in found else found[0])


@dataclass(frozen=True)
class _Item:
    """An entry of a list."""

    part: _Part
    stem: str

    @property
    def name(self) -> str:
        """The image's name in the data set."""
        return self.part.prefix + self.stem


def convert(
    tree: str | Path,
    out: str | Path,
    *,
    name: str | None = None,
    names: str | Path | None = None,
    train: str | None = None,
    valid: str | None = None,
    difficult: Difficult = "ignore",
    split: float = 0.9,
    seed: int = 0,
    metric: Metric = "area",
    copy: bool = False,
    progress: Progress | None = None,
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
        Lists in ImageSets/Main, separated by commas: "trainval" is that of all trees,
        "2007:trainval" that of VOC2007. Default: trainval and test, where a tree has a test list
        and its annotations, else train and val. Where there is none to validate on: a random split.
    difficult
        What difficult objects are in training: regions to ignore, objects to "train" like others,
        or nothing ("drop", as other Darknets' converter does). Evaluation always knows of them.
    split, seed
        Share of the images to train on in a random split, and its seed; see `pylrm.data.split`.
    metric
        metric= of the .data file; VOC2007 was measured at "11point".
    copy
        Copy images in place of links.
    progress
        Is told how far it is.

    Raises
    ------
    DataError
        Where anything in the tree or the folder doesn't fit, naming the file.
    """
    tree, out = Path(tree).absolute(), Path(out).absolute()
    name = out.name if name is None else name
    check_target(out, name, metric)
    with reading(tree):
        chosen = _choose(_find_parts(tree), train, valid, split, seed)
        lists = read_pictures(chosen, _picture, progress)
        classes = _classes(tree, lists, Path(names) if names is not None else None)
    data = write(
        out, name, lists, classes, metric=metric, copy=copy, difficult=difficult, progress=progress
    )
    return summarise(data, lists, classes, difficult)


def _picture(item: _Item) -> Picture:
    source = item.part.annotations / f"{item.stem}.xml"
    annotation = read_annotation(source)
    image = item.part.image_of(item.stem, annotation, source)
    width, height = annotation.width, annotation.height
    if not (width and height):
        width, height = image_size(image)
    return Picture(item.name, image, source, width, height, annotation.objects)


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
        if file.suffix.lower() in IMAGE_SUFFIXES:
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
    for number, line in enumerate(read_text(path).splitlines(), 1):
        stem = line.strip()
        if not stem:
            continue
        if "/" in stem or "\\" in stem or stem in (".", ".."):
            raise DataError(f"{path}:{number}: {shown(stem)} is no image's name")
        if not is_file(part.annotations / f"{stem}.xml"):
            raise DataError(
                f"{path}:{number}: no annotation {shown(stem + '.xml')} in {part.annotations}"
            )
        items.append(_Item(part, stem))
    return items


def _gather(parts: Sequence[_Part], which: str) -> list[_Item]:
    """The images that the parts' lists hold; `which` is names of lists, as `convert` takes them."""
    items: dict[str, _Item] = {}
    for entry in which.split(","):
        tree, _, name = entry.strip().rpartition(":")
        among = [part for part in parts if not tree or part.root.name in (tree, f"VOC{tree}")]
        if not among:
            trees = ", ".join(part.root.name for part in parts)
            raise DataError(f"{parts[0].root.parent}: no tree {shown(tree)}; there are {trees}")
        found = [
            item
            for part in among
            for stem, path in part.lists().items()
            if stem == name
            for item in _read_set(part, path)
        ]
        if not found:
            there = {stem for part in among for stem in part.lists() if "_" not in stem}
            raise DataError(
                f"{among[0].root}: no images in a list ImageSets/Main/{name}.txt; "
                f"there are {', '.join(sorted(there)) or 'no lists'}"
            )
        for item in found:
            items.setdefault(item.name, item)
    return list(items.values())


def _tests(part: _Part) -> bool:
    """Whether a part has a test list with annotations: VOC2012's are not public."""
    path = part.lists().get("test")
    if path is None:
        return False
    names = path.read_text("utf-8-sig", errors="replace").split("\n")
    first = next((line.strip() for line in names if line.strip()), "")
    return bool(first) and is_file(part.annotations / f"{first}.xml")


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
    named = {item.name: item for item in items}
    halves = split_names(named, split, seed, parts[0].root)
    return {
        part: [named[name] for name in half]
        for part, half in zip(("train", "valid"), halves, strict=True)
    }


def _classes(tree: Path, lists: Mapping[str, Sequence[Picture]], names: Path | None) -> list[str]:
    known = None if names is None else read_names(names)
    found: set[str] = set()
    for picture in itertools.chain(*lists.values()):
        for kind in (thing.name for thing in picture.things if thing.name is not None):
            if known is not None and kind not in known:
                raise DataError(f"{picture.source}: class {shown(kind)} is not in {names}")
            found.add(kind)
    if known is not None:
        return known
    if not found:
        raise DataError(f"{tree}: the annotations hold no objects")
    return list(VOC_CLASSES) if found <= set(VOC_CLASSES) else sorted(found)
