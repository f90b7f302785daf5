"""pylrm train: train a detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any

import click

from pylrm.cli.options import PATH
from pylrm.training.options import TrainOptions


def option_of(field: Field[Any]) -> Callable[[Any], Any]:
    """Return the command line's option for a field of `TrainOptions`."""
    flag = "--" + field.name.replace("_", "-")
    doc, least, most = (field.metadata[name] for name in ("doc", "least", "most"))
    kind = str(field.type)
    default = None if field.default is MISSING else field.default
    if kind == "bool":
        return click.option(flag, is_flag=True, help=doc)
    if kind == "bool | None":
        return click.option(f"{flag}/--no-{flag[2:]}", default=None, help=doc)
    return click.option(
        flag,
        type=PATH if kind.startswith("Path") else click.IntRange(least, most),
        default=default,
        show_default=default is not None,
        help=doc,
    )


def train_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of training."""
    for field in reversed(fields(TrainOptions)):
        command = option_of(field)(command)
    return command


@click.command(name="train")
@click.option("--cfg", required=True, help="Network; a file, or the name of a shipped cfg.")
@click.option("--data", help=".data file.  [default: the one that the cfg's [net] data= names]")
@train_options
def command(cfg: str, data: str | None, **options: Any) -> None:
    """Train a detector: makes a run folder with weights, log and options.

    \b
    Example:
      pylrm train --cfg yolov2-mobilenet-lrm.cfg --data data/voc.data --out runs/lrm
    """
    from pylrm.training.train import train

    train(cfg, data, TrainOptions(**options))
