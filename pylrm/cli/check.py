"""pylrm check: look for mistakes in a data set."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pylrm.cli.options import PATH
from pylrm.terminal import counter

FAILED = 1  # exit code


@click.command(name="check")
@click.argument("data", metavar="DATA")
@click.option("--cfg", help="Network to hold the boxes against; a file, or a shipped cfg.")
@click.option(
    "--letterbox/--no-letterbox",
    default=None,
    help="With --cfg: keep the aspect of images, or stretch them.  [default: as in training for "
    "the cfg of a run folder; as the cfg's letter_box= says; else keep it]",
)
@click.option("--all", "everything", is_flag=True, help="Show all examples, not only the first.")
@click.option("-o", "--out", type=PATH, help="Page of the worst images: .png or .jpg.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all examples.")
def command(
    data: str,
    cfg: str | None,
    letterbox: bool | None,
    everything: bool,
    out: Path | None,
    as_json: bool,
) -> int:
    """Look for mistakes in a data set: its lists, images, labels and truths.

    DATA is a .data file. Exit code: 0 when nothing is wrong (there may be remarks), 1 when
    something is, 2 when there is nothing to check.

    \b
    Example:
      pylrm check data/voc.data --cfg yolov2-mobilenet-lrm.cfg -o report.png
    """
    from pylrm.inspect.check import check
    from pylrm.inspect.check.page import page
    from pylrm.inspect.check.report import SHOWN
    from pylrm.pictures.drawing import check_target, write_image

    if out is not None:
        check_target(out)
    report = check(
        data,
        cfg=cfg,
        letterbox=letterbox,
        progress=counter(),
    )
    if as_json:
        click.echo(json.dumps(report.record(), indent=2, ensure_ascii=False))
    else:
        click.echo(report.text(None if everything else SHOWN))
    if out is not None:
        write_image(out, page(report))
        if not as_json:
            click.echo(f"drew {out}")
    return FAILED if report.failed else 0
