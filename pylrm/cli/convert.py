"""`pylrm convert`: other data sets to Darknet's files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pylrm.data.sources import Progress
    from pylrm.data.summary import Summary

PATH = click.Path(path_type=Path)

SHARED = [
    click.option("--out", type=PATH, required=True, help="Folder to write."),
    click.option("--name", help="Of the data set: NAME.data, NAME.names.  [default: --out's]"),
    click.option(
        "--split",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.9,
        show_default=True,
        help="Share to train on where no list says; the same images on every machine.",
    ),
    click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the split."
    ),
    click.option("--copy", is_flag=True, help="Copy the images; without it they are linked."),
]
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")


def shared(metric: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that all converters have, with its usual metric."""
    option = click.option(
        "--metric",
        type=click.Choice(["area", "11point", "coco", "kitti"]),
        default=metric,
        show_default=True,
        help="What map measures: VOC's, at 11 points (2007) or the area; COCO's; KITTI's.",
    )

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for each in reversed([*SHARED, option, AS_JSON]):
            function = each(function)
        return function

    return decorate


@click.group()
def command() -> None:
    """Turn a data set into Darknet's lists and labels."""


@command.command()
@click.argument("tree", type=PATH)
@click.option("--names", type=PATH, help="File of class names, one a line.  [default: those found]")
@click.option(
    "--train",
    metavar="[TREE:]LIST,…",
    multiple=True,
    help="Lists in ImageSets/Main: of all trees, or of one (2007:trainval).  [default: trainval]",
)
@click.option(
    "--valid",
    metavar="[TREE:]LIST,…",
    multiple=True,
    help="The same, to validate on.  [default: test, else val, else a random split]",
)
@click.option(
    "--difficult",
    type=click.Choice(["ignore", "train", "drop"]),
    default="ignore",
    show_default=True,
    help="What difficult objects are in training: regions to ignore, objects, or nothing.",
)
@shared("area")
def voc(
    tree: Path, train: tuple[str, ...], valid: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Convert a PASCAL VOC tree (or VOCdevkit, or images/ with annotations/).

    Difficult objects become regions that training ignores, and are marked so for evaluation.

    \b
    Example:
      pylrm convert voc VOCdevkit --out data/voc --metric 11point
      pylrm convert voc VOCdevkit --out voc07 --train 2007:trainval --valid 2007:test
    """
    from pylrm.data.voc import convert

    with renewing_line() as progress:
        summary = convert(
            tree,
            train=",".join(train) or None,
            valid=",".join(valid) or None,
            progress=progress,
            **options,
        )
    show(summary, as_json)


@command.command()
@click.argument("tree", type=PATH)
@click.option(
    "--train",
    metavar="LIST",
    help="A file, or a list in ImageSets.  [default: train, where train and val are there]",
)
@click.option(
    "--valid",
    metavar="LIST",
    help="The same, to validate on.  [default: val, else a random split]",
)
@click.option(
    "--person-sitting",
    type=click.Choice(["ignore", "pedestrian", "drop"]),
    default="ignore",
    show_default=True,
    help="What Person_sitting becomes: a region to ignore of class pedestrian, a pedestrian, or "
    "nothing.",
)
@click.option(
    "--misc",
    type=click.Choice(["ignore", "drop"]),
    default="ignore",
    show_default=True,
    help="What Misc becomes: a region to ignore of any class, or nothing, as for KITTI's devkit.",
)
@click.option(
    "--dontcare",
    type=click.Choice(["ignore", "drop"]),
    default="ignore",
    show_default=True,
    help="What DontCare becomes: the same.",
)
@shared("area")
def kitti(tree: Path, as_json: bool, **options: Any) -> None:
    """Convert KITTI's detection benchmark: label_2 and image_2, here or in training.

    To the six classes of the paper's table II (car, truck, tram, van, pedestrian, cyclist), which
    it measures by VOC's mAP.

    \b
    Example:
      pylrm convert kitti KITTI --out data/kitti
    """
    from pylrm.data.kitti import convert

    with renewing_line() as progress:
        summary = convert(tree, progress=progress, **options)
    show(summary, as_json)


@command.command()
@click.argument("annotations", type=PATH)
@click.option("--valid", type=PATH, help="Annotations to validate on.  [default: a random split]")
@click.option(
    "--images",
    type=PATH,
    help="The images' folder.  [default: found near the annotations, images or train2017, …]",
)
@click.option(
    "--classes", metavar="NAME,…", help="Categories wanted, in order.  [default: the file's]"
)
@click.option("--names", type=PATH, help="A file of their names, one a line.")
@shared("coco")
def coco(
    annotations: Path, classes: str | None, names: Path | None, as_json: bool, **options: Any
) -> None:
    """Convert annotations in COCO's format (instances_train2017.json).

    Crowds become regions that training ignores. Images without objects of the classes stay.

    \b
    Example:
      pylrm convert coco coco/annotations/instances_train2017.json --out data/people
        --valid coco/annotations/instances_val2017.json --classes person,bicycle
    """
    from pylrm.data.coco import convert

    if classes is not None and names is not None:
        raise click.UsageError("--classes and --names both say which classes; give one")
    wanted = None if classes is None else [name.strip() for name in classes.split(",")]
    with renewing_line() as progress:
        summary = convert(annotations, classes=wanted, names=names, progress=progress, **options)
    show(summary, as_json)


@contextmanager
def renewing_line() -> Iterator[Progress | None]:
    """Give a function that renews a line on the terminal; nothing where there is none."""
    width = 0

    def renew(what: str, done: int, total: int) -> None:
        nonlocal width
        if done % max(1, total // 200) and done != total:
            return
        line = f"{what} {done:{len(str(total))}}/{total} images"
        click.echo(f"\r{line.ljust(width)}", nl=False, err=True)
        width = len(line)

    try:
        yield renew if sys.stderr.isatty() else None
    finally:
        if width:
            click.echo(err=True)


def show(summary: Summary, as_json: bool) -> None:
    """Print what was written."""
    if as_json:
        click.echo(json.dumps(summary.record(), indent=2, ensure_ascii=False))
        return
    from pylrm.data.summary import from_here

    click.echo(summary.table())
    click.echo(f"wrote {from_here(summary.data)}")
