"""How an image is placed in a network's input, at random or plainly, and where its boxes go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pylrm.data.images import letterbox_size

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """How an image stands in the network's input (see `pylrm.data.images.augment`)."""

    size: tuple[int, int]
    offset: tuple[int, int]
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    flip: bool = False
    corners: bool = False


@dataclass(frozen=True)
class Distortion:
    """Ranges of the augmentation, as in a cfg's keys.

    Attributes
    ----------
    jitter
        An image's width and height are each changed by up to this share before its aspect is
        computed from them.
    hue
        Largest shift, in turns.
    saturation, exposure
        Largest factor; the smallest is its inverse.
    flip
        Mirror every other image.
    """

    jitter: float = 0.2
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    flip: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter is {self.jitter}; it must be within 0…1")
        if not (self.saturation > 0 and self.exposure > 0):
            raise ValueError("saturation and exposure must be positive")

    def view(
        self,
        original: tuple[int, int],
        canvas: tuple[int, int],
        random: npt.NDArray[np.float64],
        letterbox: bool = True,
    ) -> View:
        """One random view.

        Parameters
        ----------
        original, canvas
            (width, height) of the image and of the network's input in pixels.
        random
            (10,) uniform in [0, 1).
        letterbox
            The aspect that is jittered: the image's, or (without) the canvas's.
        """
        w, h = original if letterbox else canvas
        width, height = canvas
        stretch = 1 + self.jitter * (2 * random[:2] - 1)
        aspect = float(w * stretch[0] / (h * stretch[1]))
        if aspect * height < width:
            size = (max(1, int(height * aspect)), height)
        else:
            size = (width, max(1, min(height, int(width / aspect))))
        spare = (width - size[0] + 1, height - size[1] + 1)
        return View(
            size,
            (int(random[2] * spare[0]), int(random[3] * spare[1])),
            hue=float(self.hue * (2 * random[4] - 1)),
            saturation=_factor(self.saturation, random[5], random[6]),
            exposure=_factor(self.exposure, random[7], random[8]),
            flip=self.flip and bool(random[9] < 0.5),
        )


def _factor(most: float, size: float, side: float) -> float:
    """A factor in [1, most], or its inverse."""
    factor = 1 + (most - 1) * size
    return float(factor if side < 0.5 else 1 / factor)


def plain_view(original: tuple[int, int], canvas: tuple[int, int], letterbox: bool) -> View:
    """The view of evaluation: letterboxed, or stretched to the canvas."""
    if not letterbox:
        return View(canvas, (0, 0), corners=True)
    size = letterbox_size(*original, *canvas)
    return View(size, ((canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2), corners=True)


def move_boxes(boxes: Floats, view: View, canvas: tuple[int, int]) -> Floats:
    """Boxes of an image, where a view puts them.

    Parameters
    ----------
    boxes
        (n, 4) float32: centre x, y, w, h relative to the image.
    view, canvas
        The view and the (width, height) of the network's input in pixels.

    Returns
    -------
    ndarray
        (n, 4) relative to the input, clipped to it; a box of nothing has w or h 0.
    """
    scale = np.array(view.size, np.float64) / canvas
    offset = np.array(view.offset, np.float64) / canvas
    centre, half = boxes[:, :2] * scale + offset, boxes[:, 2:] * scale / 2
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    if view.flip:
        low[:, 0], high[:, 0] = 1 - high[:, 0], 1 - low[:, 0]
    return np.hstack([(low + high) / 2, high - low]).astype(np.float32)
