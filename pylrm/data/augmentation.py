"""Where an image stands in a network's input, in what colours, and where its boxes go.

The augmentations of training are tables, one for detectors and one for classifiers: each row is a
function and the random numbers it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pylrm.data.images import letterbox_size

Floats = npt.NDArray[np.float32]
Random = npt.NDArray[np.float64]
Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class Transform:
    """What becomes of an image on its way into the input (see `pylrm.data.images.augment`)."""

    size: tuple[int, int]
    offset: tuple[int, int]
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    flip: bool = False
    vflip: bool = False
    corners: bool = False


@dataclass(frozen=True, kw_only=True)
class Colours:
    """Ranges of what all augmentations have: colours and mirroring.

    Attributes
    ----------
    hue
        Largest shift, in turns.
    saturation, exposure
        Largest factor; the smallest is its inverse.
    flip, vflip
        Mirror every other image left for right, and upside down.
    """

    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    flip: bool = True
    vflip: bool = False

    def __post_init__(self) -> None:
        if not (self.saturation > 0 and self.exposure > 0):
            raise ValueError("saturation and exposure must be positive")


@dataclass(frozen=True)
class Ranges(Colours):
    """Ranges of a detector's augmentation, as in a cfg's keys.

    Attributes
    ----------
    jitter
        Part of its size by which an image's width and height each change before its aspect is
        taken.
    resize
        Largest factor of the size at which the image would fill the input; the smallest is its
        inverse. Of a larger image a part is seen.
    """

    jitter: float = 0.2
    resize: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter is {self.jitter}; it must be within 0…1")
        if self.resize < 1:
            raise ValueError(f"resize is {self.resize}; it must be at least 1")

    def draw(
        self, original: Size, canvas: Size, random: Random, letterbox: bool = True
    ) -> Transform:
        """Draw a transform at random.

        Parameters
        ----------
        original, canvas
            (width, height) of the image and of the network's input in pixels.
        random
            (NUMBERS,) uniform in [0, 1).
        letterbox
            The aspect that is jittered: the image's, or (without) the canvas's.
        """
        start = Transform(original if letterbox else canvas, (0, 0))
        return _applied(AUGMENTATIONS, self, start, canvas, random)


@dataclass(frozen=True)
class CropRanges(Colours):
    """Ranges of a classifier's augmentation, as in a cfg's keys.

    Attributes
    ----------
    min_crop, max_crop
        Bounds of the image's shorter side in pixels, of which the input is cut out; 0: the input's
        width, and twice the width.
    aspect
        Largest factor of the aspect; the smallest is its inverse.
    angle
        Largest rotation to either side, in degrees.
    """

    min_crop: int = 0
    max_crop: int = 0
    aspect: float = 1.0
    angle: float = 0.0

    def draw(self, original: Size, canvas: Size, random: Random) -> Transform:
        """Draw a transform at random; the parameters are those of `Ranges.draw`."""
        start = Transform(original, (0, 0))
        return _applied(CLASSIFIER_AUGMENTATIONS, self, start, canvas, random)


@dataclass(frozen=True)
class Augmentation:
    """A row of the table of augmentations.

    Attributes
    ----------
    keys
        The cfg's keys that range it.
    doc
        What it does, in one line.
    numbers
        How many random numbers it takes.
    apply
        From ranges, the transform so far, random numbers in [0, 1) and the (width, height) of the
        network's input to the next transform. The first row starts from a transform whose size has
        the aspect to keep.
    """

    keys: tuple[str, ...]
    doc: str
    numbers: int
    apply: Callable[[Any, Transform, Random, Size], Transform]


def jitter_aspect(ranges: Ranges, transform: Transform, random: Random, canvas: Size) -> Transform:
    """Change the aspect, make the image as large as the input allows, and place it at random."""
    (w, h), (width, height) = transform.size, canvas
    stretch = 1 + ranges.jitter * (2 * random[:2] - 1)
    aspect = float(w * stretch[0] / (h * stretch[1]))
    if aspect * height < width:
        size = (max(1, int(height * aspect)), height)
    else:
        size = (width, max(1, min(height, int(width / aspect))))
    spare = (width - size[0] + 1, height - size[1] + 1)
    offset = (int(random[2] * spare[0]), int(random[3] * spare[1]))
    return replace(transform, size=size, offset=offset)


def crop(ranges: CropRanges, transform: Transform, random: Random, canvas: Size) -> Transform:
    """Change the aspect, give the shorter side a length at random, and cut the input out of it."""
    (w, h), width = transform.size, canvas[0]
    low = ranges.min_crop or width
    high = max(low, ranges.max_crop or 2 * width)
    side = low + int(random[0] * (high - low + 1))
    stretched = w * _factor(ranges.aspect, random[1], random[2])
    scale = side / min(stretched, h)
    size = (max(1, round(stretched * scale)), max(1, round(h * scale)))
    spare = [whole - side for whole, side in zip(canvas, size, strict=True)]
    x, y = (round(float(at) * room) for at, room in zip(random[3:], spare, strict=True))
    return replace(transform, size=size, offset=(x, y))


def shift_colours(ranges: Colours, transform: Transform, random: Random, canvas: Size) -> Transform:
    """Shift the hue, and scale saturation and brightness."""
    return replace(
        transform,
        hue=float(ranges.hue * (2 * random[0] - 1)),
        saturation=_factor(ranges.saturation, random[1], random[2]),
        exposure=_factor(ranges.exposure, random[3], random[4]),
    )


def mirror(ranges: Colours, transform: Transform, random: Random, canvas: Size) -> Transform:
    """Mirror every other image."""
    return replace(transform, flip=ranges.flip and bool(random[0] < 0.5))


def mirror_upside_down(
    ranges: Colours, transform: Transform, random: Random, canvas: Size
) -> Transform:
    """Turn every other image upside down, mirrored."""
    return replace(transform, vflip=True) if ranges.vflip and random[0] < 0.5 else transform


def change_size(ranges: Ranges, transform: Transform, random: Random, canvas: Size) -> Transform:
    """Make the placed image larger or smaller, and place it anew: all of it, or a part."""
    if ranges.resize == 1:
        return transform
    factor = ranges.resize ** (2 * random[0] - 1)
    size = [max(1, round(side * factor)) for side in transform.size]
    spare = [whole - side for whole, side in zip(canvas, size, strict=True)]
    x, y = (round(float(at) * room) for at, room in zip(random[1:], spare, strict=True))
    return replace(transform, size=(size[0], size[1]), offset=(x, y))


_COLOURS = Augmentation(
    ("hue", "saturation", "exposure"),
    "the hue moves by up to this share of the circle; saturation and brightness are multiplied or "
    "divided by up to theirs",
    5,
    shift_colours,
)
_MIRRORS = (
    Augmentation(("flip",), "every other image is mirrored, left for right", 1, mirror),
    Augmentation(("vflip",), "every other image is mirrored upside down", 1, mirror_upside_down),
)
# In this order; another order, or another count of numbers before a row, changes every run.
AUGMENTATIONS = (
    Augmentation(
        ("jitter",),
        "the aspect changes by up to this share of width and height each; the image is then placed "
        "in the input at random",
        4,
        jitter_aspect,
    ),
    _COLOURS,
    *_MIRRORS,
    Augmentation(
        ("resize",),
        "the image's size is multiplied or divided by up to this factor; of a larger one a part is "
        "seen",
        3,
        change_size,
    ),
)
CLASSIFIER_AUGMENTATIONS = (
    Augmentation(
        ("min_crop", "max_crop", "aspect"),
        "the shorter side gets a length between these, and the aspect is multiplied or divided by "
        "up to this factor; the input is cut out of the image at random",
        5,
        crop,
    ),
    _COLOURS,
    *_MIRRORS,
)
NUMBERS = sum(row.numbers for row in AUGMENTATIONS)
CLASSIFIER_NUMBERS = sum(row.numbers for row in CLASSIFIER_AUGMENTATIONS)


def _applied(
    table: Sequence[Augmentation], ranges: Any, transform: Transform, canvas: Size, random: Random
) -> Transform:
    """Apply the rows of a table in turn, each with random numbers of its own."""
    start = 0
    for row in table:
        transform = row.apply(ranges, transform, random[start : start + row.numbers], canvas)
        start += row.numbers
    return transform


def _factor(most: float, size: float, side: float) -> float:
    """A factor in [1, most], or its inverse."""
    factor = 1 + (most - 1) * size
    return float(factor if side < 0.5 else 1 / factor)


def plain_transform(
    original: tuple[int, int], canvas: tuple[int, int], letterbox: bool
) -> Transform:
    """Return the transform of evaluation: letterboxed, or stretched to the canvas."""
    if not letterbox:
        return Transform(canvas, (0, 0), corners=True)
    size = letterbox_size(*original, *canvas)
    return Transform(size, ((canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2), corners=True)


def centre_crop(original: Size, canvas: Size) -> Transform:
    """Return the transform of a classifier's evaluation: the image's middle fills the input."""
    scale = max(whole / side for whole, side in zip(canvas, original, strict=True))
    size = tuple(round(side * scale) for side in original)
    offset = tuple((whole - side) // 2 for whole, side in zip(canvas, size, strict=True))
    return Transform((size[0], size[1]), (offset[0], offset[1]), corners=True)


def visible(transform: Transform, canvas: Size) -> npt.NDArray[np.int64]:
    """Return left, top, right, bottom of a placed image within the input, in pixels."""
    low = np.clip(transform.offset, 0, canvas)
    high = np.clip(np.add(transform.offset, transform.size), 0, canvas)
    if transform.flip:
        low[0], high[0] = canvas[0] - high[0], canvas[0] - low[0]
    return np.concatenate([low, high])


def move_boxes(boxes: Floats, transform: Transform, canvas: tuple[int, int]) -> Floats:
    """Boxes of an image, where a transform puts them.

    Parameters
    ----------
    boxes
        (n, 4) float32: centre x, y, w, h relative to the image.
    transform, canvas
        The transform and the (width, height) of the network's input in pixels.

    Returns
    -------
    ndarray
        (n, 4) relative to the input, clipped to it; a box of nothing has w or h 0.
    """
    scale = np.array(transform.size, np.float64) / canvas
    offset = np.array(transform.offset, np.float64) / canvas
    centre, half = boxes[:, :2].astype(np.float64), boxes[:, 2:] * scale / 2
    if transform.vflip:
        centre[:, 1] = 1 - centre[:, 1]
    centre = centre * scale + offset
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    if transform.flip:
        low[:, 0], high[:, 0] = 1 - high[:, 0], 1 - low[:, 0]
    return np.hstack([(low + high) / 2, high - low]).astype(np.float32)
