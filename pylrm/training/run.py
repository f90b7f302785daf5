"""A run under way: what it is made of, where it stands, and who is told of it.

What goes along with the updates (validation, saving, the log, the screen, a user's own logger) is a
`Callback`; the loop itself only trains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataFile
from pylrm.data.loader import Loader
from pylrm.engine import Network
from pylrm.errors import NumericsError
from pylrm.runs.folder import Run
from pylrm.training.schedule import Schedule


@dataclass
class State:
    """Where a run stands, apart from the network: all that changes from update to update.

    Attributes
    ----------
    update : int
        The last update done.
    loss, average : float
        Its loss and the running average, .9 of the former plus .1 of the new.
    map, best_map : float or None
        The newest and the best validation mAP, 0 to 1.
    images, seconds : float
        Images trained on in this run and the time that took, without validation.
    row : dict
        The last update by the columns of log.csv (`pylrm.runs.log.COLUMNS`), and for the text log
        seconds, class, noobj and count.
    """

    update: int
    loss: float = math.nan
    average: float = math.nan
    map: float | None = None
    best_map: float | None = None
    images: int = 0
    seconds: float = 0.0
    row: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """A run that has passed all checks.

    Attributes
    ----------
    net : Network
        What is trained.
    cfg : Cfg
        Its cfg.
    data : DataFile
        The data set.
    batches : Loader
        Images with their truths, from the run's position on.
    folder : Run
        Where everything is written.
    schedule : Schedule
        Which updates, and what happens after which of them.
    letterbox : bool
        Whether images keep their aspect.
    size : (int, int)
        The cfg's width and height, at which mAP is measured.
    state : State
        Where the run stands.
    callbacks : sequence of Callback
        Who is told, in this order.
    """

    net: Network
    cfg: Cfg
    data: DataFile
    batches: Loader
    folder: Run
    schedule: Schedule
    letterbox: bool
    size: tuple[int, int]
    state: State
    callbacks: Sequence[Callback]

    def begin(self) -> None:
        """Tell the callbacks that the first update is about to come."""
        for callback in self.callbacks:
            callback.run_begins(self)

    def update_done(self) -> None:
        """Tell the callbacks that an update is done; `state` says which."""
        for callback in self.callbacks:
            callback.update_done(self)

    def validated(self) -> None:
        """Tell the callbacks that mAP was measured after the update."""
        for callback in self.callbacks:
            callback.validated(self)

    def saved(self, path: Path) -> None:
        """Tell the callbacks that weights were written."""
        for callback in self.callbacks:
            callback.saved(self, path)

    def end(self) -> None:
        """Tell the callbacks that no update follows, whatever the reason."""
        for callback in self.callbacks:
            callback.run_ends(self)

    def diverged(self, what: str) -> NumericsError:
        """Return the error of a run that left the finite range: what, what is left, what helps."""
        last = self.folder.last
        left = f"the last good weights are {last}" if last.exists() else "no weights were saved"
        advice = "try a lower learning_rate or a longer burn_in"
        return NumericsError(f"{self.folder.folder}: {what}; {left}; {advice}")


class Callback:
    """What goes along with a run. Override what is of interest; the others do nothing.

    An exception ends the run, after the callbacks' `run_ends`.
    """

    def run_begins(self, run: Training) -> None:
        """Before the first update."""

    def update_done(self, run: Training) -> None:
        """After each update; `run.state.row` has its figures."""

    def validated(self, run: Training) -> None:
        """After mAP was measured; `run.state.map` has it."""

    def saved(self, run: Training, path: Path) -> None:
        """After weights were written."""

    def run_ends(self, run: Training) -> None:
        """After the last update, an interruption or an error."""
