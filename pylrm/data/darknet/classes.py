"""Which class an image is of, as classifiers' data sets tell by its path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.data.darknet.files import DataFile
from pylrm.errors import DataError


def read_classes(images: Sequence[Path], data: DataFile) -> npt.NDArray[np.int64]:
    """Return the class of each image: its nearest folder that is named as a label is.

    Where no folder is, Darknet's rule holds: the one label that the path contains.

    Parameters
    ----------
    images : sequence of Path
        The images.
    data : DataFile
        Its labels= stand in paths; without them, the names of the classes do.

    Returns
    -------
    ndarray (images,) int64

    Raises
    ------
    DataError
        A path with no label in it, or with several.
    """
    labels = data.labels or data.names
    known = {label: index for index, label in enumerate(labels)}
    of_folder: dict[Path, int | None] = {}
    classes = np.empty(len(images), np.int64)
    for i, image in enumerate(images):
        folder = image.parent
        if folder not in of_folder:
            named = (known[part] for part in reversed(folder.parts) if part in known)
            of_folder[folder] = next(named, None)
        found = of_folder[folder]
        classes[i] = _contained(image, labels, data) if found is None else found
    return classes


def _contained(image: Path, labels: Sequence[str], data: DataFile) -> int:
    """Return the one label that a path contains."""
    within = [index for index, label in enumerate(labels) if label in str(image)]
    if len(within) == 1:
        return within[0]
    found = " and ".join(f"'{labels[index]}'" for index in within[:2]) or "none"
    raise DataError(
        f"{image}: its class is not clear: of the labels of {data.path} its path contains {found}; "
        "an image of class NAME stands in a folder NAME"
    )
