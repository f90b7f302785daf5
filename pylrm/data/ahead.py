"""Doing work ahead, in a thread, while what is done already is used."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from typing import Generic, TypeVar

T = TypeVar("T")

NAME = "pylrm-ahead"  # of the threads
LEAVE = 2.0  # seconds for a thread to end; one that waits for a camera is left alone then


def ahead(
    items: Generator[T, None, None], depth: int, *, newest: bool = False
) -> Generator[T, None, None]:
    """Yield a generator's items in order, while a thread takes the next ones from it.

    The thread begins with the first item. It ends with the generator, or when this one is closed;
    then it closes the other. Errors of the generator are raised here, after the items before them.

    Parameters
    ----------
    items
        What is done in the thread.
    depth
        How many items wait at most.
    newest
        When so many wait already, the oldest goes, as of a camera that is faster than what is
        done with its pictures. Else the thread waits.
    """
    belt = _Belt[T](depth, newest)
    thread = threading.Thread(target=belt.fill, args=(items,), name=NAME, daemon=True)
    thread.start()
    try:
        yield from belt.take()
    finally:
        belt.stop()
        thread.join(LEAVE)


class _Belt(Generic[T]):
    """Carries items from one thread to another, a limited number at a time."""

    def __init__(self, depth: int, newest: bool) -> None:
        self._depth, self._newest = depth, newest
        self._items: deque[T] = deque()
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self._changed = threading.Condition()

    def fill(self, items: Generator[T, None, None]) -> None:
        """Put all items on the belt; the thread's work."""
        try:
            for item in items:
                if not self._put(item):
                    break
        except BaseException as error:
            self._error = error
        finally:
            items.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Put an item on the belt when there is room; False: nobody wants it any more."""
        with self._changed:
            if self._newest and len(self._items) == self._depth:
                self._items.popleft()
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._depth)
            self._items.append(item)
            self._changed.notify_all()
            return not self._stopped

    def take(self) -> Generator[T, None, None]:
        """Yield what the belt brings."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended)
                if not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Want no more items."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
