"""pylrm classify: train, measure and use classifiers of whole images."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylrm.cli import options, train
from pylrm.terminal import count_of, counter, warn_skipped

if TYPE_CHECKING:
    from pylrm.data.darknet import DataFile
    from pylrm.evaluate.classifier import Classified

BATCH = 8  # images a pass
ROWS = 10  # of the worst classes and of confusions

cfg_option = click.option(
    "--cfg", required=True, help="Network; a file, or the name of a shipped cfg."
)
data_option = click.option(
    "--data",
    help=".data file, or a folder with train/CLASS/ and valid/CLASS/.  [default: the one that the "
    "cfg goes with]",
)
weights_option = click.option(
    "--weights", type=options.PATH, required=True, help="Trained weights."
)
threads_option = click.option(
    "--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]"
)


@click.group(name="classify")
def command() -> None:
    """Train, measure and use classifiers: networks that name whole images.

    The class of an image is the folder that it lies in: IMAGES/CLASS/1.jpg; or, as in Darknet, what
    its path contains of a .data file's labels=.

    \b
    Examples:
      pylrm classify train --cfg mobilenet.cfg --data animals --out runs/animals
      pylrm classify valid --cfg runs/animals/net.cfg --weights runs/animals/weights/best.weights
    """


command.add_command(train.command, "train")


@command.command()
@cfg_option
@data_option
@weights_option
@threads_option
@click.option("--json", "as_json", is_flag=True, help="Figures as JSON.")
def valid(cfg: str, data: str | None, weights: Path, threads: int | None, as_json: bool) -> None:
    """Measure a classifier on the validation images: top-1, top-5, the classes, confusions.

    \b
    Example:
      pylrm classify valid --cfg runs/net/net.cfg --weights runs/net/weights/best.weights
    """
    from pylrm.cfg.file import Cfg
    from pylrm.engine import Network
    from pylrm.evaluate.classifier import check_classifier, evaluate_classifier
    from pylrm.runs.inputs import choose_data

    source = Cfg.read(cfg)
    with Network(source, weights, batch=BATCH, threads=threads, inference=True) as net:
        dataset = choose_data(source, data)
        check_classifier(net, source, dataset)
        done = evaluate_classifier(net, dataset, progress=counter())
    warn_skipped(done.skipped)
    if as_json:
        click.echo(json.dumps(record(done, dataset), indent=1, ensure_ascii=False))
        return
    click.echo(f"top-1 {done.top1:.4f}, top-{dataset.top} {done.top(dataset.top):.4f}")
    click.echo(f"{count_of(len(done.images), 'image')} of {count_of(dataset.classes, 'class')}")
    show_worst(done)


def record(done: Classified, data: DataFile) -> dict[str, Any]:
    """Return the figures as JSON holds them."""
    from pylrm.evaluate.measure import without_nan

    return {
        "images": len(done.images),
        "top1": done.top1,
        f"top{data.top}": done.top(data.top),
        "recall": without_nan(done.recalls),
        "confusions": done.confusions,
    }


def show_worst(done: Classified) -> None:
    """Print the classes that are found least, and what is taken for what."""
    shares = sorted((share, name) for name, share in done.recalls.items() if not math.isnan(share))
    width = max(len(name) for name in done.names)
    more = f"; the least {ROWS} of {len(shares)}" if len(shares) > ROWS else ""
    click.echo(f"\nfound of each class{more}:")
    for share, name in shares[:ROWS]:
        click.echo(f"  {name.ljust(width)}  {share:7.1%}")
    if done.confusions:
        click.echo("\ntaken for another:")
    for own, other, count in done.confusions[:ROWS]:
        click.echo(f"  {own.ljust(width)}  for {other.ljust(width)}  {count:6}")


@command.command()
@cfg_option
@data_option
@weights_option
@threads_option
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Guesses shown.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each image.")
@click.argument("images", nargs=-1, required=True)
def predict(
    cfg: str,
    data: str | None,
    weights: Path,
    threads: int | None,
    top: int,
    as_json: bool,
    images: tuple[str, ...],
) -> None:
    """Name images: files, folders, patterns or lists (.txt).

    Classes have their names where --data is given or the cfg goes with a data set, else numbers.

    \b
    Example:
      pylrm classify predict --cfg runs/net/net.cfg --weights runs/net/weights/best.weights cat.jpg
    """
    from pylrm.cfg.file import Cfg
    from pylrm.data.sources import find_sources
    from pylrm.detection.results import class_names
    from pylrm.engine import Network
    from pylrm.errors import DataError
    from pylrm.evaluate.classifier import check_network, classify

    source = Cfg.read(cfg)
    sources = find_sources(list(images))
    other = next((each for each in sources if each.kind != "image"), None)
    if other is not None:
        raise DataError(f"{other}: no image: classifiers look at images")
    with Network(source, weights, batch=BATCH, threads=threads, inference=True) as net:
        check_network(net, source)
        names = class_names(source, net.classes, data) or [str(i) for i in range(net.classes)]
        skipped: list[Path] = []
        for path, scores in classify(net, [each.path for each in sources], skipped):
            best = (-scores).argsort(kind="stable")[:top]
            if as_json:
                found = [{"class": names[i], "probability": float(scores[i])} for i in best]
                click.echo(json.dumps({"image": str(path), "classes": found}, ensure_ascii=False))
                continue
            click.echo(f"{path}:")
            for i in best:
                click.echo(f"  {scores[i]:7.2%}  {names[i]}")
    warn_skipped(skipped)
    if len(skipped) == len(sources):
        raise DataError(f"not one of {count_of(len(sources), 'image')} can be read")
