"""`pylrm.train`: a cfg and a data set in, a run folder out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pylrm.cfg.file import Cfg, CfgLike
from pylrm.data.darknet import DataLike, LabelSummary, read_images
from pylrm.engine import Network
from pylrm.files.writing import write_whole, writing
from pylrm.runs.folder import Run
from pylrm.runs.inputs import choose_data, letterboxes
from pylrm.training import checks
from pylrm.training.batches import input_sizes, training_batches
from pylrm.training.logging import Logging
from pylrm.training.loop import loop
from pylrm.training.options import TrainOptions
from pylrm.training.progress import Progress, Showing
from pylrm.training.run import Callback, State, Training
from pylrm.training.saving import Saving, save
from pylrm.training.schedule import Schedule, usual_map_every
from pylrm.training.validation import Validation
from pylrm.version import VERSION


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


def train(
    cfg: CfgLike,
    data: DataLike | None = None,
    options: TrainOptions | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    **changes: Any,
) -> RunResult:
    """Train a detector and write a run folder.

    Parameters
    ----------
    cfg : Cfg, str or path
        The network; looked up in the working folder, then among the shipped cfg files.
    data : DataFile, str, Path or None
        The .data file; None: the one that [net] data= names.
    options : TrainOptions or None
        How it is trained.
    callbacks : sequence of Callback
        Who is told of updates, validations and weights written, besides the log and the screen.
    **changes
        Fields of `TrainOptions`, in place of those in `options`, for instance seed=1.

    Raises
    ------
    PylrmError
        Anything wrong with cfg, data, weights or folder, before the first update; NumericsError
        when the loss leaves the finite range; a file that cannot be written.
    KeyboardInterrupt, SystemExit
        SIGINT or SIGTERM came: the update was finished and the weights were saved before.
    """
    options = replace(options or TrainOptions(), **changes)
    Run.check(options.out)
    cfg = Cfg.read(cfg)
    letterbox = letterboxes(cfg, options.letterbox)
    with Network(cfg, threads=options.threads, seed=options.seed) as net:
        dataset = choose_data(cfg, data)
        checks.check_network(net, cfg, dataset)
        images = read_images(dataset, "train")
        labels = checks.check_boxes(images, dataset)
        if options.weights is not None:
            net.load_weights(options.weights)
        an_update = net.batch * net.subdivisions
        net.seen = net.seen // an_update * an_update if options.keep_seen else 0
        first, last = checks.first_and_last(net, cfg, options.weights, options.updates)
        map_every = options.map_every
        if map_every is None:
            map_every = usual_map_every(first, last) if dataset.valid else 0
        if map_every:
            checks.check_validation(dataset)
        schedule = Schedule(first, last, map_every, options.save_every)
        sizes = input_sizes(net, last, options.seed)
        options = replace(options, threads=net.threads, letterbox=letterbox)
        progress = Progress(first, last, None if options.quiet else sys.stdout)
        with training_batches(
            net,
            images,
            sizes=sizes,
            seed=options.seed,
            workers=options.workers,
            letterbox=letterbox,
        ) as batches:
            run = Training(
                net=net,
                cfg=cfg,
                data=dataset,
                batches=batches,
                folder=Run.create(options.out, cfg.stem),
                schedule=schedule,
                letterbox=letterbox,
                size=(net.width, net.height),
                state=State(first - 1),
                callbacks=[
                    Validation(progress),
                    Saving(),
                    Logging(),
                    Showing(progress),
                    *callbacks,
                ],
            )
            run.folder.describe(
                cfg,
                {
                    "pylrm": VERSION,
                    "cfg": cfg.name if cfg.path is None else str(cfg.path.resolve()),
                    "data": str(dataset.path.resolve()),
                    **options.record(),
                    **asdict(schedule),
                    "sizes": sizes.choices,
                },
            )
            introduce(run, labels, progress)
            try:
                with writing(run.folder.folder):
                    stopped_by = loop(run)
                    if stopped_by is not None:
                        save(run, run.folder.last)
            finally:
                report_skipped(run)
            if stopped_by is not None:
                progress.say(
                    f"interrupted after update {run.state.update}; weights: {run.folder.last}"
                )
                raise interruption(stopped_by)
            conclude(run, progress)
            return result_of(run)


def interruption(number: int) -> BaseException:
    """Return what a signal is as an exception."""
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


def result_of(run: Training) -> RunResult:
    """Return what a complete run came to."""
    state = run.state
    return RunResult(
        run.folder.folder,
        state.average,
        state.map,
        state.best_map,
        state.update,
        state.images / state.seconds,
        list(run.batches.skipped),
    )


def warn(line: str) -> None:
    """Print a warning."""
    print(f"pylrm: warning: {line}", file=sys.stderr, flush=True)


def introduce(run: Training, labels: LabelSummary, progress: Progress) -> None:
    """Say what is about to be trained on what."""
    net, say = run.net, progress.say
    passes = f" in {net.subdivisions} passes" if net.subdivisions > 1 else ""
    say(
        f"{run.cfg}: {net.width}x{net.height}, {net.classes} classes, updates {run.schedule.first} "
        f"to {run.schedule.last} of {net.batch * net.subdivisions} images{passes}"
    )
    say(f"{run.data.path}: {labels.images} images with {labels.boxes} boxes")
    for line in checks.label_warnings(labels, run.data, net.max_truths):
        warn(line)
    for line in checks.anchor_warnings(net, run.cfg):
        warn(line)
    mining = checks.mining_limit(net)
    if mining is not None:
        say(mining.line)
        if mining.warning:
            warn(f"{run.cfg}: {mining.warning}")
    say(f"run folder: {run.folder.folder}")


def report_skipped(run: Training) -> None:
    """List the images that could not be read, on the screen and in the run folder."""
    skipped = run.batches.skipped
    if skipped:
        paths = sorted(str(path) for path in skipped)
        file = run.folder.skipped
        write_whole(file, b"".join(os.fsencode(path) + b"\n" for path in paths))
        shown = ", ".join(paths[:5]) + (", …" if len(paths) > 5 else "")
        warn(f"{len(paths)} images could not be read and were left out ({file}): {shown}")


def conclude(run: Training, progress: Progress) -> None:
    """Say what came out, where it is and what to do with it."""
    state, folder, say = run.state, run.folder, progress.say
    found = "" if state.best_map is None else f", mAP {state.map:.4f} (best {state.best_map:.4f})"
    say(
        f"{state.update} updates: loss {state.average:.4f}{found}, "
        f"{state.images / state.seconds:.1f} img/s"
    )
    stall = run.batches.stall
    if stall > 0.1 * state.seconds:
        say(
            f"training waited {stall / state.seconds:.0%} of the time for images: more "
            "--workers may help"
        )
    weights = folder.last if state.best_map is None else folder.best
    say(f"weights: {weights}   log: {folder.folder / 'log.csv'}")
    if run.data.valid:
        say(f"next:    pylrm map --cfg {folder.cfg} --data {run.data.path} --weights {weights}")
    say(f"         pylrm plot {folder.folder} -o {folder.folder / 'curves.png'}")
