"""Reasons to end a run before its last update: no better mAP for long, or little time left."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path

from pylrm.data.darknet import read_images
from pylrm.terminal import count_of
from pylrm.training.callbacks import Callback
from pylrm.training.checkpoints import Checkpoints
from pylrm.training.options import seconds_of
from pylrm.training.run import Training

BEGAN = time.monotonic()  # where the system does not tell when the process did


class Patience(Callback):
    """Ends a run after so many validations without a better mAP (`--patience`)."""

    def validated(self, run: Training) -> None:
        """Count; `Saving` has said how many there are since the best one."""
        patience, state = run.options.patience, run.state
        if patience and state.since_best >= patience:
            state.stop = (
                f"no better {run.task.figure} in {count_of(state.since_best, 'validation')}"
            )


class TimeLimit(Callback):
    """Ends a run in time to save (`--time-limit`); comes after all that takes time.

    What comes is taken to last as long as the slowest of its kind so far: an update, one with a
    validation, and twice a checkpoint's writing for the end. The first validation is taken to last
    as long as training on its images, which takes longer.

    Parameters
    ----------
    checkpoints : Checkpoints
        Which know how long they take.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints
        self._slowest: defaultdict[bool, float] = defaultdict(float)
        self._last = 0.0
        self._validation = 0.0  # in updates, as far as images go

    def run_begins(self, run: Training) -> None:
        """Start the clock of the first update."""
        self._last = time.monotonic()
        images = len(read_images(run.data, "valid")) if run.schedule.map_every else 0
        self._validation = images / run.images_an_update

    def update_done(self, run: Training) -> None:
        """Stop if the next update could end too late."""
        now = time.monotonic()
        took, self._last = now - self._last, now
        schedule, update, slowest = run.schedule, run.state.update, self._slowest
        kind = schedule.validates(update)
        slowest[kind] = max(slowest[kind], took)
        limit = run.options.time_limit
        if limit is None:
            return
        coming = slowest[False]
        if schedule.validates(update + 1):
            coming = slowest[True] or coming * (1 + self._validation)
        if process_seconds() + coming + 2 * self.checkpoints.slowest > seconds_of(limit):
            run.state.stop = f"the time limit of {limit} is near"


def process_seconds() -> float:
    """Return for how long this process has been running, by clocks that nobody sets."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError, ValueError, IndexError):
        return time.monotonic() - BEGAN
