"""k-means of box sizes under the distance 1 - IoU, boxes standing on one centre.

Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger" (2017), section 2, "Dimension clusters".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pylrm.data.images import cv2
from pylrm.errors import DataError
from pylrm.terminal import count_of

Floats = npt.NDArray[np.float64]

RESTARTS = 20
_SAMPLE = 10000  # the starts use at most so many sizes
_PATIENCE, _RISE = 10, 1e-4  # stop when so many rounds have not raised the average IoU by so much


def ious(sizes: npt.ArrayLike, anchors: npt.ArrayLike) -> Floats:
    """Return the IoU of each of some sizes with each of some anchors, on one centre.

    Parameters
    ----------
    sizes, anchors
        (n, 2) and (m, 2) widths and heights above 0, in any one unit.

    Returns
    -------
    ndarray (n, m) float64
    """
    widths, heights = np.asarray(sizes, np.float64).reshape(-1, 2).T
    areas = widths * heights
    ratios = []  # one anchor after the other: that is several times faster than all at once
    for width, height in np.asarray(anchors, np.float64):
        shared = np.minimum(widths, width) * np.minimum(heights, height)
        ratios.append(shared / (areas + width * height - shared))
    return np.stack(ratios, axis=1)


def average_iou(sizes: npt.ArrayLike, anchors: npt.ArrayLike) -> float:
    """Return the mean over the sizes of the IoU with the best anchor.

    Parameters
    ----------
    sizes, anchors
        As of `ious`; at least one each.
    """
    return float(ious(sizes, anchors).max(axis=1).mean())


def cluster(
    sizes: npt.ArrayLike, num: int, *, seed: int = 0, restarts: int = RESTARTS
) -> tuple[Floats, float]:
    """Find anchors of a high average IoU.

    Each start takes k-means++ seeds from OpenCV and improves them by Lloyd's rounds: each size is
    assigned to its best anchor, and each anchor becomes the median width and height of its sizes,
    which gives a higher average IoU than the mean. Neither is the optimal centre under IoU, so a
    round may be worse than the one before; the result is the best set of all rounds and starts, and
    so is never worse than the best seeds. With more than 10,000 sizes, the starts use a random
    choice of them, and the best start is then improved with all sizes.

    Parameters
    ----------
    sizes
        (n, 2) widths and heights above 0, in any one unit.
    num
        How many anchors.
    seed
        Of the starts; the outcome is a function of sizes, num, seed and restarts.
    restarts
        How many starts.

    Returns
    -------
    anchors : ndarray (num, 2) float64
        By rising area.
    iou : float
        Their average IoU.

    Raises
    ------
    DataError
        There are fewer different sizes than anchors.
    """
    points = np.asarray(sizes, np.float64).reshape(-1, 2)
    different = len(np.unique(points, axis=0))
    if different < num:
        raise DataError(
            f"{count_of(len(points), 'box')} of {count_of(different, 'different size')}: too few "
            f"for {count_of(num, 'anchor')}"
        )
    cv2().setRNGSeed(seed)
    sample = points
    if len(points) > _SAMPLE:
        sample = np.random.default_rng(seed).choice(points, _SAMPLE, replace=False)
    starts = (_improve(sample, seeds(sample, num)) for _ in range(restarts))
    best, most = max(starts, key=lambda found: found[1])
    if sample is not points:
        best, most = _improve(points, best)
    return best[np.argsort(best.prod(axis=1), kind="stable")], most


def seeds(points: Floats, num: int) -> Floats:
    """Return k-means++'s seeds after one round of plain k-means, (num, 2); OpenCV's RNG draws.

    Its Euclidean distance is taken between the logarithms of the sizes, which is closer to 1 - IoU,
    since both depend on the ratio of sizes.
    """
    if len(points) == 1:  # in one row, OpenCV takes each number for a point
        return points
    cv = cv2()
    once = (cv.TERM_CRITERIA_MAX_ITER, 1, 0.0)
    data = np.log(points).astype(np.float32)
    _, _, centres = cv.kmeans(data, num, None, once, 1, cv.KMEANS_PP_CENTERS)
    return np.exp(np.asarray(centres, np.float64))


def _improve(points: Floats, anchors: Floats) -> tuple[Floats, float]:
    """The best anchors that Lloyd's rounds come by, the start included, and their average IoU."""
    best, most = anchors, -1.0
    former = None
    rises = [-1.0]
    while len(rises) <= _PATIENCE or rises[-1] > rises[-1 - _PATIENCE] + _RISE:
        overlaps = ious(points, anchors)
        nearest = overlaps.argmax(axis=1)
        served = overlaps.max(axis=1)
        if served.mean() > most:
            best, most = anchors, float(served.mean())
        rises.append(most)
        if former is not None and (nearest == former).all():
            break
        former = nearest
        count = np.bincount(nearest, minlength=len(anchors))
        anchors = anchors.copy()
        for i in np.flatnonzero(count):
            anchors[i] = np.median(points[nearest == i], axis=0)
        empty = np.flatnonzero(count == 0)
        if len(empty):  # anchors without boxes move to the sizes with the lowest IoU
            anchors[empty] = points[np.argsort(served, kind="stable")[: len(empty)]]
    return best, most
