"""Helpers of `pylrm detect`: images, class names, files of drawings, results as text and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pylrm.data.darknet import read_list, read_names
from pylrm.data.images import ByteImage
from pylrm.drawing import name_of
from pylrm.engine import Detection
from pylrm.errors import CfgError, DataError
from pylrm.preflight import choose_data
from pylrm.runs import writing

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
    """Make the folder of the drawings and say where each image's goes, never over another image."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
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


def class_names(cfg: Path, classes: int, data: str | None, names: Path | None) -> list[str]:
    """Return the classes' names: from a file of names, a .data file, or else the cfg's data set.

    Parameters
    ----------
    cfg : Path
        The cfg file, whose data set is the fallback; where it has none, classes go by number.
    classes : int
        How many the network has.
    data, names
        What the user asked for, if anything.

    Raises
    ------
    DataError
        The file asked for has another number of names.
    """
    if names is not None:
        found, where = read_names(names), names
    else:
        try:
            chosen = choose_data(cfg, data)
        except (CfgError, DataError):
            if data is not None:
                raise
            return []
        if data is None and chosen.classes != classes:
            return []
        found, where = chosen.names, chosen.path
    if len(found) != classes:
        raise DataError(f"{where}: {len(found)} names, but {cfg} has {classes} classes")
    return found


def record(
    path: Path, image: ByteImage, found: Sequence[Detection], names: Sequence[str]
) -> dict[str, object]:
    """Return an image's detections as JSON has them; boxes: left, top, right, bottom in pixels."""
    return {
        "image": str(path),
        "width": image.shape[1],
        "height": image.shape[0],
        "detections": [
            {
                "class": name_of(detection.class_id, names),
                "class_id": detection.class_id,
                "score": round(detection.score, 6),
                "box": [round(edge, 2) for edge in detection.box],
            }
            for detection in found
        ],
    }


def summary(found: Sequence[Detection], names: Sequence[str]) -> str:
    """Return an image's detections in a line: classes with their numbers and best scores."""
    if not found:
        return "nothing found"
    best: dict[int, float] = {}
    for detection in found:
        best[detection.class_id] = max(detection.score, best.get(detection.class_id, 0.0))
    counts = Counter(detection.class_id for detection in found)
    return ", ".join(
        f"{count} {name_of(class_id, names)} ({best[class_id]:.2f})"
        for class_id, count in counts.most_common()
    )
