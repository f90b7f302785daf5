"""A run seen through to its end: signals, errors, rollbacks, and what the screen says of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pylrm.errors import DataError, NumericsError, PylrmError
from pylrm.files.writing import write_whole, writing
from pylrm.runs.log import cut_logs, note
from pylrm.terminal import count_of, warn
from pylrm.training.checkpoints import Checkpoints, Kept, newest
from pylrm.training.logfiles import Logging
from pylrm.training.loop import loop
from pylrm.training.parallel import open_batches
from pylrm.training.progress import Progress, Showing
from pylrm.training.run import Training
from pylrm.training.saving import Saving, save
from pylrm.training.stopping import Patience, TimeLimit
from pylrm.training.tensorboard import TensorBoard
from pylrm.training.validation import Validation

MOST_ROLLBACKS = 5
ROLLBACK_FACTOR = 0.5  # on the rate, each time


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes
    ----------
    folder : Path
        The run folder.
    loss : float
        Running average of the loss at the end.
    map, best_map : float or None
        What the newest validation measured, and the best one: mAP, of classifiers top-1; 0 to 1;
        None without validation.
    updates : int
        The last update done.
    images_per_second : float
        Of training, without validation.
    skipped : list of Path
        Images that could not be read.
    stop : str or None
        Why the run ended before its last update; None: it is complete.
    """

    folder: Path
    loss: float
    map: float | None
    best_map: float | None
    updates: int
    images_per_second: float
    skipped: list[Path]
    stop: str | None


class Supervisor:
    """Trains a run to its end.

    Parameters
    ----------
    run : Training
        The run, with the user's callbacks.
    """

    def __init__(self, run: Training) -> None:
        stream = None if run.options.quiet else sys.stdout
        self.run = run
        self.skipped: list[Path] = []
        self.progress = Progress(run.schedule.first, run.schedule.last, stream, run.task.figure)
        self.checkpoints = Checkpoints()
        run.callbacks = [
            Validation(self.progress, self.checkpoints),
            Saving(),
            Logging(),
            TensorBoard(),
            self.checkpoints,
            Showing(self.progress),
            Patience(),
            TimeLimit(self.checkpoints),
            *run.callbacks,
        ]

    def train(self, warnings: Sequence[str], kept: Kept | None = None) -> RunResult:
        """Train.

        Parameters
        ----------
        warnings : sequence of str
            What is odd about the run so far.
        kept : Kept or None
            The checkpoint that it goes on from.
        """
        run, say = self.run, self.progress.say
        introduce(run, self.progress)
        for line in warnings:
            warn(line)
        if kept is not None:
            say(f"going on after update {run.state.update} ({kept.path})")
            self.skipped = kept.skipped
            cut(run, kept)
        try:
            number = self._attempts()
        finally:
            report_skipped(run, self.skipped)
        resume = f"`pylrm train --resume {run.folder.folder}` goes on"
        if number is not None:
            say(
                f"interrupted after update {run.state.update}; weights: {run.folder.last}; {resume}"
            )
            raise interruption(number)
        if run.state.stop is not None:
            say(f"ended after update {run.state.update}: {run.state.stop}; {resume}")
        conclude(run, self.progress)
        return result_of(run, self.skipped)

    def _attempts(self) -> int | None:
        """Train, from the state on or after rollbacks; returns the signal that ended it."""
        while True:
            try:
                return self._attempt()
            except NumericsError as error:
                self._roll_back(error)
                number = self.run.interruption.signal
                if number is not None:  # it came in the update that was given up
                    self._save()
                    return number

    def _attempt(self) -> int | None:
        run = self.run
        run.team.start(run)
        with open_batches(
            run.team, run.task, run.options, run.sizes, run.state.rollbacks, self.skipped
        ) as run.batches:
            try:
                number = loop(run)
                if number is not None or run.state.stop is not None:
                    self._save()
                return number
            except NumericsError:
                raise
            except Exception:
                self._rescue()
                raise
            finally:
                self.skipped = run.batches.skipped

    def _save(self) -> None:
        self.checkpoints.write(self.run)
        save(self.run, self.run.folder.last)

    def _rescue(self) -> None:
        """Save what an error left, unless it came amid a pass; and say how to go on."""
        run = self.run
        try:
            if self.checkpoints.is_clean(run):
                self._save()
            kept, _ = newest(run.folder)
        except (PylrmError, OSError):
            return  # what stopped the run stops this too
        self.progress.say(
            f"`pylrm train --resume {run.folder.folder}` goes on after update {kept.state.update}"
        )

    def _roll_back(self, error: NumericsError) -> None:
        """Go back to the last checkpoint, if that was asked for and may help.

        Raises
        ------
        NumericsError
            The one given, else.
        """
        run, before = self.run, self.run.state
        if run.options.on_nan != "rollback":
            raise error
        if before.rollbacks == MOST_ROLLBACKS:
            raise NumericsError(
                f"{error}; {count_of(before.rollbacks, 'rollback')} did not help"
            ) from error
        try:
            kept, _ = newest(run.folder)
        except DataError:
            raise error from None
        kept.restore(run.net)
        run.state = kept.state
        run.state.rollbacks = before.rollbacks + 1
        run.state.best_map, run.state.since_best = before.best_map, before.since_best
        run.net.rate_factor = ROLLBACK_FACTOR**run.state.rollbacks
        cut(run, kept)
        line = (
            f"rollback {run.state.rollbacks} of {MOST_ROLLBACKS} to update {run.state.update}: on "
            f"at {run.net.rate_factor:g} of the rate, with the images in another order"
        )
        note(run.folder.folder, f"{line} ({error})")
        self.progress.end()
        warn(str(error))
        warn(line)


def cut(run: Training, kept: Kept) -> None:
    """Cut off what was logged after a checkpoint; warn where rows before it are missing."""
    with writing(run.folder.folder):
        short = cut_logs(run.folder.folder, kept.logs)
    for path in short:
        warn(f"{path}: it was longer at update {kept.state.update}: rows before it are missing")


def interruption(number: int) -> BaseException:
    """Return what a signal is as an exception."""
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


def result_of(run: Training, skipped: Sequence[Path]) -> RunResult:
    """Return what a run came to."""
    state = run.state
    return RunResult(
        run.folder.folder,
        state.average,
        state.map,
        state.best_map,
        state.update,
        state.images / state.seconds,
        list(skipped),
        state.stop,
    )


def introduce(run: Training, progress: Progress) -> None:
    """Say what is about to be trained on what."""
    net, say = run.net, progress.say
    passes = f" in {count_of(net.subdivisions, 'pass')}" if net.subdivisions > 1 else ""
    passes += f" by {count_of(run.team.size, 'process')}" if run.team.size > 1 else ""
    say(
        f"{run.cfg}: {net.width}x{net.height}, {count_of(net.classes, 'class')}, updates "
        f"{run.schedule.first} to {run.schedule.last} of "
        f"{count_of(net.batch * net.subdivisions, 'image')}{passes}"
    )
    for line in run.task.introduction():
        say(line)
    for line in run.task.warnings():
        warn(line)
    say(f"run folder: {run.folder.folder}")
    if run.options.tensorboard:
        say(f"curves: tensorboard --logdir {run.folder.folder} (pip install tensorboard)")


def report_skipped(run: Training, skipped: Sequence[Path]) -> None:
    """List the images that could not be read, on the screen and in the run folder."""
    if skipped:
        paths = sorted(str(path) for path in skipped)
        file = run.folder.skipped
        write_whole(file, b"".join(os.fsencode(path) + b"\n" for path in paths))
        shown = ", ".join(paths[:5]) + (", …" if len(paths) > 5 else "")
        warn(f"images that could not be read, left out: {len(paths)} ({file}): {shown}")


def conclude(run: Training, progress: Progress) -> None:
    """Say what came out, where it is and what to do with it."""
    state, folder, say = run.state, run.folder, progress.say
    figure, found = run.task.figure, ""
    if state.best_map is not None:
        found = f", {figure} {state.map:.4f} (best {state.best_map:.4f})"
    say(
        f"{count_of(state.update, 'update')}: loss {state.average:.4f}{found}, "
        f"{state.images / state.seconds:.1f} img/s"
    )
    if state.stall > 0.1 * state.seconds:
        say(
            f"training waited {state.stall / state.seconds:.0%} of the time for images: more "
            "--workers may help"
        )
    weights = folder.last if state.best_map is None else folder.best
    say(f"weights: {weights}   log: {folder.folder / 'log.csv'}")
    if run.data.valid:
        say(f"next:    {run.task.command} --cfg {folder.cfg} --weights {weights}")
    say(f"         pylrm plot {folder.folder} -o {folder.folder / 'curves.png'}")
