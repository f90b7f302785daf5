"""pylrm report: one page about training runs."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli.options import PATH
from pylrm.terminal import counter


@click.command(name="report")
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="Page: .html.")
@click.option("--title", help="Of the page.  [default: the runs' names]")
@click.option(
    "--measure/--no-measure",
    default=True,
    show_default=True,
    help="Measure the best weights on the validation images.",
)
@click.option("--data", help="Measure on this .data file.  [default: each run's own]")
@click.option(
    "--at",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    help="Lowest score of the detections that count as errors.",
)
@click.option(
    "--images",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    help="Images shown, of those with most errors.",
)
@click.option("--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]")
def command(
    runs: tuple[Path, ...],
    out: Path,
    title: str | None,
    measure: bool,
    data: str | None,
    at: float,
    images: int,
    threads: int | None,
) -> None:
    """Write one page about training runs, to keep or to send.

    Curves, precision, errors, settings: one .html file that loads nothing from elsewhere. A run
    is a run folder; of a log alone, such as Darknet's text, the page has the curves.

    \b
    Example:
      pylrm report runs/plain runs/lrm -o report.html
    """
    from pylrm.report.page import write_report

    write_report(
        runs,
        out,
        title=title,
        data=data,
        measure=measure,
        at=at,
        images=images,
        threads=threads,
        progress=counter(),
    )
    click.echo(out)
