"""The .data file, the names of the classes, the lists of images.

Relative paths in a .data file are looked up in the working folder, then in the .data file's folder;
.data and names files also among the shipped ones. Relative paths in a list are looked up in the
list's folder first: the tree that a data set was converted from has a JPEGImages of its own, and a
command that is run inside it must not read these images instead of the list's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pylrm.data.headers import SUFFIXES
from pylrm.data.metric_names import METRICS, Metric
from pylrm.errors import DataError
from pylrm.files import shipped
from pylrm.files.text import read_text
from pylrm.terminal import count_of


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
    labels
        Of a classifier's data set: what stands in the images' paths, class by class; empty: the
        names do.
    top
        Of a classifier's: how many guesses count as right if one is.
    """

    path: Path
    classes: int
    names: list[str]
    train: Path | None = None
    valid: Path | None = None
    backup: Path | None = None
    results: Path | None = None
    eval: str = "voc"
    truth: Path | None = None
    metric: Metric = "area"
    labels: Sequence[str] = ()
    top: int = 5


HOW_TO_GET = {
    "voc": "fetch PASCAL VOC and run `pylrm convert voc VOCdevkit --out data/voc --metric 11point`",
    "kitti": "fetch KITTI's object benchmark and run `pylrm convert kitti KITTI --out data/kitti`",
    "demo": "run `pylrm demo`, which draws it",
}


DataLike = DataFile | str | Path


def _spelt(name: str) -> list[Path]:
    """A path as it is named, and if it has Windows' backslashes, with slashes in their place."""
    return [Path(each).expanduser() for each in dict.fromkeys((name, name.replace("\\", "/")))]


def _lookup(name: str, folder: Path, where: str, among_shipped: bool = False) -> Path:
    """Where `name` stands: as it is, in `folder`, or among the shipped data files.

    Raises
    ------
    DataError
        No path can be so; it begins with `where`.
    """
    try:
        for path in _spelt(name):
            if path.exists():
                return path
            if (folder / path).exists():
                return folder / path
    except (OSError, RuntimeError, ValueError) as error:  # too long; the home of nobody; zeros
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{where}'{name:.40}' is no path: {reason}") from error
    if among_shipped:
        found = shipped.find("data", path.name)
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
            raise DataError(f"{path}:{number}: '{line:.80}' is not of the form key=value")
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


def read_data(data: DataLike) -> DataFile:
    """Read a .data file and the names it points to; one that was read is returned as it is.

    A folder with images in train/CLASS/, and in valid/CLASS/ (or val/, test/) to measure with, is a
    classifier's data set.

    Raises
    ------
    DataError
        Where a file is missing or a value doesn't fit, naming file and line.
    """
    if isinstance(data, DataFile):
        return data
    path = _lookup(str(data), Path(), "", among_shipped=True)
    if path.is_dir():
        return _tree(path)
    if not path.is_file():
        raise DataError(f"{path}: no such data file, here or among the shipped ones")
    pairs = _pairs(path)
    folder = path.parent

    def written_to(key: str, among_shipped: bool = False) -> Path | None:
        line, value = pairs.get(key, (0, ""))
        where = f"{path}:{line}: {key}="
        return _lookup(value, folder, where, among_shipped) if value else None

    def read_from(key: str) -> Path | None:
        """Where it is; one that is nowhere stays as it is named, in the working folder."""
        found = written_to(key)
        return found if found is None or found.exists() else _spelt(pairs[key][1])[-1]

    names: list[str] = []
    file = written_to("names", among_shipped=True)
    if file is not None:
        line, value = pairs["names"]
        if not file.is_file():
            raise DataError(f"{path}:{line}: names={value}: no such file")
        names = read_names(file)
    if "classes" in pairs:
        line, value = pairs["classes"]
        if not re.fullmatch(r"\+?0*[1-9][0-9]{0,6}", value):
            raise DataError(
                f"{path}:{line}: classes={value:.40}; expected a whole number from 1 on"
            )
        classes = int(value)
        if names and len(names) != classes:
            raise DataError(
                f"{path}:{line}: classes={classes}, but {file} has {count_of(len(names), 'name')}"
            )
    elif names:
        classes = len(names)
    else:
        raise DataError(f"{path}: neither classes= nor names= is there")

    labels: list[str] = []
    file = written_to("labels")
    if file is not None and file.is_file():  # the folder of a detector's labels is no such file
        labels = read_names(file)
        if len(labels) != classes:
            line = pairs["labels"][0]
            raise DataError(
                f"{path}:{line}: {file} has {count_of(len(labels), 'label')} for "
                f"{count_of(classes, 'class')}"
            )
    line, value = pairs.get("top", (0, "5"))
    if not re.fullmatch("0*[1-9][0-9]{0,6}", value):
        raise DataError(f"{path}:{line}: top={value:.40}; expected a whole number from 1 on")
    top = int(value)

    line, value = pairs.get("metric", (0, "area"))
    metric = next((name for name in METRICS if name == value), None)
    if metric is None:
        known = f"{', '.join(METRICS[:-1])} or {METRICS[-1]}"
        raise DataError(f"{path}:{line}: metric={value:.40}; expected {known}")
    return DataFile(
        path=path,
        classes=classes,
        names=names or [str(index) for index in range(classes)],
        train=read_from("train"),
        valid=read_from("valid"),
        backup=read_from("backup"),
        results=read_from("results"),
        eval=pairs.get("eval", (0, "voc"))[1],
        truth=read_from("truth"),
        metric=metric,
        labels=labels,
        top=top,
    )


def _tree(folder: Path) -> DataFile:
    """The data set of a folder of images in folders of classes."""
    train = folder / "train"
    names = sorted(each.name for each in train.glob("*") if each.is_dir())
    if not names:
        raise DataError(
            f"{folder}: a data set is a .data file, or for classifiers a folder with images in "
            "train/CLASS/"
        )
    valid = next((folder / n for n in ("valid", "val", "test") if (folder / n).is_dir()), None)
    return DataFile(folder, len(names), names, train, valid)


def read_list(path: str | Path) -> list[Path]:
    """Read a list of images: one path a line; blank lines are passed over. Of a folder: all in it.

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
    if path.is_dir():
        images = sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
        if not images:
            raise DataError(f"{path}: no images in the folder")
        return images
    for number, line in enumerate(read_text(path).splitlines(), 1):
        name = line.strip()
        if not name:
            continue
        try:
            images.append(_listed(name, path.parent))
        except (OSError, RuntimeError, ValueError) as error:  # too long; the home of nobody; zeros
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{path}:{number}: '{name:.40}' is no path: {reason}") from error
    if not images:
        raise DataError(f"{path}: no images in it; expected one path a line")
    return images


def read_images(data: DataFile, kind: Literal["train", "valid"]) -> list[Path]:
    """Read one of a data set's lists of images.

    Parameters
    ----------
    data : DataFile
        The data set.
    kind : str
        Which list.

    Raises
    ------
    DataError
        The list is not named, missing or empty.
    """
    path = data.train if kind == "train" else data.valid
    if path is None:
        raise DataError(f"{data.path}: {kind}= is missing: the file that lists the images")
    if not path.exists():
        how = HOW_TO_GET.get(data.path.stem, "it should list one image path a line")
        raise DataError(f"{data.path} names {path}, which is not there: {how}")
    return read_list(path)


def _listed(name: str, folder: Path) -> Path:
    """Where an image of a list in `folder` stands."""
    for path in _spelt(name):
        if (folder / path).exists():
            return folder / path
        if path.exists():
            return path
    return folder / path


def where_instead(missing: Path, listed: Path | None) -> str:
    """Say what would fit in place of a list's image that is not there; "" where nothing is found.

    Lists that were written on another machine name its folders: the end of such a path is looked
    up from the list's folder, its parents and the working folder.

    Parameters
    ----------
    missing : Path
        As `read_list` returned it.
    listed : Path or None
        The list.
    """
    parts = [part for part in str(missing).split("/") if part]
    folder = Path() if listed is None else listed.resolve().parent
    for start in range(len(parts)):
        end = Path(*parts[start:])
        for base in (folder, *list(folder.parents)[:3], Path.cwd()):
            found = base / end
            if found != missing and found.is_file():
                return f"; there is {found}: name it so in the list"
    return ""
