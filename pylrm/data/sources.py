"""What is detected in: images, videos and streams, as people name them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pylrm.data.darknet import read_list
from pylrm.data.headers import SUFFIXES
from pylrm.errors import DataError

VIDEOS = (
    *(".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
    *(".ts", ".webm", ".wmv"),
)


@dataclass(frozen=True)
class Source:
    """An image, a video or a stream.

    Attributes
    ----------
    kind
        "image", "video", or "stream": a camera or a URL.
    address
        What it is opened by: a path, a URL, or a camera's number.
    """

    kind: Literal["image", "video", "stream"]
    address: str

    def __str__(self) -> str:
        """Return the name that people see: without the password that a camera's URL may have."""
        if self.kind != "stream":
            return self.address
        if self.address.isdecimal():
            return f"camera {self.address}"
        return re.sub(r"(://)[^/@]*@", r"\1", self.address)

    @property
    def path(self) -> Path:
        """Of an image or a video."""
        return Path(self.address)

    @property
    def stem(self) -> str:
        """What files about it are called, without a suffix."""
        if self.kind != "stream":
            return self.path.stem
        name = str(self).rpartition("://")[2].partition("?")[0]
        return re.sub(r"[^\w.]+", "-", name).strip("-.") or "stream"


SourceLike = Source | int | str | os.PathLike[str]


def find_sources(asked: SourceLike | Sequence[SourceLike]) -> list[Source]:
    """Return what arguments stand for, in order.

    Parameters
    ----------
    asked
        Files, folders, lists of images (.txt), patterns ("clips/*.mp4"), URLs, and cameras by
        number, as int or text; one or several. Whether a file is there is seen when it is read.

    Raises
    ------
    DataError
        A folder or a pattern without images and videos; a list that can't be read.
    """
    one = isinstance(asked, (Source, int, str, os.PathLike))
    several: Sequence[SourceLike] = [asked] if one else asked  # type: ignore[assignment,list-item]
    return [source for each in several for source in _stands_for(each)]


def _stands_for(asked: SourceLike) -> list[Source]:
    if isinstance(asked, Source):
        return [asked]
    if isinstance(asked, int):
        return [Source("stream", str(asked))]
    path = Path(asked)
    if isinstance(asked, str) and not path.exists():
        if "://" in asked or asked.isdecimal():
            return [Source("stream", asked)]
        if glob.has_magic(asked):
            found = sorted(map(Path, glob.glob(asked, recursive=True)))  # noqa: PTH207 - of any root
            return _files(found, f"{asked}: no file of this pattern is an image or a video")
    if path.is_dir():
        return _files(sorted(path.iterdir()), f"{path}: the folder holds no images and no videos")
    if path.suffix.lower() == ".txt":
        return [_file(image) for image in read_list(path)]
    return [_file(path)]


def _files(paths: Sequence[Path], otherwise: str) -> list[Source]:
    """The images and videos among paths; where there are none: an error."""
    known = SUFFIXES + VIDEOS
    found = [_file(path) for path in paths if path.suffix.lower() in known and path.is_file()]
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in known)
        raise DataError(f"{otherwise} ({kinds})")
    return found


def _file(path: Path) -> Source:
    return Source("video" if path.suffix.lower() in VIDEOS else "image", str(path))
