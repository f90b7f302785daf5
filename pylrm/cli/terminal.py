"""What commands say beside their results: how far they are, what they left out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click


def image_counter() -> Callable[[int, int], None] | None:
    """Return what renews the line that counts images; None where there is no terminal."""
    return count_images if sys.stderr.isatty() else None


def count_images(done: int, total: int) -> None:
    """Renew the line: so many of so many images."""
    click.echo(f"\r{done:{len(str(total))}}/{total} images", nl=done == total, err=True)


def warn_skipped(images: Sequence[Path]) -> None:
    """Warn of images that could not be read, if there are any, and name the first."""
    if images:
        shown = ", ".join(map(str, images[:5])) + (", …" if len(images) > 5 else "")
        click.echo(f"pylrm: warning: {len(images)} images could not be read: {shown}", err=True)
