"""Boxes as a table: a CSV file with a row an object.

A header says which column is what, in any of the words of `_COLUMNS`; without a header, a file has
the columns of one of `_LAYOUTS`, which are those of RetinaNet's, TensorFlow's, SKU-110K's and
makesense.ai's files. A row with a name and nothing else is an image without objects. Columns are
separated by commas, semicolons (then numbers may have decimal commas), tabs or bars. Edges are
pixels from 0.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pylrm.convert.annotations import Annotation, Box
from pylrm.convert.finding import ImageFinder
from pylrm.convert.listed import ListedImage, as_found
from pylrm.convert.reading import (
    IMAGE_SUFFIXES,
    Found,
    check_size,
    class_name,
    finite,
    is_line,
    shown,
)
from pylrm.convert.sizes import NOT_GIVEN, SizeMismatch
from pylrm.errors import DataError
from pylrm.files.text import read_text
from pylrm.terminal import count_of

# What boxes are given in.
Coordinates = Literal["pixels", "shares"]

_EDGES = ("xmin", "ymin", "xmax", "ymax")
_CORNER = ("left", "top", "across", "down")  # a corner and the box's size

# What headers call the columns, in small letters without signs between.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "image": (
        "image", "filename", "file", "imagename", "imagepath", "imgpath", "path", "imageid", "img",
        "imagefile", "imgfile", "filepath", "location", "imagefilename",
    ),
    "xmin": ("xmin", "x1", "xtl", "bboxxmin", "x0"),
    "ymin": ("ymin", "y1", "ytl", "bboxymin", "y0"),
    "xmax": ("xmax", "x2", "xbr", "bboxxmax"),
    "ymax": ("ymax", "y2", "ybr", "bboxymax"),
    "left": ("bboxx", "bboxleft"),
    "top": ("bboxy", "bboxtop"),
    "across": ("bboxwidth", "bboxw", "boxwidth"),
    "down": ("bboxheight", "bboxh", "boxheight"),
    "class": (
        "class", "label", "classname", "labelname", "name", "category", "categoryname", "object",
    ),
    "width": ("width", "imagewidth", "imgwidth"),
    "height": ("height", "imageheight", "imgheight"),
}  # fmt: skip

_LAYOUTS = (
    ("image", *_EDGES, "class"),
    ("image", "width", "height", "class", *_EDGES),
    ("image", *_EDGES, "class", "width", "height"),
    ("class", *_CORNER, "image", "width", "height"),
)
_TEXTS = ("image", "class")


@dataclass(frozen=True)
class _Row:
    """A row; `where` begins messages about it."""

    where: str
    values: Mapping[str, str]
    decimal: str

    def number(self, key: str) -> float:
        text = self.values.get(key, "")
        value = finite(text.replace(self.decimal, "."))
        if value is None:
            what = f"{shown(text)}, not a number" if text else "missing"
            raise DataError(f"{self.where}: {key} is {what}")
        return value

    def size(self) -> tuple[int, int]:
        if not (self.values.get("width") and self.values.get("height")):
            return NOT_GIVEN
        return check_size(self.number("width"), self.number("height"), self.where)

    def annotation(self) -> Annotation | None:
        """The object; None: the image has none."""
        keys = _EDGES if "xmin" in self.values else _CORNER
        if not any(self.values[key] for key in keys):
            return None
        name = class_name(self.values["class"])
        if not is_line(name):
            what = shown(self.values["class"]) if name else "missing"
            raise DataError(f"{self.where}: class is {what}")
        return Annotation(name, self._box(*(self.number(key) for key in keys)))

    def _box(self, left: float, top: float, right: float, bottom: float) -> Box:
        if "xmin" not in self.values:
            right, bottom = left + right, top + bottom
        if left > right or top > bottom:
            raise DataError(
                f"{self.where}: xmin {left:g}, xmax {right:g}, ymin {top:g}, ymax {bottom:g}; a "
                "minimum is greater than its maximum"
            )
        return left, top, right, bottom


def read(
    source: Path,
    *,
    valid: str | Path | None = None,
    images: str | Path | None = None,
    names: str | Path | None = None,
    coordinates: Coordinates = "pixels",
    size_mismatch: SizeMismatch = "refuse",
) -> Found:
    """Find the images and annotations of a CSV file.

    Parameters
    ----------
    source
        The file.
    valid
        The file of the images to validate on; default: a random split of the first.
    images
        The folder where the images' names begin; default: the file's.
    names
        A file of class names; default: those found, by the alphabet.
    coordinates
        What boxes are given in: "pixels", or "shares" of the image.
    size_mismatch
        What to do with boxes whose image's width and height are other ones than its file's:
        "refuse" them, "scale" them to the image, or "keep" them as its pixels.

    Raises
    ------
    DataError
        Where anything in the files doesn't fit, naming file and line.
    """
    folder = None if images is None else Path(images).absolute()
    held = None if valid is None else _read(Path(valid).absolute(), folder)
    return as_found(
        source, _read(source, folder), held,
        names=names, mismatch=size_mismatch, shares=coordinates == "shares",
    )  # fmt: skip


def _read(path: Path, folder: Path | None) -> list[ListedImage]:
    """Read a file's images; a row that comes twice counts once."""
    finder = ImageFinder(*([path.parent] if folder is None else [folder, path.parent]))
    files: dict[str, Path] = {}
    found: dict[Path, ListedImage] = {}
    for row in _rows(path):
        name = row.values["image"]
        if name not in files:
            files[name] = finder.find(name, row.where)
        image = found.setdefault(files[name], ListedImage(files[name], path))
        size = row.size()
        if all(size) and image.size not in (NOT_GIVEN, size):
            raise DataError(f"{row.where}: another size of {name} than in an earlier row")
        image.size = image.size if all(image.size) else size
        annotation = row.annotation()
        if annotation is not None:
            image.objects.setdefault(annotation, row.where)
    return list(found.values())


def _rows(path: Path) -> Iterator[_Row]:
    text = read_text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    columns: Sequence[str] = ()
    decimal = "," if delimiter == ";" else "."
    try:
        for values in lines:
            fields = [value.strip() for value in values]
            where = f"{path}:{lines.line_num}"
            if not any(fields):
                continue
            if not columns:
                columns = _header(where, fields)
                if columns:
                    continue
                columns = _layout(where, fields)
            fields += [""] * (len(columns) - len(fields))
            if len(fields) > len(columns) and any(fields[len(columns) :]):
                raise DataError(
                    f"{where}: {count_of(len(fields), 'field')}; expected {len(columns)}"
                )
            row = {key: field for key, field in zip(columns, fields, strict=False) if key}
            if not row["image"]:
                raise DataError(f"{where}: no image is named")
            yield _Row(where, row, decimal)
    except csv.Error as error:
        raise DataError(f"{path}:{lines.line_num}: not CSV: {error}") from error
    if not columns:
        raise DataError(f"{path}: nothing in it; expected a row for each object")


def _header(where: str, fields: Sequence[str]) -> list[str]:
    """What a header's columns are, "" for others; [] where the row is no header."""
    plain = [re.sub("[^a-z0-9]", "", field.lower()) for field in fields]
    found = [next((key for key, words in _COLUMNS.items() if word in words), "") for word in plain]
    if "xmin" not in found and "left" not in found:
        return []
    edges = _EDGES if "xmin" in found else _CORNER
    for key in ("image", *edges, "class"):
        if found.count(key) != 1:
            what = "no column" if key not in found else "several columns for"
            raise DataError(f"{where}: {what} {key}; there are {', '.join(map(shown, fields))}")
    return [key if found.index(key) == place else "" for place, key in enumerate(found)]


def _layout(where: str, fields: Sequence[str]) -> tuple[str, ...]:
    """The layout of a file without a header, by its first row."""
    for layout in _LAYOUTS:
        if len(layout) == len(fields) and all(map(_may_be, layout, fields)):
            return layout
    expected = ",".join(_LAYOUTS[0])
    raise DataError(f"{where}: expected a header that names the columns, or {expected}")


def _may_be(column: str, field: str) -> bool:
    if column == "image":
        return Path(field.replace("\\", "/")).suffix.lower() in IMAGE_SUFFIXES
    return column in _TEXTS or not field or finite(field.replace(",", ".")) is not None
