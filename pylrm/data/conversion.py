"""Writing a data set as Darknet's files: what all converters share.

A data set is a folder of NAME.data, NAME.names, train.txt, valid.txt, truth.json (the validation
images in COCO's format), labels/ (difficult objects in IMAGE.ignore.txt) and JPEGImages/, which
holds links to the images, or copies.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pylrm.errors import DataError

_MARK = "# written by pylrm convert"

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Thing:
    """An annotated object: left, top, right, bottom in pixels from 0."""

    name: str
    box: Box
    difficult: bool = False
    truncated: bool = False
    occluded: bool = False


@dataclass(frozen=True)
class Picture:
    """An image with its objects.

    Attributes
    ----------
    name
        Its path below JPEGImages and labels, without extension.
    image, source
        Its file, and the one that its objects come from.
    width, height
        Its size in pixels.
    """

    name: str
    image: Path
    source: Path
    width: int
    height: int
    things: Sequence[Thing]

    @property
    def path(self) -> str:
        """Its path in the data set."""
        return f"JPEGImages/{self.name}{self.image.suffix}"


@dataclass(frozen=True)
class Summary:
    """What a conversion wrote.

    Attributes
    ----------
    data
        The .data file.
    names
        The classes.
    images, boxes, difficult
        Of "train" and "valid": images, boxes per class (those of difficult objects apart).
    empty
        Boxes without area, left out, with the files that hold them.
    shared
        Images that stand in both lists.
    """

    data: Path
    names: list[str]
    images: Mapping[str, int]
    boxes: Mapping[str, list[int]]
    difficult: Mapping[str, list[int]]
    empty: Mapping[Path, int]
    shared: int

    def table(self) -> str:
        """Images and boxes of each list as a text table, with remarks below."""
        rows = [["", "train", "", "valid", ""], ["class", *["boxes", "difficult"] * 2]]
        for index, name in enumerate(self.names):
            rows.append([name, *self._counts(index)])
        rows.append(["all", *self._counts(slice(None))])
        rows.append(["images", str(self.images["train"]), "", str(self.images["valid"]), ""])
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
            for row in rows
        ]
        if self.empty:
            first = next(iter(self.empty))
            count = sum(self.empty.values())
            lines.append(f"{count} boxes without area left out, first in {first}")
        if self.shared:
            lines.append(f"{self.shared} images stand in both lists")
        return "\n".join(lines)

    def _counts(self, which: int | slice) -> list[str]:
        return [
            str(int(np.sum(counts[part][which])))
            for part in ("train", "valid")
            for counts in (self.boxes, self.difficult)
        ]


def check_target(out: Path, name: str, metric: str) -> None:
    """Refuse what `write` can't do, before anything is read.

    Raises
    ------
    DataError
        A folder that holds something else than an earlier conversion; a name or a metric that a
        .data file can't have.
    """
    if not name or any(character in name for character in "/\\\n#;="):
        raise DataError(f"'{name}' is no name of a data set")
    if metric not in ("area", "11point"):
        raise DataError(f"metric {metric}; expected area or 11point")
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; --out names a folder")
    if out.exists() and any(out.iterdir()) and not any(map(_is_ours, out.glob("*.data"))):
        raise DataError(f"{out} holds other files than an earlier conversion's; name a new folder")


def _is_ours(data: Path) -> bool:
    try:
        with data.open("rb") as file:
            return file.read(len(_MARK)) == _MARK.encode()
    except OSError:
        return False


def write(
    out: Path,
    name: str,
    lists: Mapping[str, Sequence[Picture]],
    classes: Sequence[str],
    *,
    metric: str,
    copy: bool,
) -> Summary:
    """Write a data set, all or nothing, in place of an earlier one.

    Parameters
    ----------
    out
        The folder; files in it that no conversion wrote stay.
    name
        Of the data set.
    lists
        The pictures of "train" and of "valid".
    classes
        All names that the things have, in order.
    metric
        metric= of the .data file: area or 11point.
    copy
        Copy images in place of links, as happens where links can't be made.

    Raises
    ------
    DataError
        Where a file can't be read or written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as room:
            new, old = Path(room) / "new", Path(room) / "old"
            new.mkdir()
            old.mkdir()
            for pictures in lists.values():
                for picture in pictures:
                    _place_image(picture.image, new / picture.path, copy)
            summary = _write_files(new, out, name, lists, classes, metric)
            _install(new, out, old)
    except OSError as error:
        where = error.filename or out
        raise DataError(f"{where}: {error.strerror or error}") from error
    return summary


def _place_image(source: Path, link: Path, copy: bool) -> None:
    if link.exists():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    if not copy:
        try:
            link.symlink_to(source)
            return
        except OSError:
            pass  # a file system without links
    shutil.copyfile(source, link)


def _clip(box: Box, width: int, height: int) -> Box | None:
    """The part of a box on the image; None where it has no area."""
    left, right = (min(max(edge, 0.0), float(width)) for edge in box[::2])
    top, bottom = (min(max(edge, 0.0), float(height)) for edge in box[1::2])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _relative(box: Box, width: int, height: int) -> str:
    left, top, right, bottom = box
    values = (
        (left + right) / 2 / width,
        (top + bottom) / 2 / height,
        (right - left) / width,
        (bottom - top) / height,
    )
    return " ".join(f"{value:.8g}" for value in values)


def _write_text(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="\n")


def _write_files(
    new: Path,
    out: Path,
    name: str,
    lists: Mapping[str, Sequence[Picture]],
    classes: Sequence[str],
    metric: str,
) -> Summary:
    """Write all text files into `new`."""
    boxes = {part: [0] * len(classes) for part in lists}
    difficult = {part: [0] * len(classes) for part in lists}
    empty: dict[Path, int] = {}
    for part, pictures in lists.items():
        for picture in pictures:
            labels, ignored = [], []
            for index, thing, box in _clipped(picture, classes):
                (difficult if thing.difficult else boxes)[part][index] += 1
                line = _relative(box, picture.width, picture.height)
                if thing.difficult:
                    ignored.append(line)
                else:
                    labels.append(f"{index} {line}")
            without = len(picture.things) - len(labels) - len(ignored)
            if without:
                empty[picture.source] = without
            _write_text(new / "labels" / f"{picture.name}.txt", labels)
            if ignored:
                _write_text(new / "labels" / f"{picture.name}.ignore.txt", ignored)
        _write_text(new / f"{part}.txt", [picture.path for picture in pictures])
    document = json.dumps(_coco(lists["valid"], classes), ensure_ascii=False)
    _write_text(new / "truth.json", [document])
    _write_text(new / f"{name}.names", classes)
    values = {
        "classes": len(classes),
        "train": "train.txt",
        "valid": "valid.txt",
        "names": f"{name}.names",
        "truth": "truth.json",
        "metric": metric,
        "backup": "backup",
        "results": "results",
    }
    lines = [f"{key} = {value}" for key, value in values.items()]
    _write_text(new / f"{name}.data", [_MARK, *lines])
    train, valid = ({picture.name for picture in lists[part]} for part in ("train", "valid"))
    return Summary(
        out / f"{name}.data",
        list(classes),
        {part: len(pictures) for part, pictures in lists.items()},
        boxes,
        difficult,
        empty,
        len(train & valid),
    )


def _clipped(picture: Picture, classes: Sequence[str]) -> list[tuple[int, Thing, Box]]:
    """Class, thing and box on the image of all things that have an area there."""
    boxes = [_clip(thing.box, picture.width, picture.height) for thing in picture.things]
    return [
        (classes.index(thing.name), thing, box)
        for thing, box in zip(picture.things, boxes, strict=True)
        if box is not None
    ]


def _coco(pictures: Sequence[Picture], classes: Sequence[str]) -> dict[str, object]:
    """The pictures in COCO's format, with each thing's difficult, truncated and occluded.

    file_name is the image's line in valid.txt; ids count from 1; the categories are the classes in
    order.
    """
    images: list[dict[str, object]] = []
    truths: list[dict[str, object]] = []
    for identity, picture in enumerate(pictures, 1):
        images.append(
            {
                "id": identity,
                "file_name": picture.path,
                "width": picture.width,
                "height": picture.height,
            }
        )
        for index, thing, box in _clipped(picture, classes):
            truths.append(_truth(thing, box, len(truths) + 1, identity, index + 1))
    categories = [{"id": index, "name": text} for index, text in enumerate(classes, 1)]
    return {"images": images, "annotations": truths, "categories": categories}


def _truth(thing: Thing, box: Box, identity: int, image: int, category: int) -> dict[str, object]:
    left, top, right, bottom = box
    return {
        "id": identity,
        "image_id": image,
        "category_id": category,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": 0,
        "difficult": int(thing.difficult),
        "truncated": int(thing.truncated),
        "occluded": int(thing.occluded),
    }


def _install(new: Path, out: Path, old: Path) -> None:
    """Move a finished conversion's entries into `out`, and an earlier one's to `old`.

    The .data file comes last and an earlier one goes first: where one stands, so does the rest.
    """
    if not out.exists():
        new.rename(out)
        return
    earlier = [
        path
        for data in out.glob("*.data")
        if _is_ours(data)
        for path in (data, data.with_suffix(".names"))
    ]
    entries = sorted(new.iterdir(), key=lambda path: path.suffix == ".data")
    for target in dict.fromkeys([*earlier, *(out / entry.name for entry in entries)]):
        if target.exists():
            target.rename(old / target.name)
    for entry in entries:
        entry.rename(out / entry.name)
