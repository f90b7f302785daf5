"""One annotation of PASCAL VOC: an XML file.

Corners in VOC are pixels counted from 1, both inclusive. As other Darknets' converter does, a box
becomes centre ((xmin + xmax)/2 - 1)/width and size (xmax - xmin)/width: from the first pixel's
left edge to the last one's.
"""

from __future__ import annotations

import codecs
import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from pylrm.convert.annotations import Annotation
from pylrm.convert.reading import check_size, class_name, reading, shown
from pylrm.errors import DataError

_BYTE_ORDER_MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),  # no mark, but the first sign of a tag
    (b"\0<", "utf-16-be"),
]
_DECLARATION = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")

_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "unspecified": 0.0}


@dataclass(frozen=True)
class VocFile:
    """One annotation file.

    Attributes
    ----------
    filename, folder, path
        Where the image is, as the annotator's program saw it; "" where that isn't said.
    size
        The image's width and height in pixels; 0: not given.
    objects
        What is annotated.
    """

    filename: str
    folder: str
    path: str
    size: tuple[int, int]
    objects: list[Annotation]


def read_annotation(path: str | Path) -> VocFile:
    """Read one VOC annotation.

    Raises
    ------
    DataError
        Where the file is malformed, holds a DOCTYPE or entities, or a value doesn't fit.
    """
    path = Path(path)
    root = parse_xml(path)
    if root.tag != "annotation":
        hint = (
            "; CVAT's own format? See `pylrm convert cvat`"
            if root.find("image") is not None
            else ""
        )
        raise DataError(f"{path}: the root is {shown(root.tag)}; expected 'annotation'{hint}")
    width = _number(path, root, "size/width", "the image", 0)
    height = _number(path, root, "size/height", "the image", 0)
    return VocFile(
        _text(root, "filename"),
        _text(root, "folder"),
        _text(root, "path"),
        check_size(width, height, str(path)),
        [_object(path, element, count) for count, element in enumerate(root.findall("object"), 1)],
    )


def parse_xml(path: Path) -> ElementTree.Element:
    """Parse an XML file, in whatever encoding it is.

    Raises
    ------
    DataError
        Where it can't be read, is malformed, or holds a DOCTYPE or entities.
    """
    with reading(path):
        text = _decode(path, path.read_bytes())
    if re.search("<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise DataError(f"{path}: a DOCTYPE or entity declaration is refused in an annotation")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        line, column = error.position
        reason = str(error).split(":")[0]
        raise DataError(f"{path}:{line}: malformed XML ({reason}, column {column + 1})") from error
    except ValueError as error:
        raise DataError(f"{path}: malformed XML ({error})") from error


def _decode(path: Path, data: bytes) -> str:
    """Decode a file by its byte order mark, else as it declares, else as UTF-8.

    A declaration that can be read byte by byte is not one of UTF-16: editors save anew in UTF-8
    without changing it.
    """
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARATION.match(data)
        encoding = declared[1].decode() if declared else "utf-8"
        if encoding.lower().startswith(("utf-16", "utf16", "utf-32", "ucs")):
            encoding = "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not {encoding.upper().removesuffix('-SIG')} text (byte {error.start})"
        ) from error
    except (ValueError, LookupError) as error:
        raise DataError(f"{path}: malformed XML ({error})") from error


def _object(path: Path, element: ElementTree.Element, count: int) -> Annotation:
    name = class_name(element.findtext("name") or "")
    if not name:
        raise DataError(f"{path}: object {count} has no <name>")
    what = f"object {count} ({name[:60]})"
    if element.find("bndbox") is None:
        found = ", ".join(f"<{child.tag[:30]}>" for child in element[:8])
        raise DataError(f"{path}: {what} has no <bndbox>; there is {found}")
    xmin, ymin, xmax, ymax = (
        _number(path, element, f"bndbox/{key}", what) for key in ("xmin", "ymin", "xmax", "ymax")
    )
    if xmin > xmax or ymin > ymax:
        raise DataError(
            f"{path}: {what}: xmin {xmin:g}, xmax {xmax:g}, ymin {ymin:g}, ymax {ymax:g}; "
            "a minimum is greater than its maximum"
        )
    difficult, truncated, occluded = (
        _number(path, element, key, what, 0.0) for key in ("difficult", "truncated", "occluded")
    )
    return Annotation(
        name,
        (xmin - 1, ymin - 1, xmax - 1, ymax - 1),
        difficult=difficult != 0,
        truncated=truncated if 0 <= truncated <= 1 else 1.0,
        occluded=int(occluded != 0),
    )


def _text(element: ElementTree.Element, key: str) -> str:
    return (element.findtext(key) or "").replace("\ufeff", "").strip()


def _number(
    path: Path, element: ElementTree.Element, key: str, what: str, fallback: float | None = None
) -> float:
    """A finite number within `element`; where it is missing or blank, `fallback`."""
    text = _text(element, key)
    if fallback is not None and text.lower() in ("", *_WORDS):
        return _WORDS.get(text.lower(), fallback)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        found = f"{shown(text)}, not a number" if text else "missing"
        raise DataError(f"{path}: {what}: <{key.split('/')[-1]}> is {found}")
    return value
