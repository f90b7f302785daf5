"""pylrm explain: what mining keeps of an image's predictions."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli import options


@click.command(name="explain")
@click.argument("run", metavar="RUN", type=options.PATH)
@click.argument("image", metavar="IMAGE", type=options.PATH)
@click.option("-o", "--out", required=True, type=options.PATH, help="Figure: .png, .pdf, .svg.")
@click.option(
    "--weights",
    default="last",
    show_default=True,
    help="Which of the run's: last, best, or the number of an update.",
)
@click.option(
    "--k",
    type=click.IntRange(0),
    help="Predictions kept; 0: no limit.  [default: the k of [lrm]; needed without one]",
)
@click.option(
    "--nms",
    type=click.FloatRange(0, 1),
    help="IoU from which on the easier of two is dropped.  [default: the nms of [lrm], or .7]",
)
def command(
    run: Path, image: Path, out: Path, weights: str, k: int | None, nms: float | None
) -> None:
    """Draw which of an image's predictions mining keeps.

    The kept ones are coloured by loss, the filtered ones are faint, the truths blue. RUN is a run
    folder, with [lrm] or without; the labels of IMAGE are found by Darknet's rule.

    \b
    Example:
      pylrm explain runs/lrm data/images/1.jpg -o explained.png
    """
    from pylrm.inspect.explain.figure import draw
    from pylrm.inspect.explain.selection import explain
    from pylrm.pictures.style import check_ending

    check_ending(out)
    draw(explain(run, image, weights=weights, k=k, nms=nms), out)
    click.echo(out)
