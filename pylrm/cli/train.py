"""pylrm train: train a detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pylrm.cli.options import PATH
from pylrm.training.options import TrainOptions, seconds_of


def check_duration(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Hold a text against what durations look like."""
    if value is not None:
        try:
            seconds_of(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return value


def kind_of(field: Field[Any]) -> Any:
    """Return what the command line takes for a field of `TrainOptions`."""
    least, most, choices = (field.metadata[name] for name in ("least", "most", "choices"))
    if choices:
        return click.Choice(choices)
    if str(field.type).startswith("float"):
        return click.FloatRange(least, most)
    return PATH if str(field.type).startswith("Path") else click.IntRange(least, most)


def option_of(field: Field[Any]) -> Callable[[Any], Any]:
    """Return the command line's option for a field of `TrainOptions`."""
    flag = "--" + field.name.replace("_", "-")
    doc, kind = field.metadata["doc"], str(field.type)
    default = None if field.default is MISSING else field.default
    if kind == "bool":
        return click.option(flag, is_flag=True, help=doc)
    if kind == "bool | None":
        return click.option(f"{flag}/--no-{flag[2:]}", default=None, help=doc)
    if kind == "str | None":
        return click.option(flag, metavar="DURATION", callback=check_duration, help=doc)
    return click.option(
        flag,
        type=kind_of(field),
        default=default,
        show_default=default is not None,
        help=doc,
    )


def train_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of training."""
    for field in reversed(fields(TrainOptions)):
        command = option_of(field)(command)
    return command


def given(ctx: click.Context) -> dict[str, Any]:
    """Return the options that stand on the command line."""
    return {
        name: value
        for name, value in ctx.params.items()
        if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE
    }


@click.command(name="train")
@click.option("--cfg", help="Network; a file, or the name of a shipped cfg.")
@click.option("--data", help=".data file.  [default: the one that the cfg's [net] data= names]")
@click.option(
    "--resume",
    metavar="RUN",
    type=PATH,
    help="Go on with the run in this folder, with its options; takes no --cfg.",
)
@click.option(
    "--lr-find",
    metavar="FIGURE",
    type=PATH,
    help="Train nothing: try rising learning rates for --updates (default 100), draw the loss into "
    "this figure (.png, .pdf or .svg; a .csv beside it), and suggest a rate.",
)
@train_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    cfg: str | None,
    data: str | None,
    resume: Path | None,
    lr_find: Path | None,
    **options: Any,
) -> None:
    """Train a detector: makes a run folder with weights, checkpoints, log and options.

    \b
    Examples:
      pylrm train --cfg yolov2-mobilenet-lrm.cfg --data data/voc.data --out runs/lrm
      pylrm train --resume runs/lrm
    """
    from pylrm.training import train

    if resume is not None:
        changes = given(ctx)
        del changes["resume"]
        taken = [
            f"--{name.replace('_', '-')}"
            for name in ("cfg", "data", "out", "lr_find")
            if name in changes
        ]
        if taken:
            raise click.UsageError(f"{taken[0]}: a run that is resumed has its own in {resume}")
        train.resume(resume, **changes)
    elif cfg is None:
        raise click.UsageError("Missing option '--cfg'; or --resume RUN goes on with a run.")
    elif lr_find is not None:
        find_rate(ctx, cfg, data, lr_find, TrainOptions(**options))
    else:
        train.train(cfg, data, TrainOptions(**options))


def find_rate(
    ctx: click.Context, cfg: str, data: str | None, figure: Path, options: TrainOptions
) -> None:
    """Sweep the learning rate, draw it, and print what it suggests."""
    from pylrm.pictures.style import check_ending
    from pylrm.training.ratesweep import SWEPT, sweep

    other = [f"--{name.replace('_', '-')}" for name in given(ctx) if name not in SWEPT]
    if other:
        raise click.UsageError(f"{other[0]} means nothing beside --lr-find")
    check_ending(figure)
    found = sweep(cfg, data, options)
    found.write(figure)
    click.echo(found.line)
    click.echo(f"curve: {figure}, {figure.with_suffix('.csv')}")
