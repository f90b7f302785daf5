"""What the formats of detection files have in common."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pylrm.errors import DataError
from pylrm.evaluate.boxes import CORNERS, Fields
from pylrm.evaluate.measure import Detected
from pylrm.evaluate.truths import CocoTruth
from pylrm.files.text import read_text

Row = tuple[int, float, float, float, float, float]  # class, edges, score
Rows = defaultdict[int, list[Row]]  # by index of the image


@dataclass(frozen=True)
class Evaluated:
    """What detections are read for.

    Attributes
    ----------
    images
        Those to be evaluated.
    names
        Of the classes.
    marked
        The data set's truth=; None: truths are labels.
    """

    images: Sequence[Path]
    names: Sequence[str]
    marked: CocoTruth | None

    @property
    def stems(self) -> dict[str, int]:
        """The images' indices by their file names without ending."""
        return {image.stem: index for index, image in enumerate(self.images)}


@dataclass(frozen=True)
class Format:
    """A row of the table of formats.

    Attributes
    ----------
    name
        What users call its files.
    write
        Write detections, of classes of these names, into a folder that exists.
    find
        Return where in a folder, or at a file, such detections are; None: there are none.
    read
        Read what `find` returned.
    by_name
        The files name images and classes; else they have ids for them.
    """

    name: str
    write: Callable[[Path, Detected, Sequence[str]], None]
    find: Callable[[Path], Path | None]
    read: Callable[[Path, Evaluated], Rows]
    by_name: bool = True


def rows_of(record: Fields, kind: int | None = None) -> list[Row]:
    """Return the boxes of a record, of one class or of all."""
    which = slice(None) if kind is None else record["class"] == kind
    columns = [record[name][which] for name in ("class", *CORNERS, "score")]
    return list(zip(*(column.tolist() for column in columns), strict=True))


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, numbered from 1."""
    lines = read_text(file).split("\n")
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def finite_numbers(fields: Sequence[str], where: str) -> list[float]:
    values = []
    for field in fields:
        try:
            values.append(float(field))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            raise DataError(f"{where}: '{field:.40}' is not a finite number")
    return values


def first_names(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
