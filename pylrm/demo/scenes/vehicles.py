"""Cars, vans and buses: side profiles drawn out to the vehicle's width.

Local coordinates are metres: l forward, s to the vehicle's right, y up; heading 0 drives along z,
away from the camera, pi towards it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pylrm.demo.scenes.canvas import NEAR, Camera, Canvas, Colour, Floats, Light

GLASS: Colour = (70, 58, 48)
_PAINTS: list[Colour] = [
    (236, 238, 240), (205, 208, 210), (150, 152, 155), (92, 90, 88), (45, 44, 46), (28, 26, 26),
    (48, 40, 176), (40, 52, 205), (160, 92, 38), (122, 62, 28), (196, 150, 80), (92, 120, 52),
    (52, 150, 214), (60, 190, 232), (110, 140, 170), (60, 60, 110), (140, 150, 60),
]  # fmt: skip
_VAN_PAINTS: list[Colour] = [
    (240, 241, 242), (240, 241, 242), (200, 203, 205), (60, 60, 62), (58, 168, 232),
    (150, 84, 30), (40, 190, 240), (50, 60, 190), (100, 130, 60),
]  # fmt: skip
_BUS_PAINTS: list[Colour] = [
    (36, 40, 200), (40, 176, 238), (160, 96, 24), (96, 140, 36), (60, 110, 235), (190, 170, 40),
]  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A vehicle's shape.

    Attributes
    ----------
    profile
        (l, y, narrowing) from the rear's foot over the roof to the front's: metres, and how much
        narrower than the width each side is there, metres.
    kinds
        Of each edge of the profile: rear, body, glass, front.
    windows
        Side windows: polygons of (l, y).
    wheels
        The axles' l.
    radius
        Of the wheels.
    width
        Metres.
    doors
        Where doors' edges stand, l.
    """

    profile: list[tuple[float, float, float]]
    kinds: list[str]
    windows: list[list[tuple[float, float]]]
    wheels: list[float]
    radius: float
    width: float
    doors: list[float]

    @property
    def length(self) -> float:
        """Metres."""
        return self.profile[-1][0] - self.profile[0][0]


@dataclass(frozen=True)
class Vehicle:
    """A vehicle on the street."""

    kind: str
    body: Body
    paint: Colour
    trim: Colour
    x: float
    z: float
    heading: float

    def local(self, points: Sequence[Sequence[float]]) -> Floats:
        """Local (l, s, y) to world points, (n, 3)."""
        local = np.asarray(points, float)
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        world = np.empty_like(local)
        world[:, 0] = self.x + local[:, 0] * sin + local[:, 1] * cos
        world[:, 1] = local[:, 2]
        world[:, 2] = self.z + local[:, 0] * cos - local[:, 1] * sin
        return world

    def footprint(self) -> Floats:
        """The four corners on the ground, (4, 3)."""
        half, length = self.body.width / 2, self.body.length / 2
        return self.local(
            [(a * length, b * half, 0) for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1))]
        )

    def paint_on(self, canvas: Canvas, camera: Camera, light: Light) -> None:
        """Draw it."""
        _Painter(self, canvas, camera, light).draw()


def car(rng: np.random.Generator, x: float, z: float, heading: float) -> Vehicle:
    """A sedan, hatchback or off-roader."""
    style = rng.choice(["sedan", "hatch", "suv"], p=[0.4, 0.4, 0.2])
    length = {"sedan": 4.5, "hatch": 3.9, "suv": 4.6}[style] * rng.uniform(0.95, 1.05) / 2
    roof = {"sedan": 1.42, "hatch": 1.48, "suv": 1.74}[style] * rng.uniform(0.97, 1.04)
    belt = roof * 0.64
    foot = 0.36 if style == "suv" else 0.28
    tail = {"sedan": -0.62, "hatch": -0.93, "suv": -0.95}[style] * length
    back = {"sedan": -0.38, "hatch": -0.70, "suv": -0.80}[style] * length
    brow, screen, nose = 0.10 * length, 0.46 * length, belt - 0.16
    profile = [
        (-length, foot, 0.04),
        (-length, belt * 0.98, 0.06),
        (tail, belt + 0.04, 0.06),
        (back, roof - 0.03, 0.24),
        (brow, roof, 0.24),
        (screen, belt + 0.02, 0.08),
        (0.93 * length, nose, 0.10),
        (length, nose - 0.12, 0.14),
        (length, foot, 0.12),
    ]
    low, high = belt + 0.06, roof - 0.09
    middle = (brow + back) / 2 - 0.05
    windows = [
        [(tail + 0.22, low), (back + 0.12, high), (middle - 0.04, high), (middle - 0.04, low)],
        [(middle + 0.05, low), (middle + 0.05, high), (brow - 0.04, high), (screen - 0.16, low)],
    ]
    kinds = ["rear", "body", "glass", "body", "glass", "body", "body", "front"]
    radius = 0.38 if style == "suv" else 0.33
    wheels = [-0.62 * length, 0.62 * length]
    width = rng.uniform(1.75, 1.9)
    doors = [middle, screen - 0.1, tail + 0.35]
    body = Body(profile, kinds, windows, wheels, radius, width, doors)
    paint = _PAINTS[rng.integers(len(_PAINTS))]
    return Vehicle("car", body, paint, (40, 40, 42), x, z, heading)


def van(rng: np.random.Generator, x: float, z: float, heading: float) -> Vehicle:
    """A delivery van, a third of them with side windows."""
    length, roof = rng.uniform(5.0, 5.6) / 2, rng.uniform(2.15, 2.5)
    brow, screen = 0.42 * length, 0.78 * length
    profile = [
        (-length, 0.38, 0.03),
        (-length, roof - 0.08, 0.10),
        (-length + 0.08, roof, 0.12),
        (brow, roof, 0.12),
        (screen, 1.3, 0.06),
        (0.97 * length, 1.08, 0.08),
        (length, 0.85, 0.12),
        (length, 0.38, 0.12),
    ]
    kinds = ["rear", "body", "body", "glass", "body", "body", "front"]
    windows = [
        [(brow - 0.55, 1.34), (brow - 0.55, 1.95), (brow + 0.06, 1.95), (screen - 0.1, 1.34)]
    ]
    if rng.random() < 0.35:
        windows += [
            [(x - 0.5, 1.34), (x - 0.5, 1.92), (x + 0.5, 1.92), (x + 0.5, 1.34)]
            for x in (brow - 1.25, brow - 2.45)
        ]
    wheels = [-0.6 * length, 0.66 * length]
    body = Body(profile, kinds, windows, wheels, 0.36, 1.98, [brow - 0.62, screen - 0.05])
    paint = _VAN_PAINTS[rng.integers(len(_VAN_PAINTS))]
    trim = _BUS_PAINTS[rng.integers(len(_BUS_PAINTS))] if rng.random() < 0.5 else paint
    return Vehicle("van", body, paint, trim, x, z, heading)


def bus(rng: np.random.Generator, x: float, z: float, heading: float) -> Vehicle:
    """A city bus."""
    length, roof = rng.uniform(9.5, 11.5) / 2, rng.uniform(2.95, 3.15)
    profile = [
        (-length, 0.35, 0.03),
        (-length, roof - 0.15, 0.08),
        (-length + 0.2, roof, 0.14),
        (length - 0.3, roof, 0.14),
        (length - 0.08, roof - 0.25, 0.08),
        (length, 1.05, 0.04),
        (length, 0.35, 0.06),
    ]
    kinds = ["rear", "body", "body", "body", "glass", "front"]
    count = 6
    pitch = (2 * length - 0.7) / count
    windows = [
        [(x + 0.06, 1.25), (x + 0.06, 2.4), (x + pitch - 0.06, 2.4), (x + pitch - 0.06, 1.25)]
        for x in (-length + 0.35 + pitch * index for index in range(count))
    ]
    wheels = [-0.52 * length, 0.6 * length]
    body = Body(profile, kinds, windows, wheels, 0.48, 2.5, [0.72 * length, 0.1 * length])
    paint = _BUS_PAINTS[rng.integers(len(_BUS_PAINTS))]
    return Vehicle("bus", body, paint, (238, 240, 242), x, z, heading)


class _Painter:
    """Draws one vehicle: its visible faces from far to near."""

    def __init__(self, vehicle: Vehicle, canvas: Canvas, camera: Camera, light: Light) -> None:
        self.vehicle, self.canvas, self.camera, self.light = vehicle, canvas, camera, light
        self.body = vehicle.body
        sin, cos = np.sin(vehicle.heading), np.cos(vehicle.heading)
        dx, dz = camera.x - vehicle.x, -vehicle.z
        self.eye = (dx * sin + dz * cos, dx * cos - dz * sin, camera.y)  # l, s, y of the camera
        self.depth = camera.depth(vehicle.x, vehicle.z)
        self.near_side = 1 if self.eye[1] > 0 else -1
        sunny = np.sign(self.near_side * cos) == light.sun or light.sun == 0
        self.side_light = 0.92 if sunny else 0.72

    def face(self, points: Sequence[Sequence[float]], colour: Colour, factor: float) -> None:
        """Fill a polygon of local (l, s, y)."""
        view = self.camera.view(self.vehicle.local(points))
        if view[:, 2].min() > NEAR:
            shaded = self.light.shade(colour, factor, self.depth)
            self.canvas.polygon(self.camera.flatten(view), shaded)

    def draw(self) -> None:
        body, half = self.body, self.body.width / 2
        low = 0.2
        under = [
            (a, b * (half - 0.1), low) for a in (body.wheels[0], body.wheels[1]) for b in (-1, 1)
        ]
        ends = [under[0], under[1], under[3], under[2]]
        self.face(ends, (20, 20, 20), 1)
        for edge in (body.wheels[0], body.wheels[1]):  # the far wheels, under the body
            far = -self.near_side * (half - 0.12)
            self.wheel(edge, far, hub=False)
        faces = []
        for index, kind in enumerate(body.kinds):
            (l0, y0, n0), (l1, y1, n1) = body.profile[index : index + 2]
            normal = np.array([-(y1 - y0), l1 - l0])
            towards = np.array([self.eye[0] - (l0 + l1) / 2, self.eye[2] - (y0 + y1) / 2])
            if normal @ towards <= 0:
                continue
            quad = [
                (l0, -(half - n0), y0),
                (l1, -(half - n1), y1),
                (l1, half - n1, y1),
                (l0, half - n0, y0),
            ]
            upward = normal[1] / np.hypot(*normal)
            distance = np.hypot(self.eye[0] - (l0 + l1) / 2, self.eye[1])
            faces.append((distance, kind, quad, upward))
        for _, kind, quad, upward in sorted(faces, key=lambda item: -item[0]):
            self.end(kind, quad, upward)
        if abs(self.eye[1]) > half:
            self.side()

    def end(self, kind: str, quad: list[tuple[float, float, float]], upward: float) -> None:
        """A face across the vehicle: the rear, the roof, a windscreen."""
        if kind == "glass":
            self.face(quad, self.vehicle.paint, 0.8)
            middle = np.mean(quad, axis=0)
            inner = (np.array(quad) - middle) * [0.86, 0.9, 0.86] + middle
            self.face(inner.tolist(), GLASS, 1.0)
            low, high = inner[0], inner[1]
            shine = [
                inner[0] * 0.9 + inner[3] * 0.1, inner[1] * 0.75 + inner[2] * 0.25,
                inner[1] * 0.5 + inner[2] * 0.5, inner[0] * 0.65 + inner[3] * 0.35,
            ]  # fmt: skip
            if high[2] != low[2]:
                self.face([point.tolist() for point in shine], (128, 116, 104), 1.0)
            return
        self.face(quad, self.vehicle.paint, 0.74 + 0.3 * max(0.0, upward))
        if kind in ("rear", "front"):
            self.bumper(kind)

    def bumper(self, kind: str) -> None:
        """Lights, plate and window of the rear or the front."""
        body = self.body
        sign = -1 if kind == "rear" else 1
        at = sign * (body.length / 2 + 0.01)
        half = body.width / 2 - 0.1
        edges = [
            point
            for point in body.profile
            if abs(point[0] - body.profile[0 if sign < 0 else -1][0]) < 1e-9
        ]
        foot, top = min(point[1] for point in edges), max(point[1] for point in edges)
        large = self.vehicle.kind != "car"

        def panel(
            s0: float, s1: float, y0: float, y1: float, colour: Colour, glow: bool = False
        ) -> None:
            corners = [(at, s0, y0), (at, s1, y0), (at, s1, y1), (at, s0, y1)]
            if glow:
                view = self.camera.view(self.vehicle.local(corners))
                if view[:, 2].min() > NEAR:
                    pixels = self.camera.flatten(view)
                    self.canvas.polygon(pixels, self.light.glow(colour, self.depth))
            else:
                self.face(corners, colour, 0.95)

        panel(-half, half, foot, foot + 0.2, (48, 48, 50))
        if kind == "rear" and large:
            panel(-half + 0.15, half - 0.15, top * 0.58, top * 0.86, GLASS)
            if self.vehicle.kind == "van":
                panel(-0.02, 0.02, foot + 0.2, top - 0.05, (70, 70, 72))
        if self.vehicle.kind == "bus":
            if kind == "rear":
                panel(-half, half, foot + 0.2, foot + 0.45, self.vehicle.trim)
            else:
                panel(-half, half, foot + 0.45, top, self.vehicle.trim)
        panel(-0.26, 0.26, foot + 0.23, foot + 0.34, (225, 232, 235))
        shining = self.light.night > 0.3
        if kind == "rear":
            light: Colour = (60, 50, 255) if shining else (40, 36, 200)
            y0, y1 = (foot + 0.35, foot + 0.75) if large else (top - 0.3, top - 0.06)
            wide = 0.18 if large else 0.36
        else:
            light = (225, 248, 255) if shining else (232, 236, 238)
            y0, y1 = (foot + 0.3, foot + 0.5) if large else (top - 0.19, top - 0.01)
            wide = 0.34
            panel(-0.5, 0.5, y0 - 0.02, y1 - 0.04, (36, 36, 38))
        for side in (-1, 1):
            panel(side * half, side * (half - wide), y0, y1, light, shining)

    def side(self) -> None:
        """The long side that faces the camera, with wheels and windows."""
        body, half = self.body, self.body.width / 2
        outline = [(x, self.near_side * (half - n), y) for x, y, n in body.profile]
        self.face(outline, self.vehicle.paint, self.side_light)
        low, high = body.profile[0], body.profile[-1]
        flat = self.near_side * (half - 0.02)
        start, end = low[0] + 0.06, high[0] - 0.06
        if self.vehicle.trim != self.vehicle.paint and self.vehicle.kind != "car":
            band = (0.75, 1.1) if self.vehicle.kind == "bus" else (0.95, 1.2)
            corners = [
                (start, flat, band[0]),
                (end, flat, band[0]),
                (end, flat, band[1]),
                (start, flat, band[1]),
            ]
            self.face(corners, self.vehicle.trim, self.side_light)
        sill = [
            (start, flat, low[1]),
            (end, flat, low[1]),
            (end, flat, low[1] + 0.12),
            (start, flat, low[1] + 0.12),
        ]
        self.face(sill, (50, 50, 52), 1)
        heights = [point[1] for point in body.profile]
        roof = max(heights)
        for door in body.doors:
            belt = roof * (0.6 if self.vehicle.kind == "car" else 0.56)
            strip = [
                (door - 0.02, flat, low[1] + 0.12),
                (door + 0.02, flat, low[1] + 0.12),
                (door + 0.02, flat, belt),
                (door - 0.02, flat, belt),
            ]
            self.face(strip, self.vehicle.paint, self.side_light * 0.62)
        for window in body.windows:
            lean = self.near_side * (half - 0.02)
            narrow = self.near_side * 0.2 if self.vehicle.kind == "car" else 0.0
            base, rise = window[0][1], max(y for _, y in window) - window[0][1]
            points = [(x, lean - narrow * (y - base) / rise, y) for x, y in window]
            lit = self.vehicle.kind == "bus" and self.light.night > 0.3
            if lit:
                view = self.camera.view(self.vehicle.local(points))
                if view[:, 2].min() > NEAR:
                    glowing = self.light.glow((150, 215, 240), self.depth)
                    self.canvas.polygon(self.camera.flatten(view), glowing)
            else:
                self.face(points, GLASS, 1.0 if self.side_light > 0.8 else 0.8)
        for axle in body.wheels:
            self.wheel(axle, self.near_side * (half - 0.01), hub=True)

    def wheel(self, axle: float, s: float, hub: bool) -> None:
        """A wheel that stands at an axle's l and at s."""
        radius = self.body.radius
        angle = np.arange(18) * (2 * np.pi / 18)
        for scale, colour in (
            (1.0, (26.0, 25.0, 25.0)),
            (0.6, (150.0, 150.0, 152.0)),
            (0.2, (70.0, 70.0, 72.0)),
        ):
            ring = [
                (axle + scale * radius * np.cos(a), s, radius + scale * radius * np.sin(a))
                for a in angle
            ]
            self.face(ring, colour, 1 if scale == 1 else self.side_light)
            if not hub:
                return
