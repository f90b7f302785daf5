"""pylrm anchors: anchors for a data set."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pylrm.cli import options
from pylrm.cli.cfg import read_size
from pylrm.terminal import counter, warn

SIZE, STRIDE, NUM = 416, 32, 5  # without a cfg


@click.command(name="anchors")
@click.argument("data", metavar="DATA")
@click.option("--cfg", help="Network that they are for; a file, or the name of a shipped cfg.")
@click.option(
    "--num", type=click.IntRange(1, 128), help=f"How many.  [default: the cfg's, or {NUM}]"
)
@click.option(
    "--size", callback=read_size, help=f"Input without a cfg, N or WxH.  [default: {SIZE}]"
)
@click.option(
    "--stride", type=click.IntRange(1), help=f"Pixels to a cell without a cfg.  [default: {STRIDE}]"
)
@options.letterbox
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of the starts."
)
@click.option(
    "--restarts",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Starts, of which the best counts.",
)
@click.option("--write", is_flag=True, help="Put the anchors into the cfg file.")
@click.option("-o", "--out", type=options.PATH, help="Figure to draw: .png, .pdf, .svg.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    data: str,
    cfg: str | None,
    num: int | None,
    size: tuple[int, int] | None,
    stride: int | None,
    letterbox: bool | None,
    seed: int,
    restarts: int,
    write: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Find anchors for the boxes of a data set's training images.

    DATA is a .data file. k-means under 1 - IoU, from k-means++ seeds; boxes as the network sees
    them. With --write only the anchors= lines of the cfg change (and num=, where --num is another
    number and filters= is set for it already).

    \b
    Example:
      pylrm anchors data/voc.data --cfg my.cfg --write -o anchors.png
    """
    if cfg is None and write:
        raise click.UsageError("--write needs --cfg")
    if cfg is not None and (size is not None or stride is not None):
        raise click.UsageError("--size and --stride are for want of a cfg: leave them out")
    from pylrm.inspect.anchors.search import find_anchors

    found = find_anchors(
        data,
        cfg=cfg,
        num=num,
        size=size or (SIZE, SIZE),
        stride=stride or STRIDE,
        letterbox=letterbox,
        seed=seed,
        restarts=restarts,
        write=write,
        figure=out,
        progress=counter(),
    )
    for line in found.warnings():
        warn(line)
    if as_json:
        click.echo(json.dumps(found.record(), indent=2, ensure_ascii=False))
        return
    click.echo(found.table())
    if out is not None:
        click.echo(f"drew {out}")
