"""The table of a study's runs, runs.csv: a row a run.

Kept without the study's folder, it is enough to make tables of, and to not run again what it has.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pylrm.errors import DataError
from pylrm.files.text import read_text
from pylrm.files.writing import write_whole
from pylrm.study.arms import Mining
from pylrm.study.run import Result

T = TypeVar("T")

LEADING = ("arm", "K", "NMS", "seed", "fold", "updates", "mAP", "AP50", "AP75")
TRAILING = ("APs", "APm", "APl", "F1", "images/s", "seconds", "cfg", "note")
OF_A_CLASS = "AP/"  # and its name: a column each
DIGITS = 12  # of the cfg's digest
FAILED = "failed: "  # how the note of a run begins that has yet to be done


@dataclass(frozen=True)
class Rows:
    """What a table of runs has.

    Attributes
    ----------
    classes : list of str
        Their names.
    mining : dict of str to Mining
        What [lrm] does in each arm.
    results : list of Result
        A run each; their `cfg` is the beginning of the digest.
    """

    classes: list[str]
    mining: dict[str, Mining]
    results: list[Result]


def write_rows(
    path: Path, results: Iterable[Result], classes: Sequence[str], mining: Mapping[str, Mining]
) -> None:
    """Write a table of runs.

    Raises
    ------
    PylrmError
        It cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*LEADING, *(OF_A_CLASS + name for name in classes), *TRAILING])
    for result in results:
        writer.writerow(_cells(result, classes, mining[result.arm]))
    write_whole(path, text.getvalue().encode("utf-8", "surrogateescape"))


def _cells(result: Result, classes: Sequence[str], mining: Mining) -> list[object]:
    figures = [result.map, result.ap50, result.ap75, *(result.ap.get(name) for name in classes)]
    figures += [result.small, result.medium, result.large, result.f1]
    k, nms = ("", "") if mining is None else (str(mining[0]), f"{mining[1]:g}")
    return [
        result.arm,
        k,
        nms,
        result.seed,
        "" if result.fold is None else result.fold,
        result.updates,
        *("" if value is None else f"{value:.6f}" for value in figures),
        "" if result.images_s is None else f"{result.images_s:.2f}",
        f"{result.seconds:.1f}",
        result.cfg[:DIGITS],
        result.note,
    ]


def read_rows(path: Path) -> Rows:
    """Read a table of runs; runs that failed, and have yet to be done, are not in it.

    Raises
    ------
    DataError
        It cannot be read, or is no such table.
    """
    reader = csv.DictReader(io.StringIO(read_text(path)), restval="")
    try:
        return _read(path, reader)
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from error


def _read(path: Path, reader: csv.DictReader[str]) -> Rows:
    columns = list(reader.fieldnames or ())
    missing = [name for name in (*LEADING, *TRAILING) if name not in columns]
    if missing:
        raise DataError(
            f"{path}: no table of a study's runs: it has no column '{missing[0]}'; runs.csv of a "
            "study is one"
        )
    classes = [name.removeprefix(OF_A_CLASS) for name in columns if name.startswith(OF_A_CLASS)]
    rows = Rows(classes, {}, [])
    for row in reader:
        mining, result = _mining(row), _result(row, classes)
        rows.mining[result.arm] = mining
        if not result.note.startswith(FAILED):
            rows.results.append(result)
    return rows


def _mining(row: Mapping[str, str]) -> Mining:
    return (_number(int, row["K"]), _number(float, row["NMS"])) if row["K"] else None


def _result(row: Mapping[str, str], classes: Sequence[str]) -> Result:
    def figure(name: str) -> float | None:
        return _number(float, row[name]) if row[name] else None

    return Result(
        arm=row["arm"],
        seed=_number(int, row["seed"]),
        fold=_number(int, row["fold"]) if row["fold"] else None,
        cfg=row["cfg"],
        updates=_number(int, row["updates"]),
        map=figure("mAP"),
        ap={name: figure(OF_A_CLASS + name) for name in classes},
        ap50=figure("AP50"),
        ap75=figure("AP75"),
        small=figure("APs"),
        medium=figure("APm"),
        large=figure("APl"),
        f1=figure("F1"),
        images_s=figure("images/s"),
        seconds=_number(float, row["seconds"]),
        note=row["note"],
    )


def _number(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError:
        raise ValueError(f"'{text:.40}' is not a number") from None
