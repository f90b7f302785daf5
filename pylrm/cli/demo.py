"""pylrm demo: see it work, without a download."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli.options import PATH


@click.command(name="demo")
@click.option("--out", type=PATH, help="Folder to write.  [default: runs/demo]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]")
@click.option("--quiet", is_flag=True, help="Show only warnings.")
def command(out: Path | None, seed: int, threads: int | None, quiet: bool) -> None:
    """Draw street scenes, train on them with and without lrm, show both.

    Takes about five minutes on two cores. Writes the scenes, two run folders and demo.png.

    \b
    Example:
      pylrm demo --out runs/demo
    """
    from pylrm.demo.demo import demo

    demo(out, seed=seed, threads=threads, quiet=quiet)
