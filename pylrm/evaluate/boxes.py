"""Boxes with their classes, by image: the input of the metrics.

A record holds the boxes of one image: a structured array or a mapping of arrays of one length. Its
fields are class (index into the names), left, top, right, bottom (pixels) and, as need be, score,
difficult, truncated, occluded, ignore, crowd, area. Corners are inclusive pixels, the first being
1, for VOC's metric, and edges between pixels, from 0 on, for COCO's and KITTI's.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pylrm.terminal import count_of

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Record = Mapping[str, npt.ArrayLike] | npt.NDArray[Any]
Fields = dict[str, npt.NDArray[Any]]
Id = TypeVar("Id", bound=Hashable)

CORNERS = ("left", "top", "right", "bottom")
EVERY_CLASS = -1  # the class of an ignore region that stands for all classes
OPTIONAL = {  # fields of truths, and what they are where a record does not have them
    "difficult": 0.0,
    "ignore": 0.0,
    "crowd": 0.0,
    "truncated": 0.0,
    "occluded": 0.0,
    "area": math.nan,
}


@dataclass(frozen=True)
class Boxes:
    """The boxes of all images, one after the other.

    Attributes
    ----------
    classes : int
        How many there are.
    image : array (n,) int64
        Which image.
    kind : array (n,) int64
        The class; -1 (ignore regions only): every class.
    corners : array (n, 4) float64
        Left, top, right, bottom; pixels.
    score : array (n,) float64
        Zeros for truths.
    difficult, ignore : array (n,) bool
        VOC's flag; a region to ignore (or COCO's crowd) instead of an object.
    area : array (n,) float64
        Of the object, as annotated; NaN: not given.
    truncated, occluded : array (n,) float64
        KITTI's: the part outside the image, 0 to 1, and the degree of occlusion, 0 to 3.
    """

    classes: int
    image: Ints
    kind: Ints
    corners: Floats
    score: Floats
    difficult: Bools
    ignore: Bools
    area: Floats
    truncated: Floats
    occluded: Floats

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, which: Bools | Ints) -> Boxes:
        """Return those of a mask, or of indices in their order."""
        fields = dict(vars(self))
        classes = fields.pop("classes")
        return Boxes(classes, **{name: values[which] for name, values in fields.items()})


def join(
    truth: Mapping[Id, Record], detections: Mapping[Id, Record], names: Sequence[str]
) -> tuple[list[Hashable], Boxes, Boxes]:
    """Join the records of all images.

    Returns
    -------
    ids : list
        The images' ids: those of the truths, then those of detections alone; `Boxes.image` is an
        index into it.
    truth, found : Boxes
        In the order in which they are given.

    Raises
    ------
    ValueError
        A field is missing, has another length or an impossible value (the image is named); two
        classes have the same name.
    """
    if len(set(names)) < len(names):
        raise ValueError("two classes have the same name")
    ids: list[Hashable] = list(dict.fromkeys([*truth, *detections]))
    number_of = {image: number for number, image in enumerate(ids)}
    return (
        ids,
        gather(truth, number_of, len(names), scored=False),
        gather(detections, number_of, len(names), scored=True),
    )


def gather(
    records: Mapping[Id, Record],
    number_of: Mapping[Hashable, int],
    classes: int,
    *,
    scored: bool,
) -> Boxes:
    """Join the records of all images, of detections (scored) or of truths.

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
        As `join`.
    """
    needed = ["class", *CORNERS, *(["score"] if scored else [])]
    parts: dict[str, list[Floats]] = {name: [] for name in needed}
    if not scored:
        parts.update((name, []) for name in OPTIONAL)
    images: list[int] = []
    counts: list[int] = []
    for image, record in records.items():
        fields = record.dtype.names or () if isinstance(record, np.ndarray) else record.keys()
        if not fields:
            continue
        for name in needed:
            if name not in fields:
                raise ValueError(f"image {image!r}: no field '{name}'")
        count = np.size(record["class"])
        for name, part in parts.items():
            if name in fields:
                part.append(_column(image, name, record[name], count))
            else:
                part.append(np.full(count, OPTIONAL[name]))
        images.append(number_of[image])
        counts.append(count)

    image_of = np.repeat(np.array(images, np.int64), np.array(counts, np.int64))
    absent = {name: np.full(len(image_of), value) for name, value in OPTIONAL.items()}
    joined = {name: np.concatenate([np.zeros(0), *part]) for name, part in parts.items()}
    values = {"score": np.zeros(len(image_of)), **absent, **joined}
    ignore = (values["ignore"] != 0) | (values["crowd"] != 0)
    kinds = values["class"]
    wrong = ~((kinds >= np.where(ignore, EVERY_CLASS, 0)) & (kinds < classes) & (kinds % 1 == 0))
    bad = np.flatnonzero(wrong | np.isnan(values["score"]))
    if len(bad):
        first = int(bad[0])
        where = next(key for key in records if number_of[key] == image_of[first])
        if wrong[first]:
            raise ValueError(
                f"image {where!r}: class {kinds[first]:g} of {count_of(classes, 'class')}"
            )
        raise ValueError(f"image {where!r}: a score is NaN")
    return Boxes(
        classes,
        image_of,
        kinds.astype(np.int64),
        np.stack([values[name] for name in CORNERS], axis=1),
        values["score"],
        values["difficult"] != 0,
        ignore,
        values["area"],
        values["truncated"],
        values["occluded"],
    )


def _column(image: object, name: str, values: npt.ArrayLike, count: int) -> Floats:
    try:
        column = np.atleast_1d(np.asarray(values, np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f"image {image!r}: '{name}' is not all numbers") from error
    if column.shape != (count,):
        raise ValueError(
            f"image {image!r}: '{name}' of shape {column.shape} beside {count_of(count, 'class')}"
        )
    return column


def record_of(kinds: npt.ArrayLike, corners: npt.ArrayLike, **fields: npt.ArrayLike) -> Fields:
    """Return a record of classes (n,), corners (n, 4) and further fields (n,)."""
    boxes = np.asarray(corners, np.float64).reshape(-1, 4)
    record: Fields = {"class": np.asarray(kinds, np.int64)}
    record.update((name, boxes[:, side]) for side, name in enumerate(CORNERS))
    record.update((name, np.asarray(values)) for name, values in fields.items())
    return record


def to_edges(boxes: npt.ArrayLike, size: tuple[int, int], *, clip: bool) -> Floats:
    """Turn relative boxes into edges between pixels, from 0 to the image's width and height.

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
    edges: Floats = np.hstack([relative[:, :2] - half, relative[:, :2] + half])
    if clip:
        edges = edges.clip(0, 1)
    return edges * np.tile(np.array(size, np.float64), 2)


def inclusive(record: Fields) -> Fields:
    """Turn a record's edges, from 0, into VOC's inclusive pixels, from 1.

    1 is added to all corners, as Darknet's `valid` does when it writes detections: its converter,
    and pylrm's, subtract 1 from VOC's annotations to get edges (see `pylrm.convert.vocxml`).
    """
    return {**record, **{side: record[side] + 1 for side in CORNERS}}
