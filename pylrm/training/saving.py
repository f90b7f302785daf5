"""Writing a run's weights: the last, the best, and those of certain updates."""

from __future__ import annotations

import math
from pathlib import Path

from pylrm.training.callbacks import Callback
from pylrm.training.run import Training


class Saving(Callback):
    """Writes last.weights and N.weights by the schedule, and best.weights after validations."""

    def update_done(self, run: Training) -> None:
        """Save what is due after this update."""
        update = run.state.update
        if run.schedule.saves(update):
            save(run, run.folder.last)
        if run.schedule.numbers(update):
            save(run, run.folder.numbered(update))

    def validated(self, run: Training) -> None:
        """Keep the weights of the best mAP so far."""
        state = run.state
        value = math.nan if state.map is None else state.map
        if value > (-1 if state.best_map is None else state.best_map):
            save(run, run.folder.best)
            state.best_map, state.since_best = state.map, 0
        else:
            state.since_best += 1


def check(run: Training) -> None:
    """Look for values that are not finite before something is saved.

    Raises
    ------
    NumericsError
        There is one.
    """
    found = run.net.find_not_finite()
    if found is not None:
        raise run.diverged(f"{found} are not finite after update {run.state.update}")


def save(run: Training, path: Path) -> None:
    """Write weights, but never over good ones with ones that are not finite.

    Raises
    ------
    NumericsError
        A value that is not finite.
    """
    check(run)
    run.folder.save(run.net, path)
    run.saved(path)
