"""The images to detect in, and where their drawings go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pylrm.data.darknet import read_list
from pylrm.errors import DataError

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def expand(path: Path) -> list[Path]:
    """Return the images that an argument stands for: itself, a folder's or a list's."""
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if not inside:
            raise DataError(f"{path}: the folder holds no images ({', '.join(sorted(SUFFIXES))})")
        return inside
    if path.suffix.lower() == ".txt":
        return read_list(path)
    return [path]


def drawings(images: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Say where in a folder each image's drawing goes, never over another image."""
    taken = {image.resolve() for image in images}
    targets: dict[Path, Path] = {}
    for image in images:
        if image in targets:
            continue
        target, number = folder / f"{image.stem}.jpg", 1
        while target.resolve() in taken:
            number += 1
            target = folder / f"{image.stem}-{number}.jpg"
        taken.add(target.resolve())
        targets[image] = target
    return targets
