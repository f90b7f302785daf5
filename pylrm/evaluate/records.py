"""Boxes with their classes, by image: what the metrics take, and where truths are read from.

A record is what one image has: a structured array or a mapping of arrays of one length, with the
fields class (index into the names), left, top, right, bottom (pixels, inclusive, the first pixel
being 1, as PASCAL VOC counts) and, as need be, score, difficult, truncated, occluded, ignore.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pylrm.data.darknet import read_truth
from pylrm.errors import DataError

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Record = Mapping[str, npt.ArrayLike] | npt.NDArray[Any]
Fields = dict[str, npt.NDArray[Any]]
Id = TypeVar("Id", bound=Hashable)
T = TypeVar("T")

CORNERS = ("left", "top", "right", "bottom")
EVERY_CLASS = -1  # the class of an ignore region that stands for all classes


@dataclass(frozen=True)
class Boxes:
    """The boxes of all images, one after the other.

    Attributes
    ----------
    image : array (n,) int64
        Which image.
    kind : array (n,) int64
        The class; -1 (ignore regions only): every class.
    corners : array (n, 4) float64
        Left, top, right, bottom; inclusive pixels.
    score : array (n,) float64
        Zeros for truths.
    difficult, ignore : array (n,) bool
        VOC's flag; a region to ignore instead of an object.
    """

    image: Ints
    kind: Ints
    corners: Floats
    score: Floats
    difficult: Bools
    ignore: Bools

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, which: Bools | Ints) -> Boxes:
        """Return those of a mask, or of indices in their order."""
        return Boxes(**{name: values[which] for name, values in vars(self).items()})


def gather(
    records: Mapping[Id, Record],
    number_of: Mapping[Id, int],
    classes: int,
    *,
    scored: bool,
) -> Boxes:
    """Join the records of all images.

    Parameters
    ----------
    records : mapping
        Image id to record.
    number_of : mapping
        Image id to number.
    classes : int
        How many there are.
    scored : bool
        These are detections, which have a score, not truths.

    Raises
    ------
    ValueError
        A field is missing, has another length or an impossible value; the image is named.
    """
    needed = ["class", *CORNERS, *(["score"] if scored else [])]
    optional = [] if scored else ["difficult", "ignore"]
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in [*needed, *optional]}
    images: list[int] = []
    counts: list[int] = []
    for image, record in records.items():
        fields = record.dtype.names or () if isinstance(record, np.ndarray) else record.keys()
        if not fields:
            continue
        for name in needed:
            if name not in fields:
                raise ValueError(f"image {image!r}: no field '{name}'")
        count = len(np.atleast_1d(np.asarray(record["class"])))
        for name, part in parts.items():
            values = np.atleast_1d(record[name]) if name in fields else np.zeros(count)
            if values.shape != (count,):
                raise ValueError(
                    f"image {image!r}: '{name}' of shape {values.shape} beside {count} classes"
                )
            part.append(values)
        images.append(number_of[image])
        counts.append(count)

    def joined(name: str) -> Floats:
        return np.concatenate([np.zeros(0), *parts[name]]).astype(np.float64)

    image_of = np.repeat(np.array(images, np.int64), np.array(counts, np.int64))
    no_flags = np.zeros(len(image_of), bool)
    boxes = Boxes(
        image_of,
        joined("class").astype(np.int64),
        np.stack([joined(name) for name in CORNERS], axis=1),
        joined("score") if scored else np.zeros(len(image_of)),
        no_flags if scored else joined("difficult") != 0,
        no_flags if scored else joined("ignore") != 0,
    )
    least = np.where(boxes.ignore, EVERY_CLASS, 0)
    wrong = (boxes.kind < least) | (boxes.kind >= classes)
    bad = np.flatnonzero(wrong | np.isnan(boxes.score))
    if len(bad):
        first = int(bad[0])
        where = next(key for key in records if number_of[key] == image_of[first])
        if wrong[first]:
            raise ValueError(f"image {where!r}: class {boxes.kind[first]} of {classes} classes")
        raise ValueError(f"image {where!r}: a score is NaN")
    return boxes


def record_of(kinds: npt.ArrayLike, corners: npt.ArrayLike, **fields: npt.ArrayLike) -> Fields:
    """Return a record of classes (n,), corners (n, 4) and further fields (n,)."""
    boxes = np.asarray(corners, np.float64).reshape(-1, 4)
    record: Fields = {"class": np.asarray(kinds, np.int64)}
    record.update((name, boxes[:, side]) for side, name in enumerate(CORNERS))
    record.update((name, np.asarray(values)) for name, values in fields.items())
    return record


def to_pixels(boxes: npt.ArrayLike, size: tuple[int, int], *, clip: bool) -> Floats:
    """Turn relative boxes into inclusive pixels.

    A box's edges lie between pixels: one from edge 0 to edge 3 covers the pixels 1 to 3.

    Parameters
    ----------
    boxes : array (n, 4)
        Centre x, y, w, h, relative to the image.
    size : (int, int)
        The image's width and height.
    clip : bool
        Cut off what lies outside the image.

    Returns
    -------
    ndarray (n, 4) float64
        Left, top, right, bottom; not rounded.
    """
    relative = np.asarray(boxes, np.float64).reshape(-1, 4)
    half = relative[:, 2:] / 2
    edges = np.hstack([relative[:, :2] - half, relative[:, :2] + half])
    if clip:
        edges = edges.clip(0, 1)
    return edges * np.tile(np.array(size, np.float64), 2) + (1, 1, 0, 0)


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
