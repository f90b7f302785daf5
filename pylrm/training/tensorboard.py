"""A run's curves for TensorBoard (`--tensorboard`): `tensorboard --logdir runs` shows them live."""

from __future__ import annotations

from typing import Any

from pylrm.extras import extra
from pylrm.files.writing import writing
from pylrm.runs.log import WHOLE
from pylrm.training.callbacks import Callback
from pylrm.training.run import Training

FOLDER = "tensorboard"  # in the run folder
# Figures of the logs to where TensorBoard shows them; all others are beside the loss.
GROUPS = {
    **dict.fromkeys(("map", "top1", "top5"), "validation"),
    **dict.fromkeys(("iou", "obj", "noobj", "class", "recall", "count"), "predictions"),
    **dict.fromkeys(("kept", "kept_claimed", "kept_loss"), "mining"),
    **dict.fromkeys(("fg", "fg_loss", "fg_kept_loss"), "mining"),
    **dict.fromkeys(("img_s", "seconds", "stall"), "speed"),
}


def tensorboard_x() -> Any:
    """Import what writes TensorBoard's files.

    Raises
    ------
    PylrmError
        It is not installed.
    """
    return extra("tensorboard", "--tensorboard needs tensorboardX")


class TensorBoard(Callback):
    """Writes each update's figures to the run folder's tensorboard/, where that is asked for."""

    def __init__(self) -> None:
        self.writer: Any = None

    def run_begins(self, run: Training) -> None:
        """Open the file; what was written of later updates before is not shown."""
        if run.options.tensorboard:
            first = run.state.update + run.state.told
            with writing(run.folder.folder):
                self.writer = tensorboard_x().SummaryWriter(
                    str(run.folder.folder / FOLDER),
                    purge_step=first,
                    filename_suffix=f".{first}",  # files of one second have one name else
                )

    def update_done(self, run: Training) -> None:
        """Write the update's row."""
        if self.writer is None:
            return
        with writing(run.folder.folder):
            for name, value in run.state.row.items():
                if value is not None and name not in WHOLE:
                    self.writer.add_scalar(
                        f"{GROUPS.get(name, 'loss')}/{name}", value, run.state.update
                    )

    def run_ends(self, run: Training) -> None:
        """Close the file."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None
