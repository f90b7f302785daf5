"""Augmentations that make one training picture of several, or change the pixels of one.

A table like that of `pylrm.data.augmentation`: each row is a function and the number of other
pictures it takes. Each row acts on every other sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from pylrm.data.images import cv2

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

GREY = 0.5
BLUR = 31  # side of the kernel with blur=1, in pixels
LEAST_SHARE = 0.2  # of the input's sides: where the parts of a mosaic meet, at least from the edge


@dataclass
class Picture:
    """A network's input with its boxes.

    Attributes
    ----------
    x : array (channels, h, w)
        Values from 0 to 1.
    rows : array (n, 5)
        x y w h class of each box, relative to the input; class -1: a region to ignore.
    labels : array (n,)
        The number of each row's label in its file; -1: a region, or another image's.
    area : array (4,)
        Left, top, right, bottom of the image within x, in pixels; grey is around it.
    target : array (classes,)
        Of a classifier's picture: the probability of each class; else empty.
    """

    x: Floats
    rows: Floats
    labels: Ints
    area: Ints
    target: Floats = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True)
class Mixing:
    """A row of the table.

    Attributes
    ----------
    key : str
        The cfg's key, in [net].
    doc : str
        What it does, in one line.
    others : int
        How many other pictures it takes.
    apply : callable
        Changes the first picture; takes the others, the key's value, and random numbers.
    """

    key: str
    doc: str
    others: int
    apply: Callable[[Picture, Sequence[Picture], float, np.random.Generator], None]


def mosaic(
    picture: Picture, others: Sequence[Picture], value: float, random: np.random.Generator
) -> None:
    """Put four pictures around a point at random: of each the quarter that is next to it.

    Each image is moved so that its corner lies at the point; what does not fit is cut off
    (Bochkovskiy et al., YOLOv4, 2020, section 3.3).
    """
    _, height, width = picture.x.shape
    whole = np.array([width, height])
    share = LEAST_SHARE + (1 - 2 * LEAST_SHARE) * random.random(2)
    cut = (share * whole).astype(int)
    pictures = [replace(picture, x=picture.x.copy()), *others]
    found = []
    corners = [cut, whole - cut]
    shares = [corners[i % 2][0] * corners[i // 2][1] / whole.prod() for i in range(4)]
    picture.x[:] = GREY
    for i, part in enumerate(pictures):
        behind = np.array([i % 2, i // 2], bool)  # right of the point, below it
        move = cut - np.where(behind, part.area[:2], part.area[2:])
        low = np.maximum(np.where(behind, cut, 0), part.area[:2] + move)
        high = np.minimum(np.where(behind, whole, cut), part.area[2:] + move)
        (left, top), (right, bottom) = low, high
        (x, y), (w, h) = low - move, high - low
        picture.x[:, top:bottom, left:right] = part.x[:, y : y + h, x : x + w]
        found.append(clipped(part.rows, move / whole, low / whole, high / whole))
    _join(picture, found, pictures, shares)


def mixup(
    picture: Picture, others: Sequence[Picture], value: float, random: np.random.Generator
) -> None:
    """Lay another picture over this one, half of each; the boxes of both count."""
    picture.x += others[0].x
    picture.x *= 0.5
    both = [picture, *others]
    _join(picture, [each.rows for each in both], both, [0.5, 0.5])


def cutmix(
    picture: Picture, others: Sequence[Picture], value: float, random: np.random.Generator
) -> None:
    """Put a part of another picture, of any size and place, over this one (Yun et al., 2019).

    Each class is as probable as its share of the area; for classifiers.
    """
    _, height, width = picture.x.shape
    side = np.sqrt(1 - random.random())  # the share that this picture keeps is uniform
    w, h = (np.array([width, height]) * side).round().astype(int)
    left, top = (int(random.random() * (room + 1)) for room in (width - w, height - h))
    area = np.s_[:, top : top + h, left : left + w]
    picture.x[area] = others[0].x[area]
    share = float(w * h / (width * height))
    picture.target = (1 - share) * picture.target + share * others[0].target


def blur(
    picture: Picture, others: Sequence[Picture], value: float, random: np.random.Generator
) -> None:
    """Blur all (a kernel of so many pixels), or with blur=1 only what is outside of the boxes."""
    size = BLUR if value == 1 else int(value) | 1
    _, height, width = picture.x.shape
    sharp = picture.x.copy()
    for plane in picture.x:
        plane[:] = cv2().GaussianBlur(plane, (size, size), 0)
    if value != 1:
        return
    for x, y, w, h, _ in picture.rows[picture.rows[:, 4] >= 0]:
        columns = slice(int((x - w / 2) * width), int(np.ceil((x + w / 2) * width)))
        lines = slice(int((y - h / 2) * height), int(np.ceil((y + h / 2) * height)))
        picture.x[:, lines, columns] = sharp[:, lines, columns]


def gaussian_noise(
    picture: Picture, others: Sequence[Picture], value: float, random: np.random.Generator
) -> None:
    """Add noise of that standard deviation, in steps of 255."""
    noise = random.standard_normal(picture.x.shape, np.float32) * np.float32(value / 255)
    np.clip(picture.x + noise, 0, 1, out=picture.x)


# In this order; another order changes every run that uses several.
MIXINGS = (
    Mixing("mosaic", "four images around a point at random", 3, mosaic),
    Mixing("mixup", "another image is laid over it, half of each", 1, mixup),
    Mixing("cutmix", "a part of another image is put over it", 1, cutmix),
    Mixing("blur", "1: blurred outside of the boxes; above: all, by so many pixels", 0, blur),
    Mixing("gaussian_noise", "noise of this deviation, of 255", 0, gaussian_noise),
)


def clipped(rows: Floats, move: Floats, low: Floats, high: Floats) -> Floats:
    """Return boxes moved and clipped to a part of the input; what is left may have no area."""
    centre, half = rows[:, :2].astype(np.float64) + move, rows[:, 2:4].astype(np.float64) / 2
    near = np.clip(centre - half, low, high)
    far = np.clip(centre + half, low, high)
    return np.hstack([(near + far) / 2, far - near, rows[:, 4:]]).astype(np.float32)


def _join(
    picture: Picture,
    rows: Sequence[Floats],
    pictures: Sequence[Picture],
    shares: Sequence[float],
) -> None:
    """Set the picture's boxes to those of all, objects first; its classes by the shares."""
    labels = [pictures[0].labels, *(np.full(len(each.labels), -1) for each in pictures[1:])]
    every = np.concatenate(rows)
    order = np.argsort(every[:, 4] < 0, kind="stable")
    picture.rows, picture.labels = every[order], np.concatenate(labels)[order]
    picture.target = np.sum(
        [share * each.target for share, each in zip(shares, pictures, strict=True)], axis=0
    )
