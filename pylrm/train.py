"""The training loop: a cfg and a data set in, a run folder out.

Python owns the run, the engine the step. An update is `subdivisions` passes of `net.batch` images;
what its passes see is a function of the seed and of the images seen so far, so that a run repeats.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from pylrm import __version__, preflight
from pylrm.cfgfile import resolve
from pylrm.data.darknet import DataFile, LabelSummary
from pylrm.data.loader import Batch, Loader
from pylrm.engine import Layer, Network
from pylrm.errors import NumericsError
from pylrm.evaluate.network import evaluate
from pylrm.logs import LogWriter
from pylrm.progress import Progress
from pylrm.runs import Run, letterboxes, write_whole, writing
from pylrm.schedule import Schedule, Sizes, multi_scale_sizes, usual_map_every
from pylrm.tally import Tally


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
    """

    update: int
    loss: float = math.nan
    average: float = math.nan
    map: float | None = None
    best_map: float | None = None
    images: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes
    ----------
    folder : Path
        The run folder.
    loss : float
        Running average of the loss at the end.
    map, best_map : float or None
        The newest and the best validation mAP, 0 to 1; None without validation.
    updates : int
        The last update done.
    images_per_second : float
        Of training, without validation.
    skipped : list of Path
        Images that could not be read.
    """

    folder: Path
    loss: float
    map: float | None
    best_map: float | None
    updates: int
    images_per_second: float
    skipped: list[Path]


@dataclass(frozen=True)
class Plan:
    """A run that has passed all checks: what goes in, where it goes, and when what happens."""

    net: Network
    data: DataFile
    run: Run
    schedule: Schedule
    size: tuple[int, int]  # the cfg's width and height, at which mAP is measured
    letterbox: bool
    progress: Progress


def train(
    cfg: str | Path,
    data: str | Path | None = None,
    *,
    weights: str | Path | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    workers: int = 2,
    seed: int = 0,
    keep_seen: bool = False,
    updates: int | None = None,
    map_every: int | None = None,
    save_every: int | None = None,
    letterbox: bool | None = None,
    quiet: bool = False,
) -> RunResult:
    """Train a detector and write a run folder.

    Parameters
    ----------
    cfg : str or Path
        The network; looked up in the working folder, then among the shipped cfg files.
    data : str, Path or None
        The .data file; None: the one that [net] data= names.
    weights : str, Path or None
        Where to start from; a file that ends early leaves the later layers random. None: random.
    out : str, Path or None
        The run folder, new or empty; None: runs/NAME of the cfg, numbered when taken.
    threads : int or None
        Of the engine; None: as many as the process may use.
    workers : int
        Threads that prepare images; the outcome does not depend on them.
    seed : int
        Of random weights, order of images, augmentation and input sizes.
    keep_seen : bool
        Go on counting images where `weights` stopped, instead of at 0.
    updates : int or None
        The last update; None: the cfg's max_batches. The rate's schedule remains the cfg's.
    map_every : int or None
        Updates between validations; 0: none; None: about ten in the run if there is a valid list.
    save_every : int or None
        Updates between numbered weights; 0 or None: none.
    letterbox : bool or None
        Keep the aspect of images (in training and validation), else stretch them to the input;
        None: as the cfg says (see `pylrm.runs.letterboxes`).
    quiet : bool
        Show nothing but warnings.

    Raises
    ------
    PylrmError
        Anything wrong with cfg, data, weights or folder, before the first update; NumericsError
        when the loss leaves the finite range; a file that cannot be written.
    """
    out = None if out is None else Path(out)
    weights = None if weights is None else Path(weights)
    Run.check(out)
    source = resolve(cfg)
    if letterbox is None:
        letterbox = letterboxes(source)
    with Network(source, threads=threads, seed=seed) as net:
        heads = preflight.detectors(net, source)
        dataset = preflight.choose_data(source, data)
        preflight.check_classes(heads, source, dataset)
        preflight.check_images(net, heads, source)
        images = preflight.read_images(dataset, "train")
        labels = preflight.check_boxes(images, dataset)
        if weights is not None:
            net.load_weights(weights)
        an_update = net.batch * net.subdivisions
        net.seen = net.seen // an_update * an_update if keep_seen else 0
        first, last = preflight.first_and_last(net, source, weights, updates)
        if map_every is None:
            map_every = usual_map_every(first, last) if dataset.valid else 0
        if map_every:
            preflight.check_validation(dataset)
        size = net.width, net.height
        sizes = input_sizes(net, heads, last, seed)
        with training_batches(
            net, heads, images, sizes=sizes, seed=seed, workers=workers, letterbox=letterbox
        ) as batches:
            progress = Progress(first, last, None if quiet else sys.stdout)
            run = Run.create(out, source.stem)
            schedule = Schedule(first, last, map_every, save_every or 0)
            plan = Plan(net, dataset, run, schedule, size, letterbox, progress)
            state = State(first - 1)
            run.describe(
                source,
                {
                    "pylrm": __version__,
                    "cfg": str(source.resolve()),
                    "data": str(dataset.path.resolve()),
                    "weights": None if weights is None else str(weights.resolve()),
                    "seed": seed,
                    "threads": net.threads,
                    "workers": workers,
                    "keep_seen": keep_seen,
                    "letterbox": letterbox,
                    **asdict(schedule),
                    "sizes": sizes.choices,
                },
            )
            introduce(plan, source, labels)
            try:
                loop(plan, state, batches)
            except KeyboardInterrupt:
                net.seen -= net.seen % an_update  # a started update was not taken
                run.save(net, run.last)
                done = net.seen // an_update
                progress.say(f"interrupted after update {done}; weights: {run.last}")
                raise
            finally:
                progress.end()
                report_skipped(run, batches.skipped)
            conclude(plan, state, batches)
            return RunResult(
                run.folder,
                state.average,
                state.map,
                state.best_map,
                state.update,
                state.images / state.seconds,
                list(batches.skipped),
            )


def input_sizes(net: Network, heads: list[Layer], last: int, seed: int) -> Sizes:
    """Return the input size of each pass of a run: the cfg's, or several with random=1.

    Parameters
    ----------
    net : Network
        The network, at the cfg's size.
    heads : list of Layer
        Its detectors.
    last : int
        The last update of the run.
    seed : int
        The run's.
    """
    size = net.width, net.height
    random = any(head.option("random") for head in heads)
    choices = multi_scale_sizes(*size, preflight.stride(net, heads)) if random else [size]
    return Sizes(choices, net.subdivisions, last, seed)


def training_batches(
    net: Network,
    heads: list[Layer],
    images: list[Path],
    *,
    sizes: Sizes,
    seed: int,
    workers: int,
    letterbox: bool,
    augment: bool = True,
) -> Loader:
    """Return the batches that a network is trained on, from the images it has seen on.

    Parameters
    ----------
    net : Network
        The network.
    heads : list of Layer
        Its detectors; the jitter is the first one's.
    images : list of Path
        What the training list names.
    sizes : Sizes
        The input size of each pass.
    seed, workers, letterbox, augment
        As `Loader` takes them.
    """
    return Loader(
        images,
        classes=net.classes,
        batch=net.batch,
        width=net.width,
        height=net.height,
        channels=net.channels,
        max_boxes=net.max_truths,
        seed=seed,
        position=net.seen // net.batch,
        workers=workers,
        jitter=heads[0].option("jitter"),
        **{key: net.option(key) for key in ("hue", "saturation", "exposure")},
        letterbox=letterbox,
        augment=augment,
        size_at=sizes.at,
    )


def loop(plan: Plan, state: State, batches: Loader) -> None:
    """Do the updates of a run: step, validate, save, log.

    Parameters
    ----------
    plan : Plan
        The run.
    state : State
        Where it stands; kept up to date.
    batches : Loader
        Images with their truths, from the run's position on.
    """
    net, run, schedule = plan.net, plan.run, plan.schedule
    with writing(run.folder), LogWriter(run.folder) as log:
        for update in range(schedule.first, schedule.last + 1):
            began, stalled = time.perf_counter(), batches.stall
            tally = Tally(net)
            rate = net.learning_rate
            state.loss = step(plan, update, batches, tally)
            seconds = time.perf_counter() - began
            previous = state.loss if math.isnan(state.average) else state.average
            state.average = 0.9 * previous + 0.1 * state.loss
            state.update = update
            state.images += net.batch * net.subdivisions
            state.seconds += seconds
            if schedule.validates(update):
                validate(plan, state)
            if schedule.saves(update):
                save(plan, update, run.last)
            if schedule.numbers(update):
                save(plan, update, run.numbered(update))
            speed = net.batch * net.subdivisions / seconds
            log.update(
                {
                    "update": update,
                    "images": net.seen,
                    "loss": state.loss,
                    "avg": state.average,
                    "rate": rate,
                    "seconds": seconds,
                    "img_s": speed,
                    **tally.columns(),
                    "map": state.map if schedule.validates(update) else None,
                    "stall": batches.stall - stalled,
                }
            )
            plan.progress.update(update, state.loss, state.average, state.map, speed, seconds)


def step(plan: Plan, update: int, batches: Iterator[Batch], tally: Tally) -> float:
    """Do one update and return its loss: the mean over the passes of cost / images of the pass.

    Raises
    ------
    NumericsError
        A pass whose loss is not finite.
    """
    net = plan.net
    losses = []
    for _ in range(net.subdivisions):
        batch = next(batches)
        height, width = batch.x.shape[2:]
        if (width, height) != (net.width, net.height):
            net.resize(width, height)
        losses.append(net.train_batch(batch.x, batch.truth))
        if not math.isfinite(losses[-1]):
            raise diverged(plan.run, f"the loss of update {update} is {losses[-1]}")
        tally.add()
    return fmean(losses)


def validate(plan: Plan, state: State) -> None:
    """Measure mAP on the valid list at the cfg's input size; keep the weights if it is the best."""
    net = plan.net
    if (net.width, net.height) != plan.size:
        net.resize(*plan.size)
    plan.progress.passing(f"{state.update}/{plan.schedule.last}  measuring mAP")
    state.map = evaluate(net, plan.data, letterbox=plan.letterbox).map
    if state.best_map is None or state.map > state.best_map:
        state.best_map = state.map
        save(plan, state.update, plan.run.best)


def save(plan: Plan, update: int, path: Path) -> None:
    """Write weights, but never over good ones with ones that are not finite.

    Raises
    ------
    NumericsError
        A weight that is not finite.
    """
    for layer in plan.net:
        for name, values in layer.params.items():
            if not np.isfinite(values).all():
                where = f"{name} of layer {layer.index} [{layer.type}]"
                raise diverged(plan.run, f"{where} are not finite after update {update}")
    plan.run.save(plan.net, path)


def diverged(run: Run, what: str) -> NumericsError:
    """Return the error of a run that left the finite range: what, what is left, what helps."""
    left = f"the last good weights are {run.last}" if run.last.exists() else "no weights were saved"
    advice = "try a lower learning_rate or a longer burn_in"
    return NumericsError(f"{run.folder}: {what}; {left}; {advice}")


def warn(line: str) -> None:
    """Print a warning."""
    print(f"pylrm: warning: {line}", file=sys.stderr, flush=True)


def introduce(plan: Plan, cfg: Path, labels: LabelSummary) -> None:
    """Say what is about to be trained on what."""
    net, say = plan.net, plan.progress.say
    passes = f" in {net.subdivisions} passes" if net.subdivisions > 1 else ""
    say(
        f"{cfg}: {net.width}x{net.height}, {net.classes} classes, updates {plan.schedule.first} to "
        f"{plan.schedule.last} of {net.batch * net.subdivisions} images{passes}"
    )
    say(f"{plan.data.path}: {labels.images} images with {labels.boxes} boxes")
    for line in preflight.label_warnings(labels, plan.data, net.max_truths):
        warn(line)
    mining = preflight.mining(net)
    if mining is not None:
        say(mining.line)
        if mining.warning:
            warn(f"{cfg}: {mining.warning}")
    say(f"run folder: {plan.run.folder}")


def report_skipped(run: Run, skipped: list[Path]) -> None:
    """List the images that could not be read, on the screen and in the run folder."""
    if skipped:
        paths = sorted(str(path) for path in skipped)
        write_whole(run.skipped, b"".join(os.fsencode(path) + b"\n" for path in paths))
        shown = ", ".join(paths[:5]) + (", …" if len(paths) > 5 else "")
        warn(f"{len(paths)} images could not be read and were left out ({run.skipped}): {shown}")


def conclude(plan: Plan, state: State, batches: Loader) -> None:
    """Say what came out, where it is and what to do with it."""
    run, say = plan.run, plan.progress.say
    found = "" if state.best_map is None else f", mAP {state.map:.4f} (best {state.best_map:.4f})"
    say(
        f"{state.update} updates: loss {state.average:.4f}{found}, "
        f"{state.images / state.seconds:.1f} img/s"
    )
    if batches.stall > 0.1 * state.seconds:
        say(
            f"training waited {batches.stall / state.seconds:.0%} of the time for images: more "
            "--workers may help"
        )
    weights = run.last if state.best_map is None else run.best
    say(f"weights: {weights}   log: {run.folder / 'log.csv'}")
    if plan.data.valid:
        say(f"next:    pylrm map --cfg {run.cfg} --data {plan.data.path} --weights {weights}")
    say(f"         pylrm plot {run.folder} -o {run.folder / 'curves.png'}")
