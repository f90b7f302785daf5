"""What a data set of YOLO tools consists of: its images to train and to validate on, its classes.

It is described by a YAML file, as Ultralytics' and Roboflow's tools write and read it

    path: ../datasets/birds       # where the others begin; without it: the file's folder
    train: images/train           # a folder, a list file, or several in [ ]
    val: images/val
    names: [wren, tit]            # or {0: wren, 1: tit}

or by a .data file, or is a folder that holds images and a file of class names. The images of a
folder are those at any depth. Tools look for relative paths in different places, and archives are
moved: the first place counts where a path exists, and else the end of the path counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pylrm.convert.finding import (
    ImageFinder,
    images_below,
    learnt_and_held,
    parts_in,
    plain,
)
from pylrm.convert.imagesearch import folders_in, portable
from pylrm.convert.reading import IMAGE_SUFFIXES, PARTS, class_name, files_of, is_file, shown
from pylrm.data.darknet import read_data, read_names
from pylrm.errors import DataError
from pylrm.files.text import read_text
from pylrm.files.yamlfile import read_yaml
from pylrm.terminal import count_of

_YAML = (".yaml", ".yml")
_NAMES = ("classes.txt", "obj.names", "labels.txt", "predefined_classes.txt", "_darknet.labels")


@dataclass(frozen=True)
class YoloSet:
    """A data set.

    Attributes
    ----------
    train, valid
        The images; no `valid`: those of `train` are to be split.
    names, namer
        The classes in order, and the file that names them.
    keypoints
        How many numbers a pose's key points are; 0: there are no poses.
    whole
        The images are all that their folders hold, not a list's.
    """

    train: list[Path]
    valid: list[Path] | None
    names: list[str]
    namer: Path
    keypoints: int = 0
    whole: bool = True


def find_set(source: Path, names: Path | None) -> YoloSet:
    """Find out what a data set consists of.

    Parameters
    ----------
    source
        A YAML file, a .data file, or a folder.
    names
        A file of class names, in place of the data set's own.

    Raises
    ------
    DataError
        Where anything in it doesn't fit, naming the file.
    """
    if source.is_dir():
        file = _yaml_in(source)
        return _of_folder(source, names) if file is None else _of_yaml(file, names)
    if source.suffix.lower() in _YAML:
        return _of_yaml(source, names)
    if source.suffix.lower() == ".data":
        return _of_data(source, names)
    raise DataError(f"{source}: expected a YAML file, a .data file, or a folder")


# A YAML file


def _of_yaml(path: Path, names: Path | None) -> YoloSet:
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise DataError(f"{path}: no data set; expected keys such as train, val and names")
    yaml = _Yaml(path, document)
    parts = {key: entries for key in PARTS if (entries := yaml.entries(key))}
    if "train" not in parts:
        raise DataError(f"{path}: no train: that says where the images are")
    train, held = learnt_and_held({key: (key, entries) for key, entries in parts.items()})
    chosen = [train] if held is None else [train, held]
    images = [yaml.images(key, entries) for key, entries in chosen]
    whole = not any(entry.lower().endswith(".txt") for _, part in chosen for entry in part)
    classes = yaml.names() if names is None else read_names(names)
    namer = path if names is None else names
    valid = images[1] if len(images) > 1 else None
    return YoloSet(images[0], valid, classes, namer, yaml.keypoints(), whole)


@dataclass(frozen=True)
class _Yaml:
    """A YAML file; all its values are texts, as they stand there."""

    path: Path
    document: dict[Any, Any]

    def error(self, key: str, what: str) -> DataError:
        lines = enumerate(read_text(self.path).splitlines(), 1)
        line = next((n for n, text in lines if re.match(rf"\s*['\"]?{key}['\"]?\s*:", text)), 1)
        return DataError(f"{self.path}:{line}: {what}")

    def entries(self, key: str) -> list[str]:
        value = self.document.get(key) or []
        entries = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, str) and entry.strip() for entry in entries):
            raise self.error(key, f"{key} is {shown(value)}; expected a path, or a list of paths")
        return [entry.strip() for entry in entries]

    def images(self, key: str, entries: Sequence[str]) -> list[Path]:
        found: dict[Path, None] = {}
        for entry in entries:
            place = self._place(entry)
            if place is None:
                raise self.error(key, f"{key}: no {shown(entry)} in {self._bases()[0]} or near it")
            here = _images_of(place, self._bases())
            if not here:
                raise self.error(key, f"{key}: no images in {place}")
            found.update(dict.fromkeys(here))
        return list(found)

    def names(self) -> list[str]:
        value = self.document.get("names") or []
        if isinstance(value, dict):
            numbers = [str(number) for number in range(len(value))]
            if sorted(map(str, value)) != sorted(numbers):
                raise self.error(
                    "names", f"names: expected the numbers 0…{len(value) - 1}, each once"
                )
            value = [value[number] for number in numbers]
        if isinstance(value, str):
            place = self._place(value)
            if place is None or not is_file(place):
                raise self.error("names", f"names is {shown(value)}; expected a list of names")
            value = read_names(place)
        if not value:
            raise DataError(f"{self.path}: no names: of the classes; --names FILE gives them")
        names = [class_name(name) if isinstance(name, str) else "" for name in value]
        for number, name in enumerate(names):
            if not name or name in names[:number]:
                what = "no name" if not name else f"{shown(name)}, which another is"
                raise self.error("names", f"names: class {number} is {what}")
        count = self.document.get("nc")
        if isinstance(count, str) and count.strip() != str(len(names)):
            raise self.error(
                "nc", f"nc is {shown(count)}, but there are {count_of(len(names), 'name')}"
            )
        return names

    def keypoints(self) -> int:
        shape = self.document.get("kpt_shape") or ["0", "0"]
        texts = shape if isinstance(shape, list) else []
        if len(texts) != 2 or not all(
            isinstance(each, str) and re.fullmatch("[0-9]{1,4}", each) for each in texts
        ):
            raise self.error(
                "kpt_shape", f"kpt_shape is {shown(shape)}; expected two whole numbers"
            )
        return int(texts[0]) * int(texts[1])

    def _bases(self) -> list[Path]:
        """Where relative paths may begin: in `path`, seen from several folders, or beside."""
        folder, root = self.path.parent, self.document.get("path")
        if not isinstance(root, str) or not root.strip():
            return [folder]
        root = root.strip().replace("\\", "/")
        bases = [top / root for top in (folder, Path.cwd(), Path.cwd() / "datasets")]
        return list(dict.fromkeys([*bases, folder]))

    def _place(self, entry: str) -> Path | None:
        """Where an entry stands: as it says, without ../ at its beginning, or by its end."""
        bases = self._bases()
        inner = re.sub(r"^(\.\./)+", "", entry.replace("\\", "/"))
        ends = [part for part in portable(inner).parts if part not in ("/", "..")]
        tails = ["/".join(ends[start:]) for start in range(1, len(ends))]
        places = [base / name for base in bases for name in (entry, inner)]
        places += [base / tail for tail in tails if tail.lower() != "images" for base in bases]
        return next(filter(_exists, [*places, Path.cwd() / entry]), None)


def _yaml_in(folder: Path) -> Path | None:
    """The YAML file of a folder: data.yaml, or the only one."""
    files = sorted(files_of(folder, *_YAML))
    named = [file for file in files if file.stem.lower() in ("data", "dataset")]
    if named or len(files) == 1:
        return (named or files)[0]
    return None


# A .data file


def _of_data(path: Path, names: Path | None) -> YoloSet:
    try:
        data = read_data(path)
        if data.train is None:
            raise DataError(f"{path}: train= is missing: the file that lists the images")
        bases = [path.parent, Path.cwd()]
        train = _read_list(data.train, bases)
        valid = None if data.valid is None else _read_list(data.valid, bases)
    except DataError as error:
        raise DataError(f"{error}; its folder can be converted without it") from error
    classes = data.names if names is None else read_names(names)
    return YoloSet(train, valid, classes, path if names is None else names, whole=False)


# A folder


def _of_folder(folder: Path, names: Path | None) -> YoloSet:
    namer = _names_file(folder) if names is None else names
    classes = read_names(namer)
    lists = {
        file.stem.lower(): file
        for file in sorted(files_of(folder, ".txt"))
        if file.stem.lower() in PARTS
    }
    if "train" in lists:
        listed = {part: _read_list(file, [folder]) for part, file in lists.items()}
        return YoloSet(*learnt_and_held(listed), classes, namer, whole=False)
    for top in (folder, *folders_in(folder)):
        parts = parts_in(folders_in(top))
        if parts and (images := {part: list(images_below(place)) for part, place in parts.items()}):
            filled = {part: found for part, found in images.items() if found}
            if "train" in filled:
                return YoloSet(*learnt_and_held(filled), classes, namer)
    found = list(images_below(folder))
    if not found:
        raise DataError(f"{folder}: no images in it")
    return YoloSet(found, None, classes, namer)


def _names_file(folder: Path) -> Path:
    """The file of class names in a folder or in one of its folders."""
    for place in (folder, *folders_in(folder)):
        for name in _NAMES:
            if is_file(place / name):
                return place / name
        named = sorted(files_of(place, ".names"))
        if len(named) == 1:
            return named[0]
    raise DataError(
        f"{folder}: no names of the classes; expected data.yaml, classes.txt or obj.names in it, "
        "or --names FILE"
    )


def _images_of(place: Path, bases: Sequence[Path]) -> list[Path]:
    if place.is_dir():
        return [plain(image) for image in images_below(place)]
    if place.suffix.lower() in IMAGE_SUFFIXES:
        return [plain(place)]
    return _read_list(place, bases)


def _read_list(path: Path, bases: Sequence[Path]) -> list[Path]:
    """Read a list of images; relative paths begin in its folder, or in one of the bases."""
    finder = ImageFinder(path.parent, *bases)
    lines = enumerate(read_text(path).splitlines(), 1)
    return [finder.find(line.strip(), f"{path}:{n}") for n, line in lines if line.strip()]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
