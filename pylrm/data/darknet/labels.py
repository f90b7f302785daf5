"""Labels and regions to ignore: their files, read up to the first bad line or past all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.errors import DataError
from pylrm.files.text import read_text
from pylrm.terminal import count_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SLACK = 0.01  # how far a box's centre may lie outside the image, because annotators round
LEAST = 0.001  # boxes narrower or lower than this part of the image are dropped in training


@dataclass(frozen=True)
class LabelSummary:
    """What `check_labels` found.

    Attributes
    ----------
    images, boxes
        How many there are.
    boxes_per_class, images_per_class
        Boxes of each class, and images with one, in the order of the classes.
    absent
        Images that are not there.
    missing
        Images without a label file: background only.
    ignored
        Regions to ignore in training.
    most
        Boxes and ignored regions of the image that has most.
    small
        Boxes narrower or lower than .001 of the image, which training drops.
    """

    images: int
    boxes: int
    boxes_per_class: list[int]
    images_per_class: list[int]
    absent: list[Path]
    missing: list[Path]
    ignored: int
    most: int
    small: int


def find_label(image: Path) -> Path | None:
    """The label file of an image, or None.

    `images` or `JPEGImages` in the path becomes `labels` (the first such place that gives a file
    counts) and the extension .txt; else a .txt beside the image.
    """
    return _beside(image, ".txt")


def _beside(image: Path, suffix: str) -> Path | None:
    """The file of a suffix that goes with an image, by the rule of `find_label`."""
    beside = str(image.with_suffix(suffix))
    for match in re.finditer("JPEGImages|images", beside):
        file = Path(beside[: match.start()] + "labels" + beside[match.end() :])
        if file.is_file():
            return file
    return Path(beside) if Path(beside).is_file() else None


def _numbers(path: object, line: int, fields: Sequence[str]) -> list[float]:
    """x, y, w, h of a box, checked."""
    box = []
    for name, field in zip("xywh", fields, strict=True):
        try:
            value = float(field)
        except ValueError:
            raise DataError(f"{path}:{line}: {name} is '{field:.40}', not a number") from None
        if not math.isfinite(value):
            raise DataError(f"{path}:{line}: {name} is {field:.40}; expected a finite number")
        if name in "xy" and not -SLACK <= value <= 1 + SLACK:
            raise DataError(
                f"{path}:{line}: {name} is {field:.40}; a centre stands within 0…1 of the image"
            )
        if name in "wh" and not 0 <= value <= 2:
            raise DataError(
                f"{path}:{line}: {name} is {field:.40}; a size is relative to the image, 0…1"
            )
        box.append(value)
    return box


class UnknownClassError(DataError):
    """A label of a class that the data set does not have."""


@dataclass(frozen=True)
class Rows:
    """What a label or ignore file holds, good and bad.

    Attributes
    ----------
    boxes
        (n, columns) float32: the good lines' numbers.
    lines
        (n,) where they stand, from 1.
    wrong
        What is wrong with each of the other lines, or with the file.
    """

    boxes: Floats
    lines: Ints
    wrong: list[DataError]

    def good(self) -> Floats:
        """The boxes.

        Raises
        ------
        DataError
            For the first bad line.
        """
        if self.wrong:
            raise self.wrong[0]
        return self.boxes


@dataclass(frozen=True)
class Truth:
    """What the files of an image say: its label file (None: there is none), objects, regions."""

    image: Path
    label: Path | None
    objects: Rows
    regions: Rows


def _rows(path: Path | None, columns: int, parse: Callable[[int, list[str]], list[float]]) -> Rows:
    """Read a file's lines of numbers; no file: none."""
    found: list[list[float]] = []
    lines: list[int] = []
    wrong: list[DataError] = []
    try:
        text = "" if path is None else read_text(path)
    except DataError as error:
        text, wrong = "", [error]
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            found.append(parse(number, fields))
            lines.append(number)
        except DataError as error:
            wrong.append(error)
    boxes = np.array(found, np.float32).reshape(-1, columns)
    return Rows(boxes, np.array(lines, np.int64), wrong)


def inspect_labels(path: str | Path | None, classes: int, source: str | Path | None = None) -> Rows:
    """Read a label file as `read_labels` does, past all bad lines; None: no file, no labels."""

    def parse(number: int, fields: list[str]) -> list[float]:
        if len(fields) != 5:
            raise DataError(f"{path}:{number}: {_not_five(len(fields))}")
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", fields[0]):
            raise DataError(
                f"{path}:{number}: class '{fields[0]:.40}'; expected a whole number 0…{classes - 1}"
            )
        index = int(fields[0])
        if not 0 <= index < classes:
            owner = f"{source} has" if source is not None else "there are"
            raise UnknownClassError(
                f"{path}:{number}: class {index}, but {owner} {count_of(classes, 'class')} "
                f"(0…{classes - 1})"
            )
        return [float(index), *_numbers(path, number, fields[1:])]

    return _rows(None if path is None else Path(path), 5, parse)


def _not_five(count: int) -> str:
    """What is wrong with a label of so many fields, and what would take it."""
    hint = ""
    if count > 5:
        what = "a confidence at its end" if count == 6 else "a polygon"
        hint = f": {what}? `pylrm convert yolo` makes boxes of such labels"
    return f"{count_of(count, 'field')}; a label is 'class x y w h'{hint}"


def inspect_ignore(image: str | Path) -> Rows:
    """Read an image's regions to ignore as `read_ignore` does, past all bad lines."""
    path = _beside(Path(image), ".ignore.txt")

    def parse(number: int, fields: list[str]) -> list[float]:
        if len(fields) != 4:
            raise DataError(
                f"{path}:{number}: {count_of(len(fields), 'field')}; a region is 'x y w h'"
            )
        return _numbers(path, number, fields)

    return _rows(path, 4, parse)


def inspect_truth(image: Path, classes: int, source: str | Path | None = None) -> Truth:
    """Read the label and ignore file of an image, past all bad lines.

    Parameters
    ----------
    image
        The image, which need not be there.
    classes, source
        As of `read_labels`.
    """
    label = find_label(image)
    return Truth(image, label, inspect_labels(label, classes, source), inspect_ignore(image))


def read_labels(
    path: str | Path, classes: int, source: str | Path | None = None
) -> npt.NDArray[np.float32]:
    """Read a label file: lines `class x y w h`, relative to the image.

    Parameters
    ----------
    path
        The label file.
    classes
        How many classes there are.
    source
        The file that says so, for messages.

    Returns
    -------
    ndarray
        (n, 5) float32: class, centre x, y, width, height.

    Raises
    ------
    DataError
        At the first bad line, naming file and line.
    """
    return inspect_labels(path, classes, source).good()


def read_truth(image: Path, classes: int) -> tuple[Floats, Floats]:
    """Read the objects of an image and its regions to ignore.

    Returns
    -------
    objects, regions : ndarray
        As of `read_labels` and `read_ignore`; (0, 5) without a label file.

    Raises
    ------
    DataError
        At the first bad line, naming file and line.
    """
    truth = inspect_truth(image, classes)
    return truth.objects.good(), truth.regions.good()


def read_ignore(image: str | Path) -> Floats:
    """Read the regions of an image that are to be ignored in training.

    NAME.ignore.txt has lines `x y w h`, relative to the image. It is looked for where `find_label`
    looks for NAME.txt, which need not be there.

    Parameters
    ----------
    image
        The image; or its label file, which the regions' file stands beside.

    Returns
    -------
    ndarray
        (n, 4) float32: centre x, y, width, height; of a file that isn't there: (0, 4).

    Raises
    ------
    DataError
        At the first bad line, naming file and line.
    """
    return inspect_ignore(image).good()


def check_labels(
    images: Iterable[Path], classes: int, source: str | Path | None = None
) -> LabelSummary:
    """Read every label and ignore file of `images`.

    Raises
    ------
    DataError
        At the first bad line, naming file and line.
    """

    def truths() -> Iterator[Truth]:
        for image in images:
            truth = inspect_truth(image, classes, source)
            for rows in (truth.objects, truth.regions):
                rows.good()
            yield truth

    return summarise(truths(), classes)


def summarise(truths: Iterable[Truth], classes: int) -> LabelSummary:
    """Count what the good lines of images' files hold."""
    boxes, holders = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    absent: list[Path] = []
    missing: list[Path] = []
    count = ignored = most = small = 0
    for truth in truths:
        count += 1
        if not truth.image.is_file():
            absent.append(truth.image)
        if truth.label is None:
            missing.append(truth.image)
        rows, regions = truth.objects.boxes, len(truth.regions.boxes)
        of_class = np.bincount(rows[:, 0].astype(np.int64), minlength=classes)
        boxes += of_class
        holders += of_class > 0
        ignored += regions
        most = max(most, len(rows) + regions)
        small += int((rows[:, 3:] < LEAST).any(axis=1).sum())
    return LabelSummary(
        count,
        int(boxes.sum()),
        boxes.tolist(),
        holders.tolist(),
        absent,
        missing,
        ignored,
        most,
        small,
    )
