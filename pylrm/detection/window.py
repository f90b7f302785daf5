"""A window that shows the frames that were looked at."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

from pylrm.data.images import cv2
from pylrm.detection.outputs import Painter
from pylrm.engine import Result
from pylrm.errors import PylrmError

TITLE = "pylrm"
ENDS = (ord("q"), 27)  # 27: Escape
PROBE = "import cv2; cv2.namedWindow('pylrm'); cv2.waitKey(1)"


class WindowClosedError(Exception):
    """Whoever looks at the window has seen enough."""


class Window(ExitStack):
    """Shows frames: of a video one after the other, an image until a key is pressed.

    Parameters
    ----------
    paint
        Draws a frame.

    Raises
    ------
    PylrmError
        There is no display, or OpenCV was built without windows.
    """

    made = ""

    def __init__(self, paint: Painter) -> None:
        super().__init__()
        check_display()
        self._paint = paint
        self.callback(cv2().destroyAllWindows)

    def take(self, result: Result) -> None:
        """Show a frame.

        Raises
        ------
        WindowClosedError
            The window was closed, or q or Escape pressed.
        """
        cv = cv2()
        cv.imshow(TITLE, self._paint(result))
        while True:
            key = cv.waitKey(50 if result.source.kind == "image" else 1)
            if key in ENDS or cv.getWindowProperty(TITLE, cv.WND_PROP_VISIBLE) < 1:
                raise WindowClosedError
            if key >= 0 or result.source.kind != "image":
                return


def check_display() -> None:
    """Open a window in a process of its own: where that fails, Qt ends the process.

    Raises
    ------
    PylrmError
        It can't be opened.
    """
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=60)
    if done.returncode:
        raise PylrmError(
            "--show: no window can be opened: there is no display, or OpenCV is the headless one; "
            "-o FILE.mp4 writes a video in its place"
        )
