"""darknet partial: the first layers of a weights file."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from pylrm.cli.darknet.flags import Line


def partial(line: Line) -> None:
    """Cut a weights file."""
    from pylrm.weights import cut

    cfg, weights, out, count = line.words
    if not count.isdecimal() or not int(count):
        raise click.UsageError(f"N={count:.40}: how many layers to keep, from 1 on")
    click.echo(
        shlex.join(["pylrm", "weights", "cut", weights, "--cfg", cfg, "--upto", count, "-o", out])
    )
    cut(Path(weights), cfg, int(count), Path(out))
    click.echo(f"Saving weights to {out}")
