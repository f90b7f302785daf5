"""Reading a file in COCO's format: the images, the categories, the annotated boxes.

Besides COCO's own fields an annotation may have those of `pylrm.convert.truthfile`, so that a
truth.json reads back as it was. Ids may be whole numbers or texts, and a number written as text is
that number: exporters mix them. An annotation without a box has that of its polygons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pylrm.convert.annotations import Annotation, Box
from pylrm.convert.reading import check_size, class_name, finite, is_line, shown
from pylrm.convert.truthfile import EVERY_CLASS
from pylrm.errors import DataError
from pylrm.files.jsonfile import read_json

_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0*)?", re.ASCII)


@dataclass
class CocoImage:
    """An image: its file's name as the file has it, width and height (0: not given), objects."""

    file_name: str
    size: tuple[int, int]
    annotations: list[Annotation] = field(default_factory=list)


@dataclass(frozen=True)
class CocoFile:
    """What a file in COCO's format holds: categories' names and images, in the file's order."""

    path: Path
    names: list[str]
    images: list[CocoImage]


@dataclass(frozen=True)
class _Category:
    """A category, and the entry that it stands in."""

    entry: _Entry
    name: str
    above: object


def read_coco(path: str | Path) -> CocoFile:
    """Read a file in COCO's format.

    Raises
    ------
    DataError
        The file can't be read, or something in it doesn't fit; entries are counted from 1.
    """
    path = Path(path)
    document = _document(path)
    categories: dict[str, _Category] = {}
    for entry in _entries(path, document, "categories", "category"):
        identity, name = entry.identity("id"), class_name(entry.text("name"))
        if not is_line(name):
            raise entry.error(f"name {shown(entry.values['name'])} can't stand in a names file")
        if identity in categories:
            raise entry.error(f"there are two of id {shown(identity)}")
        categories[identity] = _Category(entry, name, entry.values.get("supercategory"))
    images: dict[str, CocoImage] = {}
    for entry in _entries(path, document, "images", "image"):
        identity = entry.identity("id")
        if identity in images:
            raise entry.error(f"there are two of id {shown(identity)}")
        size = check_size(entry.number("width", 0), entry.number("height", 0), entry.where)
        images[identity] = CocoImage(entry.text("file_name"), size)
    names = {identity: category.name for identity, category in categories.items()}
    used: set[str] = set()
    for entry in _entries(path, document, "annotations", "annotation"):
        image = images.get(entry.identity("image_id"))
        if image is None:
            raise entry.error(f"image_id {shown(entry.values['image_id'])} is no image's id")
        category = entry.identity("category_id")
        image.annotations.append(_annotation(entry, category, names))
        used.add(category)
    return CocoFile(path, _classes(categories, used), list(images.values()))


def _classes(categories: dict[str, _Category], used: set[str]) -> list[str]:
    """The categories' names, without headings.

    Roboflow's files begin with a category that stands above the others and annotates nothing.
    """
    names: dict[str, None] = {}
    for identity, category in categories.items():
        others = (other for key, other in categories.items() if key != identity)
        if identity not in used and any(other.above == category.name for other in others):
            continue
        if category.name in names:
            raise category.entry.error(
                f"there are two of id {shown(identity)} or name {shown(category.name)}"
            )
        names[category.name] = None
    return list(names)


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise DataError(f"{path}: not in COCO's format: expected an object at the top")
    return document


@dataclass(frozen=True)
class _Entry:
    """An entry of a list; `where` begins messages about it."""

    where: str
    values: dict[str, Any]

    def error(self, what: str) -> DataError:
        return DataError(f"{self.where}: {what}")

    def _get(self, key: str) -> Any:
        value = self.values.get(key)
        if value is None:
            raise self.error(f"no '{key}'")
        return value

    def identity(self, key: str) -> str:
        """An id, such that 12, 12.0, "12" and "12.0" are one."""
        value = self._get(key)
        if isinstance(value, str):
            number = _WHOLE.fullmatch(value.strip())
            return number[1] if number else value.strip()
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"{key} is {shown(value)}; expected a whole number")
        return str(value)

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} is {shown(value)}; expected a text")
        return value

    def number(self, key: str, fallback: float) -> float:
        """A finite number; where it is missing or null, `fallback`."""
        value = self.values.get(key)
        if value is None:
            return fallback
        number = finite(value)
        if number is None:
            raise self.error(f"{key} is {shown(value)}; expected a finite number")
        return number

    def box(self) -> Box:
        """The bbox, from its left, top, width and height to edges; else that of the polygons."""
        if not self.values.get("bbox"):
            outline = _outline(self.values.get("segmentation"))
            if outline is not None:
                return outline
        value = self._get("bbox")
        numbers = [finite(entry) for entry in value] if isinstance(value, list) else []
        given = [number for number in numbers if number is not None]
        if len(numbers) != 4 or len(given) != 4 or min(given[2:]) < 0:
            found = ", ".join(shown(entry) for entry in value[:5]) if numbers else shown(value)
            raise self.error(
                f"bbox is {found}; expected x, y, width, height: finite, no size below 0"
            )
        left, top, width, height = given
        return left, top, left + width, top + height


def _outline(polygons: object) -> Box | None:
    """The box around polygons [[x, y, x, y, …], …]; None where there are none."""
    if not isinstance(polygons, list) or not all(isinstance(each, list) for each in polygons):
        return None
    across = [finite(value) for polygon in polygons for value in polygon[::2]]
    down = [finite(value) for polygon in polygons for value in polygon[1::2]]
    xs, ys = ([value for value in values if value is not None] for values in (across, down))
    if not xs or len(xs) != len(across) or len(ys) != len(across):
        return None
    return min(xs), min(ys), max(xs), max(ys)


def _entries(path: Path, document: dict[str, Any], key: str, what: str) -> Iterator[_Entry]:
    items = document.get(key)
    if not isinstance(items, list):
        found = "there are none" if items is None else f"found {shown(items)}"
        raise DataError(f"{path}: not in COCO's format: '{key}' should list objects; {found}")
    for number, values in enumerate(items, 1):
        where = f"{path}: {what} {number}"
        if not isinstance(values, dict):
            raise DataError(f"{where}: expected an object, found {shown(values)}")
        identity = values.get("id")
        if isinstance(identity, int | str):
            where += f" (id {shown(identity)})"
        yield _Entry(where, values)


def _annotation(entry: _Entry, category: str, names: dict[str, str]) -> Annotation:
    ignore = entry.number("ignore", 0) != 0
    if category not in names and not (category == str(EVERY_CLASS) and ignore):
        raise entry.error(f"category_id {shown(category)} is no category's id")
    truncated = entry.number("truncated", 0)
    occluded = entry.number("occluded", 0)
    if not 0 <= truncated <= 1:
        raise entry.error(f"truncated is {truncated:g}; expected 0…1")
    if occluded not in (0, 1, 2, 3):
        raise entry.error(f"occluded is {occluded:g}; expected 0, 1, 2 or 3")
    area = entry.number("area", -1)
    return Annotation(
        names.get(category),
        entry.box(),
        difficult=entry.number("difficult", 0) != 0,
        truncated=truncated,
        occluded=int(occluded),
        ignore=ignore,
        crowd=entry.number("iscrowd", 0) != 0,
        area=area if area > 0 else None,
    )
