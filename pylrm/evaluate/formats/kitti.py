"""KITTI's data/IMAGE.txt: lines of 16 columns, the class first, the box fifth, the score last.

A space in a class is _, and KITTI's own classes are spelt as KITTI does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pylrm.errors import DataError
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

TYPES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
COLUMNS = 16


def write(folder: Path, detected: Detected, names: Sequence[str]) -> None:
    """Write a file an image into kitti/data/."""
    kitti = folder / "kitti" / "data"
    kitti.mkdir(parents=True)
    for index, record in detected.detections.items():
        lines = [
            f"{type_name(names[kind])} -1 -1 -10 {' '.join(map(repr, box))} -1 -1 -1 -1000 -1000 "
            f"-1000 -10 {score!r}\n"
            for kind, *box, score in rows_of(record)
        ]
        file = kitti / f"{detected.images[index].stem}.txt"
        file.write_text("".join(lines), "utf-8", newline="\n")


def find(path: Path) -> Path | None:
    """Find a folder of IMAGE.txt, it or its data/."""
    folder = path / "data" if (path / "data").is_dir() else path
    return folder if any(folder.glob("*.txt")) else None


def read(folder: Path, wanted: Evaluated) -> Rows:
    """Read them."""
    names, stems = wanted.names, wanted.stems
    kinds = {type_name(name).lower(): kind for kind, name in enumerate(names)}
    rows: Rows = defaultdict(list)
    for file in sorted(folder.glob("*.txt")):
        if file.stem not in stems:
            raise DataError(f"{file}: image '{file.stem}' is not among those to be evaluated")
        for number, line in lines_of(file):
            fields = line.split()
            where = f"{file}:{number}"
            if len(fields) != COLUMNS:
                raise DataError(
                    f"{where}: {count_of(len(fields), 'column')}; KITTI's results have {COLUMNS}, "
                    "the class first and the score last"
                )
            if fields[0].lower() not in kinds:
                raise DataError(
                    f"{where}: no class '{fields[0]:.60}'; the classes are {first_names(names)}"
                )
            left, top, right, bottom, score = finite_numbers([*fields[4:8], fields[-1]], where)
            kind = kinds[fields[0].lower()]
            rows[stems[file.stem]].append((kind, left, top, right, bottom, score))
    return rows


def type_name(name: str) -> str:
    own = next((known for known in TYPES if known.lower() == name.lower()), name)
    return "_".join(own.split())


KITTI = Format("KITTI's data/IMAGE.txt", write, find, read)
