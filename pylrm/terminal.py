"""What a terminal shows: words, colours, a line that is rewritten, counts with the time left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, TextIO

SECONDS = 0.1  # between two writings of a count
COLOURS = {"red": 31, "yellow": 33}


def count_of(number: int, what: str) -> str:
    """Return how many there are, of what has such a name for one: "1 class", "2 classes"."""
    ending = "" if number == 1 else "es" if what.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number} {what}{ending}"


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """Return a text in a colour where a stream shows colours: on a terminal, without NO_COLOR.

    https://no-color.org says what NO_COLOR means: no colours, whatever its value, if it has one.
    """
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty()
    return text if plain else f"\033[{COLOURS[colour]}m{text}\033[0m"


def launched_processes() -> int:
    """Return how many processes mpirun started, of which this is one; 1: it was not mpirun."""
    return _launched(("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"), 1)


def launched_rank() -> int:
    """Return which of the processes of mpirun this is, from 0."""
    return _launched(("OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK"), 0)


def speaks() -> bool:
    """Tell whether errors are this process' to say: of mpirun's, the first on each machine."""
    return _launched(("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID"), launched_rank()) == 0


def _launched(names: Sequence[str], otherwise: int) -> int:
    values = (os.environ.get(name, "") for name in names)
    return next((int(value) for value in values if value.isdigit()), otherwise)


def warn(line: str, program: str = "pylrm") -> None:
    """Print a warning of a program; of several processes of mpirun the first does."""
    if launched_rank():
        return
    LiveLine.leave()
    said = coloured("warning:", "yellow", sys.stderr)
    print(f"{program}: {said} {line}", file=sys.stderr, flush=True)


def warn_skipped(images: Sequence[Path]) -> None:
    """Warn of images that could not be read, if there are any, and name the first."""
    if images:
        shown = ", ".join(map(str, images[:5])) + (", …" if len(images) > 5 else "")
        warn(f"{count_of(len(images), 'image')} could not be read: {shown}")


def complain(line: str, program: str = "pylrm") -> None:
    """Print an error of a program."""
    LiveLine.leave()
    print(f"{coloured(f'{program}:', 'red', sys.stderr)} {line}", file=sys.stderr, flush=True)


class LiveLine:
    """A line of a terminal that takes its predecessor's place; there is one at a time.

    Parameters
    ----------
    stream : TextIO
        The terminal.
    """

    under_way: ClassVar[LiveLine | None] = None

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown = 0  # characters

    def write(self, line: str) -> None:
        """Show a line in the last one's place."""
        self.stream.write("\r" + line.ljust(self.shown))
        self.stream.flush()
        self.shown = len(line)
        LiveLine.under_way = self

    def end(self) -> None:
        """Leave the line as it is and go on below it."""
        if self.shown:
            self.stream.write("\n")
            self.stream.flush()
            self.shown = 0
        LiveLine.under_way = None

    @classmethod
    def leave(cls) -> None:
        """End the line that is under way, if there is one, before something else is printed."""
        if cls.under_way is not None:
            cls.under_way.end()


class Counter:
    """Shows how much is done, and the time left.

    Parameters
    ----------
    line : LiveLine
        Where.
    what : str
        What is counted, its name for one: "image".
    clock : callable
        Seconds from any start.
    """

    def __init__(
        self, line: LiveLine, what: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.line, self.what, self.clock = line, what, clock
        self.name = ""
        self.began = self.written = clock()

    def __call__(self, done: int, total: int) -> None:
        """Show a count, at most ten a second; the last one stays."""
        self.named("", done, total)

    def named(self, name: str, done: int, total: int) -> None:
        """Show a count of a step that has a name."""
        now = self.clock()
        first = name != self.name or done <= 1
        if first:
            self.name, self.began = name, now
        if now - self.written < SECONDS and not first and done != total:
            return
        self.written = now
        left = ""
        if 1 < done < total:
            seconds = (now - self.began) * (total - done) / (done - 1)
            left = f"  {timedelta(seconds=round(seconds))} left"
        count = f"{done:{len(str(total))}}/{count_of(total, self.what)}"
        self.line.write(" ".join(filter(None, [name, count])) + left)
        if done == total:
            self.line.end()


def counter(what: str = "image") -> Counter | None:
    """Return what counts on stderr; None where that is no terminal."""
    return Counter(LiveLine(sys.stderr), what) if sys.stderr.isatty() else None
