"""`pylrm.train`: a cfg and a data set in, a run folder out. `pylrm.resume`: such a run goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from pylrm.cfg.edit import set_keys
from pylrm.cfg.file import Cfg, CfgLike
from pylrm.data.darknet import DataFile, DataLike, read_data
from pylrm.engine import Network
from pylrm.errors import CfgError, PylrmError
from pylrm.files.writing import writing
from pylrm.runs.folder import Run
from pylrm.runs.inputs import choose_data, letterboxes
from pylrm.training import checks, memory
from pylrm.training.batches import input_sizes
from pylrm.training.callbacks import Callback
from pylrm.training.checkpoints import Kept, newest
from pylrm.training.classifying import Classifying
from pylrm.training.detecting import Detecting
from pylrm.training.options import TrainOptions
from pylrm.training.parallel import Follower, check_share, team_of_processes
from pylrm.training.resume import changed_cfg, changed_options, differences, read_options
from pylrm.training.run import State, Training
from pylrm.training.schedule import Schedule, Sizes, usual_map_every
from pylrm.training.supervision import RunResult, Supervisor
from pylrm.training.task import Task
from pylrm.training.tensorboard import tensorboard_x
from pylrm.version import VERSION


def train(
    cfg: CfgLike,
    data: DataLike | None = None,
    options: TrainOptions | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    **changes: Any,
) -> RunResult:
    """Train a detector, or a classifier, and write a run folder.

    Parameters
    ----------
    cfg : Cfg, str or path
        The network; looked up in the working folder, then among the shipped cfg files.
    data : DataFile, str, Path or None
        The .data file, or a classifier's folder; None: the one that [net] data= names.
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
        when loss or weights leave the finite range; a file that cannot be written.
    KeyboardInterrupt, SystemExit
        SIGINT or SIGTERM came: the update was finished and all was saved before.
    """
    options = replace(options or TrainOptions(), **changes)
    team = team_of_processes()
    with ExitStack() as stack:
        with team.agreed():
            if team.rank == 0:
                Run.check(options.out)
            cfg = adapted(Cfg.read(cfg), options)
            options = replace(options, letterbox=letterboxes(cfg, options.letterbox))
            there = memory.room()
            team.use_device(options.device)
            net = stack.enter_context(
                Network(cfg, device=options.device, threads=options.threads, seed=options.seed)
            )
            dataset = choose_data(cfg, data)
            task = task_of(net, cfg, dataset)
            check_share(team, net, cfg)
            if options.weights is not None:
                net.load_weights(options.weights)
            an_update = net.batch * net.subdivisions
            net.seen = net.seen // an_update * an_update if options.keep_seen else 0
            first, last = checks.first_and_last(net, cfg, options.weights, options.updates)
            if options.map_every is None:
                map_every = usual_map_every(first, last) if dataset.valid else 0
                options = replace(options, map_every=map_every)
            schedule, sizes = plan(task, options, first, last)
            warning = memory.check(net, sizes, there, team.memory(net))
            if team.rank == 0:
                folder = Run.create(options.out, cfg.stem)
                stack.enter_context(folder.locked())
        if isinstance(team, Follower):
            return followed(team, task, options, sizes)
        run = Training(
            task=task,
            options=options,
            folder=folder,
            schedule=schedule,
            sizes=sizes,
            state=State(first - 1),
            callbacks=callbacks,
            team=team,
        )
        name = cfg.name if cfg.path is None else str(cfg.path.resolve())
        about = {"pylrm": VERSION, "cfg": name, "data": str(dataset.path.resolve())}
        return led(run, {**about, "first": first}, [warning] if warning else [])


def resume(
    run: str | os.PathLike[str], *, callbacks: Sequence[Callback] = (), **changes: Any
) -> RunResult:
    """Go on with a run from its newest checkpoint, as if nothing had happened.

    Weights, log and figures become those of an undisturbed run, bit by bit with the same kernels,
    for any number of threads.

    Parameters
    ----------
    run : str or path
        The run folder.
    callbacks : sequence of Callback
        As `train` takes them.
    **changes
        Fields of `TrainOptions` that may be otherwise: updates, map_every, save_every,
        checkpoint_every, patience, time_limit, on_nan, tensorboard, threads, workers, quiet.

    Raises
    ------
    PylrmError
        There is no such run, or another process trains it; no checkpoint is whole; a change
        contradicts the run; cfg or data do not fit any more; and as `train`.
    KeyboardInterrupt, SystemExit
        As `train`.
    """
    team = team_of_processes()
    with ExitStack() as stack:
        with team.agreed():
            if team.rank == 0:
                folder = Run.existing(Path(run))
                stack.enter_context(folder.locked())
                with writing(folder.folder):
                    folder.remove_parts()
                recorded, options = read_options(folder)
                options = changed_options(folder, options, changes)
                kept, warnings = newest(folder)
                cfg = Cfg.read(folder.cfg)
                warnings += changed_cfg(kept.cfg, cfg)
        leads = team.rank == 0
        recorded, options, cfg = team.share((recorded, options, cfg) if leads else None)
        with team.agreed():
            there = memory.room()
            team.use_device(options.device)
            net = stack.enter_context(
                Network(cfg, device=options.device, threads=options.threads, seed=options.seed)
            )
            dataset = read_data(recorded["data"])
            task = task_of(net, cfg, dataset)
            check_share(team, net, cfg)
            if team.rank == 0:
                kept.restore(net)
                last = checks.last_of_resumed(folder, net, kept.state, options)
                first = kept.state.update + kept.state.told
        first, last = team.share((first, last) if leads else None)
        with team.agreed():
            schedule, sizes = plan(task, options, first, last)
            memory_warning = memory.check(net, sizes, there, team.memory(net))
        if isinstance(team, Follower):
            return followed(team, task, options, sizes)
        warnings += [memory_warning] if memory_warning else []
        warnings += differences(kept, net, task.images)
        training = Training(
            task=task,
            options=options,
            folder=folder,
            schedule=schedule,
            sizes=sizes,
            state=kept.state,
            callbacks=callbacks,
            team=team,
        )
        return led(training, recorded, warnings, kept)


def led(
    run: Training, known: dict[str, Any], warnings: Sequence[str], kept: Kept | None = None
) -> RunResult:
    """Train a run to its end, in the process that leads; returns what it came to.

    Parameters
    ----------
    run : Training
        The run.
    known : dict
        As `describe` takes it.
    warnings, kept
        As `Supervisor.train` takes them.
    """
    result = None
    try:
        describe(run, known)
        result = Supervisor(run).train(warnings, kept)
        return result
    finally:
        run.team.end(result)


def followed(team: Follower, task: Task, options: TrainOptions, sizes: Sizes) -> RunResult:
    """Train as another process says; returns what that one came to."""
    result: RunResult = team.follow(task, options, sizes)
    return result


def adapted(cfg: Cfg, options: TrainOptions) -> Cfg:
    """Return a cfg with the keys that stand for options.

    Raises
    ------
    CfgError
        It has fewer layers than are to be frozen.
    """
    if options.ema is not None:
        cfg = set_keys(cfg, cfg.net, {"ema_alpha": f"{options.ema:g}"})
    if options.freeze:
        layers = cfg.sections[1:]
        if options.freeze >= len(layers):
            raise CfgError(
                f"{cfg}: --freeze {options.freeze}: it has {len(layers)} layers, of which at least "
                "the last must learn"
            )
        cfg = set_keys(cfg, layers[options.freeze - 1], {"stopbackward": "1"})
        for index in range(options.freeze):  # else they would still decay
            cfg = set_keys(cfg, cfg.sections[1 + index], {"learning_rate": "0"})
    return cfg


def task_of(net: Network, cfg: Cfg, data: DataFile) -> Task:
    """Return what a network learns from a data set, after all checks of them."""
    kind = Detecting if net.detectors else Classifying
    return kind(net, cfg, data)


def plan(task: Task, options: TrainOptions, first: int, last: int) -> tuple[Schedule, Sizes]:
    """Return what happens when, and at which input size, after what that needs was checked."""
    map_every = options.map_every or 0
    if map_every:
        task.check_validation()
    elif options.patience:
        raise PylrmError(
            f"{task.data.path}: --patience counts validations, and there are none: name valid= and "
            "leave out --map-every 0"
        )
    if options.tensorboard:
        tensorboard_x()
    schedule = Schedule(first, last, map_every, options.save_every)
    return schedule, input_sizes(task.net, last, options.seed)


def describe(run: Training, known: dict[str, Any]) -> None:
    """Write the run folder's cfg and options.

    Parameters
    ----------
    run : Training
        The run.
    known : dict
        What else is to be said of it; of a resumed run, what was said before.
    """
    later = {**run.options.record(), "last": run.schedule.last, "sizes": run.sizes.choices}
    run.folder.describe(run.cfg, {**known, **later})
