"""What a terminal shows: counts with the time left, lines that are rewritten, colours."""

from __future__ import annotations

import io

import pytest

from pylrm import terminal
from pylrm.terminal import Counter, LiveLine, coloured, complain, count_of, counter, warn


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("one", "several"),
    [("image", "images"), ("box", "boxes"), ("class", "classes"), ("paired run", "paired runs")],
)
def test_one_is_not_called_as_several_are(one: str, several: str) -> None:
    assert count_of(1, one) == f"1 {one}"
    assert count_of(2, one) == f"2 {several}"
    assert count_of(0, one) == f"0 {several}"


def test_a_count_has_the_time_left() -> None:
    screen, clock = Screen(), Clock()
    count = Counter(LiveLine(screen), "image", clock)
    for done in range(1, 11):
        clock.now += 2
        count(done, 10)
    lines = screen.getvalue().split("\r")[1:]
    assert lines[0].rstrip() == " 1/10 images"
    assert lines[1].rstrip() == " 2/10 images  0:00:16 left"
    assert lines[8].rstrip() == " 9/10 images  0:00:02 left"
    assert lines[9].strip() == "10/10 images" and lines[9].endswith("\n")


def test_many_counts_are_shown_ten_times_a_second() -> None:
    screen, clock = Screen(), Clock()
    count = Counter(LiveLine(screen), "image", clock)
    for done in range(1, 1001):
        clock.now += 0.001
        count(done, 1000)
    assert 9 <= screen.getvalue().count("\r") <= 11
    assert screen.getvalue().endswith("\n")


def test_steps_begin_anew() -> None:
    screen, clock = Screen(), Clock()
    count = Counter(LiveLine(screen), "image", clock)
    for name in ("reading", "writing"):
        for done in (1, 2, 3):
            clock.now += 5
            count.named(name, done, 3)
    text = screen.getvalue()
    assert "reading 2/3 images  0:00:05 left" in text
    assert "writing 2/3 images  0:00:05 left" in text and text.count("\n") == 2


def test_a_shorter_line_covers_a_longer_one() -> None:
    screen = Screen()
    line = LiveLine(screen)
    line.write("a long line")
    line.write("short")
    line.end()
    line.end()
    assert screen.getvalue() == "\ra long line\rshort      \n"


def test_messages_come_below_a_line_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("NO_COLOR", "1")
    count = counter()
    assert count is not None
    count.clock = Clock()
    count(1, 5)
    warn("odd")
    complain("wrong")
    assert screen.getvalue() == "\r1/5 images\npylrm: warning: odd\npylrm: wrong\n"


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("x", "red", Screen()) == "\033[31mx\033[0m"
    assert coloured("x", "red", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "")
    assert coloured("x", "red", Screen()) != "x"  # by the convention, empty means unset
    monkeypatch.setenv("NO_COLOR", "0")
    assert coloured("x", "red", Screen()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert coloured("x", "red", Screen()) == "x"


def test_nothing_is_counted_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert terminal.counter() is None
