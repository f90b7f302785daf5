"""Reading a file in COCO's format: the images, the categories, the annotated boxes.

Besides COCO's own fields an annotation may have those of `pylrm.data.truthfile`, so that a
truth.json reads back as it was. Ids may be whole numbers or texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pylrm.data.sources import check_size, class_name, is_line, shown
from pylrm.data.things import Thing
from pylrm.data.truthfile import EVERY_CLASS
from pylrm.errors import DataError
from pylrm.files.jsonfile import read_json

Id = int | str


@dataclass
class CocoImage:
    """An image: its file's name as the file has it, size in pixels (0: not given), and things."""

    file_name: str
    width: int
    height: int
    things: list[Thing] = field(default_factory=list)


@dataclass(frozen=True)
class CocoFile:
    """What a file in COCO's format holds: categories' names and images, in the file's order."""

    path: Path
    names: list[str]
    images: list[CocoImage]


def read_coco(path: str | Path) -> CocoFile:
    """Read a file in COCO's format.

    Raises
    ------
    DataError
        The file can't be read, or something in it doesn't fit; entries are counted from 1.
    """
    path = Path(path)
    document = _document(path)
    names: dict[Id, str] = {}
    for item in _items(path, document, "categories", "category"):
        identity, text = item.identity("id"), class_name(item.text("name"))
        if not is_line(text):
            raise item.error(f"name {shown(item.values['name'])} can't stand in a names file")
        if identity in names or text in names.values():
            raise item.error(f"there are two of id {shown(identity)} or name {shown(text)}")
        names[identity] = text
    images: dict[Id, CocoImage] = {}
    for item in _items(path, document, "images", "image"):
        identity = item.identity("id")
        if identity in images:
            raise item.error(f"there are two of id {shown(identity)}")
        size = check_size(item.number("width", 0), item.number("height", 0), item.where)
        images[identity] = CocoImage(item.text("file_name"), *size)
    for item in _items(path, document, "annotations", "annotation"):
        image = images.get(item.identity("image_id"))
        if image is None:
            raise item.error(f"image_id {shown(item.values['image_id'])} is no image's id")
        image.things.append(_thing(item, names))
    return CocoFile(path, list(names.values()), list(images.values()))


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict):
        raise DataError(f"{path}: not in COCO's format: expected an object at the top")
    return document


@dataclass(frozen=True)
class _Item:
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

    def identity(self, key: str) -> Id:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.error(f"{key} is {shown(value)}; expected a whole number")
        return value

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
        number = _finite(value)
        if number is None:
            raise self.error(f"{key} is {shown(value)}; expected a finite number")
        return number

    def box(self) -> tuple[float, float, float, float]:
        """The bbox, from its left, top, width and height to edges."""
        value = self._get("bbox")
        numbers = [_finite(entry) for entry in value] if isinstance(value, list) else []
        given = [number for number in numbers if number is not None]
        if len(numbers) != 4 or len(given) != 4 or min(given[2:]) < 0:
            found = ", ".join(shown(entry) for entry in value[:5]) if numbers else shown(value)
            raise self.error(
                f"bbox is {found}; expected x, y, width, height: finite, no size below 0"
            )
        left, top, width, height = given
        return left, top, left + width, top + height


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _items(path: Path, document: dict[str, Any], key: str, what: str) -> Iterator[_Item]:
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
        yield _Item(where, values)


def _thing(item: _Item, names: dict[Id, str]) -> Thing:
    category = item.identity("category_id")
    ignore = item.number("ignore", 0) != 0
    if category not in names and not (category == EVERY_CLASS and ignore):
        raise item.error(f"category_id {shown(category)} is no category's id")
    truncated = item.number("truncated", 0)
    occluded = item.number("occluded", 0)
    if not 0 <= truncated <= 1:
        raise item.error(f"truncated is {truncated:g}; expected 0…1")
    if occluded not in (0, 1, 2, 3):
        raise item.error(f"occluded is {occluded:g}; expected 0, 1, 2 or 3")
    area = item.number("area", -1)
    return Thing(
        names.get(category),
        item.box(),
        difficult=item.number("difficult", 0) != 0,
        truncated=truncated,
        occluded=int(occluded),
        ignore=ignore,
        crowd=item.number("iscrowd", 0) != 0,
        area=area if area > 0 else None,
    )
