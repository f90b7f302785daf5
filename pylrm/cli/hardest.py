"""pylrm hardest: find wrong labels by loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from pylrm.cli import options
from pylrm.terminal import count_of, counter, warn, warn_skipped

BATCH = 8  # images a pass


@click.command(name="hardest")
@click.argument("data", metavar="D.data")
@click.option("--cfg", required=True, help="Network; a file, or the name of a shipped cfg.")
@click.option("--weights", required=True, type=options.PATH, help="Trained weights.")
@click.option("-o", "--out", type=options.PATH, help="Page to draw: .png or .jpg.")
@click.option(
    "--part",
    type=click.Choice(["train", "valid"]),
    default="train",
    show_default=True,
    help="Which list of images.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=12,
    show_default=True,
    help="Images, and boxes of each kind, shown at most.",
)
@click.option(
    "--thresh",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    help="Score above which the network sees an object.",
)
@options.letterbox
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]")
def command(
    data: str,
    cfg: str,
    weights: Path,
    out: Path | None,
    part: Literal["train", "valid"],
    count: int,
    thresh: float,
    letterbox: bool | None,
    as_json: bool,
    threads: int | None,
) -> None:
    """List the images and boxes of the highest loss: wrong labels are among them.

    Mining would learn from them. Three kinds of boxes are told apart: labelled objects that the
    network does not see, objects that it sees as another class, and objects without a label.

    \b
    Example:
      pylrm hardest data/voc.data --cfg runs/lrm/net.cfg --weights runs/lrm/weights/best.weights \\
        -o hardest.png
    """
    from pylrm.cfg.file import Cfg
    from pylrm.data.darknet import read_data, read_images
    from pylrm.engine import Network
    from pylrm.errors import DataError
    from pylrm.inspect.hardest.page import page, record, table
    from pylrm.inspect.hardest.ranking import rank
    from pylrm.pictures.drawing import check_target, write_image
    from pylrm.runs.inputs import letterboxes
    from pylrm.training.checks import check_network

    if out is not None:
        check_target(out)
    source, dataset = Cfg.read(cfg), read_data(data)
    letterbox = letterboxes(source, letterbox)
    Network(source, weights, batch=1, inference=True).close()  # which wants the whole network's
    with Network(source, weights, batch=BATCH, threads=threads) as net:
        check_network(net, source, dataset)
        images, most = read_images(dataset, part), net.max_truths
        result = rank(
            net,
            images,
            letterbox=letterbox,
            thresh=thresh,
            progress=counter(),
        )
    warn_skipped(result.skipped)
    if result.unread:
        warn(
            f"labels that were not looked at: {result.unread}; they are under .001 of the image, "
            f"or beyond the {most} that the network reads of one (max= in its detection layer)"
        )
    if not result.images:
        raise DataError(f"{dataset.path}: none of {count_of(len(images), 'image')} can be read")
    if as_json:
        content = record(result, dataset.names, count)
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        click.echo(f"{count_of(len(result.images), 'image')}, loss {result.mean_loss:.3f} an image")
        for line in table(result, dataset.names, count):
            click.echo(line)
    if out is not None:
        write_image(out, page(result, dataset.names, count))
        click.echo(out, err=as_json)
