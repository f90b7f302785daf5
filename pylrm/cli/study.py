"""pylrm study: does mining hard examples help?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from pylrm.cli.options import PATH
from pylrm.cli.train import option_of
from pylrm.training.options import TrainOptions

T = TypeVar("T")

KS, THRESHOLDS = "64,128,256", "none,.5,.7"  # the paper's
# Options of training that a study sets itself, or that would give its runs different lengths.
OF_THE_STUDY = (
    *("seed", "out", "threads", "device", "quiet", "map_every", "keep_seen"),
    *("checkpoint_every", "patience", "time_limit", "on_nan"),
)


@click.group(name="study")
def command() -> None:
    """Train with and without mining hard examples, many times, and compare.

    \b
    Example:
      pylrm study grid --cfg my.cfg --data my.data --seeds 10 --out study
      pylrm study table study
    """


def parse_ks(text: str) -> list[int]:
    """Parse whole numbers from 1 on, separated by commas."""
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"[1-9]\d{0,8}", word) for word in words):
        raise click.BadParameter(f"'{text}': expected whole numbers from 1 on, as in {KS}")
    return [int(word) for word in words]


def parse_thresholds(text: str) -> list[float]:
    """Parse thresholds of NMS, separated by commas; none and 1 are 0."""
    found = []
    for word in text.split(","):
        try:
            threshold = 0.0 if word.strip() == "none" else float(word)
        except ValueError:
            threshold = -1.0
        if not 0 <= threshold <= 1:
            raise click.BadParameter(f"'{word}': expected none or an IoU, as in {THRESHOLDS}")
        found.append(0.0 if threshold == 1 else threshold)
    return found


def parse_seeds(text: str) -> list[int]:
    """Parse seeds: 3 is 0, 1, 2; 10-19 is those; 4,7 is those."""
    if re.fullmatch(r"\d{1,4}", text) and int(text):
        return list(range(int(text)))
    seeds: list[int] = []
    for word in text.split(","):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", word.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < first + 10_000 or text == "0":
            raise click.BadParameter(f"'{text}': expected how many (3), or which (10-19, or 4,7)")
        seeds += range(first, last + 1)
    return seeds


def parsed(parse: Callable[[str], T]) -> Callable[..., T | None]:
    """Return what click calls to parse an option that may be absent."""
    return lambda _ctx, _param, text: None if text is None else parse(text)


def train_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of training that are the same for all runs."""
    for field in reversed(fields(TrainOptions)):
        if field.name not in OF_THE_STUDY:
            function = option_of(field)(function)
    return function


@command.command(name="grid")
@click.option("--cfg", required=True, help="Network; a file, or the name of a shipped cfg.")
@click.option("--data", help=".data file.  [default: the one that the cfg's [net] data= names]")
@click.option("--out", type=PATH, required=True, help="The study's folder: new, or to go on with.")
@click.option(
    "--k", "ks", callback=parsed(parse_ks), help=f"K of [lrm].  [default: {KS}, without --arm]"
)
@click.option(
    "--nms",
    "thresholds",
    callback=parsed(parse_thresholds),
    help=f"Thresholds of [lrm].  [default: {THRESHOLDS}, without --arm]",
)
@click.option(
    "--arm",
    "arms",
    multiple=True,
    metavar='NAME="[SECTION] KEY=VALUE …"',
    help="One more arm: the baseline with other keys, or NAME=FILE.cfg; repeatable.",
)
@click.option(
    "--seeds",
    default="3",
    show_default=True,
    callback=parsed(parse_seeds),
    help="Runs of each arm: how many (3: seeds 0, 1, 2), or which seeds (10-19).",
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    help="Cross-validation: cut train and valid into so many parts, anew for each seed.",
)
@click.option(
    "--done",
    multiple=True,
    type=PATH,
    help="Runs of this study that were done elsewhere: its runs.csv from there; repeatable.",
)
@click.option(
    "--processes", type=click.IntRange(1), help="Runs side by side.  [default: as many as cores]"
)
@click.option(
    "--threads", type=click.IntRange(1), help="Of each run.  [default: cores / processes]"
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Do the runs on a Dask cluster (pylrm[cluster]) whose workers see the same data.",
)
@train_options
@click.option("--quiet", is_flag=True, help="Show only warnings.")
def grid(
    cfg: str,
    data: str | None,
    out: Path,
    ks: list[int] | None,
    thresholds: list[float] | None,
    arms: tuple[str, ...],
    seeds: list[int],
    folds: int | None,
    done: tuple[Path, ...],
    processes: int | None,
    threads: int | None,
    scheduler: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Train the baseline and the arms with each seed.

    OUT/runs.csv gets one row a run.

    The baseline is the cfg without [lrm]. Each run trains for the same number of updates and is
    measured once, with its final weights. The same command goes on with a study that was
    interrupted; with more arms or seeds it adds them.

    \b
    Examples:
      pylrm study grid --cfg my.cfg --data my.data --seeds 10 --out study
      pylrm study grid --cfg my.cfg --arm hard="[lrm] k=64" --folds 5 --out study
    """
    from pylrm.study.grid import study

    if scheduler is not None and processes is not None:
        raise click.UsageError("--processes is for this machine; a cluster has its own workers")
    if ks or thresholds or not arms:
        ks, thresholds = ks or parse_ks(KS), thresholds or parse_thresholds(THRESHOLDS)
    study(
        cfg,
        data,
        out,
        TrainOptions(**options, map_every=0),
        ks=ks or [],
        thresholds=thresholds or [],
        arms=arms,
        seeds=seeds,
        folds=folds or 0,
        done=done,
        processes=processes,
        threads=threads,
        scheduler=scheduler,
        quiet=quiet,
    )


STUDY = click.argument("studies", metavar="STUDY…", nargs=-1, required=True, type=PATH)
METRIC = click.option(
    "--metric",
    default="mAP",
    show_default=True,
    help="mAP, AP50, AP75, APs, APm, APl (by size), F1, or a class, for its AP.",
)
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "latex", "csv"]),
    default="markdown",
    show_default=True,
)


@command.command(name="table")
@STUDY
@METRIC
@FORMAT
def table(studies: tuple[Path, ...], metric: str, form: Any) -> None:
    """Print means, differences, and what is chance.

    \b
    Example:
      pylrm study table study --metric AP75 --format latex
    """
    from pylrm.study.figures import read_figures
    from pylrm.study.table import table

    click.echo(table([read_figures(study, metric) for study in studies], form))


@command.command(name="plot")
@STUDY
@METRIC
@click.option("-o", "--out", required=True, type=PATH, help="Figure: .png, .pdf, .svg.")
def plot(studies: tuple[Path, ...], metric: str, out: Path) -> None:
    """Draw mAP over K.

    A line for each threshold of NMS, a panel for each study.

    \b
    Example:
      pylrm study plot kitti voc -o grid.png
    """
    from pylrm.study.figures import read_figures
    from pylrm.study.plot import plot_studies

    plot_studies([read_figures(study, metric) for study in studies], out)
    click.echo(out)


@command.command(name="claims")
@STUDY
def claims(studies: tuple[Path, ...]) -> None:
    """Say which of the paper's claims hold.

    In the means, and in single pairs of runs.

    \b
    Example:
      pylrm study claims kitti
    """
    from pylrm.study.claims import claims_table
    from pylrm.study.figures import read_figures

    click.echo("\n\n".join(claims_table(read_figures(study)) for study in studies))


@command.command(name="backbones")
@click.argument("sources", metavar="CFG…", nargs=-1, required=True)
def backbones(sources: tuple[str, ...]) -> None:
    """Print what networks cost (the paper's Table I).

    With the mAP of those that are run folders or studies.

    \b
    Example:
      pylrm study backbones yolov2-darknet19.cfg runs/tiny study
    """
    from pylrm.study.backbones import backbones_table

    click.echo(backbones_table(sources))


@command.command(name="focal")
@click.argument("folder", metavar="STUDY", type=PATH)
@FORMAT
def focal(folder: Path, form: Any) -> None:
    """Print losses side by side (the paper's Table IV).

    Arms named Loss1, Loss1+focal and Loss2+LRM stand beside the baseline. The baseline is
    Loss2, YOLOv2's own; Loss1 has the background as a class.

    \b
    Example:
      pylrm study grid --cfg my.cfg --out study \\
          --arm Loss1="[region] loss=joint background=1" --arm Loss2+LRM="[lrm] k=128"
      pylrm study focal study
    """
    from pylrm.study.focal import focal_table

    click.echo(focal_table(folder, form))
