"""Cross-validation: a data set's images cut into parts, each of which is validated on once.

The images of train and valid together are sorted by the SHA-256 digest of "SEED NAME", the name
being the path below the folder that all share, and dealt to the folds in turn: the same on every
machine, and the same for all arms. Each seed has its own cut.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from pylrm.data.darknet import DataFile, read_images
from pylrm.errors import DataError
from pylrm.evaluate.truths import CocoTruth
from pylrm.files.writing import write_whole, writing


def cut(images: list[Path], folds: int, seed: int) -> list[list[Path]]:
    """Cut images into folds whose sizes differ by one at most.

    Raises
    ------
    DataError
        There are fewer images than folds.
    """
    if len(images) < folds:
        raise DataError(f"{len(images)} images: too few for {folds} folds")
    shared = os.path.commonpath([image.parent for image in images])

    def digest(image: Path) -> bytes:
        name = image.relative_to(shared).as_posix()
        return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogatepass")).digest()

    order = sorted(images, key=digest)
    return [sorted(order[fold::folds]) for fold in range(folds)]


def write_folds(data: DataFile, folds: int, seed: int, folder: Path) -> list[Path]:
    """Write a .data file and two lists for each fold.

    The truths of truth= are kept where they are of all images; else each fold is measured by the
    label files.

    Parameters
    ----------
    data : DataFile
        The data set, with train= and valid=.
    folds : int
        How many.
    seed : int
        Another one gives another cut.
    folder : Path
        Where the files go; made if it is not there.

    Returns
    -------
    list of Path
        The .data files.
    """
    images = all_images(data)
    parts = cut(images, folds, seed)
    lines: dict[str, object] = {
        "classes": data.classes,
        "names": folder / "names",
        "metric": data.metric,
    }
    truth = whole_truth(data, images)
    if truth is not None:
        lines["truth"] = truth
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "names", _text(data.names))
    files = []
    for fold, valid in enumerate(parts):
        held_out = set(valid)
        lists = {"train": [image for image in images if image not in held_out], "valid": valid}
        for kind, members in lists.items():
            file = folder / f"fold-{fold}-{kind}.txt"
            write_whole(file, _text(members))
            lines[kind] = file
        files.append(fold_file(folder, fold))
        write_whole(files[-1], _text(f"{key}={value}" for key, value in lines.items()))
    return files


def fold_file(folder: Path, fold: int) -> Path:
    """Return where a fold's .data file is."""
    return folder / f"fold-{fold}.data"


def all_images(data: DataFile) -> list[Path]:
    """Return the images of both lists, absolute, each once, sorted."""
    listed = read_images(data, "train") + read_images(data, "valid")
    return sorted({image.parent.resolve() / image.name for image in listed})


def whole_truth(data: DataFile, images: list[Path]) -> Path | None:
    """Return the truths of truth= if they are of all these images."""
    if data.truth is None:
        return None
    truth = CocoTruth(data.truth, data.names)
    try:
        for image in images:
            truth.image_id(image)
    except DataError:
        return None
    return data.truth.resolve()


def _text(lines: Iterable[object]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
