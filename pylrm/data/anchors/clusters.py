"""k-means of box sizes under the distance 1 - IoU, boxes standing on one centre.

Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger" (2017), section 2, "Dimension clusters".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pylrm.data.images import cv2
from pylrm.errors import DataError

Floats = npt.NDArray[np.float64]

RESTARTS = 10
_ROUNDS = 300  # of one start, at most


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
    a, b = np.asarray(sizes, np.float64)[:, None], np.asarray(anchors, np.float64)[None]
    shared = np.minimum(a[..., 0], b[..., 0]) * np.minimum(a[..., 1], b[..., 1])
    ratio: Floats = shared / (a.prod(axis=-1) + b.prod(axis=-1) - shared)
    return ratio


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

    Each start takes k-means++ seeds from OpenCV and improves them by Lloyd's rounds: each size
    goes to its best anchor, each anchor to the median width and height of its sizes, which gives a
    higher average IoU than the mean. Neither is the best centre under IoU, so a round may be worse
    than the one before: the best set of all rounds and starts counts, and is never worse than the
    best seeds.

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
            f"{len(points)} boxes of {different} different sizes are too few for {num} anchors"
        )
    cv2().setRNGSeed(seed)
    best, most = points[:num], -1.0
    for _ in range(restarts):
        anchors, iou = _improve(points, seeds(points, num))
        if iou > most:
            best, most = anchors, iou
    return best[np.argsort(best.prod(axis=1), kind="stable")], most


def seeds(points: Floats, num: int) -> Floats:
    """Return k-means++'s seeds after one round of plain k-means, (num, 2); OpenCV's RNG draws."""
    cv = cv2()
    once = (cv.TERM_CRITERIA_MAX_ITER, 1, 0.0)
    data = points.astype(np.float32)
    _, _, centres = cv.kmeans(data, num, None, once, 1, cv.KMEANS_PP_CENTERS)
    return np.asarray(centres, np.float64)


def _improve(points: Floats, anchors: Floats) -> tuple[Floats, float]:
    """The best anchors that Lloyd's rounds come by, the start included, and their average IoU."""
    best, most = anchors, -1.0
    former = None
    for _ in range(_ROUNDS):
        overlaps = ious(points, anchors)
        nearest = overlaps.argmax(axis=1)
        served = overlaps.max(axis=1)
        if served.mean() > most:
            best, most = anchors, float(served.mean())
        if former is not None and (nearest == former).all():
            break
        former = nearest
        worst = iter(np.argsort(served, kind="stable"))
        anchors = np.stack(
            [
                # An anchor without boxes goes to one that is served badly.
                np.median(points[nearest == i], axis=0) if count else points[next(worst)]
                for i, count in enumerate(np.bincount(nearest, minlength=len(anchors)))
            ]
        )
    return best, most
