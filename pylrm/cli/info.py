"""pylrm info: what a cfg amounts to."""

from __future__ import annotations

import click

from pylrm.terminal import warn


@click.command(name="info")
@click.argument("cfg", metavar="CFG")
def command(cfg: str) -> None:
    """Show a cfg's layers, parameters, multiply-adds, memory and predictions.

    CFG is a file, or the name of a shipped cfg.

    \b
    Example:
      pylrm info yolov2-mobilenet-lrm.cfg
    """
    from pylrm.inspect.describe import describe

    text, remarks = describe(cfg)
    click.echo(text)
    for remark in remarks:
        warn(remark)
