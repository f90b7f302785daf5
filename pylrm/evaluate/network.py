"""Measuring a network on the validation images of a data set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pylrm.data.darknet import DataFile, Metric, read_images
from pylrm.data.loader import evaluation_batches
from pylrm.engine import Network
from pylrm.errors import DataError
from pylrm.evaluate.boxes import Fields, record_of, to_edges
from pylrm.evaluate.measure import Detected, Evaluation, measure
from pylrm.evaluate.truths import CocoTruth, label_record
from pylrm.terminal import count_of

GRID = 1024  # detections are rounded to this part of a pixel, which files can hold exactly


def evaluate(
    net: Network,
    data: DataFile,
    *,
    letterbox: bool = True,
    thresh: float = 0.005,
    nms: float = 0.45,
    metric: Metric | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure a network on a data set's validation images.

    Images are made smaller as the cfg says ([net] antialias=), which is as in training.

    Truths come from the .data file's truth= (which knows difficult objects), else from the label
    files, with NAME.ignore.txt as regions to ignore. Detections are clipped to the image.

    Parameters
    ----------
    net : Network
        A detector, in training or for inference; runs `net.batch` images a pass.
    data : DataFile
        The data set.
    letterbox : bool
        Keep the aspect of images, else stretch them to the input; to be chosen as in training.
    thresh : float
        Scores not above it are left out.
    nms : float
        Of two boxes of a class that overlap more (IoU), the one of the lower score goes; 0: none.
    metric : str or None
        "area", "11point", "coco" or "kitti"; None: what the .data file says.
    progress : callable or None
        Called with the images done and all there are, after each pass.

    Raises
    ------
    DataError
        The list, a label or the truths are missing or wrong; not one image can be read.
    """
    images = read_images(data, "valid")
    marked = CocoTruth(data.truth, data.names) if data.truth is not None else None
    found = Detected(images, {}, {}, [], marked)
    batches = evaluation_batches(
        images,
        classes=data.classes,
        width=net.width,
        height=net.height,
        channels=net.channels,
        batch=net.batch,
        max_boxes=1,  # the truths are read here
        letterbox=letterbox,
        antialias=net.antialias,
        skipped=found.skipped,
    )
    for batch in batches:
        net.forward(batch.x)
        for i, index in enumerate(batch.indices.tolist()):
            size = (int(batch.sizes[i, 0]), int(batch.sizes[i, 1]))
            rows = net.boxes(i, size, thresh, letterbox, nms or None)
            found.detections[index] = detection_record(rows, size)
            found.truth[index] = (
                label_record(images[index], data.classes, size)
                if marked is None
                else marked.record(images[index])
            )
        if progress is not None:
            progress(len(found.truth) + len(found.skipped), len(images))
    if not found.truth:
        raise DataError(f"{data.valid}: none of its {count_of(len(images), 'image')} can be read")
    return measure(found, data.names, metric or data.metric)


def detection_record(rows: npt.NDArray[np.float32], size: tuple[int, int]) -> Fields:
    """Turn an image's rows of `Network.boxes` (n, 5 + classes) into a record of detections.

    Parameters
    ----------
    rows : array
        Relative boxes, objectness, and a probability for each class; 0: no detection.
    size : (int, int)
        The image's width and height.
    """
    row, kind = np.nonzero(rows[:, 5:])
    corners = to_edges(rows[row, :4], size, clip=True)
    return record_of(kind, np.round(corners * GRID) / GRID, score=rows[row, 5 + kind])
