"""One scene: a street with its traffic, and the boxes of what is on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pylrm.data.images import cv2
from pylrm.demo.scenes import backdrop, figures, furniture, houses, vehicles
from pylrm.demo.scenes.backdrop import Street
from pylrm.demo.scenes.canvas import NEAR, Bytes, Camera, Canvas, Floats, Light

CLASSES = ["car", "van", "bus", "cyclist", "pedestrian", "sign"]
SHARES = [0.625, 0.055, 0.017, 0.038, 0.175, 0.09]  # how often each is placed
WIDTH, HEIGHT = 416, 320

_FINE = 2  # a scene is painted this much larger and averaged down
_SEEN = 0.3  # an object of which less shows becomes a region to ignore
_TRACE = 0.03  # one of which less shows is left out
_LEAST = 7.0  # pixels; a smaller width or height makes a region to ignore


class Thing(Protocol):
    """What stands in a street."""

    @property
    def x(self) -> float:
        """Metres across."""

    @property
    def z(self) -> float:
        """Metres along."""

    def paint_on(self, canvas: Canvas, camera: Camera, light: Light) -> None:
        """Draw it."""


class Actor(Thing, Protocol):
    """A thing of one of the classes."""

    @property
    def kind(self) -> str:
        """Its class."""

    def footprint(self) -> Floats:
        """Its corners on the ground, (4, 3)."""


@dataclass(frozen=True)
class Scene:
    """A drawn scene.

    Attributes
    ----------
    image
        (HEIGHT, WIDTH, 3) uint8, BGR.
    boxes
        (n, 5): class, left, top, right, bottom in pixels, of whole objects as far as the picture
        goes, also where another hides a part of them.
    ignore
        (m, 4): left, top, right, bottom of objects too hidden, cut off or small to count.
    owner
        (2 HEIGHT, 2 WIDTH) uint8: 1 + the row of `boxes` that a pixel, twice as fine as the
        image's, shows; 0: scenery or an ignored object.
    """

    image: Bytes
    boxes: Floats
    ignore: Floats
    owner: Bytes


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene; all of it follows from the generator's state."""
    light, street = _light(rng), _street(rng)
    camera = _camera(rng, street)
    actors = _populate(rng, street, camera)
    scenery = _furnish(rng, street, camera)
    shape = (HEIGHT * _FINE, WIDTH * _FINE)
    canvas = Canvas(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8))
    backdrop.sky(canvas, camera, light, rng)
    backdrop.ground(canvas, camera, light, street, rng)
    houses.build(canvas, camera, light, street, rng)
    backdrop.shadows(
        canvas, camera, light, [actor.footprint() for actor in actors if actor.kind != "sign"]
    )

    numbers = {id(actor): index for index, actor in enumerate(actors, 1)}
    whole = np.zeros(
        len(actors) + 1
    )  # pixels of each when just painted, as a share of what it spans
    spans = np.zeros((len(actors) + 1, 4))
    painted = np.zeros(len(actors) + 1)
    things: list[Thing] = [*actors, *scenery]
    for thing in sorted(things, key=lambda item: -camera.depth(item.x, item.z)):
        number = numbers.get(id(thing), 0)
        canvas.begin(number)
        thing.paint_on(canvas, camera, light)
        if number:
            spans[number], painted[number], whole[number] = _extent(canvas, number)
    _headlights(canvas, camera, light, actors)
    boxes, ignore, keep = _label(actors, canvas.owner, spans, painted, whole)
    image = _develop(rng, canvas.image, light)
    return Scene(image, boxes, ignore, keep[canvas.owner])


def _light(rng: np.random.Generator) -> Light:
    sun = int(rng.choice([-1, 1]))
    kind = rng.choice(["clear", "overcast", "golden", "dusk"], p=[0.42, 0.24, 0.2, 0.14])
    haze = rng.uniform(110, 220)
    if kind == "clear":
        tint = rng.uniform(0.98, 1.1)
        return Light(
            (224, 164, 96),
            (240, 224, 204),
            (tint * 0.96, tint, tint * 1.02),
            sun,
            0.8,
            0.0,
            rng.uniform(0.15, 0.6),
            haze * 1.3,
        )
    if kind == "overcast":
        tint = rng.uniform(0.8, 0.92)
        return Light(
            (196, 184, 172),
            (222, 218, 212),
            (tint * 1.02, tint, tint * 0.97),
            0,
            0.25,
            0.0,
            rng.uniform(0.6, 0.9),
            haze,
        )
    if kind == "golden":
        return Light(
            (190, 150, 128),
            (150, 200, 250),
            (0.74, 0.9, 1.06),
            sun,
            0.9,
            0.12,
            rng.uniform(0.2, 0.6),
            haze,
        )
    return Light(
        (122, 78, 58),
        (140, 128, 200),
        (0.74, 0.6, 0.58),
        0,
        0.2,
        rng.uniform(0.6, 0.95),
        rng.uniform(0.2, 0.6),
        haze,
    )


def _street(rng: np.random.Generator) -> Street:
    lanes = 1 if rng.random() < 0.62 else 2
    strips = rng.random(2) < 0.72
    cross = float(rng.uniform(13, 26)) if rng.random() < 0.45 else None
    zebra = None
    if cross is not None and rng.random() < 0.6:
        zebra = cross - 5.8
    elif rng.random() < 0.2:
        zebra = float(rng.uniform(8, 15))
    return Street(
        lanes=lanes,
        lane=float(rng.uniform(3.0, 3.5)),
        parking=(2.2 * float(strips[0]), 2.2 * float(strips[1])),
        pavement=float(rng.uniform(2.6, 4.4)),
        cross=cross,
        zebra=zebra,
        end=float(rng.uniform(60, 110)),
    )


def _camera(rng: np.random.Generator, street: Street) -> Camera:
    width, height = WIDTH * _FINE, HEIGHT * _FINE
    return Camera(
        width=width,
        height=height,
        focal=width * rng.uniform(0.82, 1.0),
        horizon=height * rng.uniform(0.36, 0.47),
        x=rng.uniform(street.left + 1.6, street.right - 1.2),
        y=rng.uniform(1.5, 2.9),
        yaw=rng.normal(0, 0.1),
    )


def _populate(rng: np.random.Generator, street: Street, camera: Camera) -> list[Actor]:
    """Place objects that neither stand in each other nor miss the picture."""
    actors: list[Actor] = []
    taken: list[Floats] = []
    for index in rng.choice(len(CLASSES), size=rng.integers(7, 14), p=SHARES):
        for _ in range(12):
            actor = _place(rng, CLASSES[index], street)
            corners = actor.footprint()
            view = camera.view(corners)
            if view[:, 2].min() < 2.2:
                continue
            middle = float(camera.flatten(view)[:, 0].mean()) / camera.width
            if not -0.02 < middle < 1.02:
                continue
            low, high = corners.min(axis=0), corners.max(axis=0)
            rect = np.array([low[0], low[2], high[0], high[2]])
            gap = 0.15
            if any(
                rect[0] < other[2] + gap and other[0] < rect[2] + gap
                and rect[1] < other[3] + gap and other[1] < rect[3] + gap
                for other in taken
            ):  # fmt: skip
                continue
            actors.append(actor)
            taken.append(rect)
            break
    return actors


def _place(rng: np.random.Generator, kind: str, street: Street) -> Actor:
    """An object of a class where such things are found."""
    side = int(rng.choice([-1, 1]))
    kerb = street.left if side < 0 else street.right
    if kind == "sign":
        return figures.sign(rng, kerb + side * rng.uniform(0.35, 0.8), rng.uniform(5.5, 13))
    if kind == "pedestrian":
        if street.zebra is not None and rng.random() < 0.35:
            x = rng.uniform(street.left, street.right)
            return figures.pedestrian(rng, x, street.zebra + rng.uniform(-1.2, 1.2))
        x = kerb + side * rng.uniform(0.5, street.pavement - 0.4)
        return figures.pedestrian(rng, x, 4.5 + 12 * rng.random())
    if kind == "cyclist":
        if street.cross is not None and rng.random() < 0.35:
            x = rng.uniform(street.left - 3, street.right + 3)
            return figures.cyclist(rng, x, street.cross + rng.uniform(-2, 2), 1.0)
        x = side * (street.lanes * street.lane - rng.uniform(0.5, 1.1))
        return figures.cyclist(rng, x, rng.uniform(5, 15), float(rng.choice([0.14, 0.3, 0.6])))
    make = {"car": vehicles.car, "van": vehicles.van, "bus": vehicles.bus}[kind]
    if street.cross is not None and rng.random() < 0.3:
        x = rng.uniform(street.left - 5, street.right + 5)
        return make(rng, x, street.cross + side * 1.7, side * np.pi / 2 + rng.normal(0, 0.05))
    z = (6 if kind != "bus" else 11) + 24 * rng.random() ** 1.2
    away = 0.0 if side > 0 else np.pi
    strip = street.parking[0 if side < 0 else 1]
    if strip and kind != "bus" and rng.random() < 0.62:
        x = kerb - side * (strip / 2 + rng.normal(0, 0.06))
        turned = np.pi if rng.random() < 0.25 else 0.0
        return make(rng, x, z, away + turned + rng.normal(0, 0.03))
    lane = int(rng.integers(street.lanes))
    x = side * ((lane + 0.5) * street.lane) + rng.normal(0, 0.15)
    return make(rng, x, z, away + rng.normal(0, 0.04))


def _furnish(rng: np.random.Generator, street: Street, camera: Camera) -> list[Thing]:
    """Trees, lamps and bins along the pavements."""
    things: list[Thing] = []
    for side, kerb in ((-1, street.left), (1, street.right)):
        every = rng.uniform(7, 13)
        if rng.random() < 0.6:
            for z in np.arange(rng.uniform(6, 12), street.end, every):
                x = kerb + side * rng.uniform(0.7, 1.0)
                things.append(furniture.Tree(x, z, rng.uniform(4.5, 7), int(rng.integers(1 << 30))))
        for z in np.arange(rng.uniform(5, 20), 60, rng.uniform(16, 24)):
            things.append(furniture.Lamp(kerb + side * 0.45, z, -side))
        for _ in range(rng.integers(0, 4)):
            x = kerb + side * rng.uniform(0.4, street.pavement)
            things.append(furniture.Bin(x, rng.uniform(5, 30), int(rng.integers(4))))

    def free(thing: Thing) -> bool:
        if street.cross is not None and abs(thing.z - street.cross) < 5:
            return False
        return camera.depth(thing.x, thing.z) > 4 * NEAR

    return [thing for thing in things if free(thing)]


def _extent(canvas: Canvas, number: int) -> tuple[Floats, float, float]:
    """Of the object just painted: its box in the picture, its pixels, its share in the picture."""
    height, width = canvas.owner.shape
    left, top, right, bottom = canvas.reach
    x0, y0 = int(np.clip(left - 2, 0, width)), int(np.clip(top - 2, 0, height))
    x1, y1 = int(np.clip(right + 3, 0, width)), int(np.clip(bottom + 3, 0, height))
    mine = canvas.owner[y0:y1, x0:x1] == number
    if not mine.any():
        return np.zeros(4), 0.0, 0.0
    rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    box = np.array([x0 + columns[0], y0 + rows[0], x0 + columns[-1] + 1, y0 + rows[-1] + 1], float)
    inside = (box[2] - box[0]) * (box[3] - box[1]) / max(1.0, (right - left) * (bottom - top))
    return box, float(mine.sum()), min(1.0, inside)


def _headlights(canvas: Canvas, camera: Camera, light: Light, actors: list[Actor]) -> None:
    """Halos around the headlights of what comes towards the camera in the dark."""
    if light.night <= 0.3:
        return
    for number, actor in enumerate(actors, 1):
        if not isinstance(actor, vehicles.Vehicle) or np.cos(actor.heading) > -0.5:
            continue
        half, end = actor.body.width / 2 - 0.25, actor.body.length / 2
        for s in (-half, half):
            point = actor.local([(end, s, 0.7)])
            depth = camera.view(point)[0, 2]
            if depth < 2:
                continue
            x, y = camera.project(point)[0]
            row, column = int(y), int(x)
            height, width = canvas.owner.shape
            if not (0 <= row < height and 0 <= column < width):
                continue
            if canvas.owner[row, column] == number:  # nothing stands before it
                canvas.glow(x, y, 0.28 * camera.focal / depth, (170, 225, 255), 0.7 * light.night)


def _label(
    actors: list[Actor], owner: Bytes, spans: Floats, painted: Floats, whole: Floats
) -> tuple[Floats, Floats, Bytes]:
    """Boxes, regions to ignore, and the new number of each owner."""
    shown = np.bincount(owner.ravel(), minlength=len(actors) + 1)[: len(actors) + 1]
    seen = shown / np.maximum(painted, 1) * whole
    sizes = np.minimum(spans[:, 2] - spans[:, 0], spans[:, 3] - spans[:, 1]) / _FINE
    numbers = np.zeros(256, np.uint8)
    boxes, ignore = [], []
    for index, actor in enumerate(actors, 1):
        if seen[index] >= _SEEN and sizes[index] >= _LEAST:
            boxes.append([CLASSES.index(actor.kind), *spans[index] / _FINE])
            numbers[index] = len(boxes)
        elif seen[index] >= _TRACE and sizes[index] >= 2:
            ignore.append(spans[index] / _FINE)
    return np.array(boxes, float).reshape(-1, 5), np.array(ignore, float).reshape(-1, 4), numbers


def _develop(rng: np.random.Generator, image: Bytes, light: Light) -> Bytes:
    """Average down, then what a camera adds: exposure, falling off to the corners, grain."""
    cv = cv2()
    small = cv.resize(image, (WIDTH, HEIGHT), interpolation=cv.INTER_AREA).astype(np.float32)
    across = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :] ** 2
    down = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None] ** 2
    small *= (np.float32(rng.uniform(0.93, 1.06)) * (1 - 0.09 * (across + down)))[..., None]
    level = np.float32(rng.uniform(1.5, 4.0) + 2.0 * light.night)
    small += level * rng.standard_normal((HEIGHT, WIDTH, 1), np.float32)
    small += 0.4 * level * rng.standard_normal(small.shape, np.float32)
    return np.asarray(np.clip(small, 0, 255), np.uint8)
