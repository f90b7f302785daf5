"""Label files of YOLO tools: boxes, polygons, oriented boxes, poses, all as boxes.

A row is a class, counted from 0, and shares of the image:

    class x y w h                 a box: centre and size, as Darknet has it
    class x1 y1 x2 y2 x3 y3 …     a polygon, or an oriented box: its four corners
    class x y w h px py …         a pose: the box and its key points, where their number is known

and a box or a polygon may have a confidence at its end. What reaches beyond the image is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pylrm.convert.annotations import Annotation, Box
from pylrm.convert.reading import finite, shown
from pylrm.errors import DataError
from pylrm.files.text import read_text
from pylrm.terminal import count_of

_LOWEST, _HIGHEST = -1.0, 2.0  # values beyond are pixels, or a mistake
_BOX = 4


def read_label(path: Path, names: Sequence[str], namer: Path, keypoints: int) -> list[Annotation]:
    """Read a label file.

    Parameters
    ----------
    path
        The file.
    names, namer
        The classes, and the file that names them.
    keypoints
        How many numbers a pose's key points are; 0: there are no poses.

    Returns
    -------
    list of Annotation
        Their boxes are shares of the image; a row that comes twice counts once.

    Raises
    ------
    DataError
        At the first bad row, naming file and line.
    """
    found: dict[Annotation, None] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = _fields(line)
        if fields:
            where = f"{path}:{number}"
            name = _class(where, fields[0], names, namer)
            values = [_value(where, field) for field in fields[1:]]
            found[Annotation(name, _box(where, values, keypoints))] = None
    return list(found)


def looks_like_labels(path: Path) -> bool:
    """Tell whether a text file begins with a row of a label file."""
    try:
        rows = map(_fields, read_text(path).splitlines())
        first = next((fields for fields in rows if fields), [])
        return len(first) > _BOX and all(finite(field) is not None for field in first)
    except DataError:
        return False


def _fields(line: str) -> list[str]:
    """A row's fields; commas part them too, unless they can only be decimal ones."""
    if "." in line or ", " in line or " " not in line.strip():
        line = line.replace(",", " ")
    return line.split()


def _class(where: str, text: str, names: Sequence[str], namer: Path) -> str:
    value = finite(text)
    if value is None or value != int(value):
        raise DataError(f"{where}: class {shown(text)}; expected a whole number 0…{len(names) - 1}")
    if not 0 <= value < len(names):
        hint = "; classes count from 0" if value == len(names) else ""
        raise DataError(
            f"{where}: class {value:.0f}, but {namer} has {count_of(len(names), 'class')} "
            f"(0…{len(names) - 1}){hint}"
        )
    return names[int(value)]


def _value(where: str, text: str) -> float:
    value = finite(text)
    if value is None:
        raise DataError(f"{where}: {shown(text)} is no finite number")
    if not _LOWEST <= value <= _HIGHEST:
        raise DataError(
            f"{where}: {shown(text)}; expected shares of the image, 0…1: are these pixels?"
        )
    return value


def _box(where: str, values: list[float], keypoints: int) -> Box:
    """The edges of what a row's numbers describe."""
    count = len(values)
    if count < _BOX:
        raise DataError(
            f"{where}: {count_of(1 + count, 'field')}; a label is 'class x y w h', or a polygon's"
        )
    if count == _BOX or (keypoints and count == _BOX + keypoints):
        return _from_centre(where, values[:_BOX])
    if keypoints:
        raise DataError(
            f"{where}: {count_of(1 + count, 'field')}; with the key points of kpt_shape it is "
            f"{1 + _BOX + keypoints}, without them {1 + _BOX}"
        )
    if count % 2:
        confidence = values.pop()
        if not 0 <= confidence <= 1:
            raise DataError(
                f"{where}: {count_of(1 + count, 'field')}, but the last, {confidence:g}, is no "
                "confidence 0…1; an oriented box has its four corners"
            )
        if len(values) == _BOX:
            return _from_centre(where, values)
    return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])


def _from_centre(where: str, values: Sequence[float]) -> Box:
    x, y, w, h = values
    if min(w, h) < 0:
        raise DataError(f"{where}: a width or height of {min(w, h):g}; expected 0…1")
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2
