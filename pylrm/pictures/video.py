"""Videos, written frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pylrm.data.frames import quiet
from pylrm.data.images import ByteImage, cv2
from pylrm.errors import PylrmError
from pylrm.files.writing import whole_file
from pylrm.pictures.drawing import coloured

# By the file's suffix, a codec that OpenCV's packages bring with them.
CODECS = {".avi": "MJPG", ".mkv": "mp4v", ".mov": "mp4v", ".mp4": "mp4v"}

FPS = 10.0  # frames a second, where nobody says


def check_video(path: Path) -> None:
    """Refuse, before the work, a path that can't become a video.

    Raises
    ------
    PylrmError
        The suffix is none of `CODECS`, or there is no such folder.
    """
    if path.suffix.lower() not in CODECS:
        raise PylrmError(f"{path}: videos are written as {', '.join(CODECS)}")
    if not path.parent.is_dir():
        raise PylrmError(f"{path}: there is no folder {path.parent}")


class VideoFile:
    """A video that is being written; `write_video` makes it.

    Attributes
    ----------
    frames : int
        How many were written.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        cv = cv2()
        self.path, self.size, self.frames = path, size, 0
        code = cv.VideoWriter_fourcc(*CODECS[path.suffix.lower()])
        with quiet():
            # From the root: "a:b.avi" would be a URL to OpenCV.
            self._writer = cv.VideoWriter(str(path.absolute()), code, fps, size)
        self.opened = bool(self._writer.isOpened())

    def write(self, image: ByteImage, times: int = 1) -> None:
        """Write a frame, (h, w, 3) BGR or (h, w) grey; several times to fill a gap in time."""
        fitted = fit_into(coloured(image), self.size)
        with quiet():
            for _ in range(times):
                self._writer.write(fitted)
        self.frames += times

    def finish(self) -> bool:
        """Write what belongs at the end; tells whether the last frame is there."""
        cv = cv2()
        self._writer.release()
        with quiet():
            capture = cv.VideoCapture(str(self.path.absolute()))
            count = capture.get(cv.CAP_PROP_FRAME_COUNT)  # of the header, which may know too well
            capture.set(cv.CAP_PROP_POS_FRAMES, self.frames - 1)
            last = capture.grab()
            capture.release()
        return bool(last and count >= self.frames)


@contextmanager
def write_video(path: Path, size: tuple[int, int], fps: float | None) -> Iterator[VideoFile]:
    """Write a video, which has its name when it is whole.

    KeyboardInterrupt (Ctrl-C) ends it early: what was written becomes the video. After any other
    error there is none.

    Parameters
    ----------
    path : Path
        The file; an older one is replaced. Its suffix is one of `CODECS`.
    size : (int, int)
        Width and height in pixels. Frames of another size are fitted in.
    fps : float or None
        Frames a second; None: `FPS`.

    Raises
    ------
    PylrmError
        It can't be written.
    """
    check_video(path)
    interrupted = None
    with whole_file(path, suffix=path.suffix) as part:
        video = VideoFile(part, size, fps or FPS)
        if not video.opened:
            raise PylrmError(f"{path}: a video of {size[0]}x{size[1]} pixels can't be written")
        try:
            yield video
        except KeyboardInterrupt as error:
            if not video.frames:
                raise
            interrupted = error
        if not video.finish():  # OpenCV says nothing of a full disk
            raise PylrmError(f"{path}: cannot be written; is the disk full?")
    if interrupted is not None:
        raise interrupted


def fit_into(image: ByteImage, size: tuple[int, int]) -> ByteImage:
    """Return an image in a size (width, height), its aspect kept, on black."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    cv = cv2()
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv.INTER_AREA if scale < 1 else cv.INTER_LINEAR
    spare = size[0] - inner[0], size[1] - inner[1]
    fitted: ByteImage = cv.copyMakeBorder(
        cv.resize(image, inner, interpolation=way),
        *(spare[1] // 2, spare[1] - spare[1] // 2, spare[0] // 2, spare[0] - spare[0] // 2),
        cv.BORDER_CONSTANT,
        value=(0, 0, 0),
    )
    return fitted
