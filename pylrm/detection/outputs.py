"""What becomes of the frames that were looked at: a class a kind of output."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol

from pylrm.data.darknet import LEAST
from pylrm.data.images import ByteImage
from pylrm.data.sources import Source
from pylrm.detection.targets import drawings, stems
from pylrm.engine import Result
from pylrm.engine.detections import name_of
from pylrm.errors import PylrmError
from pylrm.files.writing import write_whole, writing
from pylrm.pictures.drawing import draw, write_image
from pylrm.pictures.video import VideoFile, check_video, write_video

Painter = Callable[[Result], ByteImage]  # draws what was found


class Output(Protocol):
    """Takes results, in a `with`."""

    @property
    def made(self) -> str:
        """What was written, and where; empty: nothing was."""

    def __enter__(self) -> object: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None: ...

    def take(self, result: Result) -> None:
        """Do with a result what is to be done."""


def painter(names: Sequence[str]) -> Painter:
    """Return what draws a result, once for all outputs that show it."""
    last: list[tuple[Result, ByteImage]] = []

    def paint(result: Result) -> ByteImage:
        if not last or last[0][0] is not result:
            last[:] = [(result, draw(result.image, result.detections, names))]
        return last[0][1]

    return paint


class Film(ExitStack):
    """One video of all frames, drawn.

    Parameters
    ----------
    path
        The video.
    paint
        Draws a frame.
    every
        Which of the sources' frames are looked at: each so manieth.
    sources
        All that may come.

    Raises
    ------
    PylrmError
        Such a file can't be written, or is a source.
    """

    made = ""

    def __init__(self, path: Path, paint: Painter, every: int, sources: Sequence[Source]) -> None:
        super().__init__()
        check_video(path)
        if any(is_at(source, path) for source in sources):
            raise PylrmError(f"{path}: this is what is looked at; name another file")
        self._path, self._paint, self._every = path, paint, every
        self._video: VideoFile | None = None
        self._last: Result | None = None

    def take(self, result: Result) -> None:
        """Write a frame; in place of those that a live stream went on without, the same."""
        image = self._paint(result)
        if self._video is None:
            size = image.shape[1], image.shape[0]
            self._video = self.enter_context(write_video(self._path, size, result.fps))
        times = 1
        if self._last is not None and self._last.source == result.source:
            times = max(1, (result.number - self._last.number) // self._every)
        self._video.write(image, times)
        self.made = f"video: {self._path}"
        self._last = result


class Drawings(ExitStack):
    """A folder with a drawing of each image, and a drawn video of each video and stream.

    Parameters
    ----------
    folder
        Made for the first of them.
    paint, every, sources
        As of `Film`.
    """

    made = ""

    def __init__(self, folder: Path, paint: Painter, every: int, sources: Sequence[Source]) -> None:
        super().__init__()
        self._folder = folder
        self._targets = drawings(sources, folder)
        self._paint, self._every = paint, every
        self._film: tuple[Source, Film] | None = None

    def take(self, result: Result) -> None:
        """Draw a frame; the video of a source is closed when the next source begins."""
        make(self._folder)
        self.made = f"drawings: {self._folder}"
        if self._film is not None and self._film[0] != result.source:
            self.close()
            self._film = None
        target = self._targets[result.source]
        if result.source.kind == "image":
            write_image(target, self._paint(result))
            return
        if self._film is None:
            film = self.enter_context(Film(target, self._paint, self._every, []))
            self._film = result.source, film
        self._film[1].take(result)


class Labels(ExitStack):
    """A data set of what was found: images/, labels/ as Darknet has them, and the list images.txt.

    Parameters
    ----------
    folder
        Made where it isn't there.
    sources
        All that may come.

    Raises
    ------
    PylrmError
        The images to look at are in its own folder of images.
    """

    made = ""

    def __init__(self, folder: Path, sources: Sequence[Source]) -> None:
        super().__init__()
        self._folder = folder
        self._list = folder / "images.txt"
        self._images, self._labels = folder / "images", folder / "labels"
        for source in sources:
            if is_at(source, self._images / source.path.name):
                raise PylrmError(f"{folder}: {source} is in it; labels go to another folder")
        self._stems = stems(sources)
        self._names: dict[str, None] = {}
        self.callback(self._write_list)

    def take(self, result: Result) -> None:
        """Write a label file, and beside it the frame of a video, or a link to the image."""
        for folder in (self._images, self._labels):
            make(folder)
        stem = frame_name(self._stems[result.source], result)
        suffix = result.source.path.suffix if result.source.kind == "image" else ".jpg"
        image = self._images / f"{stem}{suffix}"
        if result.source.kind == "image":
            link(image, result.source.path.resolve())
        else:
            write_image(image, result.image)
        write_whole(self._labels / f"{stem}.txt", label_text(result).encode())
        self._names[f"images/{image.name}"] = None
        self.made = f"labels: {self._folder}"

    def _write_list(self) -> None:
        if self._names:
            write_whole(self._list, "".join(f"{name}\n" for name in self._names).encode())


class Crops(ExitStack):
    """A folder a class, with what was found cut out: FOLDER/CLASS/NAME-NUMBER.jpg.

    Parameters
    ----------
    folder
        Made where it isn't there.
    sources
        All that may come.
    names
        Of the classes.
    """

    made = ""

    def __init__(self, folder: Path, sources: Sequence[Source], names: Sequence[str]) -> None:
        super().__init__()
        self._folder, self._names = folder, names
        self._stems = stems(sources)

    def take(self, result: Result) -> None:
        """Write each of the frame's objects, numbered by score, from 1."""
        high, wide = result.image.shape[:2]
        for number, found in enumerate(result.detections, 1):
            left, top, right, bottom = found.box
            rows = slice(max(0, math.floor(top)), min(high, math.ceil(bottom)))
            columns = slice(max(0, math.floor(left)), min(wide, math.ceil(right)))
            crop = result.image[rows, columns]
            if not crop.size:
                continue
            name = name_of(found.class_id, self._names)
            folder = self._folder / (re.sub(r"[/\\\0]|^\.+", "_", name) or "_")
            make(folder)
            stem = frame_name(self._stems[result.source], result)
            write_image(folder / f"{stem}-{number}.jpg", crop)
            self.made = f"crops: {self._folder}"


def frame_name(stem: str, result: Result) -> str:
    """Return the name of files about a frame: the source's, and of videos the frame's number."""
    return stem if result.source.kind == "image" else f"{stem}-{result.number:06}"


def label_text(result: Result) -> str:
    """Return a frame's detections as Darknet's labels: class x y w h, shares of the image.

    Those that training would drop, at the image's edge for instance, are left out.
    """
    high, wide = result.image.shape[:2]
    lines = []
    for found in result.detections:
        left, top, right, bottom = found.box
        x, y = (left + right) / 2 / wide, (top + bottom) / 2 / high
        w, h = (right - left) / wide, (bottom - top) / high
        if min(w, h) >= LEAST:
            lines.append(f"{found.class_id} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n")
    return "".join(lines)


def make(folder: Path) -> None:
    """Make a folder, and those above it, where it isn't there."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def link(path: Path, target: Path) -> None:
    """Make a link to a file, or a copy where links can't be made."""
    with writing(path):
        path.unlink(missing_ok=True)
        try:
            path.symlink_to(target)
        except OSError:
            shutil.copyfile(target, path)


def is_at(source: Source, path: Path) -> bool:
    """Tell whether a source is the file of a path."""
    return source.kind != "stream" and source.path.resolve() == path.resolve()
