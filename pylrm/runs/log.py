"""Logs of training: writing a run's, reading a run's or another Darknet's.

A run folder has log.csv, a row an update, and train.log, the same in Darknet's words.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pylrm.errors import DataError
from pylrm.files.writing import sync
from pylrm.runs.folder import CSV_NAME, TEXT_NAME
from pylrm.runs.textlog import text_rows
from pylrm.terminal import count_of

COLUMNS = (
    "update",  # counted from 1
    "images",  # seen, with this update's
    "loss",  # of the update, an image
    "avg",  # its running average: .9 of the former plus .1 of the new
    "rate",  # learning rate
    "img_s",  # images a second
    "iou",  # of claimed predictions with their truths
    "obj",  # their objectness
    "recall",  # share of truths met with IoU > .5
    "kept",  # predictions that [lrm] kept an image
    "kept_claimed",  # the share of them that a truth claims
    "kept_loss",  # their share of the loss
    "map",  # of a validation after this update, 0 to 1
    "stall",  # seconds that the update waited for images
    "grad_norm",  # of the gradient's mean over the images, before [net] clip_norm=; empty without
    "fg",  # with [lrm]: the share of predictions that a truth claims, the foreground
    "fg_loss",  # their share of the loss, which is the sum of squared gradients, before mining
    "fg_kept_loss",  # the same of what [lrm] kept
    "top1",  # of a classifier's validation after this update: the share of images that are right
    "top5",  # the share whose class is among the five most probable
)
WHOLE = ("update", "images")

Row = Mapping[str, float | None]
Floats = npt.NDArray[np.float64]


class LogWriter:
    """A run's log. Use it in a `with`, or close() it.

    Each row is written at once as a whole line. An existing log is continued; a last line that a
    crash left half written is dropped.

    Parameters
    ----------
    folder : Path
        The run folder, which exists.

    Raises
    ------
    DataError
        There is a log with other columns.
    OSError
        The files cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder = Path(folder)
        header = ",".join(COLUMNS)
        table = folder / CSV_NAME
        self._files: list[BinaryIO] = []
        try:
            for path in (table, folder / TEXT_NAME):
                self._files.append(path.open("a+b"))
                _drop_half_line(self._files[-1])
            self._table, self._text = self._files
            if self._table.seek(0, os.SEEK_END) == 0:
                _write(self._table, f"{header}\n")
            self._table.seek(0)
            if self._table.readline().decode(errors="replace").strip() != header:
                raise DataError(f"{table}:1: a log with other columns; expected {header}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def update(self, row: Row) -> None:
        """Write what an update gave.

        Parameters
        ----------
        row : mapping
            By the names of COLUMNS, and for the text also seconds, class, noobj and count; what is
            missing or None stays empty.
        """
        cells = (_cell(name, row.get(name)) for name in COLUMNS)
        _write(self._table, ",".join(cells) + "\n")
        _write(self._text, "".join(f"{line}\n" for line in darknet_lines(row)))


def log_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each of a run's logs."""
    return {name: (folder / name).stat().st_size for name in (CSV_NAME, TEXT_NAME)}


def sync_logs(folder: Path) -> None:
    """Wait until all rows that were written are on the disk."""
    for name in (CSV_NAME, TEXT_NAME):
        sync(folder / name)


def cut_logs(folder: Path, sizes: Mapping[str, int]) -> list[Path]:
    """Cut off what was logged beyond the sizes of a checkpoint.

    Parameters
    ----------
    folder : Path
        The run folder.
    sizes : mapping
        As `log_sizes` gave them.

    Returns
    -------
    list of Path
        Logs that are shorter: rows before the checkpoint are gone.
    """
    short = []
    for name in (CSV_NAME, TEXT_NAME):
        path = folder / name
        if not path.exists() or path.stat().st_size < sizes[name]:
            short.append(path)
        else:
            os.truncate(path, sizes[name])
    return short


def note(folder: Path, line: str) -> None:
    """Write a line of its own into the text log; readers of logs pass over it."""
    with (folder / TEXT_NAME).open("ab") as file:
        _write(file, f"{line}\n")


def _write(file: BinaryIO, text: str) -> None:
    file.write(text.encode())
    file.flush()


def _drop_half_line(file: BinaryIO) -> None:
    """Cut off what follows the last line break."""
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        file.truncate(whole)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if name in WHOLE else f"{value:.7g}"


def darknet_lines(row: Row) -> Iterator[str]:
    """Yield the lines of a text log for a row of `LogWriter.update`, in Darknet's words.

    The lines of [lrm] and of the gradient are ours; programs that read Darknet's logs pass over it.
    """

    def value(name: str) -> float:
        found = row.get(name)
        return math.nan if found is None else found

    if row.get("stall") is not None:
        yield f"Loaded: {value('stall'):.6f} seconds"
    count = row.get("count")
    if row.get("iou") is not None or count is not None:
        yield (
            f"Region Avg IOU: {value('iou'):.6f}, Class: {value('class'):.6f}, "
            f"Obj: {value('obj'):.6f}, No Obj: {value('noobj'):.6f}, "
            f"Avg Recall: {value('recall'):.6f},  count: {int(count or 0)}"
        )
    if row.get("kept") is not None:
        yield (
            f"LRM Kept: {value('kept'):.6g}, Claimed: {value('kept_claimed'):.6f}, "
            f"Loss: {value('kept_loss'):.6f}"
        )
    if row.get("fg") is not None:
        yield (
            f"LRM Foreground: {value('fg'):.6f}, Loss: {value('fg_loss'):.6f}, "
            f"Kept loss: {value('fg_kept_loss'):.6f}"
        )
    if row.get("grad_norm") is not None:
        yield f"Gradient norm: {value('grad_norm'):.7g}"
    if row.get("top1") is not None:
        yield f"Validation: top 1 {value('top1'):.6f}, top 5 {value('top5'):.6f}"
    yield (
        f"{int(value('update'))}: {value('loss'):.6f}, {value('avg'):.6f} avg, "
        f"{value('rate'):.9f} rate, {value('seconds'):.6f} seconds, {int(value('images'))} images"
    )
    if row.get("map") is not None:
        found = value("map")
        yield f"mean average precision (mAP@0.50) = {found:.6f}, or {100 * found:.2f} %"


@dataclass(frozen=True)
class Log:
    """A log's columns.

    Attributes
    ----------
    name : str
        The run's: its folder's name, or the file's without its ending.
    path : Path
        The file.
    columns : dict of str to array (n,) float64
        Those of COLUMNS, by update, ascending; NaN where nothing was logged.
    """

    name: str
    path: Path
    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.columns["update"])

    def __getitem__(self, column: str) -> Floats:
        return self.columns[column]

    @property
    def figure(self) -> str:
        """What validations measured: mAP, or of classifiers top-1."""
        return "top-1" if np.isfinite(self["top1"]).any() else "mAP"

    @property
    def validations(self) -> Floats:
        """That figure by update, 0 to 1; NaN without a validation."""
        return self["top1" if self.figure == "top-1" else "map"]


def read_log(path: str | Path) -> Log:
    """Read the log of a run.

    Where the update numbers go back, a run was resumed from there: the rows that had been logged
    beyond that update are left out, as is a half-written last line.

    Parameters
    ----------
    path : str or Path
        A run folder, a log.csv, or what Darknet or one of its newer forks printed.

    Raises
    ------
    DataError
        It cannot be read, holds no update, or a row of a log.csv is malformed.
    """
    path = Path(path)
    file = path
    if path.is_dir():
        file = path / CSV_NAME if (path / CSV_NAME).exists() else path / TEXT_NAME
        if not file.exists():
            raise DataError(f"{path}: no {CSV_NAME} or {TEXT_NAME} in the folder: no run's")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # as PowerShell redirects
    text = content.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    is_table = file.suffix.lower() == ".csv" or text.startswith("update,")
    rows = list(_table_rows(file, text) if is_table else text_rows(text))
    if not rows:
        kind = "rows in it" if is_table else "line 'N: loss, … avg, … rate, …' in it"
        raise DataError(f"{file}: no log of a training run: no {kind}")
    kept: list[dict[str, float]] = []
    for row in rows:
        while kept and kept[-1]["update"] >= row["update"]:
            kept.pop()
        kept.append(row)
    columns = {name: np.array([row.get(name, math.nan) for row in kept]) for name in COLUMNS}
    inside = file.name in (CSV_NAME, TEXT_NAME)
    return Log(file.resolve().parent.name if inside else file.stem, file, columns)


def _table_rows(path: Path, text: str) -> Iterator[dict[str, float]]:
    """Yield the rows of a log.csv: what is not empty, by column."""
    lines = text[: text.rfind("\n") + 1].split("\n")
    header = lines[0].strip().split(",")
    if "update" not in header or "loss" not in header:
        raise DataError(f"{path}:1: no log: expected a header with columns update and loss")
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = line.strip().split(",")
        if len(cells) != len(header):
            raise DataError(
                f"{path}:{number}: {count_of(len(cells), 'field')}, but "
                f"{count_of(len(header), 'column')}"
            )
        row = {}
        for name, cell in zip(header, cells, strict=True):
            if name not in COLUMNS or not cell:
                continue
            try:
                row[name] = float(cell)
            except ValueError:
                raise DataError(f"{path}:{number}: {name} is {cell[:40]!r}, not a number") from None
        if not math.isfinite(row.get("update", math.nan)):
            raise DataError(f"{path}:{number}: no update number")
        yield row
