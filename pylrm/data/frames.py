"""Pictures one after the other, from images, videos and streams."""

from __future__ import annotations

import errno
import itertools
import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pylrm.data.ahead import ahead
from pylrm.data.images import ByteImage, cv2, read_image
from pylrm.data.sources import Source
from pylrm.errors import DataError
from pylrm.terminal import count_of

LEAST = 0.9  # of the frames that a video's header announces; it may be an estimate


@dataclass(frozen=True)
class Frame:
    """A picture of a source.

    Attributes
    ----------
    source
        The image, video or stream.
    number
        Which of the source's frames, from 0; an image is its own frame 0.
    time
        Seconds from the source's begin; None: of an image.
    fps
        Frames a second of those that are read; None: not known, or of an image.
    image
        (h, w, 3) uint8 BGR, or (h, w) grey.
    """

    source: Source
    number: int
    time: float | None
    fps: float | None
    image: ByteImage


def read_frames(
    sources: Sequence[Source], channels: int = 3, every: int = 1
) -> Generator[Frame | DataError, None, None]:
    """Yield the frames of sources, and in the place of what can't be read an error.

    Parameters
    ----------
    sources
        Read one after the other.
    channels
        3: colour; 1: grey.
    every
        Of videos and streams, only each so manieth frame is read.
    """
    for source in sources:
        try:
            if source.kind == "image":
                yield Frame(source, 0, None, None, read_image(source.path, channels))
            else:
                yield from Video(source).frames(channels, every)
        except DataError as error:
            yield error


class Video:
    """A video or stream that is opened.

    Parameters
    ----------
    source : Source
        Which one.

    Attributes
    ----------
    count : int
        Frames as the header announces them; 0: not known.
    fps : float or None
        Frames a second, where it is known.
    live : bool
        It goes on whether its frames are read or not.

    Raises
    ------
    DataError
        OpenCV can't open it.
    """

    def __init__(self, source: Source) -> None:
        cv = cv2()
        self.source = source
        with quiet():
            self._capture = cv.VideoCapture(_address(source))
        if not self._capture.isOpened():
            raise DataError(f"{source}: {_why(source)}")
        fps = float(self._capture.get(cv.CAP_PROP_FPS))
        self.fps = fps if 0 < fps <= 1000 else None
        self.count = max(0, int(self._capture.get(cv.CAP_PROP_FRAME_COUNT)))
        self.live = source.kind == "stream" and not self.count

    def frames(self, channels: int = 3, every: int = 1) -> Generator[Frame, None, None]:
        """Yield the frames to the end; of a live stream the newest one each time.

        Raises
        ------
        DataError
            At the end of a live stream, or where a video breaks off.
        """
        frames = self._frames(channels, every)
        return ahead(frames, 1, newest=True) if self.live else frames

    def _frames(self, channels: int, every: int) -> Generator[Frame, None, None]:
        cv = cv2()
        fps = self.fps and self.fps / every
        begin = time.monotonic()
        try:
            for number in itertools.count():
                if not self._grab():
                    break
                if number % every:
                    continue
                done, image = self._capture.retrieve()
                if not done:
                    break
                if self.live:
                    at = time.monotonic() - begin
                else:
                    at = float(self._capture.get(cv.CAP_PROP_POS_MSEC)) / 1000
                if channels == 1:
                    image = cv.cvtColor(image, cv.COLOR_BGR2GRAY)
                yield Frame(self.source, number, at, fps, image)
        finally:
            self._capture.release()
        if self.live:
            raise DataError(
                f"{self.source}: the stream ended or broke off after {count_of(number, 'frame')}"
            )
        if number == 0:
            raise DataError(f"{self.source}: no frame of it can be decoded")
        if number < LEAST * self.count:
            raise DataError(
                f"{self.source}: breaks off after {number} of the {count_of(self.count, 'frame')} "
                "that its header announces"
            )

    def _grab(self) -> bool:
        with quiet():
            return bool(self._capture.grab())


def _address(source: Source) -> int | str:
    """What OpenCV opens; a path from the root, as "a:b.avi" would be a URL to it."""
    if source.kind == "video":
        return str(source.path.absolute())
    return int(source.address) if source.address.isdecimal() else source.address


def _why(source: Source) -> str:
    """Why OpenCV can't open a source, as far as that can be told."""
    if source.kind == "video":
        if not source.path.exists():
            return os.strerror(errno.ENOENT)
        return "not a video that OpenCV can read; it may be cut off, or its codec not known"
    if source.address.isdecimal():
        return "there is no such camera, or another program uses it"
    return "OpenCV can't open this stream: nobody sends there, or nothing that it can decode"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV and its FFmpeg from printing: errors are raised, in one line."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read at the first video
    cv = cv2()
    logging: Any = getattr(cv.utils, "logging", cv)  # OpenCV 5's place, and 4's
    former = logging.getLogLevel()
    logging.setLogLevel(0)  # silent
    try:
        yield
    finally:
        logging.setLogLevel(former)
