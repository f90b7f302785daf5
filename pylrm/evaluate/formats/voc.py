"""VOC's comp4_det_test_CLASS.txt: lines IMAGE score xmin ymin xmax ymax, inclusive pixels from 1.

In the files' names a class's / is %2F.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pylrm.errors import DataError
from pylrm.evaluate.boxes import inclusive
from pylrm.evaluate.formats.common import (
    Evaluated,
    Format,
    Rows,
    finite_numbers,
    first_names,
    lines_of,
    rows_of,
)
from pylrm.evaluate.measure import Detected
from pylrm.terminal import count_of

PREFIX = "comp4_det_test_"


def write(folder: Path, detected: Detected, names: Sequence[str]) -> None:
    """Write a file a class into voc/."""
    voc = folder / "voc"
    voc.mkdir()
    pixels = {index: inclusive(record) for index, record in detected.detections.items()}
    for kind, name in enumerate(names):
        lines = [
            f"{detected.images[index].stem} {score!r} {' '.join(map(repr, box))}\n"
            for index, record in pixels.items()
            for _, *box, score in rows_of(record, kind)
        ]
        (voc / file_name(name)).write_text("".join(lines), "utf-8", newline="\n")


def find(path: Path) -> Path | None:
    """Find a folder of comp4_det_test_CLASS.txt."""
    return path if any(path.glob(f"{PREFIX}*.txt")) else None


def read(folder: Path, wanted: Evaluated) -> Rows:
    """Read them."""
    names, stems = wanted.names, wanted.stems
    kinds = {file_name(name): kind for kind, name in enumerate(names)}
    rows: Rows = defaultdict(list)
    there = sorted(folder.glob(f"{PREFIX}*.txt"))
    for file in there:
        if file.name not in kinds:
            raise DataError(f"{file}: of no class; the classes are {first_names(names)}")
    for file in sorted(there, key=lambda file: kinds[file.name]):
        for number, line in lines_of(file):
            fields = line.rsplit(maxsplit=5)
            where = f"{file}:{number}"
            if len(fields) != 6:
                raise DataError(
                    f"{where}: {count_of(len(fields), 'field')}; expected 'IMAGE score xmin ymin "
                    "xmax ymax'"
                )
            if fields[0] not in stems:
                raise DataError(
                    f"{where}: image '{fields[0]:.60}' is not among those to be evaluated"
                )
            score, left, top, right, bottom = finite_numbers(fields[1:], where)
            row = (kinds[file.name], left - 1, top - 1, right - 1, bottom - 1, score)
            rows[stems[fields[0]]].append(row)
    return rows


def file_name(name: str) -> str:
    return f"{PREFIX}{name.replace('/', '%2F')}.txt"


VOC = Format(f"{PREFIX}CLASS.txt", write, find, read)
