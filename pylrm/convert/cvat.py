"""CVAT's own XML: one file for all images ("CVAT for images"), or tracks ("CVAT for video").

Boxes, polygons, ellipses, cuboids and masks become their boxes, rotated ones those around them;
points and polylines have no area and are left out, and so are skeletons and tags. The images of
tracks are those that CVAT exports beside the file: frame_000000.png and so on. Coordinates are
edges from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from pylrm.convert.annotations import Annotation, Box
from pylrm.convert.finding import ImageFinder, learnt_and_held
from pylrm.convert.listed import ListedImage, as_found
from pylrm.convert.reading import Found, check_size, class_name, finite, is_line, shown
from pylrm.convert.sizes import NOT_GIVEN, SizeMismatch
from pylrm.convert.vocxml import parse_xml
from pylrm.errors import DataError


def read(
    source: Path,
    *,
    valid: str | Path | None = None,
    images: str | Path | None = None,
    names: str | Path | None = None,
    size_mismatch: SizeMismatch = "refuse",
) -> Found:
    """Find the images and annotations of a file of CVAT's.

    Parameters
    ----------
    source
        The file, or the folder with annotations.xml.
    valid
        The file of the images to validate on; default: the subsets that the file tells, else a
        random split.
    images
        The images' folder; default: found near the file.
    names
        A file of class names; default: those found, by the alphabet.
    size_mismatch
        What to do with boxes whose image's width and height are other ones than its file's:
        "refuse" them, "scale" them to the image, or "keep" them as its pixels.

    Raises
    ------
    DataError
        Where anything in the files doesn't fit, naming the file.
    """
    folder = None if images is None else Path(images).absolute()
    learnt = _read(source, folder)
    held = None if valid is None else _flat(_read(Path(valid).absolute(), folder))
    if held is None and "train" in learnt:
        chosen, held = learnt_and_held(learnt)
    else:
        chosen = _flat(learnt)
    return as_found(source, chosen, held, names=names, mismatch=size_mismatch)


def _flat(subsets: Mapping[str, list[ListedImage]]) -> list[ListedImage]:
    return [image for part in subsets.values() for image in part]


def _read(path: Path, folder: Path | None) -> dict[str, list[ListedImage]]:
    """Read a file's images by their subset's name, "" where there is none."""
    path = path / "annotations.xml" if path.is_dir() else path
    root = parse_xml(path)
    if root.tag != "annotations":
        hint = "; VOC's? See `pylrm convert voc`" if root.tag == "annotation" else ""
        raise DataError(f"{path}: the root is {shown(root.tag)}; expected 'annotations'{hint}")
    finder = ImageFinder(*([path.parent] if folder is None else [folder, path.parent]))
    found: dict[Path, ListedImage] = {}
    subsets: dict[str, list[ListedImage]] = {}
    for name, size, subset, shapes in [*_images(path, root), *_frames(path, root)]:
        image = finder.find(name, str(path))
        if image in found:
            raise DataError(f"{path}: the image {shown(name)} is there twice")
        found[image] = ListedImage(image, path, size)
        subsets.setdefault(subset.lower(), []).append(found[image])
        for shape in shapes:
            box = shape.box()
            if box is not None:
                found[image].objects.setdefault(
                    Annotation(shape.name(), box, occluded=shape.occluded), shape.where
                )
    return subsets


@dataclass(frozen=True)
class _Shape:
    """A shape; `where` begins messages about it."""

    where: str
    element: Element
    label: str

    @property
    def occluded(self) -> int:
        return int(self.element.get("occluded") == "1")

    def name(self) -> str:
        name = class_name(self.label)
        if not is_line(name):
            raise DataError(f"{self.where}: label is {shown(self.label)}; expected a class's name")
        return name

    def box(self) -> Box | None:
        """The box around it; None: it is of no kind that has one."""
        bounds = _SHAPES.get(self.element.tag)
        return None if bounds is None else bounds(self)

    def numbers(self, *keys: str) -> list[float]:
        return [self._number(key, self.element.get(key)) for key in keys]

    def angle(self) -> float:
        return math.radians(self._number("rotation", self.element.get("rotation") or "0"))

    def points(self) -> list[tuple[float, float]]:
        pairs = [pair.split(",") for pair in (self.element.get("points") or "").split(";")]
        if any(len(pair) != 2 for pair in pairs):
            raise DataError(f"{self.where}: points; expected x,y;x,y;…")
        return [(self._number("x", x), self._number("y", y)) for x, y in pairs]

    def _number(self, key: str, text: str | None) -> float:
        value = None if text is None else finite(text)
        if value is None:
            what = "missing" if text is None else f"{shown(text)}, not a number"
            raise DataError(f"{self.where}: {key} is {what}")
        return value


def _around(points: Sequence[tuple[float, float]]) -> Box:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _of_box(shape: _Shape) -> Box:
    left, top, right, bottom = shape.numbers("xtl", "ytl", "xbr", "ybr")
    if left > right or top > bottom:
        raise DataError(f"{shape.where}: the box ends before it begins")
    x, y, w, h = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    cos, sin = abs(math.cos(shape.angle())), abs(math.sin(shape.angle()))
    w, h = w * cos + h * sin, w * sin + h * cos
    return x - w, y - h, x + w, y + h


def _of_ellipse(shape: _Shape) -> Box:
    x, y, rx, ry = shape.numbers("cx", "cy", "rx", "ry")
    cos, sin = math.cos(shape.angle()), math.sin(shape.angle())
    w, h = math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)
    return x - w, y - h, x + w, y + h


def _of_mask(shape: _Shape) -> Box:
    left, top, width, height = shape.numbers("left", "top", "width", "height")
    return left, top, left + width, top + height


def _of_cuboid(shape: _Shape) -> Box:
    corners = [f"{corner}{side}" for corner in ("tl", "bl", "tr", "br") for side in "12"]
    xs, ys = (shape.numbers(*(axis + corner for corner in corners)) for axis in "xy")
    return _around(list(zip(xs, ys, strict=True)))


def _of_points(shape: _Shape) -> Box:
    """Nothing but a place: what has no area is left out, and counted."""
    x, y = shape.points()[0]
    return x, y, x, y


_SHAPES: Mapping[str, Callable[[_Shape], Box]] = {
    "box": _of_box,
    "polygon": lambda shape: _around(shape.points()),
    "ellipse": _of_ellipse,
    "mask": _of_mask,
    "cuboid": _of_cuboid,
    "points": _of_points,
    "polyline": _of_points,
}

_Entry = tuple[str, tuple[int, int], str, list[_Shape]]


def _images(path: Path, root: Element) -> list[_Entry]:
    """The images of "CVAT for images": name, size, subset, shapes."""
    entries = []
    for count, image in enumerate(root.findall("image"), 1):
        name = image.get("name") or ""
        where = f"{path}: image {count} ({shown(name)})"
        if not name.strip():
            raise DataError(f"{path}: image {count} has no name")
        shapes = [
            _Shape(f"{where}: {each.tag} {number}", each, each.get("label") or "")
            for number, each in enumerate(image, 1)
        ]
        entries.append((name, _size(where, image.get), image.get("subset") or "", shapes))
    return entries


def _frames(path: Path, root: Element) -> list[_Entry]:
    """The frames of "CVAT for video" in which something is visible."""
    size = root.find(".//original_size")
    given = NOT_GIVEN if size is None else _size(str(path), size.findtext)
    frames: dict[int, list[_Shape]] = {}
    for count, track in enumerate(root.findall("track"), 1):
        for number, each in enumerate(track, 1):
            where = f"{path}: track {count}: {each.tag} {number}"
            shape = _Shape(where, each, track.get("label") or "")
            if each.get("outside") != "1" and each.tag in _SHAPES:
                frames.setdefault(int(shape.numbers("frame")[0]), []).append(shape)
    return [(f"frame_{number:06}", given, "", frames[number]) for number in sorted(frames)]


def _size(where: str, get: Callable[[str], str | None]) -> tuple[int, int]:
    width, height = (finite(get(key) or "0") for key in ("width", "height"))
    if width is None or height is None:
        raise DataError(f"{where}: width and height; expected numbers")
    return check_size(width, height, where)
