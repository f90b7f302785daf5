"""Writing a data set as Darknet's files, whatever format it comes from.

A data set is a folder of NAME.data, NAME.names, train.txt, valid.txt, truth.json (the validation
images in COCO's format), labels/ (regions to ignore in IMAGE.ignore.txt) and JPEGImages/, which
holds links to the images, or copies.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pylrm.convert.annotations import AnnotatedImage, Box, Lists
from pylrm.convert.reading import Progress, is_line, reading, shown, steps
from pylrm.convert.truthfile import truth_text
from pylrm.data.darknet import METRICS, Metric
from pylrm.errors import DataError

_MARK = "# written by pylrm convert"


def check_target(out: Path, name: str, metric: str) -> None:
    """Refuse what `write` can't do, before anything is read.

    Raises
    ------
    DataError
        A folder that holds something else than an earlier conversion; a name or a metric that a
        .data file can't have.
    """
    if not is_line(name) or name.startswith("~") or any(sign in name for sign in "/\\#;="):
        raise DataError(f"{shown(name)} is no name of a data set")
    if metric not in METRICS:
        raise DataError(f"metric {metric}; expected {', '.join(METRICS[:-1])} or {METRICS[-1]}")
    with reading(out):
        if out.exists() and not out.is_dir():
            raise DataError(f"{out} is a file; --out names a folder")
        if out.exists() and any(out.iterdir()) and not holds_conversion(out):
            raise DataError(
                f"{out} holds other files than an earlier conversion's; name a new folder"
            )


def holds_conversion(folder: Path) -> bool:
    """Tell whether a folder is what a conversion wrote."""
    return any(map(_is_ours, folder.glob("*.data")))


def _is_ours(data: Path) -> bool:
    try:
        with data.open("rb") as file:
            return file.read(len(_MARK)) == _MARK.encode()
    except OSError:
        return False


def write(
    out: Path,
    name: str,
    lists: Lists,
    classes: Sequence[str],
    *,
    metric: Metric,
    copy: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a data set, all or nothing, in place of an earlier one.

    Parameters
    ----------
    out
        The folder; what stands beside a conversion's files and folders stays.
    name
        Of the data set.
    lists
        The images of "train" and of "valid".
    classes
        All names that the annotations have, in order.
    metric
        metric= of the .data file.
    copy
        Copy images in place of links, as happens where links can't be made.
    progress
        Is told how far it is.

    Returns
    -------
    Path
        The .data file.

    Raises
    ------
    DataError
        Where a file can't be read or written, two images would have the same files, or an image
        stands where it would be replaced.
    """
    _check_names(lists)
    _check_places(lists, out)
    with reading(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as room:
            new, old = Path(room) / "new", Path(room) / "old"
            new.mkdir()
            old.mkdir()
            for _, image in steps(lists, "writing", progress):
                _place_image(image, new / image.path, copy)
                _write_labels(new / "labels", image, classes)
            for part, images in lists.items():
                _write_text(new / f"{part}.txt", [image.path for image in images])
            _write_text(new / "truth.json", [truth_text(lists["valid"], classes)])
            _write_text(new / f"{name}.names", classes)
            _write_text(new / f"{name}.data", _data_lines(name, len(classes), metric))
            _install(new, out, old)
    return out / f"{name}.data"


def _check_names(lists: Lists) -> None:
    """Refuse images that a list can't name, and two whose files would be the same."""
    files: dict[str, Path] = {}
    for image in itertools.chain(*lists.values()):
        if not is_line(image.path):
            raise DataError(f"{image.source}: a list can't hold the image name {image.path!r}")
        first = files.setdefault(image.name, image.image)
        if first != image.image:
            raise DataError(f"{image.image}: its label file would be that of {first}")
    for name, file in files.items():
        if f"{name}.ignore" in files:
            other = files[f"{name}.ignore"]
            raise DataError(f"{other}: its label file would be {file.name}'s regions to ignore")


def _check_places(lists: Lists, out: Path) -> None:
    """Refuse images whose files would go with the earlier conversion that holds them."""
    replaced = Path(os.path.realpath(out / "JPEGImages"))
    for file in (image.image for image in itertools.chain(*lists.values())):
        named, stored = Path(os.path.realpath(file.parent)), Path(os.path.realpath(file))
        if named.is_relative_to(replaced) or stored.is_relative_to(replaced):
            raise DataError(f"{file}: the conversion would replace it; give --out another folder")


def _place_image(image: AnnotatedImage, place: Path, copy: bool) -> None:
    if os.path.lexists(place):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if image.content is not None:
        place.write_bytes(image.content())
        return
    if not copy:
        try:
            place.symlink_to(image.image)
            return
        except OSError:
            pass  # a file system without links
    shutil.copyfile(image.image, place)


def _relative(box: Box, width: int, height: int) -> str:
    left, top, right, bottom = box
    values = (
        (left + right) / 2 / width,
        (top + bottom) / 2 / height,
        (right - left) / width,
        (bottom - top) / height,
    )
    return " ".join(f"{value:.8g}" for value in values)


def _write_labels(folder: Path, image: AnnotatedImage, classes: Sequence[str]) -> None:
    labels, regions = [], []
    for annotation, box in image.visible():
        line = _relative(box, image.width, image.height)
        if annotation.role == "region":
            regions.append(line)
        elif annotation.role == "object" and annotation.name is not None:
            labels.append(f"{classes.index(annotation.name)} {line}")
    _write_text(folder / f"{image.name}.txt", labels)
    if regions:
        _write_text(folder / f"{image.name}.ignore.txt", regions)


def _data_lines(name: str, classes: int, metric: str) -> list[str]:
    values = {
        "classes": classes,
        "train": "train.txt",
        "valid": "valid.txt",
        "names": f"{name}.names",
        "truth": "truth.json",
        "metric": metric,
        "backup": "backup",
        "results": "results",
    }
    return [_MARK, *(f"{key} = {value}" for key, value in values.items())]


def _write_text(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="\n")


def _install(new: Path, out: Path, old: Path) -> None:
    """Move a finished conversion's entries into `out`, and an earlier one's to `old`.

    The .data file comes last and an earlier one goes first: where one stands, so does the rest.
    Where a move fails, all that was moved goes back.
    """
    if not out.exists():
        new.rename(out)
        return
    earlier = [
        path
        for data in sorted(out.glob("*.data"))
        if _is_ours(data)
        for path in (data, data.with_suffix(".names"))
    ]
    entries = sorted(new.iterdir(), key=lambda path: path.suffix == ".data")
    replaced = dict.fromkeys([*earlier, *(out / entry.name for entry in entries)])
    moves = [(path, old / path.name) for path in replaced if path.exists()]
    moves += [(entry, out / entry.name) for entry in entries]
    done = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            target.rename(source)
        raise
