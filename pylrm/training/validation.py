"""Measuring mAP on the valid list while a run goes on."""

from __future__ import annotations

from pylrm.evaluate.network import evaluate
from pylrm.training.progress import Progress
from pylrm.training.run import Callback, Training


class Validation(Callback):
    """Measures mAP where the schedule says so, at the cfg's input size.

    Parameters
    ----------
    progress : Progress
        The screen, which is told that it takes a while.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def update_done(self, run: Training) -> None:
        """Measure, if it is time, and tell the callbacks."""
        net, state = run.net, run.state
        if not run.schedule.validates(state.update):
            return
        if (net.width, net.height) != run.size:
            net.resize(*run.size)
        self.progress.passing(f"{state.update}/{run.schedule.last}  measuring mAP")
        antialias = bool(net.option("antialias"))
        state.map = evaluate(net, run.data, letterbox=run.letterbox, antialias=antialias).map
        state.row["map"] = state.map
        run.validated()
