"""Data sets in COCO's format.

One file of annotations is split at random; of two, the second is the one to validate on. Boxes are
bbox, from edge to edge; crowds become regions to ignore. Images without objects of the chosen
classes stay: they are background.
"""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from pylrm.convert.annotations import AnnotatedImage, Annotation, Treatment
from pylrm.convert.cocofile import CocoFile, CocoImage, read_coco
from pylrm.convert.reading import Found, comma_separated, is_file, shown
from pylrm.convert.sizes import SizeMismatch, on_image
from pylrm.data.darknet import read_names
from pylrm.errors import DataError


@dataclass(frozen=True)
class _Entry:
    """An image of a file.

    Attributes
    ----------
    image
        What the file has of it.
    place, prefix
        Its path below the images' folder, and what its name in the data set begins with.
    alone
        No other image's file has the same name in another folder.
    """

    image: CocoImage
    place: PurePosixPath
    prefix: str
    alone: bool

    @property
    def name(self) -> str:
        """Its name in the data set."""
        return self.prefix + str(self.place.with_suffix(""))


def read(
    source: Path,
    *,
    valid: str | Path | None = None,
    images: str | Path | None = None,
    classes: str | Sequence[str] | None = None,
    names: str | Path | None = None,
    crowd: Treatment = "ignore",
    size_mismatch: SizeMismatch = "refuse",
) -> Found:
    """Find the images and annotations of a file in COCO's format.

    Parameters
    ----------
    source
        The file, for instance instances_train2017.json.
    valid
        The file of the images to validate on; default: a random split of the first.
    images
        The images' folder, or one of folders named as the file ends (train2017). Default: the
        file's folder or the one above, or images or such a folder in either.
    classes
        The categories wanted, in the order wanted; default: all, in the file's order.
    names
        A file of their names, in place of `classes`.
    crowd
        What annotations with iscrowd=1 are: regions to ignore; objects like others ("train"), in
        evaluation too, for files that mark every mask so; or nothing in training ("drop").
    size_mismatch
        What to do with boxes whose image's width and height are other ones than its file's:
        "refuse" them, "scale" them to the image, or "keep" them as its pixels.

    Raises
    ------
    DataError
        Where anything in the files doesn't fit, naming the file.
    """
    if classes is not None and names is not None:
        raise DataError("--classes and --names both say which classes; give one")
    files = [read_coco(source)]
    if valid is not None:
        files.append(read_coco(Path(valid).absolute()))
    wanted = comma_separated(classes) if names is None else read_names(names)
    chosen = _choose_classes(files, wanted)

    def load(file: CocoFile, folder: Path, entry: _Entry) -> AnnotatedImage:
        image = _find(folder, entry)
        if image is None:
            raise DataError(f"{file.path}: no image {shown(entry.place)} in {folder}")
        annotations = [
            _treated(each, crowd)
            for each in entry.image.annotations
            if each.name is None or each.name in chosen
        ]
        return on_image(
            entry.name, image, file.path, annotations, annotated=entry.image.size,
            mismatch=size_mismatch,
        )  # fmt: skip

    def loaders(file: CocoFile, prefix: str) -> dict[str, Callable[[], AnnotatedImage]]:
        entries = _entries(file, prefix)
        folder = _find_images(
            file.path, entries[0], None if images is None else Path(images).absolute()
        )
        return {entry.name: partial(load, file, folder, entry) for entry in entries}

    if len(files) == 1:
        return Found(loaders(files[0], ""), None, chosen)
    return Found(loaders(files[0], "train/"), loaders(files[1], "valid/"), chosen)


def _treated(annotation: Annotation, crowd: Treatment) -> Annotation:
    """An annotation as `crowd` says; a crowd that is an object in training is one throughout."""
    if crowd == "train":
        return replace(annotation, crowd=False)
    return replace(annotation, treatment=crowd) if annotation.crowd else annotation


def _choose_classes(files: Sequence[CocoFile], wanted: Sequence[str] | None) -> list[str]:
    """The classes in order: those wanted, or all that the files have."""
    known = list(dict.fromkeys(name for file in files for name in file.names))
    first = files[0].path
    if not known:
        raise DataError(f"{first}: no categories in it")
    if wanted is None:
        return known
    if not wanted or len(set(wanted)) != len(wanted):
        raise DataError(f"classes {', '.join(wanted)}: expected names, each once")
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known[:10])}"
            raise DataError(f"{first}: no category {shown(name)}; {hint}")
    return list(wanted)


def _entries(file: CocoFile, prefix: str) -> list[_Entry]:
    """A file's images, each of its own name."""
    if not file.images:
        raise DataError(f"{file.path}: no images in it")
    places = _places(file)
    count = Counter(place.name for place in places)
    entries: dict[str, _Entry] = {}
    for image, place in zip(file.images, places, strict=True):
        if not place.name:
            raise DataError(f"{file.path}: file_name {shown(image.file_name)} names no file")
        entry = _Entry(image, place, prefix, count[place.name] == 1)
        if entry.name in entries:
            other = entries[entry.name].image.file_name
            raise DataError(
                f"{file.path}: the images {shown(other)} and {shown(image.file_name)} would have "
                "one label file"
            )
        entries[entry.name] = entry
    return list(entries.values())


def _places(file: CocoFile) -> list[PurePosixPath]:
    """The images' paths below a folder of images.

    Of paths on the annotator's machine remains what not all of them begin with.
    """
    places = [PurePosixPath(image.file_name.replace("\\", "/")) for image in file.images]
    outer: dict[str, list[list[str]]] = {}
    for place in filter(_leads_out, places):
        outer.setdefault(place.parts[0], []).append(_plain_parts(place))
    common = {
        first: _count_common([parts[:-1] for parts in paths]) for first, paths in outer.items()
    }
    return [
        PurePosixPath(*_plain_parts(place)[common[place.parts[0]] :])
        if _leads_out(place)
        else place
        for place in places
    ]


def _count_common(paths: Sequence[Sequence[str]]) -> int:
    """How many parts all paths begin with."""
    columns = zip(*paths, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda parts: len(set(parts)) == 1, columns))


def _leads_out(place: PurePosixPath) -> bool:
    return place.is_absolute() or ".." in place.parts or bool(PureWindowsPath(place).drive)


def _plain_parts(place: PurePosixPath) -> list[str]:
    """A path's parts, without what leads out of a folder."""
    return [part for part in place.parts if part not in ("/", "//", "..") and part[1:] != ":"]


def _find(folder: Path, entry: _Entry) -> Path | None:
    """An image in its folder by its path or its bare name, else where its own path says."""
    files = [folder / entry.place]
    if entry.alone:
        files.append(folder / entry.place.name)
    own = Path(entry.image.file_name)
    if own.is_absolute():
        files.append(own)
    return next((file for file in files if is_file(file)), None)


def _find_images(path: Path, first: _Entry, given: Path | None) -> Path:
    """The folder of a file's images: that which has the first."""
    kind = path.stem.split("_")[-1]
    tops = [path.parent, path.parent.parent] if given is None else [given]
    folders = [top / below for top in tops for below in ("", kind, "images", f"images/{kind}")]
    for folder in folders:
        if _find(folder, first) is not None:
            return folder
    looked = " or ".join(map(str, tops))
    raise DataError(
        f"{path}: no image {shown(first.place)} in {looked}, nor in images or {shown(kind)} there; "
        "name the images' folder with --images"
    )
