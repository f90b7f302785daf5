"""Where the truths of images are read from: files in COCO's format, and labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pylrm.data.darknet import read_truth
from pylrm.errors import DataError
from pylrm.evaluate.records import EVERY_CLASS, Fields, record_of, to_pixels

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
        to_pixels(np.vstack([objects[:, 1:], regions]), size, clip=False),
        ignore=np.arange(len(objects) + len(regions)) >= len(objects),
    )


class CocoTruth:
    """The truths of a file in COCO's format.

    bbox is x, y, w, h from the image's corner, between pixels, so that VOC's inclusive corners are
    x+1, y+1, x+w, y+h. Besides COCO's own fields an annotation may have difficult and ignore;
    iscrowd counts as ignore. A region to ignore stands for its own class.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str
        The classes; the file's categories are found by their names.

    Raises
    ------
    DataError
        The file cannot be read, or something in it does not fit.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        document = self._document()
        categories = {
            entry: self._field("category", i, item, "name", str)
            for i, item in self._items(document, "categories")
            for entry in [self._field("category", i, item, "id", int)]
        }
        rows: dict[int, list[tuple[int, list[float], bool, bool]]] = {}
        self._entries: dict[Path, int] = {}
        self._by_name: dict[str, list[int]] = {}
        for i, item in self._items(document, "images"):
            entry = self._field("image", i, item, "id", int)
            file = self._field("image", i, item, "file_name", str)
            rows[entry] = []
            for place in (path.parent / file, Path(file)):
                self._entries[_absolute(place)] = entry
            self._by_name.setdefault(Path(file).name, []).append(entry)
        for i, item in self._items(document, "annotations"):
            image = self._field("annotation", i, item, "image_id", int)
            if image not in rows:
                raise DataError(f"{path}: annotation {i}: image_id {image} is no image's id")
            category = categories.get(self._field("annotation", i, item, "category_id", int))
            if category not in names:
                known = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
                what = "is no category's id" if category is None else f"is '{category}'"
                raise DataError(
                    f"{path}: annotation {i}: category_id {item['category_id']} {what}; the "
                    f"classes are {known}"
                )
            ignore = bool(item.get("ignore")) or bool(item.get("iscrowd"))
            box = self._field("annotation", i, item, "bbox", _box)
            rows[image].append((names.index(category), box, bool(item.get("difficult")), ignore))
        self._records = {image: _coco_record(found) for image, found in rows.items()}

    def record(self, image: Path) -> Fields:
        """Return an image's truths.

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
                found = f"{len(alike)} images of that name" if alike else "no such image"
                raise DataError(f"{self.path}: {found}: {image}, which is to be evaluated")
            entry = alike[0]
        return self._records[entry]

    def _document(self) -> dict[str, Any]:
        try:
            document = json.loads(self.path.read_text("utf-8-sig"))
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror or error}") from error
        except json.JSONDecodeError as error:
            raise DataError(f"{self.path}:{error.lineno}: not JSON: {error.msg}") from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise DataError(f"{self.path}: not JSON text") from error
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


def _absolute(path: Path) -> Path:
    """Return where a file stands, without following it if it is a link."""
    return path.parent.resolve() / path.name


def _box(values: Any) -> list[float]:
    box = [float(value) for value in values]
    if len(box) != 4 or not np.isfinite(box).all() or min(box[2:]) < 0:
        raise ValueError("a box is four finite numbers, width and height at least 0")
    return box


def _coco_record(rows: Sequence[tuple[int, list[float], bool, bool]]) -> Fields:
    boxes = np.array([box for _, box, _, _ in rows], np.float64).reshape(-1, 4)
    corners = np.hstack([boxes[:, :2] + 1, boxes[:, :2] + boxes[:, 2:]])
    return record_of(
        [kind for kind, _, _, _ in rows],
        corners,
        difficult=np.array([difficult for _, _, difficult, _ in rows], bool),
        ignore=np.array([ignore for _, _, _, ignore in rows], bool),
    )
