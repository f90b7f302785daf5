"""SIGINT and SIGTERM: the update under way is finished, then the run ends in good order."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InterruptedRunError(Exception):
    """What was under way after an update was given up for a signal; the run goes on with it."""


class Interruption:
    """Remembers the first signal; the second one acts at once, as if nobody had caught it.

    Use it in a `with`. Outside the main thread, where Python allows no handlers, it catches none.

    Attributes
    ----------
    signal : int or None
        Which signal came.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # SIG_IGN: as nohup and `&` set it; None: not Python's
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def check(self) -> None:
        """Give up what is under way if a signal came.

        Raises
        ------
        InterruptedRunError
            One did.
        """
        if self.signal is not None:
            raise InterruptedRunError

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._restore()

    def _restore(self) -> None:
        while self._former:
            signal.signal(*self._former.popitem())
