"""Reading other data sets: what all converters share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pylrm.data.things import Picture
from pylrm.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

_LARGEST = 1 << 20  # pixels along a side, as far as OpenCV reads

# Is told what is done with images ("reading", "writing"), how many are done, of how many.
Progress = Callable[[str, int, int], None]

T = TypeVar("T")


@contextmanager
def reading(place: Path) -> Iterator[None]:
    """Turn what the system refuses into one line that names the file, or else the place."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename or place}: {error.strerror or error}") from error


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


def read_pictures(
    chosen: Mapping[str, Sequence[T]], read: Callable[[T], Picture], progress: Progress | None
) -> dict[str, list[Picture]]:
    """Read the pictures of "train" and of "valid", each by `read`."""
    pictures: dict[str, list[Picture]] = {part: [] for part in chosen}
    for part, item in steps(chosen, "reading", progress):
        pictures[part].append(read(item))
    return pictures


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
