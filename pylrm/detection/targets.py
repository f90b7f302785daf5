"""Where files about sources go: never over a source, never over each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pylrm.data.sources import Source


def drawings(sources: Sequence[Source], folder: Path) -> dict[Source, Path]:
    """Say where in a folder the drawing of each image, and the drawn video of the others, goes."""
    taken = {source.path.resolve() for source in sources if source.kind != "stream"}
    targets: dict[Source, Path] = {}
    for source in sources:
        if source in targets:
            continue
        suffix = ".jpg" if source.kind == "image" else ".mp4"
        target, number = folder / f"{source.stem}{suffix}", 1
        while target.resolve() in taken:
            number += 1
            target = folder / f"{source.stem}-{number}{suffix}"
        taken.add(target.resolve())
        targets[source] = target
    return targets


def stems(sources: Sequence[Source]) -> dict[Source, str]:
    """Give each source a name for files about it, two of one name told apart by a number."""
    taken: set[str] = set()
    named: dict[Source, str] = {}
    for source in sources:
        if source in named:
            continue
        stem, number = source.stem, 1
        while stem in taken:
            number += 1
            stem = f"{source.stem}-{number}"
        taken.add(stem)
        named[source] = stem
    return named
