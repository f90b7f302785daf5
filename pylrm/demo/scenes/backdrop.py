"""What lies behind and below the objects: the street's layout, the sky, the ground, shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pylrm.data.images import cv2
from pylrm.demo.scenes.canvas import NEAR, Camera, Canvas, Colour, Floats, Light, noise


@dataclass(frozen=True)
class Street:
    """The lie of the land, metres.

    Attributes
    ----------
    lanes
        A direction.
    lane
        A lane's width.
    parking
        Width of the parking strips: left, right; 0: none.
    pavement
        Its width.
    cross
        Where a side street's middle lies, z; None: there is none.
    zebra
        Where a zebra crossing's middle lies, z; None: there is none.
    end
        Where the street ends, z.
    """

    lanes: int
    lane: float
    parking: tuple[float, float]
    pavement: float
    cross: float | None
    zebra: float | None
    end: float

    @property
    def left(self) -> float:
        """The left kerb, x."""
        return -self.lanes * self.lane - self.parking[0]

    @property
    def right(self) -> float:
        """The right kerb, x."""
        return self.lanes * self.lane + self.parking[1]


def sky(canvas: Canvas, camera: Camera, light: Light, rng: np.random.Generator) -> None:
    """A gradient with clouds, and a far skyline."""
    height, width = canvas.image.shape[:2]
    rows, columns = height // 4, width // 4
    up = np.clip(
        np.linspace(1, 0, rows) * height / camera.horizon * 1.0 - (height / camera.horizon - 1),
        0,
        1,
    )
    zenith, low = np.array(light.zenith), np.array(light.low)
    gradient = low + (zenith - low) * (up**0.8)[:, None]
    picture = np.repeat(gradient[:, None], columns, axis=1)
    if light.clouds > 0:
        cloud = noise(rng, rows, columns, (4, 9, 18, 36))
        cover = np.clip((cloud + 3.2 * (light.clouds - 0.55)) * 0.7, 0, 1)[..., None]
        top = np.minimum(255, np.array([250, 250, 250]) * light.tint * 0.55 + low * 0.48)
        soft = np.clip(cloud * 0.12, -0.1, 0.1)[..., None]
        picture = picture * (1 - 0.85 * cover) + top * (1 + soft) * 0.85 * cover
    small = np.clip(picture, 0, 255).astype(np.uint8)
    canvas.image[:] = cv2().resize(small, (width, height), interpolation=cv2().INTER_LINEAR)
    ground = camera.horizon + 2
    for tone, tall, wide in ((0.82, 0.055, 0.09), (0.68, 0.035, 0.06)):
        colour = light.shade([part * tone for part in light.low], 1.0)
        colour = tuple(0.35 * a + 0.65 * b * tone for a, b in zip(colour, light.low, strict=True))  # type: ignore[assignment]
        x = -0.05 * width
        while x < width:
            step = width * wide * rng.uniform(0.3, 1)
            top_y = camera.horizon - height * tall * rng.uniform(0.4, 2.2)
            corners = [(x, ground), (x, top_y), (x + step, top_y), (x + step, ground)]
            canvas.polygon(corners, colour)
            x += step * rng.uniform(0.8, 1.3)


def ground(
    canvas: Canvas, camera: Camera, light: Light, street: Street, rng: np.random.Generator
) -> None:
    """Asphalt, markings, kerbs and pavements: each pixel looked up on the ground it shows.

    Edges are as soft as a pixel's footprint is wide, so that they don't alias far away.
    """
    full_height, full_width = canvas.image.shape[:2]
    first = int(camera.horizon // 2) + 1
    row = np.arange(first, full_height // 2, dtype=np.float32)[:, None] * 2 + 1
    column = np.arange(full_width // 2, dtype=np.float32)[None, :] * 2 + 1
    depth = camera.focal * camera.y / np.maximum(row - camera.horizon, 0.5)
    right = (column - camera.width / 2) * depth / camera.focal
    cos, sin = float(np.cos(camera.yaw)), float(np.sin(camera.yaw))
    x = camera.x + cos * right - sin * depth
    z = cos * depth + sin * right
    foot_x = 2 * depth / camera.focal
    foot_z = 2 * depth**2 / (camera.focal * camera.y) + abs(sin) * foot_x

    def band(value: Floats, low: float, high: float, foot: Floats) -> Floats:
        """1 within low…high, 0 outside, soft at the edges; thin bands fade with distance."""
        cover = np.minimum(value + foot / 2, high) - np.maximum(value - foot / 2, low)
        return np.asarray(np.clip(cover / foot, 0, 1))

    tile = noise(rng, 256, 256, (128, 256)).astype(np.float32)
    fine = tile[(z * 9).astype(int) % 256, (x * 9).astype(int) % 256] / (1 + depth / 6)
    coarse = noise(rng, 128, 128, (6, 12, 24)).astype(np.float32)
    stain = coarse[(z * 2).astype(int) % 128, (x * 3).astype(int) % 128] / (1 + depth / 30)

    grey = rng.uniform(88, 118) + 4.5 * fine + 3.5 * stain
    picture = np.stack([grey + 4, grey + 1, grey], axis=-1).astype(np.float32)

    def lay(colour: Colour | Floats, cover: Floats) -> None:
        where = cover > 0.004
        weight = cover[where][:, None]
        target = colour[where] if isinstance(colour, np.ndarray) else np.array(colour, np.float32)
        picture[where] += weight * (target - picture[where])

    for side, kerb in ((-1, street.left), (1, street.right)):
        outward = (x - kerb) * side
        slab = rng.uniform(150, 178)
        paving = (slab + 4 * fine + 4 * stain)[..., None] * np.array([0.95, 0.98, 1.0], np.float32)
        joints = band(outward % 0.9, 0.0, 0.05, foot_x) + band(z % 0.9, 0.0, 0.05, foot_z)
        paving *= 1 - 0.16 * np.clip(joints, 0, 1)[..., None]
        open_road: Floats | float = 1.0
        if street.cross is not None:
            open_road = 1 - band(z, street.cross - 3.6, street.cross + 3.6, foot_z)
        cover = band(outward, 0.0, street.pavement + 60, foot_x) * open_road
        lay(paving, cover)
        lay((196.0, 198.0, 200.0), band(outward, 0.0, 0.16, foot_x) * open_road)
        lay((52.0, 52.0, 54.0), band(outward, -0.07, 0.0, foot_x) * open_road * 0.8)
        lay(
            (100.0, 132.0, 92.0),
            band(outward, street.pavement + 9, street.pavement + 60, foot_x) * open_road,
        )
        strip = street.parking[0 if side < 0 else 1]
        if strip:
            dashes = band(z % 6.0, 0.0, 0.14, foot_z) * band(outward, -strip, 0.0, foot_x)
            edge = band(outward, -strip - 0.12, -strip, foot_x)
            lay((205.0, 206.0, 208.0), np.clip(dashes + edge, 0, 1) * 0.75 * open_road)
    white = (222.0, 226.0, 228.0)
    clear = np.ones_like(z)
    if street.cross is not None:
        clear -= band(z, street.cross - 3.6, street.cross + 3.6, foot_z)
    if street.zebra is not None:
        clear -= band(z, street.zebra - 2.6, street.zebra + 2.6, foot_z)
        bars = band(x % 1.0, 0.0, 0.5, foot_x) * band(
            z, street.zebra - 1.5, street.zebra + 1.5, foot_z
        )
        lay(white, bars * band(x, street.left + 0.3, street.right - 0.3, foot_x) * 0.9)
    clear = np.clip(clear, 0, 1)
    phase = rng.uniform(0, 6)
    worn = 0.85 + 0.05 * stain
    dash = band((z + phase) % 6.0, 0.0, 3.0, np.minimum(foot_z, 6.0))
    lay(white, band(x, -0.07, 0.07, foot_x) * (1 if street.lanes > 1 else dash) * clear * worn)
    if street.lanes > 1:
        for at in (-street.lane, street.lane):
            lay(white, band(x, at - 0.07, at + 0.07, foot_x) * dash * clear * worn)
    veil = (1 - np.exp(-np.minimum(depth, 400.0) / light.haze))[..., None]
    tint, low = np.array(light.tint, np.float32), np.array(light.low, np.float32)
    shaded = picture * tint * (1 - veil) + low * veil
    small = np.clip(shaded, 0, 255).astype(np.uint8)
    size = (full_width, small.shape[0] * 2)
    large = cv2().resize(small, size, interpolation=cv2().INTER_LINEAR)
    canvas.image[first * 2 : first * 2 + large.shape[0]] = large[: full_height - first * 2]


def shadows(canvas: Canvas, camera: Camera, light: Light, footprints: list[Floats]) -> None:
    """Soft shadows on the ground around footprints, each (4, 3)."""
    cv = cv2()
    height, width = canvas.image.shape[0] // 2, canvas.image.shape[1] // 2
    masks = np.zeros((2, height, width), np.uint8)  # around the footprints, right below
    for corners in footprints:
        view = camera.view(corners)
        if view[:, 2].min() <= NEAR:
            continue
        centre = corners.mean(axis=0)
        grown = centre + (corners - centre) * 1.12 + [-0.5 * light.sun, 0, 0]
        for quad in (corners, grown):
            pixels = np.clip(camera.project(quad) / 2, -4000, 4000)
            hull = cv.convexHull(np.round(pixels * 16).astype(np.int32))
            cv.fillConvexPoly(masks[int(quad is corners)], hull, 255, cv.LINE_AA, 4)
    mask = np.maximum(0.62 * cv.GaussianBlur(masks[0], (0, 0), 1.8), 0.9 * masks[1])
    factor = 255 - (0.35 + 0.45 * light.shadow) * cv.GaussianBlur(mask, (0, 0), 0.8)
    large = cv.resize(factor.astype(np.uint8), (width * 2, height * 2))
    cv.multiply(canvas.image, cv.merge([large] * 3), canvas.image, 1 / 255)
