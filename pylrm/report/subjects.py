"""The runs of a report: their logs and settings, and what their best weights detect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataLike
from pylrm.engine import Network
from pylrm.errors import PylrmError
from pylrm.evaluate.calibration import Calibration, calibration
from pylrm.evaluate.matching import Matching
from pylrm.evaluate.measure import Evaluation
from pylrm.evaluate.network import evaluate
from pylrm.evaluate.report import Report, report
from pylrm.pictures.curves import run_names
from pylrm.runs.folder import CSV_NAME, TEXT_NAME, Run
from pylrm.runs.inputs import choose_data, letterboxes
from pylrm.runs.log import Log, read_log
from pylrm.training.checks import check_classes, check_validation
from pylrm.training.resume import read_options

BATCH = 8  # images a pass


@dataclass(frozen=True)
class Measured:
    """What a run's weights detect on the validation images.

    Attributes
    ----------
    weights : Path
        The best, or else the last.
    evaluation : Evaluation
        By the data set's metric.
    matching : Matching
        At IoU .5 by VOC's rules.
    counts : Report
        Errors at a score, confusions, curves.
    calibration : Calibration
        Scores beside precision.
    """

    weights: Path
    evaluation: Evaluation
    matching: Matching
    counts: Report
    calibration: Calibration


@dataclass(frozen=True)
class Subject:
    """A run.

    Attributes
    ----------
    name : str
        Told from the other runs'.
    log : Log
        Its curves.
    run : Run or None
        Its folder; None: there is only a log, perhaps another Darknet's.
    cfg : Cfg or None
        Of the folder.
    options : dict
        What options.json holds; empty without a folder.
    measured : Measured or None
        None where it was not measured.
    unmeasured : str
        Why not.
    """

    name: str
    log: Log
    run: Run | None
    cfg: Cfg | None
    options: dict[str, Any]
    measured: Measured | None
    unmeasured: str = ""


def read_subjects(
    paths: Sequence[Path],
    *,
    measure: bool,
    data: DataLike | None,
    at: float,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[Subject]:
    """Read runs, and measure those that can be; parameters and errors as of `write_report`."""
    logs = [read_log(path) for path in paths]
    subjects = []
    for name, log in zip(run_names(logs), logs, strict=True):
        run = folder_of(log)
        if run is None:
            subjects.append(Subject(name, log, None, None, {}, None, "there is only its log"))
            continue
        cfg, (options, _) = Cfg.read(run.cfg), read_options(run)
        measured, why = None, "not asked for"
        if measure:
            measured, why = measure_run(run, cfg, data, at, threads, progress)
        subjects.append(Subject(name, log, run, cfg, options, measured, why))
    return subjects


def folder_of(log: Log) -> Run | None:
    """Return the run folder that a log is in; None: it is in none."""
    run = Run(log.path.parent)
    inside = log.path.name in (CSV_NAME, TEXT_NAME)
    return run if inside and run.cfg.is_file() and run.options.is_file() else None


def measure_run(
    run: Run,
    cfg: Cfg,
    data: DataLike | None,
    at: float,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Measured | None, str]:
    """Measure a run's weights on the validation images; or say why that cannot be."""
    weights = next((path for path in (run.best, run.last) if path.is_file()), None)
    if weights is None:
        return None, "it has no weights yet"
    try:
        dataset = choose_data(cfg, data)
    except PylrmError as error:
        raise PylrmError(
            f"{error} (--data names the data set elsewhere; --no-measure leaves it out)"
        ) from error
    if dataset.valid is None:
        return None, "its data set names no validation images"
    with Network(cfg, weights, batch=BATCH, threads=threads, inference=True) as net:
        if not net.detectors:
            return None, "it is no detector"
        check_classes(net, cfg, dataset)
        check_validation(dataset)
        done = evaluate(
            net,
            dataset,
            letterbox=letterboxes(cfg),
            progress=progress,
        )
    matching = done.matching()
    counts = report(matching, at)
    return Measured(weights, done, matching, counts, calibration(matching, at)), ""
