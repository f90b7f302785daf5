"""Which learning rate? A short training at rising rates (Smith, Cyclical Learning Rates, 2017)."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.figure import Figure

from pylrm.cfg.file import Cfg, CfgLike
from pylrm.data.darknet import DataLike
from pylrm.engine import Network
from pylrm.errors import PylrmError
from pylrm.files.writing import write_whole
from pylrm.pictures.curves import rolling_mean, show_decades
from pylrm.pictures.style import RC_PARAMS, line_style, save
from pylrm.runs.inputs import choose_data, letterboxes
from pylrm.terminal import count_of, launched_processes
from pylrm.training.batches import input_sizes, train_on
from pylrm.training.options import TrainOptions
from pylrm.training.train import adapted, task_of

Floats = npt.NDArray[np.float64]

# The options that a sweep minds, and those of the command that say what is swept.
SWEPT = {"cfg", "data", "lr_find", "weights", "updates", "freeze", "letterbox", "seed"}
SWEPT |= {"threads", "workers", "quiet"}
LOW, HIGH = 1e-7, 1.0  # rates, from the first update to the last
UPDATES = 100
WORSE = 4.0  # a loss that is so many times the best one ends the sweep
LEAST = 10  # losses that a suggestion can be made from


@dataclass(frozen=True)
class Sweep:
    """The losses of updates at rising rates.

    Attributes
    ----------
    name : str
        The cfg's.
    rates, losses, means : array (n,)
        Each update's rate and loss, and the mean of the losses around it.
    """

    name: str
    rates: Floats
    losses: Floats
    means: Floats

    @property
    def suggestion(self) -> float | None:
        """The rate at which the mean falls fastest over the rate's logarithm; None: it never does.

        Looked for before the mean is at its least.
        """
        least = int(np.argmin(self.means))
        if least < 2:
            return None
        slopes = np.gradient(np.log(self.means), np.log(self.rates))[: least + 1]
        steepest = int(np.argmin(slopes))
        return float(self.rates[steepest]) if slopes[steepest] < 0 else None

    @property
    def line(self) -> str:
        """What it says, in a line."""
        last = f"the loss was least at {self.rates[np.argmin(self.means)]:.2g}"
        if self.suggestion is None:
            return f"no suggestion: the loss does not fall at any rate ({last})"
        return f"learning_rate={self.suggestion:.2g}: there the loss falls fastest; {last}"

    def write(self, figure: Path) -> None:
        """Write a figure, and the numbers as .csv beside it."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["rate", "loss", "mean"])
        for row in zip(self.rates, self.losses, self.means, strict=True):
            writer.writerow([f"{value:.7g}" for value in row])
        save(self._figure(), figure)
        write_whole(figure.with_suffix(".csv"), text.getvalue().encode())

    def _figure(self) -> Figure:
        with rc_context(RC_PARAMS):
            figure = Figure(figsize=(6, 4), layout="constrained")
            axes = figure.subplots()
            axes.set_title(f"Learning rates: {self.name}")
            axes.set_xlabel("learning rate (log scale)")
            axes.set_ylabel("loss per image (log scale)")
            axes.set_xscale("log")
            axes.set_yscale("log")
            style = line_style(0, marker=False)
            axes.plot(self.rates, self.losses, color=style["color"], alpha=0.25, linewidth=0.8)
            axes.plot(self.rates, self.means, label="mean", **style)
            if self.suggestion is not None:
                axes.axvline(
                    self.suggestion, color="#4d4d4d", linestyle=":", label=f"{self.suggestion:.2g}"
                )
            show_decades(axes)
            axes.legend()
        return figure


def sweep(cfg: CfgLike, data: DataLike | None, options: TrainOptions) -> Sweep:
    """Train for some updates at rates that rise by the same factor; nothing is kept.

    The sweep ends early when the loss is not finite or far above its best.

    Parameters
    ----------
    cfg, data
        As `pylrm.train` takes them.
    options : TrainOptions
        Those of `SWEPT` count; updates: how many, 100 without.

    Raises
    ------
    PylrmError
        Anything wrong with cfg or data; the loss is not finite from the start.
    """
    if launched_processes() > 1:
        raise PylrmError("a sweep of the learning rate is done by one process: leave out mpirun")
    cfg = adapted(Cfg.read(cfg), options)
    count = options.updates or UPDATES
    if count < LEAST:
        raise PylrmError(f"--updates {count}: a sweep takes at least {LEAST}")
    rates = np.geomspace(LOW, HIGH, count)
    losses: list[float] = []
    with Network(cfg, device=options.device, threads=options.threads, seed=options.seed) as net:
        task = task_of(net, cfg, choose_data(cfg, data))
        if options.weights is not None:
            net.load_weights(options.weights)
        net.seen = 0
        batches = task.batches(
            sizes=input_sizes(net, count, options.seed),
            seed=options.seed,
            workers=options.workers,
            letterbox=letterboxes(cfg, options.letterbox),
            skipped=[],
        )
        with batches:
            for update, rate in enumerate(rates, 1):
                net.rate_factor = 1
                net.rate_factor = rate / net.rate_at(update)
                loss = fmean(train_on(net, next(batches)) for _ in range(net.subdivisions))
                if not math.isfinite(loss):
                    break
                losses.append(loss)
                if len(losses) > LEAST and loss > WORSE * min(losses):
                    break
    if len(losses) < LEAST:
        raise PylrmError(f"{cfg}: the loss is not finite after {count_of(len(losses), 'update')}")
    found = np.array(losses)
    return Sweep(cfg.stem, rates[: len(found)], found, rolling_mean(found, count // 12 + 1))
