"""Finding images: those below a folder, those that a file names, and what they are called here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pylrm.convert.imagesearch import fits, folders_in, folders_near, portable
from pylrm.convert.reading import IMAGE_SUFFIXES, PARTS, VALID, files_of, is_file, shown
from pylrm.errors import DataError

_IMAGES = {"images", "jpegimages", "image", "imgs", "img", "pictures", "photos"}
_NO_NAMES = {"images", "jpegimages"}  # folders that tell images from labels only

T = TypeVar("T")


class ImageFinder:
    """Finds images by the names that a file has for them.

    A name is a path from one of the folders, or an absolute one. Where nothing stands there, as
    with paths of another machine: the image below the first folder, or in a folder images beside
    it, whose path ends most like the name, in any case; a name without an extension is looked up by
    stem. One image is never taken for two.

    Parameters
    ----------
    folders
        Where names begin.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = tuple(dict.fromkeys(folders))
        self._indices: list[dict[str, list[Path]]] = []
        self._names: dict[Path, str] = {}

    def find(self, name: str, where: str) -> Path:
        """Find an image; `where` begins messages.

        Raises
        ------
        DataError
            There is none, or there are several.
        """
        image = self.look(name, where)
        if image is None:
            raise DataError(f"{where}: no image {shown(name)} in {self._folders[0]} or near it")
        return image

    def look(self, name: str, where: str) -> Path | None:
        """Find an image as `find` does; None where there is none."""
        image = self._look(name, where)
        other = name if image is None else self._names.setdefault(image, name)
        if not _may_be_one(portable(name), portable(other)):
            raise DataError(f"{where}: {shown(name)} and {shown(other)} would both be {image}")
        return image

    def _look(self, name: str, where: str) -> Path | None:
        for each in dict.fromkeys((name, name.replace("\\", "/"))):
            for folder in self._folders:
                if is_file(folder / each):
                    return plain(folder / each)
        for number in range(2):
            found = self._ending(number, portable(name))
            if len(found) > 1:
                raise DataError(
                    f"{where}: several images could be {shown(name)}: {found[0]} and {found[1]}; "
                    "name its folder too"
                )
            if found:
                return plain(found[0])
        return None

    def _ending(self, number: int, wanted: PurePosixPath) -> list[Path]:
        """The images whose paths end most like the name, in one of the indices."""
        same = [
            file
            for file in self._index(number).get(_stem(wanted).lower(), [])
            if fits(file, wanted)
        ]
        likeness = [_likeness(file, wanted) for file in same]
        return [file for file, like in zip(same, likeness, strict=True) if like == max(likeness)]

    def _index(self, number: int) -> dict[str, list[Path]]:
        """Images by stem in small letters: of the first folder; of folders images near it."""
        while len(self._indices) <= number:
            folders = self._near() if self._indices else self._folders[:1]
            index: dict[str, list[Path]] = {}
            for file in (plain(file) for folder in folders for file in images_below(folder)):
                same = index.setdefault(file.stem.lower(), [])
                if file not in same:
                    same.append(file)
            self._indices.append(index)
        return self._indices[number]

    def _near(self) -> list[Path]:
        """Folders images beside the first folder, or beside that which holds its part of a set."""
        first = self._folders[0]
        tops = (
            [first.parent, first.parent.parent] if first.name.lower() in PARTS else [first.parent]
        )
        beside = (folder for top in tops for folder in folders_near(top))
        return [folder for folder in beside if folder.name.lower() in _IMAGES]


def images_below(folder: Path) -> Iterator[Path]:
    """Yield a folder's images, then those of its folders at any depth, by name.

    Hidden folders, macOS's leftovers, and what `pylrm convert` wrote are passed over; a path that
    is no folder has no images.
    """
    seen: set[str] = set()

    def below(place: Path) -> Iterator[Path]:
        real = os.path.realpath(place)
        if real not in seen and place.is_dir():
            seen.add(real)
            yield from sorted(files_of(place, *IMAGE_SUFFIXES))
            for inner in folders_in(place):
                yield from below(inner)

    return below(folder)


def names_of(images: Iterable[Path], source: Path) -> dict[Path, str]:
    """Choose the images' names in the data set: their paths below the folder that holds them all.

    Folders called images do not count where the names are different ones without them.

    Raises
    ------
    DataError
        Two images differ by nothing but their extensions; `source` begins the message.
    """
    files = list(dict.fromkeys(images))
    if not files:
        return {}
    common = os.path.commonpath([file.parent for file in files])
    full = [file.relative_to(common).with_suffix("") for file in files]
    short = [
        Path(*(part for part in each.parent.parts if part.lower() not in _NO_NAMES), each.name)
        for each in full
    ]
    names = short if len(set(short)) == len(files) else full
    first: dict[Path, Path] = {}
    for name, file in zip(names, files, strict=True):
        if first.setdefault(name, file) != file:
            raise DataError(
                f"{source}: the images {first[name]} and {file} would have one label file"
            )
    return {file: name.as_posix() for name, file in zip(names, files, strict=True)}


def learnt_and_held(parts: Mapping[str, T]) -> tuple[T, T | None]:
    """Of the parts by name, train among them, choose what to train and to validate on.

    That to validate on is val, else test; None: there is neither.
    """
    held = next((parts[name] for name in (*VALID, "test") if name in parts), None)
    return parts["train"], held


def parts_in(folders: Sequence[Path]) -> dict[str, Path]:
    """Those of the folders that are called train, val or test; {} where train is not among them."""
    parts = {folder.name.lower(): folder for folder in folders if folder.name.lower() in PARTS}
    return parts if "train" in parts else {}


def plain(path: Path) -> Path:
    """An absolute path without `..` in it, where that names the same file."""
    straight = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)
    return straight if is_file(straight) else path


def _stem(name: PurePosixPath) -> str:
    return name.stem if name.suffix.lower() in IMAGE_SUFFIXES else name.name


def _may_be_one(name: PurePosixPath, other: PurePosixPath) -> bool:
    """Whether one of two paths is the end of the other, or both have dots to resolve."""
    ends = zip(name.parts[-2::-1], other.parts[-2::-1], strict=False)
    return all(one.lower() == two.lower() or ".." in (one, two) for one, two in ends)


def _likeness(file: Path, wanted: PurePosixPath) -> int:
    """How many of the folders before its name a file's path has in common with the name."""
    count = 0
    for ours, theirs in zip(file.parts[-2::-1], wanted.parts[-2::-1], strict=False):
        if ours.lower() != theirs.lower():
            break
        count += 1
    return count
