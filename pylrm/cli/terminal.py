"""What commands show on a terminal while they work."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click


def image_counter() -> Callable[[int, int], None] | None:
    """Return what renews the line that counts images; None where there is no terminal."""
    return count_images if sys.stderr.isatty() else None


def count_images(done: int, total: int) -> None:
    """Renew the line: so many of so many images."""
    click.echo(f"\r{done:{len(str(total))}}/{total} images", nl=done == total, err=True)
