"""Pedestrians, cyclists and signs: flat figures that face the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pylrm.demo.scenes.canvas import Camera, Canvas, Colour, Floats, Light, disc, limb

_SKIN: list[Colour] = [
    (170, 200, 236),
    (140, 178, 222),
    (96, 136, 188),
    (62, 92, 140),
    (42, 62, 98),
]
_HAIR: list[Colour] = [(24, 24, 28), (36, 52, 82), (60, 100, 150), (110, 178, 214), (190, 190, 194)]
_CLOTHES: list[Colour] = [
    (60, 58, 190), (180, 110, 40), (70, 140, 60), (50, 180, 230), (230, 232, 235), (40, 40, 44),
    (150, 70, 110), (200, 180, 70), (90, 130, 230), (120, 120, 124), (60, 90, 150), (190, 160, 220),
]  # fmt: skip
_TROUSERS: list[Colour] = [
    (110, 70, 42),
    (50, 46, 44),
    (90, 92, 96),
    (90, 130, 165),
    (140, 110, 80),
]


@dataclass(frozen=True)
class Figure:
    """A flat figure: shapes in metres around its foot.

    Attributes
    ----------
    shapes
        (polygon (n, 2) of x, y up, colour) from back to front; those of a stroke: (points, colour,
        thickness in metres).
    scenery
        Shapes that are drawn but do not belong to the object: the pole of a sign.
    """

    kind: str
    x: float
    z: float
    shapes: list[tuple[Floats, Colour, float]]
    scenery: list[tuple[Floats, Colour, float]] = field(default_factory=list)

    def footprint(self) -> Floats:
        """A small square on the ground, (4, 3)."""
        across, along = (0.3, 0.7) if self.kind == "cyclist" else (0.22, 0.2)
        corners = [(-across, -along), (-across, along), (across, along), (across, -along)]
        return np.array([(self.x + dx, 0, self.z + dz) for dx, dz in corners])

    def paint_on(self, canvas: Canvas, camera: Camera, light: Light) -> None:
        """Draw it."""
        number = canvas.now
        foot = camera.project([[self.x, 0, self.z]])[0]
        depth = camera.depth(self.x, self.z)
        scale = camera.focal / depth
        for shapes, owner in ((self.scenery, 0), (self.shapes, number)):
            canvas.begin(owner)
            for points, colour, thickness in shapes:
                pixels = foot + points * [scale, -scale]
                shaded = light.shade(colour, 1.0, depth)
                if thickness:
                    canvas.stroke(pixels, thickness * scale, shaded)
                else:
                    canvas.polygon(pixels, shaded)


def _darker(colour: Sequence[float], factor: float) -> Colour:
    b, g, r = (part * factor for part in colour)
    return b, g, r


def _pick(rng: np.random.Generator, colours: list[Colour]) -> Colour:
    return colours[rng.integers(len(colours))]


def _head(
    rng: np.random.Generator, x: float, y: float, r: float
) -> list[tuple[Floats, Colour, float]]:
    """A head with hair; its middle at x, y."""
    skin, hair = _pick(rng, _SKIN), _pick(rng, _HAIR)
    turn = rng.choice([-1, 0, 1]) * 0.35 * r
    shapes = [(disc(x, y, r, 1.15 * r), hair, 0.0)]
    if rng.random() < 0.3:
        shapes.append((limb((x - turn, y), (x - 2 * turn, y - 1.5 * r), r, 0.7 * r), hair, 0.0))
    if rng.random() < 0.75:
        shapes.append((disc(x + turn, y - 0.2 * r, 0.8 * r, 0.92 * r), skin, 0.0))
    return shapes


def pedestrian(rng: np.random.Generator, x: float, z: float) -> Figure:
    """Someone who walks or stands, one in eight a child."""
    size = rng.uniform(1.15, 1.35) if rng.random() < 0.12 else rng.uniform(1.6, 1.9)
    coat, trousers = _pick(rng, _CLOTHES), _pick(rng, _TROUSERS)
    shoe: Colour = (40, 40, 46)
    stride = rng.uniform(-0.5, 0.5)
    wide = rng.uniform(0.85, 1.15)
    hip, shoulder = 0.5, 0.81
    shapes: list[tuple[Floats, Colour, float]] = []
    swing = 0.8 * stride
    for side, dark in ((-1, 0.75), (1, 1.0)):
        foot = (side * 0.055 + side * stride * 0.24, 0.03)
        knee = (side * 0.05 + side * stride * 0.14 + 0.02, 0.27)
        tone = _darker(trousers, dark)
        shapes.append((limb((side * 0.05, hip), knee, 0.055 * wide, 0.042), tone, 0.0))
        shapes.append((limb(knee, foot, 0.042, 0.032), tone, 0.0))
        shapes.append((limb(foot, (foot[0] + 0.045, 0.022), 0.028, 0.022), shoe, 0.0))
    far, near = (-1, 1) if rng.random() < 0.5 else (1, -1)

    def arm(side: int, dark: float) -> None:
        elbow = (side * 0.15 * wide - side * swing * 0.1, 0.63)
        hand = (side * 0.15 * wide - side * swing * 0.26, 0.5)
        tone = _darker(coat, dark)
        shapes.append((limb((side * 0.115 * wide, 0.78), elbow, 0.036, 0.03), tone, 0.0))
        shapes.append((limb(elbow, hand, 0.03, 0.024), tone, 0.0))
        shapes.append((disc(*hand, 0.024, sides=10), _SKIN[1], 0.0))

    arm(far, 0.72)
    skirt = rng.random() < 0.3
    hem = 0.33 if skirt else 0.47
    flare = 0.15 if skirt else 0.105
    torso = [
        (-0.125, shoulder), (-0.06, 0.85), (0.06, 0.85), (0.125, shoulder), (0.1, 0.63),
        (flare, hem), (-flare, hem), (-0.1, 0.63),
    ]  # fmt: skip
    shapes.append((np.array(torso) * [wide, 1], coat, 0.0))
    shade = [(0.02, 0.84), (0.125, shoulder), (0.1, 0.63), (flare, hem), (0.03, hem)]
    shapes.append((np.array(shade) * [wide, 1], _darker(coat, 0.85), 0.0))
    arm(near, 0.88)
    if rng.random() < 0.3:
        bag = np.array([(0.1, 0.42), (0.22, 0.42), (0.2, 0.56), (0.12, 0.56)]) * [far, 1]
        shapes.append((bag, _pick(rng, _CLOTHES), 0.0))
    shapes += _head(rng, 0.0, 0.93, 0.066)
    flip = rng.choice([-1, 1])
    return Figure("pedestrian", x, z, [(p * [flip * size, size], c, t) for p, c, t in shapes])


def cyclist(rng: np.random.Generator, x: float, z: float, turned: float) -> Figure:
    """Someone on a bicycle.

    Parameters
    ----------
    turned
        0: seen from the front or the back, 1: from the side; between: foreshortened.
    """
    k = max(0.1, min(1.0, turned))
    frame, coat, trousers = _pick(rng, _CLOTHES), _pick(rng, _CLOTHES), _pick(rng, _TROUSERS)
    dark: Colour = (30, 30, 32)
    shapes: list[tuple[Floats, Colour, float]] = []
    for centre in (-0.52, 0.52):
        rim = disc(centre * k, 0.34, 0.33 * k, 0.33)
        shapes.append((np.concatenate([rim, rim[:1]]), dark, 0.05))
        hub = np.array([(centre * k, 0.34), (centre * k, 0.34)])
        shapes.append((hub, (120, 120, 122), 0.06))
    seat, crank, bars, fork = (-0.18, 0.86), (-0.05, 0.32), (0.42, 0.98), (0.36, 0.78)
    tubes = [(-0.52, 0.34), crank, seat, (-0.52, 0.34), crank, fork, (seat[0] + 0.02, 0.76)]
    shapes.append((np.array(tubes) * [k, 1], frame, 0.05))
    shapes.append((np.array([(0.52, 0.34), fork, bars]) * [k, 1], frame, 0.05))
    # seen from the end, the rider's limbs stand beside each other
    spread = 0.15 * (1 - k)
    pedal = rng.uniform(0, 2 * np.pi)
    neck, hand = (0.12 + 0.06 * k, 1.46), (0.44, 1.02)

    def leg(side: int, tone: Colour) -> None:
        foot = (crank[0] + 0.17 * side * np.cos(pedal), crank[1] + 0.17 * side * np.sin(pedal))
        knee = (foot[0] * 0.5 + seat[0] * 0.5 + 0.27, (foot[1] + 0.9) * 0.5 + 0.1)
        shift = side * spread
        points = [((px * k) + shift, py) for px, py in (seat, knee, foot)]
        shapes.append((limb(points[0], points[1], 0.1, 0.075), tone, 0.0))
        shapes.append((limb(points[1], points[2], 0.07, 0.05), tone, 0.0))
        end = (points[2][0] + 0.1 * k, points[2][1] - 0.02)
        shapes.append((limb(points[2], end, 0.045, 0.04), dark, 0.0))

    leg(-1, _darker(trousers, 0.7))
    width = 0.13 + 0.07 * (1 - k)
    hips = (seat[0] * k, 0.98)
    top = (neck[0] * k, neck[1] - 0.06)
    if k < 0.5:
        reach = (spread * 1.9, 1.08)
        for side in (-1, 1):
            shoulder = (top[0] + side * width, 1.38)
            shapes.append(
                (limb(shoulder, (top[0] + side * reach[0], reach[1]), 0.06, 0.045), coat, 0.0)
            )
    shapes.append((limb(hips, top, 0.15, width), coat, 0.0))
    if rng.random() < 0.3:
        pack = limb((hips[0] - 0.1 * k, 1.15), (top[0] - 0.12 * k, top[1] - 0.02), 0.1, 0.11)
        shapes.append((pack, _pick(rng, _CLOTHES), 0.0))
    leg(1, trousers)
    if k >= 0.5:
        shapes.append(
            (
                limb((top[0], top[1] - 0.02), (hand[0] * k, hand[1]), 0.06, 0.045),
                _darker(coat, 0.86),
                0.0,
            )
        )
    head = ((neck[0] + 0.08) * k, neck[1] + 0.16)
    shapes += _head(rng, head[0], head[1], 0.11)
    if rng.random() < 0.65:
        helmet = disc(head[0], head[1] + 0.05, 0.14, 0.1)[:11]
        shapes.append((helmet, _pick(rng, _CLOTHES), 0.0))
    flip = rng.choice([-1, 1])
    return Figure("cyclist", x, z, [(p * [flip, 1.0], c, t) for p, c, t in shapes])


def sign(rng: np.random.Generator, x: float, z: float) -> Figure:
    """A traffic sign on a pole; the plate is the object, the pole is scenery."""
    red: Colour = (44, 38, 200)
    blue: Colour = (176, 92, 26)
    white: Colour = (240, 242, 244)
    black: Colour = (34, 32, 32)
    size, y = rng.uniform(0.4, 0.52), rng.uniform(2.3, 2.9)
    shapes: list[tuple[Floats, Colour, float]] = []

    def shape(points: Floats, colour: Colour) -> None:
        shapes.append((points * size + [0, y], colour, 0.0))

    def corners(sides: int, r: float, turn: float) -> Floats:
        angle = turn + np.arange(sides) * (2 * np.pi / sides)
        return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)

    def bar(x0: float, y0: float, x1: float, y1: float) -> Floats:
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

    kind = rng.choice(
        ["limit", "stop", "yield", "warning", "no entry", "must", "crossing", "priority"],
        p=[0.24, 0.12, 0.12, 0.14, 0.1, 0.1, 0.1, 0.08],
    )
    if kind == "limit":
        shape(disc(0, 0, 1), red)
        shape(disc(0, 0, 0.74), white)
        for left in (-0.4, 0.08):
            shape(bar(left, -0.36, left + 0.32, 0.36), black)
            shape(bar(left + 0.1, -0.2, left + 0.22, 0.2), white)
    elif kind == "stop":
        shape(corners(8, 1.08, np.pi / 8), white)
        shape(corners(8, 0.99, np.pi / 8), red)
        for left in (-0.66, -0.3, 0.06, 0.42):
            shape(bar(left, -0.24, left + 0.24, 0.24), white)
    elif kind == "yield":
        shape(corners(3, 1.15, -np.pi / 2), red)
        shape(corners(3, 0.66, -np.pi / 2), white)
    elif kind == "warning":
        shape(corners(3, 1.15, np.pi / 2), red)
        shape(corners(3, 0.72, np.pi / 2), white)
        shape(bar(-0.07, -0.12, 0.07, 0.34), black)
        shape(bar(-0.07, -0.3, 0.07, -0.18), black)
    elif kind == "no entry":
        shape(disc(0, 0, 1), red)
        shape(bar(-0.66, -0.18, 0.66, 0.18), white)
    elif kind == "must":
        shape(disc(0, 0, 1), white)
        shape(disc(0, 0, 0.92), blue)
        turn = rng.choice([0, np.pi / 2, np.pi])
        arrow = np.array(
            [
                (-0.5, -0.11),
                (0.1, -0.11),
                (0.1, -0.36),
                (0.6, 0),
                (0.1, 0.36),
                (0.1, 0.11),
                (-0.5, 0.11),
            ]
        )
        cos, sin = np.cos(turn), np.sin(turn)
        shape(arrow @ np.array([(cos, sin), (-sin, cos)]), white)
    elif kind == "crossing":
        shape(bar(-0.94, -0.94, 0.94, 0.94), white)
        shape(bar(-0.86, -0.86, 0.86, 0.86), blue)
        shape(corners(3, 0.84, np.pi / 2) - [0, 0.12], white)
        shape(limb((0.0, 0.2), (0.0, -0.1), 0.09, 0.09), black)
        shape(limb((0.0, -0.1), (0.16, -0.42), 0.07, 0.06), black)
        shape(limb((0.0, -0.1), (-0.18, -0.42), 0.07, 0.06), black)
    else:
        shape(corners(4, 1.2, 0), white)
        shape(corners(4, 1.04, 0), (40, 190, 245))
    pole = np.array([(-0.035, 0), (0.035, 0), (0.035, y), (-0.035, y)])
    return Figure("sign", x, z, shapes, [(pole, (128, 128, 130), 0.0)])
