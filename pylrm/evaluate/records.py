"""Boxes with their classes, by image: what the metrics take.

A record is what one image has: a structured array or a mapping of arrays of one length, with the
fields class (index into the names), left, top, right, bottom (pixels, inclusive, the first pixel
being 1, as PASCAL VOC counts) and, as need be, score, difficult, truncated, occluded, ignore.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Record = Mapping[str, npt.ArrayLike] | npt.NDArray[Any]
Fields = dict[str, npt.NDArray[Any]]
Id = TypeVar("Id", bound=Hashable)

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
