"""What the readers of all formats share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pylrm.convert.annotations import AnnotatedImage
from pylrm.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

# What lists, and the folders that stand for them, are called.
VALID = ("val", "valid", "validation")
PARTS = ("train", *VALID, "test")

_LARGEST = 1 << 20  # pixels along a side, as far as OpenCV reads

# Is told what is done with images ("reading", "writing"), how many are done, of how many.
Progress = Callable[[str, int, int], None]

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """What a reader finds in a data set.

    Attributes
    ----------
    train, valid
        The images by their names in the data set, each as the function that reads its annotations.
        No `valid`: the images of `train` are to be split at random.
    classes
        In order; None: those that the annotations have, by the alphabet.
    warnings
        Lines about what is hardly meant so.
    """

    train: Mapping[str, Callable[[], AnnotatedImage]]
    valid: Mapping[str, Callable[[], AnnotatedImage]] | None
    classes: list[str] | None = None
    warnings: Sequence[str] = ()


@contextmanager
def reading(place: Path) -> Iterator[None]:
    """Turn what the system refuses into one line that names the file, or else the place."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename or place}: {error.strerror or error}") from error


def files_of(folder: Path, *suffixes: str) -> Iterator[Path]:
    """Yield a folder's files of some suffixes, in any case; hidden ones don't count.

    macOS leaves such behind in archives: ._000001.xml beside 000001.xml.
    """
    for path in folder.iterdir():
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            yield path


def files_by_stem(folder: Path, *suffixes: str) -> dict[str, list[Path]]:
    """Find a folder's files as `files_of` does, those of one stem sorted."""
    found: dict[str, list[Path]] = {}
    for path in sorted(files_of(folder, *suffixes)):
        found.setdefault(path.stem, []).append(path)
    return found


def is_file(path: Path) -> bool:
    """Tell whether there is such a file; False too for what no file's name can be."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_line(text: str) -> bool:
    """Tell whether a text can stand on a line of a UTF-8 file and be read back from there."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return text.splitlines() == [text] and text == text.strip() and "\0" not in text


def class_name(text: str) -> str:
    """A class's name as a names file can hold it: single blanks, no byte order mark."""
    return " ".join(text.replace("\ufeff", "").split())


def shown(value: object) -> str:
    """A value for a message: short, on one line."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = " ".join(str(value).split())
    return f"'{text[:57]}…'" if len(text) > 60 else f"'{text}'"


def finite(value: object) -> float | None:
    """Return a finite number, also as text or as true and false; None for anything else."""
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def comma_separated(names: str | Sequence[str] | None) -> list[str] | None:
    """Names given as a sequence, or as one text with commas between; None where none are."""
    if names is None:
        return None
    return [name.strip() for name in (names.split(",") if isinstance(names, str) else names)]


def check_size(width: float, height: float, where: str) -> tuple[int, int]:
    """Return an annotated size of an image as whole numbers; 0 stands for one that isn't given.

    Raises
    ------
    DataError
        Where an image can't have it; `where` begins the message.
    """
    if not (0 <= width <= _LARGEST and 0 <= height <= _LARGEST):
        raise DataError(f"{where}: a size of {width:g}x{height:g}; expected up to {_LARGEST}")
    return int(width), int(height)


def steps(
    lists: Mapping[str, Sequence[T]], what: str, progress: Progress | None
) -> Iterator[tuple[str, T]]:
    """Yield all items of the lists, each with its list's name, and tell how far that is."""
    total = sum(map(len, lists.values()))
    items = ((part, item) for part, members in lists.items() for item in members)
    for done, pair in enumerate(items, 1):
        yield pair
        if progress is not None:
            progress(what, done, total)
