"""What a training run prints: on a terminal one line that is rewritten, in a pipe plain lines."""

from __future__ import annotations

from datetime import timedelta
from typing import TextIO

from pylrm.terminal import LiveLine
from pylrm.training.callbacks import Callback
from pylrm.training.run import Training

LINES = 50  # a run prints about so many into a pipe, but at least one per 100 updates


class Progress:
    """The screen of one run.

    Parameters
    ----------
    first, last : int
        The run's first and last update.
    stream : TextIO or None
        Where to; None: nowhere.
    figure : str
        What validations measure.
    """

    def __init__(self, first: int, last: int, stream: TextIO | None, figure: str = "mAP") -> None:
        self.first, self.last, self.stream, self.figure = first, last, stream, figure
        self.live = LiveLine(stream) if stream is not None and stream.isatty() else None
        self.every = min(100, max(1, (last - first + 1) // LINES))
        self.seconds_an_update = 0.0

    def update(
        self,
        update: int,
        loss: float,
        average: float,
        best: float | None,
        rate: float,
        seconds: float,
    ) -> None:
        """Show where the run stands after an update.

        Parameters
        ----------
        update : int
            Number of the update.
        loss, average : float
            Its loss and the running average.
        best : float or None
            What the newest validation measured, 0 to 1.
        rate : float
            Images a second.
        seconds : float
            What the update took.
        """
        pace = self.seconds_an_update or seconds
        self.seconds_an_update = 0.9 * pace + 0.1 * seconds
        if not self.live and update % self.every and update not in (self.first, self.last):
            return
        left = timedelta(seconds=round((self.last - update) * self.seconds_an_update))
        found = "" if best is None else f"  {self.figure} {best:.4f}"
        self.write(
            f"{update:{len(str(self.last))}}/{self.last}  loss {loss:.4f}  avg {average:.4f}{found}"
            f"  {rate:.1f} img/s  {left} left"
        )

    def write(self, line: str) -> None:
        """Show a line of progress: in the last one's place on a terminal, below it in a pipe."""
        if self.stream is None:
            return
        if self.live:
            self.live.write(line)
        else:
            print(line, file=self.stream, flush=True)

    def passing(self, line: str) -> None:
        """Show on a terminal what is being done now; in a pipe nothing."""
        if self.live:
            self.write(line)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self.end()
        if self.stream is not None:
            print(line, file=self.stream, flush=True)

    def end(self) -> None:
        """Leave the live line as it is and go on below it."""
        if self.live:
            self.live.end()


class Showing(Callback):
    """Shows each update on a run's screen."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def update_done(self, run: Training) -> None:
        """Renew the line."""
        state, row = run.state, run.state.row
        speed, seconds = row["img_s"], row["seconds"]
        assert speed is not None and seconds is not None
        self.progress.update(state.update, state.loss, state.average, state.map, speed, seconds)

    def run_ends(self, run: Training) -> None:
        """Leave the line as it is."""
        self.progress.end()
