"""`pylrm convert`: other data sets to Darknet's files."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.data import voc as voc_tree


@click.group()
def command() -> None:
    """Turn a data set into Darknet's lists and labels."""


@command.command()
@click.argument("tree", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--name", help="Of the data set: NAME.data, NAME.names.  [default: --out's]")
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    help="File of class names, one a line.  [default: those found]",
)
@click.option("--train", metavar="LIST", help="List in ImageSets/Main.  [default: trainval]")
@click.option("--valid", metavar="LIST", help="List in ImageSets/Main.  [default: test, else val]")
@click.option(
    "--split",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="Share to train on where no list says.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the split.")
@click.option(
    "--metric",
    type=click.Choice(["area", "11point"]),
    default="area",
    show_default=True,
    help="How map integrates.",
)
@click.option("--copy", is_flag=True, help="Copy the images; without it they are linked.")
def voc(
    tree: Path,
    out: Path,
    name: str | None,
    names: Path | None,
    train: str | None,
    valid: str | None,
    split: float,
    seed: int,
    metric: str,
    copy: bool,
) -> None:
    """Convert a PASCAL VOC tree (or VOCdevkit, or images/ with annotations/).

    Difficult objects become regions that training ignores, and are marked so for evaluation.

    \b
    Example:
      pylrm convert voc VOCdevkit --out data/voc --metric 11point
    """
    summary = voc_tree.convert(
        tree,
        out,
        name=name,
        names=names,
        train=train,
        valid=valid,
        split=split,
        seed=seed,
        metric=metric,
        copy=copy,
    )
    click.echo(summary.table())
    click.echo(f"wrote {summary.data}")
