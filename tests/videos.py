"""What tests of videos share: clips that say which frame is which, and a camera on the network."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pylrm.data.ahead import NAME

Image = npt.NDArray[np.uint8]

STEP = 12  # of grey from one frame to the next; codecs change it by less than half


def picture(number: int, size: tuple[int, int] = (64, 48)) -> Image:
    """A grey image that tells its number, with a red square in it."""
    image = np.full((size[1], size[0], 3), STEP * (number % 20), np.uint8)
    image[10:26, 20:36] = (0, 0, 230)
    return image


def number_of(image: Image) -> int:
    """Which picture it is, by the grey of its lower edge; of 20."""
    return round(float(np.mean(image[-8:, :16])) / STEP)


def write_clip(
    path: Path, count: int, fps: float = 12.5, codec: str = "MJPG", size: tuple[int, int] = (64, 48)
) -> Path:
    """Write a video of so many pictures."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, size)
    assert writer.isOpened()
    for number in range(count):
        writer.write(picture(number, size))
    writer.release()
    return path


def read_clip(path: Path) -> list[Image]:
    """All frames of a video."""
    capture = cv2.VideoCapture(str(path))
    assert capture.isOpened()
    frames = []
    while True:
        done, frame = capture.read()
        if not done:
            return frames
        frames.append(frame)


def working() -> int:
    """How many threads do work ahead."""
    return sum(thread.name == NAME for thread in threading.enumerate())


class Camera:
    """A camera that serves JPEGs over HTTP: as many as there are, or for ever.

    Attributes
    ----------
    url
        Where it is.
    sent
        Is set when all were sent.
    """

    def __init__(self, pictures: Sequence[Image], forever: bool) -> None:
        self.sent = threading.Event()
        camera, frames = self, [cv2.imencode(".jpg", each)[1].tobytes() for each in pictures]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                kind = "multipart/x-mixed-replace; boundary=frame"
                self.send_header("Content-Type", kind)
                self.end_headers()
                try:
                    while True:
                        for frame in frames:
                            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
                            self.wfile.write(b"Content-Length: %d\r\n\r\n" % len(frame))
                            self.wfile.write(frame + b"\r\n")
                        if not forever:
                            break
                except OSError:  # nobody looks any more
                    pass
                camera.sent.set()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/camera.mjpg"


@contextmanager
def camera(pictures: Sequence[Image], forever: bool = False) -> Iterator[Camera]:
    """Serve pictures as a camera does."""
    it = Camera(pictures, forever)
    threading.Thread(target=it.server.serve_forever, daemon=True).start()
    yield it
    it.server.shutdown()
    it.server.server_close()
