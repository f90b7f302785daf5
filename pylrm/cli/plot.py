"""pylrm plot: draw the curves of training runs."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pylrm.cli.options import PATH

SECONDS = 5.0  # between two looks at the logs with --follow


@click.command(name="plot")
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="Figure: .png, .pdf, .svg.")
@click.option("--mining", is_flag=True, help="Draw what [lrm] kept, in place of loss and mAP.")
@click.option("--title", help="Above the figure.  [default: the runs' names]")
@click.option("--follow", is_flag=True, help="Draw again while the runs are trained.")
def command(
    runs: tuple[Path, ...], out: Path, mining: bool, title: str | None, follow: bool
) -> None:
    """Draw loss and mAP curves of runs into one figure.

    A run is a run folder, a log.csv, or the text that Darknet or one of its newer forks printed.
    --follow ends when no process trains in the run folders any more; for another log, press Ctrl-C.

    \b
    Example:
      pylrm plot runs/plain runs/lrm -o curves.png
      pylrm plot --mining runs/lrm -o mining.png
      pylrm plot --follow runs/lrm -o curves.png
    """
    from pylrm.pictures.curves import plot_runs
    from pylrm.pictures.mining_curves import plot_mining
    from pylrm.runs.follow import follow as follow_runs

    def draw() -> None:
        (plot_mining if mining else plot_runs)(runs, out, title=title)
        click.echo(out)

    def say(line: str) -> None:
        click.echo(line, err=True)

    if follow:
        follow_runs(runs, draw, lambda: time.sleep(SECONDS), say)
    else:
        draw()
