"""The .data file, the names of the classes, the lists of images.

Relative paths in a .data file are looked up in the working folder, then in the .data file's folder;
.data and names files also among the shipped ones. Relative paths in a list are looked up in the
list's folder first: the tree that a data set was converted from has a JPEGImages of its own, and a
command that is run inside it must not read these images instead of the list's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pylrm.errors import DataError

Metric = Literal["area", "11point", "coco", "kitti"]

METRICS: tuple[Metric, ...] = get_args(Metric)


@dataclass(frozen=True)
class DataFile:
    """A .data file: where a data set's parts are.

    Attributes
    ----------
    classes, names
        How many classes there are, and their names in order.
    train, valid
        Lists of images.
    backup, results
        Other Darknets' folders of weights and of detections.
    eval
        Other Darknets' choice of an evaluation.
    truth
        The validation images' annotations in COCO's format.
    metric
        What `map` measures: VOC's average precision ("area", "11point"), COCO's or KITTI's.
    """

    path: Path
    classes: int
    names: list[str]
    train: Path | None
    valid: Path | None
    backup: Path | None
    results: Path | None
    eval: str
    truth: Path | None
    metric: Metric


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises
    ------
    DataError
        Where it can't be read, or is in another encoding.
    """
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _lookup(name: str, folder: Path, shipped: bool = False) -> Path:
    """Where `name` stands: as it is, in `folder`, or among the shipped data files."""
    path = Path(name).expanduser()
    if path.exists():
        return path
    if (folder / path).exists():
        return folder / path
    if shipped:
        from pylrm.shipped import find

        found: Path | None = find("data", path.name)
        if found is not None:
            return found
    return folder / path


def _pairs(path: Path) -> dict[str, tuple[int, str]]:
    """The key=value lines of a .data file, with their line numbers."""
    pairs: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        line = re.split(r"(?:^|\s)[#;]", line, maxsplit=1)[0].strip()
        if not line:
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key:
            raise DataError(f"{path}:{number}: '{line}' is not of the form key=value")
        pairs[key] = (number, value)
    return pairs


def read_names(path: str | Path) -> list[str]:
    """Read a names file: one class name a line; blank lines at the end don't count.

    Raises
    ------
    DataError
        Where it can't be read, has no names, or has one twice or blank.
    """
    path = Path(path)
    names = [line.strip() for line in read_text(path).rstrip().splitlines()]
    if not names:
        raise DataError(f"{path}: no class names in it")
    for number, name in enumerate(names, 1):
        if not name:
            raise DataError(f"{path}:{number}: a blank line where a class name should be")
        if name in names[: number - 1]:
            first = names.index(name) + 1
            raise DataError(f"{path}:{number}: class '{name}' is named already in line {first}")
    return names


def read_data(path: str | Path) -> DataFile:
    """Read a .data file and the names it points to.

    Raises
    ------
    DataError
        Where a file is missing or a value doesn't fit, naming file and line.
    """
    path = _lookup(str(path), Path(), shipped=True)
    if not path.is_file():
        raise DataError(f"{path}: no such data file, here or among the shipped ones")
    pairs = _pairs(path)
    folder = path.parent

    def read_from(key: str) -> Path | None:
        """A file to read; one that is nowhere stays as it is named, for the error about it."""
        value = pairs.get(key, (0, ""))[1]
        if not value:
            return None
        found = _lookup(value, folder)
        return found if found.exists() else Path(value)

    def written_to(key: str) -> Path | None:
        value = pairs.get(key, (0, ""))[1]
        return _lookup(value, folder) if value else None

    names: list[str] = []
    if pairs.get("names", (0, ""))[1]:
        line, value = pairs["names"]
        file = _lookup(value, folder, shipped=True)
        if not file.is_file():
            raise DataError(f"{path}:{line}: names={value}: no such file")
        names = read_names(file)
    if "classes" in pairs:
        line, value = pairs["classes"]
        if not re.fullmatch(r"\+?0*[1-9][0-9]{0,6}", value):
            raise DataError(f"{path}:{line}: classes={value}; expected a whole number from 1 on")
        classes = int(value)
        if names and len(names) != classes:
            raise DataError(f"{path}:{line}: classes={classes}, but {file} has {len(names)} names")
    elif names:
        classes = len(names)
    else:
        raise DataError(f"{path}: neither classes= nor names= is there")

    line, value = pairs.get("metric", (0, "area"))
    metric = next((name for name in METRICS if name == value), None)
    if metric is None:
        known = f"{', '.join(METRICS[:-1])} or {METRICS[-1]}"
        raise DataError(f"{path}:{line}: metric={value}; expected {known}")
    return DataFile(
        path=path,
        classes=classes,
        names=names or [str(index) for index in range(classes)],
        train=read_from("train"),
        valid=read_from("valid"),
        backup=written_to("backup"),
        results=written_to("results"),
        eval=pairs.get("eval", (0, "voc"))[1],
        truth=read_from("truth"),
        metric=metric,
    )


def read_list(path: str | Path) -> list[Path]:
    """Read a list of images: one path a line; blank lines are passed over.

    A relative path is looked up in the list's folder and, if nothing is there, in the working
    folder, as in other Darknets.

    Raises
    ------
    DataError
        Where the list can't be read, is empty, or has a line that no path can be. Whether the
        images exist is not looked at.
    """
    path = Path(path)
    images = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        name = line.strip()
        if not name:
            continue
        try:
            images.append(_listed(name, path.parent))
        except (OSError, RuntimeError) as error:  # too long; the home of nobody
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{path}:{number}: '{name:.40}' is no path: {reason}") from error
    if not images:
        raise DataError(f"{path}: no images in it; expected one path a line")
    return images


def _listed(name: str, folder: Path) -> Path:
    """Where an image of a list in `folder` stands."""
    path = Path(name).expanduser()
    beside = folder / path
    return path if path.exists() and not beside.exists() else beside
