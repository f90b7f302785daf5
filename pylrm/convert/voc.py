"""PASCAL VOC trees, and others with VOC's annotations.

A tree has a folder of annotations (Annotations/*.xml, or one folder of another name), images
(JPEGImages or images; `pylrm.convert.imagesearch` looks further) and, usually, lists
(ImageSets/Main/trainval.txt, …). VOCdevkit, a folder of such trees (VOC2007, VOC2012), counts as
one data set; so do folders train, valid and test that hold images beside their annotations, and
these are the lists then.

`pylrm.convert.vocxml` says how boxes are taken. The file for evaluation holds the same box in
pixels, [xmin - 1, ymin - 1, xmax - xmin, ymax - ymin], so that right = left + width is VOC's
xmax - 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from pylrm.convert.annotations import AnnotatedImage, Treatment
from pylrm.convert.imagesearch import ImageSearch, folders_in
from pylrm.convert.reading import (
    IMAGE_SUFFIXES,
    PARTS,
    VALID,
    Found,
    comma_separated,
    files_by_stem,
    files_of,
    shown,
)
from pylrm.convert.sizes import SizeMismatch, on_image
from pylrm.convert.vocxml import read_annotation
from pylrm.data.darknet import read_names
from pylrm.errors import DataError
from pylrm.files.text import read_text

_IMAGES = ("jpegimages", "images")


@dataclass(frozen=True)
class _Tree:
    """One tree.

    Attributes
    ----------
    root, folder
        Its own folder, and that of its annotations.
    prefix
        What its images' names in the data set begin with.
    part
        The list that the whole tree is; None: it has lists, or none.
    """

    root: Path
    folder: Path
    prefix: str = ""
    part: str | None = None

    @cached_property
    def annotations(self) -> dict[str, Path]:
        """The annotations' files by their images' stems."""
        return {stem: files[0] for stem, files in files_by_stem(self.folder, ".xml").items()}

    @cached_property
    def lists(self) -> dict[str, Path | None]:
        """The lists' files by name in small letters, CLASS_train among them; None: all images."""
        if self.part is not None:
            return {self.part: None}
        main = self.root / "ImageSets" / "Main"
        found = files_by_stem(main, ".txt") if main.is_dir() else {}
        return {stem.lower(): files[0] for stem, files in found.items()}

    @cached_property
    def images(self) -> ImageSearch:
        beside = (_named_folder(top, *_IMAGES) for top in (self.root, self.folder.parent))
        usual = next((folder for folder in beside if folder is not None), self.folder)
        return ImageSearch(usual, self.root, self.folder)


@dataclass(frozen=True)
class _Entry:
    """An entry of a list."""

    tree: _Tree
    stem: str

    @property
    def name(self) -> str:
        """The image's name in the data set."""
        return self.tree.prefix + self.stem


def read(
    source: Path,
    *,
    names: str | Path | None = None,
    train: str | Sequence[str] | None = None,
    valid: str | Sequence[str] | None = None,
    difficult: Treatment = "ignore",
    size_mismatch: SizeMismatch = "refuse",
) -> Found:
    """Find the images and annotations of a VOC tree.

    Parameters
    ----------
    source
        The tree, or a folder of trees.
    names
        A file of class names; default: those found, by the alphabet, which is VOC's own order.
    train, valid
        Lists in ImageSets/Main, separated by commas: "trainval" is that of all trees,
        "2007:trainval" that of VOC2007. Default: trainval and test, where a tree has a test list
        and its annotations, else train and val. Where there is none to validate on: a random split.
    difficult
        What difficult objects are in training: regions to ignore, objects to "train" like others,
        or nothing ("drop", as other Darknets' converter does). Evaluation always knows of them.
    size_mismatch
        What to do with boxes whose <size> is not the image's: "refuse" them, "scale" them to the
        image, or "keep" them as its pixels.

    Raises
    ------
    DataError
        Where anything in the tree doesn't fit, naming the file.
    """
    trees = _find_trees(source)
    classes = None if names is None else read_names(names)

    def load(entry: _Entry) -> AnnotatedImage:
        path = entry.tree.annotations[entry.stem]
        annotation = read_annotation(path)
        for each in annotation.objects:
            if classes is not None and each.name not in classes:
                raise DataError(f"{path}: class {shown(each.name)} is not in {names}")
        objects = [replace(each, treatment=difficult) for each in annotation.objects]
        image = entry.tree.images.find(annotation, path)
        return on_image(
            entry.name, image, path, objects, annotated=annotation.size, mismatch=size_mismatch
        )

    def loaders(entries: Sequence[_Entry]) -> dict[str, Callable[[], AnnotatedImage]]:
        return {entry.name: partial(load, entry) for entry in entries}

    learnt, held = _choose(trees, comma_separated(train), comma_separated(valid))
    return Found(loaders(learnt), None if held is None else loaders(held), classes)


def _named_folder(root: Path, *names: str) -> Path | None:
    """The first folder in `root` with one of the names, whatever their case."""
    found = {path.name.lower(): path for path in folders_in(root)}
    return next((found[name] for name in names if name in found), None)


def _has(folder: Path | None, *suffixes: str) -> bool:
    return folder is not None and next(files_of(folder, *suffixes), None) is not None


def _find_tree(root: Path, prefix: str = "") -> _Tree | None:
    """A tree that is laid out as VOC's, or has images and annotations in one folder."""
    images = _named_folder(root, *_IMAGES)
    for folder in (_named_folder(root, "annotations"), images):
        if folder is not None and _has(folder, ".xml"):
            return _Tree(root, folder, prefix)
    if _has(root, ".xml") and (images is not None or _has(root, *IMAGE_SUFFIXES)):
        return _Tree(root, root, prefix)
    return None


def _find_trees(source: Path) -> list[_Tree]:
    if not source.is_dir():
        raise DataError(f"{source}: no such folder")
    tree = _find_tree(source)
    if tree is not None:
        return [tree]
    for root in (source, source / "VOCdevkit"):
        if root.is_dir():
            below = [_find_tree(folder, f"{folder.name}/") for folder in folders_in(root)]
            trees = [tree for tree in below if tree is not None]
            if trees:
                return _as_parts(trees)
    return _find_annotations(source)


def _as_parts(trees: Sequence[_Tree]) -> list[_Tree]:
    """Folders called train, valid and test, without lists, are the lists themselves."""
    if all(tree.root.name.lower() in PARTS and not tree.lists for tree in trees):
        return [replace(tree, part=tree.root.name.lower()) for tree in trees]
    return list(trees)


def _find_annotations(source: Path) -> list[_Tree]:
    """The one folder with XML files, down to two levels below, or those of train, val and test."""
    level = [source]
    for _ in range(3):
        found = [folder for folder in level if _has(folder, ".xml")]
        if len(found) > 1:
            return _parts(source, found)
        if found:
            return [_Tree(source, found[0])]
        level = [inner for folder in level for inner in folders_in(folder)]
    raise DataError(
        f"{source}: no VOC tree; expected Annotations/*.xml with JPEGImages or images beside it, "
        "or folders of such trees"
    )


def _parts(source: Path, folders: Sequence[Path]) -> list[_Tree]:
    """Folders of annotations that are called train, val or test, or lie in such folders."""
    trees: dict[str, _Tree] = {}
    for folder in folders:
        for place, root in ((folder, source), (folder.parent, folder.parent)):
            part = place.name.lower()
            if part in PARTS and place != source:
                trees[part] = _Tree(root, folder, f"{place.name}/", part)
                break
    if len(trees) < len(folders) or "train" not in trees:
        raise DataError(
            f"{source}: annotations in several folders, {folders[0]} and {folders[1]} among them; "
            "name one of them"
        )
    return list(trees.values())


def _stem(tree: _Tree, line: str) -> str:
    """The image that a list's line names: by its stem, or by its file."""
    file = PurePosixPath(line.replace("\\", "/"))
    listed = line not in tree.annotations and file.suffix.lower() in (*IMAGE_SUFFIXES, ".xml")
    return file.stem if listed else line


def _read_list(tree: _Tree, path: Path | None) -> list[_Entry]:
    if path is None:
        return [_Entry(tree, stem) for stem in tree.annotations]
    entries = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        stem = _stem(tree, line.strip())
        if not stem:
            continue
        if "/" in stem or "\\" in stem or stem in (".", ".."):
            raise DataError(f"{path}:{number}: {shown(stem)} is no image's name")
        if stem not in tree.annotations:
            raise DataError(
                f"{path}:{number}: no annotation {shown(stem + '.xml')} in {tree.folder}"
            )
        entries.append(_Entry(tree, stem))
    return entries


def _gather(trees: Sequence[_Tree], which: Sequence[str]) -> list[_Entry]:
    """The images that the trees' lists hold; `which` is names of lists, as `read` takes them."""
    entries: dict[str, _Entry] = {}
    for each in which:
        root, _, name = each.rpartition(":")
        among = [tree for tree in trees if not root or tree.root.name in (root, f"VOC{root}")]
        if not among:
            there = ", ".join(tree.root.name for tree in trees)
            raise DataError(f"{trees[0].root.parent}: no tree {shown(root)}; there are {there}")
        found = [
            entry
            for tree in among
            if name.lower() in tree.lists
            for entry in _read_list(tree, tree.lists[name.lower()])
        ]
        if not found:
            lists = {stem for tree in among for stem in tree.lists if "_" not in stem}
            raise DataError(
                f"{among[0].root}: no images in a list ImageSets/Main/{name}.txt; "
                f"there are {', '.join(sorted(lists)) or 'no lists'}"
            )
        for entry in found:
            entries.setdefault(entry.name, entry)
    return list(entries.values())


def _tests(tree: _Tree) -> bool:
    """Whether a tree has a test list with annotations: VOC2012's are not public."""
    path = tree.lists.get("test")
    if path is None:
        return "test" in tree.lists
    lines = path.read_text("utf-8-sig", errors="replace").split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    return _stem(tree, first) in tree.annotations


def _choose(
    trees: Sequence[_Tree], train: Sequence[str] | None, valid: Sequence[str] | None
) -> tuple[list[_Entry], list[_Entry] | None]:
    """The images to train and to validate on; None: those to train on are to be split."""
    there = {name for tree in trees for name in tree.lists}
    tested = [tree for tree in trees if _tests(tree)]
    held = next((name for name in VALID if name in there), None)
    if train is None and valid is None:
        if "trainval" in there and tested:
            return _gather(trees, ["trainval"]), _gather(tested, ["test"])
        if "train" in there and held is not None:
            return _gather(trees, ["train"]), _gather(trees, [held])
        if "train" in there and tested:
            return _gather(trees, ["train"]), _gather(trees, ["test"])
    if train is None:
        train = next(([name] for name in ("trainval", "train") if name in there), None)
    if valid is not None:
        return _gather(trees, train or ["trainval"]), _gather(trees, valid)
    if train is not None:
        return _gather(trees, train), None
    return [entry for tree in trees for entry in _read_list(tree, None)], None
