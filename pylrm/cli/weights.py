"""pylrm weights: a pretrained start, and what is in weights files."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli.options import PATH
from pylrm.terminal import counter

CFG = "What the file was saved with; a cfg file, or the name of a shipped one."


@click.group(name="weights")
def command() -> None:
    """Import a pretrained backbone; cut, show and compare weights files.

    \b
    Examples:
      pylrm weights import mobilenet.npz --cfg my.cfg --data my.data -o start.weights
      pylrm weights show start.weights --cfg my.cfg
    """


@command.command(name="import")
@click.argument("source", type=PATH, metavar="SOURCE")
@click.option("--cfg", required=True, help="Network to start; a file, or a shipped cfg's name.")
@click.option("--data", required=True, help="Data set (.data) whose training images are looked at.")
@click.option("-o", "--out", type=PATH, required=True, help="Weights file to write.")
@click.option(
    "--images", type=click.IntRange(1), default=48, show_default=True, help="To calibrate on."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of the choice."
)
@click.option(
    "--padding",
    type=click.Choice(["shift", "exact"]),
    default="shift",
    show_default=True,
    help="Of stride-2 kernels: a pixel off, or exact, for a cfg with size=5 there.",
)
def import_command(
    source: Path, cfg: str, data: str, out: Path, images: int, seed: int, padding: str
) -> None:
    """Make a start to train from of a trained MobileNet-v1.

    SOURCE is an .npz with the network's folded convolutions, or a state dict of PyTorch's: a
    .safetensors, .pt, .pth or .bin (docs/pretrained.md says what is in them). They become the first
    layers of CFG, with batch norm calibrated on training images; OUT ends after them.

    \b
    Example:
      pylrm weights import mobilenet.npz --cfg my.cfg --data my.data -o start.weights
      pylrm train --cfg my.cfg --data my.data --weights start.weights
    """
    from pylrm.weights import import_start

    layers = import_start(
        source,
        cfg,
        data,
        out,
        images=images,
        seed=seed,
        padding=padding,
        progress=counter("layer"),
    )
    click.echo(f"wrote {out}: layers 0 to {layers - 1} of {cfg}")


@command.command(name="cut")
@click.argument("weights", type=PATH, metavar="WEIGHTS")
@click.option("--cfg", required=True, help=CFG)
@click.option("--upto", type=click.IntRange(1), required=True, help="How many layers to keep.")
@click.option("-o", "--out", type=PATH, required=True, help="Weights file to write.")
def cut_command(weights: Path, cfg: str, upto: int, out: Path) -> None:
    """Keep the first layers of a weights file, as a start to train from.

    \b
    Example:
      pylrm weights cut best.weights --cfg my.cfg --upto 27 -o backbone.weights
    """
    from pylrm.weights import cut

    cut(weights, cfg, upto, out)
    click.echo(f"wrote {out}: layers 0 to {upto - 1} of {cfg}")


@command.command(name="show")
@click.argument("weights", type=PATH, metavar="WEIGHTS")
@click.option("--cfg", help=f"{CFG}  [default: only the header is shown]")
def show_command(weights: Path, cfg: str | None) -> None:
    """Show a weights file's header and, with a cfg, figures of each layer's arrays.

    \b
    Example:
      pylrm weights show best.weights --cfg my.cfg
    """
    from pylrm.inspect.describe import table
    from pylrm.weights import header, show

    click.echo(header(weights))
    if cfg is not None:
        rows, end = show(weights, cfg)
        click.echo(f"\n{table(rows, left={1, 2})}\n\n{end}")


@command.command(name="diff")
@click.argument("first", type=PATH, metavar="A")
@click.argument("second", type=PATH, metavar="B")
@click.option("--cfg", required=True, help=CFG)
def diff_command(first: Path, second: Path, cfg: str) -> None:
    """Show how far the layers of two weights files differ.

    Per array, the largest difference, and that divided by the largest value in A.

    \b
    Example:
      pylrm weights diff start.weights best.weights --cfg my.cfg
    """
    from pylrm.inspect.describe import table
    from pylrm.weights import diff

    rows, remarks = diff(first, second, cfg)
    click.echo(table(rows, left={1, 2}))
    for remark in remarks:
        click.echo(remark)
