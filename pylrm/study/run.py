"""One run of a study: trained for a fixed number of updates, measured with its final weights."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import read_data
from pylrm.engine import Network
from pylrm.errors import NumericsError
from pylrm.evaluate.measure import Evaluation, measure, without_nan
from pylrm.evaluate.network import evaluate
from pylrm.evaluate.report import report
from pylrm.files.writing import write_whole
from pylrm.runs.folder import Run
from pylrm.runs.inputs import letterboxes
from pylrm.training.callbacks import Callback
from pylrm.training.options import TrainOptions
from pylrm.training.run import Training
from pylrm.training.train import train

RESULT = "result.json"
SCORE = 0.25  # from which detections count for F1
BATCH = 8  # images a pass in measuring

Report = Callable[[int, int], None]  # told of each update done, and the last one


@dataclass(frozen=True)
class Task:
    """A run to do, in words that another process understands.

    Attributes
    ----------
    arm : str
        The arm's name.
    seed : int
        Of the training.
    fold : int or None
        Which part of a cross-validation is held out.
    cfg : str
        The network, as text.
    digest : str
        Its SHA-256.
    data : str
        Path of the .data file.
    options : dict
        Fields of `TrainOptions`: what JSON holds.
    """

    arm: str
    seed: int
    fold: int | None
    cfg: str
    digest: str
    data: str
    options: dict[str, Any]

    def __str__(self) -> str:
        return name_of_run(self.arm, self.seed, self.fold)

    @property
    def place(self) -> str:
        """The name of its folder, below the arm's."""
        fold = "" if self.fold is None else f"-fold-{self.fold}"
        return f"seed-{self.seed}{fold}"

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Result:
    """What a run came to. All figures are None in a run that diverged; APs without objects too.

    Attributes
    ----------
    arm, seed, fold, cfg
        Of the task; cfg is the digest.
    updates : int
        The last one done.
    map : float or None
        Mean AP with the final weights, by the .data file's metric.
    ap : dict of str to (float or None)
        Class name to AP, by the same.
    ap50, ap75 : float or None
        COCO's, at IoU .5 and .75.
    small, medium, large : float or None
        AP by size of object, at IoU .5 by VOC's rules (`pylrm map`).
    f1 : float or None
        At scores of `SCORE` or more.
    images_s : float or None
        Images a second, in training.
    seconds : float
        Of training and measuring.
    note : str
        Why there are no figures; else empty.
    """

    arm: str
    seed: int
    fold: int | None
    cfg: str
    updates: int = 0
    map: float | None = None
    ap: dict[str, float | None] = field(default_factory=dict)
    ap50: float | None = None
    ap75: float | None = None
    small: float | None = None
    medium: float | None = None
    large: float | None = None
    f1: float | None = None
    images_s: float | None = None
    seconds: float = 0.0
    note: str = ""


def perform(task: Task, folder: Path, tell: Report) -> None:
    """Do a run: its folder gets what `pylrm train` writes and, as the last file, its result.

    Parameters
    ----------
    task : Task
        The run.
    folder : Path
        New or empty.
    tell : callable
        Told how far it is.

    Raises
    ------
    PylrmError
        Whatever may be otherwise at the next try; a run that diverges has a result.
    """
    began = time.monotonic()
    watch = _Watch(tell)
    cfg = Cfg.read(task.cfg)
    options = TrainOptions(**task.options, seed=task.seed, out=folder, quiet=True)
    try:
        trained = train(cfg, task.data, options, callbacks=[watch])
    except NumericsError as error:
        result = empty_result(task, str(error).removeprefix(f"{folder}: "))
        result = replace(result, updates=watch.update)
    else:
        letterbox = letterboxes(cfg, options.letterbox)
        found = measured(Run(folder), task.data, letterbox, options.threads)
        result = replace(
            result_of(task, found),
            updates=trained.updates,
            images_s=trained.images_per_second,
        )
    write_result(folder, replace(result, seconds=time.monotonic() - began))


def write_result(folder: Path, result: Result) -> None:
    """Write a run's result into its folder, which makes it complete."""
    write_whole(folder / RESULT, json.dumps(asdict(result), indent=1).encode(), durable=True)


def measured(run: Run, data: str, letterbox: bool, threads: int | None) -> Evaluation:
    """Measure a run's final weights."""
    with Network(run.cfg, run.last, batch=BATCH, threads=threads, inference=True) as net:
        return evaluate(net, read_data(data), letterbox=letterbox)


def name_of_run(arm: str, seed: int, fold: int | None) -> str:
    """Return what a run is called where people read of it."""
    return f"{arm} seed {seed}" + ("" if fold is None else f" fold {fold}")


def empty_result(task: Task, note: str) -> Result:
    """Return the result of a run without figures, and why it has none."""
    return Result(task.arm, task.seed, task.fold, task.digest, note=note)


def result_of(task: Task, done: Evaluation) -> Result:
    """Return a measurement's figures."""
    coco = measure(done.detected, list(done.ap), "coco").record()["stats"]
    total = report(done.matching(), SCORE).total
    return replace(
        empty_result(task, ""),
        map=_number(done.map),
        ap=without_nan(done.ap),
        ap50=coco["AP50"],
        ap75=coco["AP75"],
        f1=_number(total.f1),
        **without_nan(total.by_size),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


class _Watch(Callback):
    """Tells how far a run is."""

    def __init__(self, tell: Report) -> None:
        self.tell = tell
        self.update = 0

    def update_done(self, run: Training) -> None:
        """Tell it."""
        self.update = run.state.update
        self.tell(self.update, run.schedule.last)
