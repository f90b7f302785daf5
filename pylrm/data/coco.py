"""Data sets in COCO's format to Darknet's files.

One file of annotations is split at random; of two, the second is the one to validate on. Boxes are
bbox, from edge to edge; crowds become regions to ignore. Images without objects of the chosen
classes stay: they are background.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from pylrm.data.cocofile import CocoFile, CocoImage, read_coco
from pylrm.data.conversion import check_target, write
from pylrm.data.darknet import Metric, read_names
from pylrm.data.headers import image_size
from pylrm.data.sources import Progress, check_size, is_file, read_pictures, reading, shown
from pylrm.data.split import split as split_names
from pylrm.data.summary import Summary, summarise
from pylrm.data.things import Picture
from pylrm.errors import DataError


@dataclass(frozen=True)
class _Entry:
    """An image of a file, and its name in the data set."""

    file: CocoFile
    image: CocoImage
    place: PurePosixPath
    prefix: str

    @property
    def name(self) -> str:
        return self.prefix + str(self.place.with_suffix(""))


def convert(
    annotations: str | Path,
    out: str | Path,
    *,
    valid: str | Path | None = None,
    images: str | Path | None = None,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    names: str | Path | None = None,
    split: float = 0.9,
    seed: int = 0,
    metric: Metric = "coco",
    copy: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write Darknet's files of annotations in COCO's format into a folder.

    An earlier conversion there is replaced; nothing is written where anything is wrong with the
    files. `pylrm.data.conversion` says what the files are.

    Parameters
    ----------
    annotations
        The file, for instance instances_train2017.json.
    out
        The folder to write.
    valid
        The file of the images to validate on; default: a random split of the first.
    images
        The images' folder, or one of folders named as the file ends (train2017). Default: the
        file's folder or the one above, or images or such a folder in either.
    name
        Of the data set; default: that of `out`.
    classes
        The categories wanted, in the order wanted; default: all, in the file's order.
    names
        A file of their names, in place of `classes`.
    split, seed
        Share of the images to train on in a random split, and its seed; see `pylrm.data.split`.
    metric
        metric= of the .data file.
    copy
        Copy images in place of links.
    progress
        Is told how far it is.

    Raises
    ------
    DataError
        Where anything in the files or the folder doesn't fit, naming the file.
    """
    path, out = Path(annotations).absolute(), Path(out).absolute()
    name = out.name if name is None else name
    check_target(out, name, metric)
    with reading(path):
        first = read_coco(path)
        second = None if valid is None else read_coco(Path(valid).absolute())
        files = [first] if second is None else [first, second]
        wanted = list(read_names(names)) if names is not None else classes
        chosen = _choose_classes(files, wanted)
        prefixes = [""] if second is None else ["train/", "valid/"]
        entries = [_entries(file, prefix) for file, prefix in zip(files, prefixes, strict=True)]
        if second is None:
            halves = split_names(entries[0], split, seed, path)
            train, held = ([entries[0][each] for each in half] for half in halves)
        else:
            train, held = (list(found.values()) for found in entries)
        top = None if images is None else Path(images).absolute()
        folders = {found[0].file.path: _find_images(found[0], top) for found in (train, held)}

        def picture(entry: _Entry) -> Picture:
            folder = folders[entry.file.path]
            image = _find(folder, entry.place)
            if image is None:
                raise DataError(f"{entry.file.path}: no image {shown(entry.place)} in {folder}")
            size = entry.image.width, entry.image.height
            if not all(size):
                size = check_size(*image_size(image), str(image))
            things = [
                thing for thing in entry.image.things if thing.name is None or thing.name in chosen
            ]
            return Picture(entry.name, image, entry.file.path, *size, things)

        lists = read_pictures({"train": train, "valid": held}, picture, progress)
        if not any(thing.name for part in lists.values() for each in part for thing in each.things):
            raise DataError(f"{path}: no annotations of {', '.join(chosen[:10])}")
    data = write(out, name, lists, chosen, metric=metric, copy=copy, progress=progress)
    return summarise(data, lists, chosen)


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


def _entries(file: CocoFile, prefix: str) -> dict[str, _Entry]:
    """A file's images by their names in the data set."""
    if not file.images:
        raise DataError(f"{file.path}: no images in it")
    entries: dict[str, _Entry] = {}
    for image in file.images:
        place = PurePosixPath(image.file_name.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or PureWindowsPath(place).drive:
            place = PurePosixPath(place.name)  # a path on the annotator's machine
        if place.name in ("", ".."):
            raise DataError(f"{file.path}: file_name {shown(image.file_name)} names no file")
        entry = _Entry(file, image, place, prefix)
        if entry.name in entries:
            other = entries[entry.name].image.file_name
            raise DataError(
                f"{file.path}: the images {shown(other)} and {shown(image.file_name)} would have "
                "one label file"
            )
        entries[entry.name] = entry
    return entries


def _find(folder: Path, place: PurePosixPath) -> Path | None:
    """An image in its folder, by its path or its bare name."""
    return next((file for file in (folder / place, folder / place.name) if is_file(file)), None)


def _find_images(first: _Entry, given: Path | None) -> Path:
    """The folder of a file's images: that which has the first."""
    path = first.file.path
    kind = path.stem.split("_")[-1]
    tops = [path.parent, path.parent.parent] if given is None else [given]
    folders = [top / below for top in tops for below in ("", kind, "images", f"images/{kind}")]
    for folder in folders:
        if _find(folder, first.place) is not None:
            return folder
    looked = " or ".join(map(str, tops))
    raise DataError(
        f"{path}: no image {shown(first.place)} in {looked}, nor in images or {shown(kind)} there; "
        "name the images' folder with --images"
    )
