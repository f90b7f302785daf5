"""pylrm preview: see what a network is trained on."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli import options


@click.command(name="preview")
@click.argument("data", metavar="[D.data]", required=False)
@click.option("--cfg", help="Network; a file, or the name of a shipped cfg.")
@click.option(
    "--batch",
    type=options.PATH,
    help="In place of data and cfg: a batch that training kept (nonfinite-batch.npz).",
)
@click.option("-o", "--out", required=True, type=options.PATH, help="Page: .png or .jpg.")
@click.option(
    "--count", type=click.IntRange(1, 400), default=16, show_default=True, help="Images on it."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Of the run that is looked into.",
)
@click.option("--no-augment", is_flag=True, help="The same images as they are in evaluation.")
@options.letterbox
def command(
    data: str | None,
    cfg: str | None,
    batch: Path | None,
    out: Path,
    count: int,
    seed: int,
    no_augment: bool,
    letterbox: bool | None,
) -> None:
    """Draw the first training images as the network gets them, with their boxes.

    They are those of `pylrm train` with the same cfg, data and seed: augmented, and placed in the
    network's input. Regions to ignore have dashed outlines.

    \b
    Examples:
      pylrm preview data/voc.data --cfg yolov2-mobilenet-lrm.cfg -o preview.png
      pylrm preview --batch runs/lrm/nonfinite-batch.npz -o page.png
    """
    from pylrm.data.darknet import read_data
    from pylrm.inspect.preview import batch_samples, page, samples
    from pylrm.pictures.drawing import check_target, write_image

    check_target(out)
    if batch is not None and data is None and cfg is None:
        found, names = batch_samples(batch)
    elif batch is None and data is not None and cfg is not None:
        dataset = read_data(data)
        names = dataset.names
        found = samples(
            cfg, dataset, count=count, seed=seed, augment=not no_augment, letterbox=letterbox
        )
    else:
        raise click.UsageError("give a .data file and its --cfg, or --batch alone")
    write_image(out, page(found, names))
    click.echo(out)
