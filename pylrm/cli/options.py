"""Options that several commands have, with one meaning and one help."""

from __future__ import annotations

from pathlib import Path

import click

PATH = click.Path(path_type=Path)

device = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="What computes; cuda: a GPU, with a build for it.",
)

letterbox = click.option(
    "--letterbox/--no-letterbox",
    default=None,
    help="Keep the aspect of images, or stretch them.  [default: as in training for the cfg of a "
    "run folder; as the cfg's letter_box= says; else keep it]",
)
