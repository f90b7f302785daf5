"""Items that a thread makes ahead: in order, few at a time, and the thread ends."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator

import pytest

from pylrm.data.ahead import ahead
from tests.videos import working

LONG = 30.0  # seconds; reached by a mistake only


def test_items_come_in_order_and_the_generators_error_after_them() -> None:
    def items() -> Generator[int, None, None]:
        yield from range(100)
        raise KeyError("end")

    got = []
    with pytest.raises(KeyError, match="end"):
        for item in ahead(items(), 3):
            got.append(item)
    assert got == list(range(100))


def test_the_next_items_are_made_while_one_is_used() -> None:
    made = threading.Semaphore(0)

    def items() -> Generator[int, None, None]:
        for number in range(4):
            yield number
            made.release()

    results = ahead(items(), 2)
    assert next(results) == 0
    for _ in range(2):  # 0 is in use, and 1 and 2 wait
        assert made.acquire(timeout=LONG)
    assert list(results) == [1, 2, 3]


def test_no_more_wait_than_there_is_room_for() -> None:
    made: list[int] = []

    def items() -> Generator[int, None, None]:
        for number in range(50):
            made.append(number)
            yield number

    results = ahead(items(), 2)
    for number in results:
        assert len(made) <= number + 4  # one is used, two wait, one is in the thread's hand


def test_closing_ends_the_thread_and_the_generator() -> None:
    closed = threading.Event()

    def items() -> Generator[int, None, None]:
        try:
            yield from itertools.count()
        finally:
            closed.set()

    inner = ahead(items(), 2)
    results = ahead((2 * number for number in inner), 2)
    assert next(results) == 0 and working() == 2
    results.close()
    inner.close()
    assert closed.wait(LONG) and not working()


def test_of_a_camera_the_newest_item_waits() -> None:
    first, rest = threading.Event(), threading.Event()

    def items() -> Generator[int, None, None]:
        yield 0
        assert first.wait(LONG)
        yield from range(1, 50)
        rest.set()

    results = ahead(items(), 1, newest=True)
    assert next(results) == 0
    first.set()
    assert rest.wait(LONG)
    assert list(results) == [49]
