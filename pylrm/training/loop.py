"""The training loop: updates, one after the other. What else happens is the callbacks'."""

from __future__ import annotations

import math
import time
from statistics import fmean

from pylrm.training.interruption import Interruption
from pylrm.training.run import Training
from pylrm.training.statistics import PassStatistics


def loop(run: Training) -> int | None:
    """Do the updates of a run.

    An update is `subdivisions` passes of `net.batch` images; what its passes see is a function of
    the seed and of the images seen so far, so that a run repeats.

    Returns
    -------
    int or None
        The signal (SIGINT, SIGTERM) that ended the run after an update; None: it is complete.

    Raises
    ------
    NumericsError
        The loss left the finite range.
    """
    with Interruption() as interruption:
        try:
            run.begin()
            for update in range(run.schedule.first, run.schedule.last + 1):
                step(run, update)
                run.update_done()
                if interruption.signal is not None and update < run.schedule.last:
                    return interruption.signal
        finally:
            run.end()
    return None


def step(run: Training, update: int) -> None:
    """Do one update, and set the run's state to it.

    The loss of an update is the mean over its passes of cost / images of the pass.

    Raises
    ------
    NumericsError
        A pass whose loss is not finite.
    """
    net, state, batches = run.net, run.state, run.batches
    began, stalled = time.perf_counter(), batches.stall
    statistics = PassStatistics(net)
    rate = net.learning_rate
    losses = []
    for _ in range(net.subdivisions):
        batch = next(batches)
        height, width = batch.x.shape[2:]
        if (width, height) != (net.width, net.height):
            net.resize(width, height)
        losses.append(net.train_batch(batch.x, batch.truth))
        if not math.isfinite(losses[-1]):
            raise run.diverged(f"the loss of update {update} is {losses[-1]}")
        statistics.add()
    images = net.batch * net.subdivisions
    seconds = time.perf_counter() - began
    state.update = update
    state.loss = fmean(losses)
    previous = state.loss if math.isnan(state.average) else state.average
    state.average = 0.9 * previous + 0.1 * state.loss
    state.images += images
    state.seconds += seconds
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
        "grad_norm": net.gradient_norm,
    }
