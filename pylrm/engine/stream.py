"""Detecting in frame after frame: reading, looking and the caller's work at the same time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from pylrm.data.ahead import ahead
from pylrm.data.frames import Frame, read_frames
from pylrm.data.images import ByteImage
from pylrm.data.sources import Source
from pylrm.engine.detections import Detections
from pylrm.errors import DataError

DEPTH = 4  # frames that wait before the network, and after it


@dataclass(frozen=True)
class Result(Frame):
    """A frame, and what was found in it.

    Attributes
    ----------
    source
        The image, video or stream; str(source) is its name.
    number
        Which of the source's frames, from 0; an image is its own frame 0.
    time
        Seconds from the source's begin; None: of an image.
    fps
        Frames a second of those that are looked at; None: not known, or of an image.
    image
        (h, w, 3) uint8 BGR, or (h, w) grey.
    detections
        In the image's pixels, by score.
    """

    detections: Detections


def stream(
    sources: Sequence[Source],
    look: Callable[[ByteImage], Detections],
    channels: int,
    every: int,
    on_error: Callable[[DataError], None] | None,
) -> Generator[Result, None, None]:
    """Yield what is found in each frame of sources; see `Network.stream`.

    Parameters
    ----------
    look
        Finds the objects in an image.
    channels
        Of the images that it takes.
    """
    frames = ahead(read_frames(sources, channels, every), DEPTH)
    with closing(ahead(_looked_at(frames, look), DEPTH)) as results:
        for result in results:
            if not isinstance(result, DataError):
                yield result
            elif on_error is not None:
                on_error(result)
            else:
                raise result


def _looked_at(
    frames: Generator[Frame | DataError, None, None], look: Callable[[ByteImage], Detections]
) -> Generator[Result | DataError, None, None]:
    with closing(frames):
        for frame in frames:
            yield (
                frame
                if isinstance(frame, DataError)
                else Result(**vars(frame), detections=look(frame.image))
            )
