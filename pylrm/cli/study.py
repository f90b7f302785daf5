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
OF_THE_STUDY = ("seed", "out", "threads", "quiet", "map_every", "keep_seen")


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
    if re.fullmatch(r"[1-9]\d{0,3}", text):
        return list(range(int(text)))
    seeds: list[int] = []
    for word in text.split(","):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", word.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < first + 10_000:
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
    "--processes", type=click.IntRange(1), help="Runs side by side.  [default: as many as cores]"
)
@click.option(
    "--threads", type=click.IntRange(1), help="Of each run.  [default: cores / processes]"
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
    processes: int | None,
    threads: int | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Train the baseline and the arms with each seed; one row a run in OUT/runs.csv.

    The baseline is the cfg without [lrm]. Each run trains for the same number of updates and is
    measured once, with its final weights. The same command goes on with a study that was
    interrupted; with more arms or seeds it adds them.

    \b
    Examples:
      pylrm study grid --cfg my.cfg --data my.data --seeds 10 --out study
      pylrm study grid --cfg my.cfg --arm hard="[lrm] k=64" --folds 5 --out study
    """
    from pylrm.study.grid import study

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
        processes=processes,
        threads=threads,
        quiet=quiet,
    )
