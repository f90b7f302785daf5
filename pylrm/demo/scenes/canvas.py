"""What a scene is painted on: camera, light, and a picture that records each pixel's object.

World coordinates are metres: x to the right, y up, z along the street; the camera looks along z,
turned by `yaw`. It has no pitch, a shifted horizon instead, so that verticals stay vertical.
Colours are BGR, 0 to 255.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pylrm.data.images import cv2

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Colour = tuple[float, float, float]

NEAR = 0.6  # metres; what is nearer to the camera is not drawn
_SHIFT = 4  # fractional bits of OpenCV's coordinates
_FAR_OFF = 8000.0  # pixels; beyond, OpenCV's fixed-point coordinates would overflow


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes
    ----------
    width, height
        Of the picture in pixels.
    focal
        Focal length in pixels.
    horizon
        Its row, pixels from the top.
    x, y
        The camera's place across the street and its height above it, metres; it stands at z = 0.
    yaw
        Angle to the street in radians; positive looks to the left.
    """

    width: int
    height: int
    focal: float
    horizon: float
    x: float
    y: float
    yaw: float

    def view(self, points: npt.ArrayLike) -> Floats:
        """World points (n, 3) in the camera's axes (n, 3): right, up, depth; metres."""
        world = np.asarray(points, float).reshape(-1, 3)
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        across = world[:, 0] - self.x
        view = np.empty_like(world)
        view[:, 0] = cos * across + sin * world[:, 2]
        view[:, 1] = world[:, 1] - self.y
        view[:, 2] = cos * world[:, 2] - sin * across
        return view

    def depth(self, x: float, z: float) -> float:
        """How far a point of the ground is in front of the camera, metres."""
        return float(self.view([[x, 0, z]])[0, 2])

    def flatten(self, view: Floats) -> Floats:
        """Points in the camera's axes (n, 3) to pixels (n, 2)."""
        depth = np.maximum(view[:, 2], NEAR)
        pixels = view[:, :2] * (self.focal / depth)[:, None]
        pixels[:, 0] += self.width / 2
        pixels[:, 1] = self.horizon - pixels[:, 1]
        return pixels

    def project(self, points: npt.ArrayLike) -> Floats:
        """World points (n, 3) to pixels (n, 2)."""
        return self.flatten(self.view(points))


@dataclass(frozen=True)
class Light:
    """Weather and time of day.

    Attributes
    ----------
    zenith, low
        The sky's colours above and at the horizon; `low` is the haze's too.
    tint
        What the light multiplies surfaces with, per channel.
    sun
        -1: from the left, 1: from the right, 0: overcast.
    shadow
        Depth of shadows, 0 to 1.
    night
        0 by day, 1 at night: lamps, lit windows, headlights.
    clouds
        Cover, 0 to 1.
    haze
        Distance in metres at which haze has taken 63% of a colour.
    """

    zenith: Colour
    low: Colour
    tint: Colour
    sun: int
    shadow: float
    night: float
    clouds: float
    haze: float

    def shade(self, colour: Sequence[float], factor: float = 1.0, depth: float = 0.0) -> Colour:
        """A surface's colour in this light, behind `depth` metres of air."""
        clear = math.exp(-depth / self.haze)
        b, g, r = (
            min(255.0, colour[i] * factor * self.tint[i]) * clear + self.low[i] * (1 - clear)
            for i in (0, 1, 2)
        )
        return b, g, r

    def glow(self, colour: Sequence[float], depth: float) -> Colour:
        """The colour of something that shines by itself."""
        veil = 0.5 - 0.5 * math.exp(-depth / self.haze)
        b, g, r = (
            part * (1 - veil) + low * veil for part, low in zip(colour, self.low, strict=True)
        )
        return b, g, r


@dataclass
class Canvas:
    """A picture under work.

    Attributes
    ----------
    image
        (h, w, 3) uint8.
    owner
        (h, w) uint8: the number of the object that a pixel shows; 0: scenery.
    now
        The number that painting goes under.
    reach
        Left, top, right, bottom of what was painted under the number, in pixels, also outside of
        the picture; not kept for scenery.
    """

    image: Bytes
    owner: Bytes
    now: int = 0
    reach: list[float] = field(default_factory=lambda: [np.inf, np.inf, -np.inf, -np.inf])

    def begin(self, number: int) -> None:
        """Paint from now on under a number."""
        self.now = number
        self.reach = [np.inf, np.inf, -np.inf, -np.inf]

    def _fixed(self, points: Floats) -> npt.NDArray[np.int32]:
        if self.now:
            low, high = points.min(axis=0), points.max(axis=0)
            self.reach = [
                min(self.reach[0], low[0]),
                min(self.reach[1], low[1]),
                max(self.reach[2], high[0]),
                max(self.reach[3], high[1]),
            ]
        # OpenCV's pixel centres have whole coordinates, ours end in .5
        clipped = np.clip(points, -_FAR_OFF, _FAR_OFF) - 0.5
        return np.round(clipped * (1 << _SHIFT)).astype(np.int32)

    def polygon(self, points: npt.ArrayLike, colour: Colour) -> None:
        """Fill a polygon of (n, 2) pixels."""
        cv = cv2()
        fixed = [self._fixed(np.asarray(points, float))]
        cv.fillPoly(self.image, fixed, colour, cv.LINE_AA, _SHIFT)
        cv.fillPoly(self.owner, fixed, self.now, cv.LINE_8, _SHIFT)

    def stroke(self, points: npt.ArrayLike, thickness: float, colour: Colour) -> None:
        """Draw lines along (n, 2) pixels; `thickness` in pixels."""
        cv = cv2()
        width = max(1, round(thickness))
        fixed = [self._fixed(np.asarray(points, float))]
        cv.polylines(self.image, fixed, False, colour, width, cv.LINE_AA, _SHIFT)
        cv.polylines(self.owner, fixed, False, self.now, width, cv.LINE_8, _SHIFT)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Add a soft halo around a pixel; it belongs to nobody."""
        left, top = int(max(0, x - 3 * radius)), int(max(0, y - 3 * radius))
        right = int(min(self.image.shape[1], x + 3 * radius + 1))
        bottom = int(min(self.image.shape[0], y + 3 * radius + 1))
        if left >= right or top >= bottom:
            return
        across = np.exp(-(((np.arange(left, right) - x) / radius) ** 2))
        down = np.exp(-(((np.arange(top, bottom) - y) / radius) ** 2))
        halo = strength * down[:, None, None] * across[None, :, None] * np.array(colour)
        patch = self.image[top:bottom, left:right]
        np.copyto(patch, np.minimum(255, patch + halo).astype(np.uint8))


def disc(x: float, y: float, rx: float, ry: float | None = None, sides: int = 20) -> Floats:
    """The corners of a disc or an ellipse, (sides, 2)."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    return np.stack([x + rx * np.cos(angle), y + (rx if ry is None else ry) * np.sin(angle)], 1)


def limb(a: Sequence[float], b: Sequence[float], ra: float, rb: float) -> Floats:
    """The outline of a limb from `a` to `b` with round ends of radii `ra` and `rb`, (14, 2)."""
    along = np.arctan2(b[1] - a[1], b[0] - a[0])
    half = along + np.linspace(np.pi / 2, 3 * np.pi / 2, 7)
    start = np.stack([a[0] + ra * np.cos(half), a[1] + ra * np.sin(half)], 1)
    end = np.stack([b[0] - rb * np.cos(half), b[1] - rb * np.sin(half)], 1)
    return np.concatenate([start, end])


def noise(rng: np.random.Generator, height: int, width: int, octaves: Sequence[int]) -> Floats:
    """Cloudy noise of mean 0 and about unit spread, (height, width).

    Parameters
    ----------
    octaves
        Cells along the longer side, from coarse to fine; each counts half as much as the former.
    """
    total = np.zeros((height, width), np.float32)
    for index, cells in enumerate(octaves):
        rows = max(2, round(cells * height / max(height, width)))
        columns = max(2, round(cells * width / max(height, width)))
        grid = rng.normal(size=(rows, columns)).astype(np.float32)
        total += 0.5**index * cv2().resize(grid, (width, height), interpolation=2)
    return np.asarray(total / max(1e-6, float(total.std())), float)
