"""The sizes of a data set's boxes as a network sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pylrm.data.augmentation import move_boxes, plain_transform
from pylrm.data.darknet import LEAST, DataFile, read_truth
from pylrm.data.headers import image_size
from pylrm.errors import DataError
from pylrm.inspect.anchors.clusters import Floats


@dataclass(frozen=True)
class BoxSizes:
    """Sizes of boxes.

    Attributes
    ----------
    images
        How many images they are from.
    sizes
        (n, 2) float64 width and height, relative to the network's input.
    left_out
        Boxes narrower or lower than .001 of the input, which training drops too.
    unreadable
        Images that cannot be read, whose boxes are missing.
    """

    images: int
    sizes: Floats
    left_out: int
    unreadable: list[Path]


def box_sizes(
    images: Sequence[Path],
    data: DataFile,
    canvas: tuple[int, int],
    letterbox: bool,
    progress: Callable[[int, int], None] | None = None,
) -> BoxSizes:
    """Measure the labelled boxes of images in the view of evaluation, which training jitters.

    Parameters
    ----------
    images, data
        The images, and their data set.
    canvas
        Width and height of the network's input in pixels.
    letterbox
        Images keep their aspect, else they are stretched.
    progress
        Called with the images done and all images.

    Raises
    ------
    DataError
        A bad label, naming file and line.
    """
    found = [np.zeros((0, 2))]
    unreadable = []
    for done, image in enumerate(images, 1):
        objects, _ = read_truth(image, data.classes)
        try:
            view = plain_transform(image_size(image), canvas, letterbox)
            found.append(move_boxes(objects[:, 1:], view, canvas)[:, 2:].astype(np.float64))
        except DataError:
            unreadable.append(image)
        if progress:
            progress(done, len(images))
    sizes = np.concatenate(found)
    kept = (sizes >= LEAST).all(axis=1)
    return BoxSizes(len(images) - len(unreadable), sizes[kept], int((~kept).sum()), unreadable)
