"""labelme's annotations, and those of tools that write its format: a JSON file an image.

Rectangles, polygons, circles, rotated rectangles and masks become their boxes; points and lines
have no area and are left out. The image is the file that imagePath names, or one of the JSON file's
name, or stands inside the JSON file (imageData).
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pylrm.convert.annotations import Annotation, Box
from pylrm.convert.finding import ImageFinder, learnt_and_held, parts_in
from pylrm.convert.imagesearch import folders_in
from pylrm.convert.listed import ListedImage, as_found
from pylrm.convert.reading import (
    Found,
    check_size,
    class_name,
    files_of,
    finite,
    is_line,
    shown,
)
from pylrm.convert.sizes import SizeMismatch
from pylrm.errors import DataError
from pylrm.files.jsonfile import read_json

_WITHOUT_AREA = {"point", "points", "line", "linestrip"}
_PNG = b"\x89PNG"


def read(
    source: Path, *, names: str | Path | None = None, size_mismatch: SizeMismatch = "refuse"
) -> Found:
    """Find the images and annotations of a folder of labelme's files.

    Parameters
    ----------
    source
        The folder; folders in it count too, and those called train, val and test are the lists.
    names
        A file of class names; default: those found, by the alphabet.
    size_mismatch
        What to do with boxes whose imageWidth and imageHeight are not the image's: "refuse" them,
        "scale" them to the image, or "keep" them as its pixels.

    Raises
    ------
    DataError
        Where anything in the files doesn't fit, naming the file.
    """
    if not source.is_dir():
        raise DataError(f"{source}: no such folder")
    finders: dict[Path, ImageFinder] = {}
    tops = [source, *folders_in(source)]
    parts = next((parts for top in tops if (parts := parts_in(folders_in(top)))), None)
    if parts is None:
        return as_found(
            source, _read_all(source, finders), None, names=names, mismatch=size_mismatch
        )
    listed = {part: _read_all(folder, finders) for part, folder in parts.items()}
    learnt, held = learnt_and_held({part: found for part, found in listed.items() if found})
    return as_found(source, learnt, held, names=names, mismatch=size_mismatch)


def _read_all(folder: Path, finders: dict[Path, ImageFinder]) -> list[ListedImage]:
    found: dict[Path, ListedImage] = {}
    for path in _files_below(folder):
        listed = _read(path, finders.setdefault(path.parent, ImageFinder(path.parent)))
        other = found.setdefault(listed.image, listed)
        if other is not listed:
            raise DataError(f"{path}: its image {listed.image} is that of {other.source} too")
    if not found:
        raise DataError(f"{folder}: no *.json of labelme's in it")
    return list(found.values())


def _files_below(folder: Path) -> Iterator[Path]:
    yield from sorted(files_of(folder, ".json"))
    for inner in folders_in(folder):
        yield from _files_below(inner)


def _read(path: Path, finder: ImageFinder) -> ListedImage:
    document = read_json(path)
    if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
        raise DataError(f"{path}: not labelme's: expected an object with a list of shapes")
    image, content = _image(path, document, finder)
    width, height = (_number(path, document, key) for key in ("imageWidth", "imageHeight"))
    listed = ListedImage(image, path, check_size(width, height, str(path)), content=content)
    for count, shape in enumerate(document["shapes"], 1):
        where = f"{path}: shape {count}"
        if not isinstance(shape, dict):
            raise DataError(f"{where}: expected an object, found {shown(shape)}")
        label = shape.get("label")
        name = class_name(label) if isinstance(label, str) else str(label)
        if not is_line(name) or label is None:
            raise DataError(f"{where}: label is {shown(label)}; expected a class's name")
        box = _box(f"{where} ({name[:60]})", shape)
        listed.objects.setdefault(Annotation(name, box), where)
    return listed


def _number(path: Path, document: dict[str, Any], key: str) -> float:
    value = document.get(key)
    number = 0.0 if value is None else finite(value)
    if number is None:
        raise DataError(f"{path}: {key} is {shown(value)}; expected a number")
    return number


def _image(
    path: Path, document: dict[str, Any], finder: ImageFinder
) -> tuple[Path, Callable[[], bytes] | None]:
    """The image's file; or, of one inside the JSON file, what it is called and what gives it."""
    named = document.get("imagePath")
    named = named.strip() if isinstance(named, str) else ""
    for name in (named, path.stem):
        image = finder.look(name, str(path)) if name else None
        if image is not None:
            return image, None
    if not document.get("imageData"):
        raise DataError(
            f"{path}: no image {shown(named or path.stem)} in {path.parent} or near it, and none "
            "inside the file (imageData)"
        )
    suffix = ".png" if _image_data(path, document).startswith(_PNG) else ".jpg"
    return path.with_suffix(suffix), partial(_image_inside, path)


def _image_inside(path: Path) -> bytes:
    return _image_data(path, read_json(path))


def _image_data(path: Path, document: dict[str, Any]) -> bytes:
    data = document.get("imageData")
    try:
        return base64.b64decode(data.split(",")[-1] if isinstance(data, str) else "?")
    except (binascii.Error, ValueError) as error:
        raise DataError(f"{path}: imageData is no image in base64 ({error})") from error


def _box(where: str, shape: dict[str, Any]) -> Box:
    """The box around a shape; one without area for points and lines."""
    points = [_point(where, point) for point in _points(where, shape)]
    kind = str(shape.get("shape_type") or "polygon").lower()
    if kind in _WITHOUT_AREA:
        return (*points[0], *points[0])
    if kind == "circle" and len(points) == 2:
        (x, y), rim = points
        radius = math.dist((x, y), rim)
        return x - radius, y - radius, x + radius, y + radius
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _points(where: str, shape: dict[str, Any]) -> Sequence[object]:
    points = shape.get("points")
    if not isinstance(points, list) or not points:
        raise DataError(f"{where}: points is {shown(points)}; expected a list of x, y")
    return points


def _point(where: str, point: object) -> tuple[float, float]:
    values = [finite(value) for value in point] if isinstance(point, list) else []
    given = [value for value in values if value is not None]
    if len(values) != 2 or len(given) != 2:
        raise DataError(f"{where}: a point is {shown(point)}; expected two finite numbers")
    return given[0], given[1]
