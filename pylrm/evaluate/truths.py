"""Where the truths of images are read from: files in COCO's format, and labels.

Corners are edges between pixels, from 0; `records.inclusive` turns them into VOC's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pylrm.data.darknet import read_truth
from pylrm.errors import DataError
from pylrm.evaluate.boxes import EVERY_CLASS, Fields, record_of, to_edges
from pylrm.files.jsonfile import read_json
from pylrm.terminal import count_of

T = TypeVar("T")


def label_record(image: Path, classes: int, size: tuple[int, int]) -> Fields:
    """Read an image's truths from its label file and ignore file; neither: background only.

    Parameters
    ----------
    image : Path
        The image.
    classes : int
        How many there are.
    size : (int, int)
        The image's width and height.

    Raises
    ------
    DataError
        At the first bad line.
    """
    objects, regions = read_truth(image, classes)
    return record_of(
        np.concatenate([objects[:, 0], np.full(len(regions), EVERY_CLASS)]),
        to_edges(np.vstack([objects[:, 1:], regions]), size, clip=False),
        ignore=np.arange(len(objects) + len(regions)) >= len(objects),
    )


class _Row(NamedTuple):
    """An annotation."""

    kind: int
    box: list[float]
    area: float
    crowd: bool
    difficult: bool
    truncated: float
    occluded: int
    ignore: bool


class CocoTruth:
    """The truths of a file in COCO's format.

    bbox is x, y, w, h from the image's corner, between pixels. Besides COCO's own fields an
    annotation may have difficult, truncated (a share), occluded (KITTI's level) and ignore; iscrowd
    counts as ignore. A region to ignore stands for its own class, or for every class if its
    category_id is 0 and no category has that.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str
        The classes; the file's categories are found by their names.

    Attributes
    ----------
    images : dict of int to str
        The images' ids and file names.
    categories : dict of str to int
        Class names to category ids; names that the file lacks have ids that it does not use.

    Raises
    ------
    DataError
        The file cannot be read, or something in it does not fit.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        document = self._document()
        there: dict[int, str] = {}
        for i, item in self._items(document, "categories"):
            entry = self._field("category", i, item, "id", int)
            name = self._field("category", i, item, "name", _text)
            if entry in there or name in there.values():
                raise DataError(f"{path}: category {i}: there are two of id {entry} or '{name}'")
            there[entry] = name
        self.categories = _complete({name: entry for entry, name in there.items()}, names)
        self.images: dict[int, str] = {}
        self._rows: dict[int, list[_Row]] = {}
        self._entries: dict[Path, int] = {}
        self._by_name: dict[str, list[int]] = {}
        for i, item in self._items(document, "images"):
            entry = self._field("image", i, item, "id", int)
            file = self._field("image", i, item, "file_name", _text)
            if entry in self.images:
                raise DataError(f"{path}: image {i}: id {entry} is that of '{self.images[entry]}'")
            self.images[entry] = file
            self._rows[entry] = []
            for place in (path.parent / file, Path(file)):
                self._entries[_absolute(place)] = entry
            self._by_name.setdefault(Path(file).name, []).append(entry)
        kinds = {entry: names.index(name) for entry, name in there.items() if name in names}
        for i, item in self._items(document, "annotations"):
            image = self._field("annotation", i, item, "image_id", int)
            if image not in self.images:
                raise DataError(f"{path}: annotation {i}: image_id {image} is no image's id")
            self._rows[image].append(self._row(i, item, kinds, there, names))

    def image_id(self, image: Path) -> int:
        """Return an image's id.

        Parameters
        ----------
        image : Path
            Found by its path (file_name counts from the file's folder or the working folder),
            else by its bare name where only one entry has that.

        Raises
        ------
        DataError
            The file does not hold the image.
        """
        entry = self._entries.get(_absolute(image))
        if entry is None:
            alike = self._by_name.get(image.name, [])
            if len(alike) != 1:
                found = (
                    f"{count_of(len(alike), 'image')} of that name" if alike else "no such image"
                )
                raise DataError(f"{self.path}: {found}: {image}, which is to be evaluated")
            entry = alike[0]
        return entry

    def record(self, image: Path) -> Fields:
        """Return an image's truths.

        Parameters
        ----------
        image : Path
            As of `image_id`.

        Returns
        -------
        dict of ndarray (n,)
            class, left, top, right, bottom, area (square pixels), crowd, difficult, truncated,
            occluded, ignore.

        Raises
        ------
        DataError
            The file does not hold the image.
        """
        rows = self._rows[self.image_id(image)]
        boxes = np.array([row.box for row in rows], np.float64).reshape(-1, 4)
        return record_of(
            [row.kind for row in rows],
            np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]),
            area=np.array([row.area for row in rows], np.float64),
            crowd=np.array([row.crowd for row in rows], bool),
            difficult=np.array([row.difficult for row in rows], bool),
            truncated=np.array([row.truncated for row in rows], np.float64),
            occluded=np.array([row.occluded for row in rows], np.int64),
            ignore=np.array([row.ignore for row in rows], bool),
        )

    def _row(
        self,
        number: int,
        item: dict[str, Any],
        kinds: dict[int, int],
        categories: dict[int, str],
        names: Sequence[str],
    ) -> _Row:
        """Read an annotation."""
        category = self._field("annotation", number, item, "category_id", int)
        crowd = self._optional(number, item, "iscrowd", bool, False)
        ignore = self._optional(number, item, "ignore", bool, False) or crowd
        if category in kinds:
            kind = kinds[category]
        elif category == 0 and ignore and category not in categories:
            kind = EVERY_CLASS
        else:
            known = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
            name = categories.get(category)
            what = "is no category's id" if name is None else f"is '{name}'"
            raise DataError(
                f"{self.path}: annotation {number}: category_id {category} {what}; the classes "
                f"are {known}"
            )
        box = self._field("annotation", number, item, "bbox", _box)
        return _Row(
            kind,
            box,
            self._optional(number, item, "area", _finite, box[2] * box[3]),
            crowd,
            self._optional(number, item, "difficult", bool, False),
            self._optional(number, item, "truncated", _finite, 0.0),
            self._optional(number, item, "occluded", int, 0),
            ignore,
        )

    def _document(self) -> dict[str, Any]:
        document = read_json(self.path)
        if not isinstance(document, dict):
            raise DataError(f"{self.path}: not in COCO's format: expected an object at the top")
        return document

    def _items(self, document: dict[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
        items = document.get(key)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise DataError(f"{self.path}: not in COCO's format: '{key}' should list objects")
        return enumerate(items, 1)

    def _field(
        self, what: str, number: int, item: dict[str, Any], key: str, convert: Callable[[Any], T]
    ) -> T:
        """Return a field of an entry; entries are counted from 1 in messages."""
        if key not in item:
            raise DataError(f"{self.path}: {what} {number}: no '{key}'")
        try:
            return convert(item[key])
        except (TypeError, ValueError, OverflowError) as error:
            shown = json.dumps(item[key])[:60]
            raise DataError(f"{self.path}: {what} {number}: {key} is {shown}") from error

    def _optional(
        self,
        number: int,
        item: dict[str, Any],
        key: str,
        convert: Callable[[Any], T],
        otherwise: T,
    ) -> T:
        """Return a field that an annotation need not have."""
        return self._field("annotation", number, item, key, convert) if key in item else otherwise


def _absolute(path: Path) -> Path:
    """Return where a file stands, without following it if it is a link."""
    return path.parent.resolve() / path.name


def _complete(categories: dict[str, int], names: Sequence[str]) -> dict[str, int]:
    """Return the classes' category ids, made up for those that have none."""
    ids = dict(categories)
    for name in names:
        ids.setdefault(name, max(ids.values(), default=0) + 1)
    return {name: ids[name] for name in names}


def _text(value: Any) -> str:
    str(value).encode()  # half a surrogate pair is a ValueError
    return str(value)


def _box(values: Any) -> list[float]:
    box = [float(value) for value in values] if isinstance(values, list) else []
    if len(box) != 4 or not np.isfinite(box).all() or min(box[2:]) < 0:
        raise ValueError("a box is four finite numbers, width and height at least 0")
    return box


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("finite")
    return number
