"""The training loop: updates, one after the other. What else happens is the callbacks'."""

from __future__ import annotations

import math
import time
from statistics import fmean

from pylrm.data.loader import Batch
from pylrm.errors import NumericsError, PylrmError
from pylrm.training.guard import dump_batch, first_of_pass
from pylrm.training.interruption import InterruptedRunError, Interruption
from pylrm.training.run import Training
from pylrm.training.statistics import PassStatistics


def loop(run: Training) -> int | None:
    """Do the updates of a run from its state on.

    An update is `subdivisions` passes of `net.batch` images; what its passes see is a function of
    the seed and of the images seen so far, so that a run repeats.

    Returns
    -------
    int or None
        The signal (SIGINT, SIGTERM) that ended the run after an update; None: it is complete, or
        its state's `stop` says why it ended before.

    Raises
    ------
    NumericsError
        Loss or parameters left the finite range.
    """
    with Interruption() as run.interruption:
        try:
            run.begin()
            if not run.state.told:
                run.update_done()
            while run.state.update < run.schedule.last and run.state.stop is None:
                step(run, run.state.update + 1)
                run.update_done()
                if run.state.update >= run.schedule.last:
                    run.state.stop = None  # there is nothing left to stop
                elif run.interruption.signal is not None:
                    return run.interruption.signal
        except InterruptedRunError:
            return run.interruption.signal
        finally:
            run.end()
    return None


def step(run: Training, update: int) -> None:
    """Do one update, and set the run's state to it.

    The loss of an update is the mean over its passes of cost / images of the pass.

    Raises
    ------
    NumericsError
        A pass whose loss is not finite, or an update that leaves such parameters.
    """
    net, state, batches = run.net, run.state, run.batches
    began, stalled = time.perf_counter(), batches.stall
    statistics = PassStatistics(net, state.passes)
    rate = net.learning_rate
    while len(statistics.losses) < net.subdivisions:
        shown, batch = run.team.passes(run, net.subdivisions - len(statistics.losses))
        for number, each in enumerate(shown):
            if not math.isfinite(each.loss):
                batch = run.team.batch_of(run, number, batch)
                why = first_of_pass(net, batch, run.options.seed)
                why = why or "there is no memory to see where"
                raise _diverged(run, batch, f"the loss of update {update} is {each.loss}: {why}")
        for each in shown:
            statistics.add(each)
        state.passes = statistics.passes
    found = net.find_not_finite(values_only=True)
    norm = net.gradient_norm
    if found is not None or (norm is not None and not math.isfinite(norm)):
        what = f"{found} are" if found is not None else "the gradient's norm is"
        raise _diverged(run, batch, f"{what} not finite after update {update}")
    images = run.images_an_update
    seconds = time.perf_counter() - began
    state.update = update
    state.passes = None
    state.loss = fmean(statistics.losses)
    previous = state.loss if math.isnan(state.average) else state.average
    state.average = 0.9 * previous + 0.1 * state.loss
    state.images += images
    state.seconds += seconds
    state.stall += batches.stall - stalled
    state.row = {
        "update": update,
        "images": net.seen,
        "loss": state.loss,
        "avg": state.average,
        "rate": rate,
        "seconds": seconds,
        "img_s": images / seconds,
        **statistics.columns(),
        "stall": batches.stall - stalled,
        "grad_norm": norm,
    }
    state.told = False


def _diverged(run: Training, batch: Batch, what: str) -> NumericsError:
    """Keep the batch that led out of the finite range; return the error that says so."""
    file = run.folder.nonfinite
    try:
        dump_batch(file, batch, run.images, run.data.names)
        shown = f"`pylrm preview --batch {file} -o page.png` shows the images"
    except PylrmError as error:
        shown = str(error)
    return run.diverged(f"{what}; {shown}")
