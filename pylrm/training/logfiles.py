"""The run folder's log.csv and train.log, a row an update."""

from __future__ import annotations

from pylrm.files.writing import writing
from pylrm.runs.log import LogWriter
from pylrm.training.callbacks import Callback
from pylrm.training.run import Training


class Logging(Callback):
    """Writes each update to the run folder's logs."""

    def __init__(self) -> None:
        self.writer: LogWriter | None = None

    def run_begins(self, run: Training) -> None:
        """Open the logs."""
        with writing(run.folder.folder):
            self.writer = LogWriter(run.folder.folder)

    def update_done(self, run: Training) -> None:
        """Write the update's row."""
        assert self.writer is not None
        with writing(run.folder.folder):
            self.writer.update(run.state.row)

    def run_ends(self, run: Training) -> None:
        """Close the logs."""
        if self.writer is not None:
            self.writer.close()
