"""A study: every arm is trained with every seed, the members of a pair side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pylrm.cfg.file import Cfg, CfgLike
from pylrm.data.darknet import DataFile, DataLike, read_data
from pylrm.runs.inputs import choose_data
from pylrm.study.arms import mining_of, read_arms
from pylrm.study.cluster import Cluster
from pylrm.study.folder import StudyFolder
from pylrm.study.folds import fold_file, write_folds
from pylrm.study.preflight import check_arms, check_data
from pylrm.study.processes import Processes, cores
from pylrm.study.request import Request, request_of
from pylrm.study.rows import read_rows
from pylrm.study.run import Task
from pylrm.study.work import Executor, Work
from pylrm.terminal import warn
from pylrm.training.options import TrainOptions

OF_A_RUN = ("seed", "out", "threads", "quiet")  # options that the study sets itself


def study(
    base: CfgLike,
    data: DataLike | None,
    out: Path,
    options: TrainOptions,
    *,
    ks: Sequence[int],
    thresholds: Sequence[float],
    arms: Sequence[str],
    seeds: Sequence[int],
    folds: int = 0,
    done: Sequence[Path] = (),
    processes: int | None = None,
    threads: int | None = None,
    scheduler: str | None = None,
    quiet: bool = False,
) -> StudyFolder:
    """Train and measure what is missing of a study.

    Parameters
    ----------
    base : Cfg, str or path
        The network that arms change.
    data : DataFile, str, path or None
        The data set; None: the one that the cfg names.
    out : Path
        The study's folder: new, or one to go on with.
    options : TrainOptions
        Of all runs.
    ks, thresholds : sequence of number
        The grid's K and thresholds of NMS (0: none).
    arms : sequence of str
        More arms, as of `read_arm`.
    seeds : sequence of int
        Of each arm's runs.
    folds : int
        Of cross-validation, cut anew for each seed; 0: the data set's own lists.
    done : sequence of Path
        Tables of runs (runs.csv) that this study need not do again.
    processes, threads : int or None
        Side by side, and of each; None: as the cores are.
    scheduler : str or None
        Address of a Dask scheduler whose workers do the runs; None: this machine does them.
    quiet : bool
        Print nothing.

    Raises
    ------
    PylrmError
        Anything wrong with what is asked, before the first run; runs that failed, after the last.
    """
    cfg = Cfg.read(base)
    dataset = choose_data(cfg, data)
    asked = read_arms(cfg, ks, thresholds, arms)
    remarks = check_arms(asked, dataset, options)
    request = request_of(cfg.name, asked, dataset, options, list(seeds), folds)
    tables = [read_rows(path) for path in done]
    folder = StudyFolder(out)
    with folder.locked() as lock:
        request = folder.agree(request, asked)
        tasks = tasks_of(folder, request, options)
        first = [task.data for task in tasks if task.seed == tasks[0].seed]  # all images once
        for remark in remarks + check_data([*map(read_data, dict.fromkeys(first))], asked[0]):
            warn(remark)
        for rows in tables:
            folder.take(tasks, rows)
        mining = {arm.name: mining_of(arm.cfg) for arm in folder.arms(request)}
        work = Work(folder, request.classes, mining, tasks, None if quiet else sys.stdout)
        executor: Executor
        if scheduler is None:
            processes, threads = side_by_side(len(work.left), processes, threads)
            executor = Processes(processes, threads, (lock,), work.told)
        else:
            executor = Cluster(scheduler, threads or 1)
        work.do(executor)
    return folder


def side_by_side(runs: int, processes: int | None, threads: int | None) -> tuple[int, int]:
    """Choose how many processes of how many threads; many of one thread are fastest."""
    available = cores()
    if processes is None:
        processes = available // (threads or 1)
    processes = max(1, min(processes, runs))
    return processes, threads or max(1, available // processes)


def tasks_of(folder: StudyFolder, request: Request, options: TrainOptions) -> list[Task]:
    """Return a study's runs; all arms of a seed and fold come one after the other.

    The folds' files are written where they are not there.
    """
    arms = folder.arms(request)
    values = _json_options(options)
    tasks = []
    for seed in request.seeds:
        for fold, data in _data_files(folder, request, seed):
            tasks += [
                Task(
                    arm.name,
                    seed,
                    fold,
                    arm.cfg.text.decode("utf-8", "surrogateescape"),
                    arm.digest,
                    str(data),
                    values,
                )
                for arm in arms
            ]
    return tasks


def _json_options(options: TrainOptions) -> dict[str, Any]:
    values = {name: value for name, value in asdict(options).items() if name not in OF_A_RUN}
    weights = options.weights
    return {**values, "weights": None if weights is None else str(weights.resolve())}


def _data_files(
    folder: StudyFolder, request: Request, seed: int
) -> Iterator[tuple[int | None, Path]]:
    """Yield a seed's folds and their .data files; None and the data set's own without folds."""
    if not request.folds:
        yield None, Path(request.data)
        return
    place = folder.folds(seed).resolve()
    data: DataFile = read_data(request.data)
    write_folds(data, request.folds, seed, place)
    for fold in range(request.folds):
        yield fold, fold_file(place, fold)
