"""The protocol of what goes along with a run: validation, saving, logs, a user's own logger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pylrm.training.run import Training


class Callback:
    """What goes along with a run. Override what is of interest; the others do nothing.

    An exception ends the run, after the callbacks' `run_ends`.
    """

    def run_begins(self, run: Training) -> None:
        """Before the first update."""

    def update_done(self, run: Training) -> None:
        """After each update; `run.state.row` has its figures."""

    def validated(self, run: Training) -> None:
        """After a validation; `run.state.map` has what it measured."""

    def saved(self, run: Training, path: Path) -> None:
        """After weights were written."""

    def run_ends(self, run: Training) -> None:
        """After the last update, an interruption or an error."""
