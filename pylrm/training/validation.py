"""Measuring on the valid list while a run goes on."""

from __future__ import annotations

from pylrm.terminal import count_of
from pylrm.training.callbacks import Callback
from pylrm.training.checkpoints import Checkpoints
from pylrm.training.progress import Progress
from pylrm.training.run import Training


class Validation(Callback):
    """Measures mAP, or what the task has, where the schedule says so, at the cfg's input size.

    Parameters
    ----------
    progress : Progress
        The screen, which is told that it takes a while.
    checkpoints : Checkpoints
        One is written before, as it takes a while.
    """

    def __init__(self, progress: Progress, checkpoints: Checkpoints) -> None:
        self.progress, self.checkpoints = progress, checkpoints

    def update_done(self, run: Training) -> None:
        """Measure, if it is time, and tell the callbacks.

        Raises
        ------
        InterruptedRunError
            A signal came; a run that goes on measures from the start.
        """
        net, state = run.net, run.state
        if not run.schedule.validates(state.update):
            return
        self.checkpoints.write(run)
        if (net.width, net.height) != run.size:
            net.resize(*run.size)
        what = f"{state.update}/{run.schedule.last}  measuring {run.task.figure}"
        self.progress.passing(what)

        def measured(done: int, total: int) -> None:
            run.interruption.check()
            self.progress.passing(f"{what}: {done}/{count_of(total, 'image')}")

        found = run.task.validate(run.letterbox, measured)
        state.map = found[run.task.column]
        state.row.update(found)
        run.validated()
