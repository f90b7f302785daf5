"""pylrm plot: draw the curves of training runs."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli.options import PATH


@click.command(name="plot")
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="Figure: .png, .pdf, .svg.")
@click.option("--mining", is_flag=True, help="Draw what [lrm] kept, in place of loss and mAP.")
@click.option("--title", help="Above the figure.  [default: the runs' names]")
def command(runs: tuple[Path, ...], out: Path, mining: bool, title: str | None) -> None:
    """Draw loss and mAP curves of runs into one figure.

    A run is a run folder, a log.csv, or the text that Darknet or a newer fork printed.

    \b
    Example:
      pylrm plot runs/plain runs/lrm -o curves.png
      pylrm plot --mining runs/lrm -o mining.png
    """
    from pylrm.pictures.curves import plot_runs
    from pylrm.pictures.mining_curves import plot_mining

    (plot_mining if mining else plot_runs)(runs, out, title=title)
    click.echo(out)
