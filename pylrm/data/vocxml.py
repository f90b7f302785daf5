"""One annotation of PASCAL VOC: an XML file.

Corners in VOC are pixels counted from 1, both inclusive. As other Darknets' converter does, a box
becomes centre ((xmin + xmax)/2 - 1)/width and size (xmax - xmin)/width: from the first pixel's
left edge to the last one's.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from pylrm.data.sources import check_size, class_name, reading, shown
from pylrm.data.things import Thing
from pylrm.errors import DataError


@dataclass(frozen=True)
class Annotation:
    """One annotation file: the image's name, its size in pixels (0: not given), its objects."""

    filename: str
    width: int
    height: int
    objects: list[Thing]


def read_annotation(path: str | Path) -> Annotation:
    """Read one VOC annotation.

    Raises
    ------
    DataError
        Where the file is malformed, holds a DOCTYPE or entities, or a value doesn't fit.
    """
    path = Path(path)
    with reading(path):
        data = path.read_bytes()
    plain = data.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise DataError(f"{path}: a DOCTYPE or entity declaration is refused in an annotation")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line, column = error.position
        reason = str(error).split(":")[0]
        raise DataError(f"{path}:{line}: malformed XML ({reason}, column {column + 1})") from error
    except (ValueError, LookupError) as error:
        raise DataError(f"{path}: malformed XML ({error})") from error
    if root.tag != "annotation":
        raise DataError(f"{path}: the root is {shown(root.tag)}; expected 'annotation'")

    width = _number(path, root, "size/width", "the image", 0)
    height = _number(path, root, "size/height", "the image", 0)
    objects = []
    for count, element in enumerate(root.findall("object"), 1):
        name = class_name(element.findtext("name") or "")
        if not name:
            raise DataError(f"{path}: object {count} has no <name>")
        what = f"object {count} ({name[:60]})"
        if element.find("bndbox") is None:
            raise DataError(f"{path}: {what} has no <bndbox>")
        xmin, ymin, xmax, ymax = (
            _number(path, element, f"bndbox/{key}", what)
            for key in ("xmin", "ymin", "xmax", "ymax")
        )
        if xmin > xmax or ymin > ymax:
            raise DataError(
                f"{path}: {what}: xmin {xmin:g}, xmax {xmax:g}, ymin {ymin:g}, ymax {ymax:g}; "
                "a minimum is greater than its maximum"
            )
        difficult, truncated, occluded = (
            _number(path, element, key, what, 0) != 0
            for key in ("difficult", "truncated", "occluded")
        )
        box = (xmin - 1, ymin - 1, xmax - 1, ymax - 1)
        objects.append(Thing(name, box, difficult, float(truncated), int(occluded)))
    size = check_size(width, height, str(path))
    return Annotation((root.findtext("filename") or "").strip(), *size, objects)


def _number(
    path: Path, element: ElementTree.Element, key: str, what: str, fallback: float | None = None
) -> float:
    """A finite number within `element`; where it is missing or blank, `fallback`."""
    text = (element.findtext(key) or "").strip()
    if not text and fallback is not None:
        return fallback
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        found = f"{shown(text)}, not a number" if text else "missing"
        raise DataError(f"{path}: {what}: <{key.split('/')[-1]}> is {found}")
    return value
