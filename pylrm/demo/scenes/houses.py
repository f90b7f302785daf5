"""Rows of houses: facades are drawn flat and put into perspective."""

from __future__ import annotations

import numpy as np

from pylrm.data.images import cv2
from pylrm.demo.scenes.backdrop import Street
from pylrm.demo.scenes.canvas import Bytes, Camera, Canvas, Colour, Light

_WALLS: list[Colour] = [
    (148, 182, 214), (170, 200, 226), (96, 128, 190), (86, 104, 164), (196, 206, 212),
    (176, 186, 178), (200, 190, 170), (120, 160, 205), (150, 150, 200), (170, 196, 172),
    (132, 138, 142), (205, 214, 222),
]  # fmt: skip
_AWNINGS: list[Colour] = [
    (50, 50, 180), (80, 120, 40), (150, 90, 40), (40, 150, 220), (110, 60, 120), (60, 60, 64),
]  # fmt: skip
_PIXELS = 18  # of a near facade's texture, a metre


def build(
    canvas: Canvas, camera: Camera, light: Light, street: Street, rng: np.random.Generator
) -> None:
    """Rows of houses on both sides, from far to near, and one across the street's end."""
    if rng.random() < 0.6:
        width, height = rng.uniform(26, 40), rng.uniform(9, 16)
        centre = rng.uniform(-4, 4)
        a, b = (centre - width / 2, street.end), (centre + width / 2, street.end)
        _wall(canvas, camera, facade(rng, light, width, height, street.end), a, b, height)
    rows: list[tuple[float, float, float, int]] = []
    for side in (-1, 1):
        z = rng.uniform(-8, -2)
        while z < street.end:
            length = rng.uniform(7, 15)
            near, far = z, z + length
            if street.cross is not None and near < street.cross + 7 and far > street.cross - 7:
                if street.cross - 7 - near > 4:
                    far = street.cross - 7
                else:
                    z = max(far, street.cross + 7) if near >= street.cross - 11 else far
                    z = max(z, street.cross + 7)
                    continue
            rows.append((near, far, rng.uniform(6.5, 15), side))
            z = far + (rng.uniform(1.5, 5) if rng.random() < 0.18 else 0.0)
    for near, far, height, side in sorted(rows, reverse=True):
        x = (street.left if side < 0 else street.right) + side * street.pavement
        depth, last = camera.depth(x, near), camera.depth(x, far)
        if last < 1:
            continue
        columns = camera.project([(x, 0, far), (x + side * 9, 0, near)])[:, 0]
        if columns.max() < 0 or columns.min() > camera.width:
            continue
        front = facade(rng, light, far - near, height, max(1.0, (depth + last) / 2))
        colour = front[4, 4].astype(float)
        gable = np.full((8, 8, 3), colour * (0.82 if light.sun == side else 0.66), np.uint8)
        if depth > 1:
            _wall(canvas, camera, gable, (x, near), (x + side * 9, near), height)
        ends = ((x, near), (x, far)) if side > 0 else ((x, far), (x, near))
        factor = 1.0 if light.sun in (0, -side) else 0.8
        _wall(canvas, camera, (front * factor).astype(np.uint8), *ends, height)


def _wall(
    canvas: Canvas,
    camera: Camera,
    texture: Bytes,
    a: tuple[float, float],
    b: tuple[float, float],
    height: float,
) -> None:
    """Put a texture on an upright wall from ground point a to b (x, z); cut at the near plane."""
    cv = cv2()
    rows, columns = texture.shape[:2]
    points = np.array([(a[0], 0, a[1]), (b[0], 0, b[1])], float)
    depths = camera.view(points)[:, 2]
    if depths.max() <= 1.0:
        return
    cut = np.array([0.0, 1.0])
    for end in (0, 1):
        if depths[end] < 1.0:
            cut[end] = end + (1 - 2 * end) * (1.0 - depths[end]) / (depths[1 - end] - depths[end])
    low = points[0] + (points[1] - points[0]) * cut[:, None]
    corners = camera.project(np.concatenate([low, low[::-1] + np.array([0, height, 0])]))
    left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)), [camera.width, camera.height]).astype(
        int
    )
    if right - left < 1 or bottom - top < 1:
        return
    source = np.array(
        [
            (cut[0] * columns, rows),
            (cut[1] * columns, rows),
            (cut[1] * columns, 0),
            (cut[0] * columns, 0),
        ]
    )
    target = corners - [left, top]
    matrix = cv.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    size = (int(right - left), int(bottom - top))
    warped = cv.warpPerspective(
        texture, matrix, size, flags=cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE
    )
    mask = np.zeros((size[1], size[0]), np.uint8)
    outline = np.round((np.clip(target, -8000, 8000) - 0.5) * 16).astype(np.int32)
    cv.fillPoly(mask, [outline], 1, cv.LINE_8, 4)
    patch = canvas.image[top:bottom, left:right]
    np.copyto(patch, warped, where=mask[..., None].view(bool))


def facade(
    rng: np.random.Generator, light: Light, width: float, height: float, depth: float
) -> Bytes:
    """A front's texture of `width` x `height` metres, as seen from `depth` metres away."""
    paint = _Facade(rng, light, width, height, depth)
    ground_floor = rng.uniform(3.2, 3.8)
    paint.upper_floors(ground_floor)
    paint.ground_floor(ground_floor)
    paint.box(0, height - 0.35, width, height, paint.tone(paint.wall, 0.74))
    paint.box(0, height - 0.42, width, height - 0.35, paint.tone(paint.wall, 0.5))
    paint.box(0, 0, 0.08, height, paint.tone(paint.wall, 0.7))
    return paint.texture


class _Facade:
    """A front under work."""

    def __init__(
        self, rng: np.random.Generator, light: Light, width: float, height: float, depth: float
    ) -> None:
        self.rng, self.light, self.depth = rng, light, depth
        self.width, self.height = width, height
        self.pixels = _PIXELS if depth < 30 else _PIXELS / 2
        self.rows, columns = int(height * self.pixels), int(width * self.pixels)
        b, g, r = _WALLS[rng.integers(len(_WALLS))]
        shade = rng.uniform(0.85, 1.08)
        self.wall: Colour = (b * shade, g * shade, r * shade)
        grain = rng.standard_normal((self.rows // 3, columns // 3), np.float32)
        grain = cv2().resize(grain, (columns, self.rows)) * (4 * np.exp(-depth / light.haze))
        plain = np.array(self.tone(self.wall), np.float32) + grain[..., None]
        self.texture: Bytes = np.clip(plain, 0, 255).astype(np.uint8)

    def tone(self, colour: Colour, factor: float = 1.0) -> Colour:
        """A colour in this light at this distance."""
        return self.light.shade(colour, factor, self.depth)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Fill a rectangle; metres from the left and from the ground."""
        p = self.pixels
        low = (round(x0 * p), self.rows - round(y1 * p))
        high = (round(x1 * p) - 1, self.rows - round(y0 * p) - 1)
        cv2().rectangle(self.texture, low, high, colour, -1)

    def upper_floors(self, y: float) -> None:
        """Storeys of windows from y up."""
        rng, wall = self.rng, self.wall
        floor = rng.uniform(2.8, 3.3)
        style = rng.choice(["sash", "french", "band"], p=[0.45, 0.35, 0.2])
        if rng.random() < 0.35 and style != "band":
            for course in np.arange(0, self.height, 0.32):
                self.box(0, course, self.width, course + 0.06, self.tone(wall, 0.9))
        trim = self.tone((226, 232, 235)) if rng.random() < 0.6 else self.tone(wall, 0.72)
        count = max(2, round(self.width / rng.uniform(1.9, 2.8)))
        pitch = self.width / count
        while y + floor <= self.height - 0.3:
            for index in range(count):
                self.window(style, (index + 0.5) * pitch, pitch, y, y + floor - 0.5, trim)
            self.box(0, y - 0.12, self.width, y, self.tone(wall, 0.86))
            y += floor

    def window(
        self, style: str, middle: float, pitch: float, floor: float, high: float, trim: Colour
    ) -> None:
        """A window, with its frame, sill or railing."""
        rng, wall = self.rng, self.wall
        half = pitch * {"sash": 0.24, "french": 0.2, "band": 0.46}[style]
        low = floor + {"sash": 0.9, "french": 0.35, "band": 0.8}[style]
        b, g, r = self.light.zenith
        glass = (b * 0.28 + 37, g * 0.28 + 31, r * 0.28 + 28)
        lit = rng.random() < 0.55 * self.light.night
        pane = self.tone(glass, rng.uniform(0.75, 1.2))
        if lit:
            pane = self.light.glow((110, 200, 250), self.depth)
        self.box(middle - half - 0.1, low - 0.1, middle + half + 0.1, high + 0.1, trim)
        self.box(middle - half, low, middle + half, high, pane)
        if not lit and rng.random() < 0.4:
            self.box(middle - half, (low + high) / 2, middle + half, high, self.tone(glass, 1.5))
        if style != "band":
            self.box(middle - 0.04, low, middle + 0.04, high, trim)
            sill = half + 0.16
            self.box(middle - sill, low - 0.18, middle + sill, low - 0.08, self.tone(wall, 0.7))
        if style == "french" and rng.random() < 0.8:
            for x in np.arange(middle - half - 0.15, middle + half + 0.16, 0.16):
                self.box(x, low - 0.1, x + 0.05, low + 0.7, self.tone((48, 46, 46)))

    def ground_floor(self, height: float) -> None:
        """A shop with an awning, or doors and windows."""
        rng, wall, tone, box = self.rng, self.wall, self.tone, self.box
        shop = rng.random() < 0.55
        pane = tone((88, 78, 68))
        if self.light.night > 0.3 and rng.random() < 0.7:
            pane = self.light.glow((130, 205, 240), self.depth)
        door = _AWNINGS[rng.integers(len(_AWNINGS))]
        box(0, 0, self.width, 0.5, tone(wall, 0.62))
        x = 0.6
        while x + 2.4 < self.width:
            if shop:
                box(x, 0.45, x + 2.3, height - 0.9, tone((50, 48, 48)))
                box(x + 0.1, 0.55, x + 2.2, height - 1.0, pane)
                box(x + 0.1, 0.55, x + 1.0, height - 1.9, tone((120, 110, 100)))
                x += 2.5
            elif rng.random() < 0.4:
                box(x, 0, x + 1.25, 2.5, tone((70, 70, 72)))
                box(x + 0.1, 0, x + 1.15, 2.4, tone(door, 0.8))
                x += 2.0
            else:
                box(x - 0.1, 0.9, x + 1.3, 2.6, tone((220, 226, 230)))
                box(x, 1.0, x + 1.2, 2.5, pane)
                x += 2.2
        if shop:
            colour = _AWNINGS[rng.integers(len(_AWNINGS))]
            box(0.4, height - 0.75, self.width - 0.4, height - 0.2, tone(colour, 0.8))
            for index, stripe in enumerate(np.arange(0.4, self.width - 0.7, 0.4)):
                cloth: Colour = colour if index % 2 else (232, 236, 238)
                box(stripe, height - 1.25, stripe + 0.4, height - 0.75, tone(cloth))
