"""Overlap and suppression of boxes (centre x, y, w, h)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pylrm.binding.library import call, ffi, floats, lib
from pylrm.terminal import count_of


def iou(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the intersection over union of each of some boxes with each of others.

    Parameters
    ----------
    a, b : arrays (n, 4), (m, 4)
        Centre x, y, w, h, in any one unit.

    Returns
    -------
    ndarray (n, m) float64
        0 where a box has no area or is NaN.

    Raises
    ------
    ValueError
        A shape does not fit.
    """
    first, second = _boxes(a)[:, None], _boxes(b)[None]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        low = np.maximum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
        high = np.minimum(
            first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2
        )
        shared = np.prod(np.maximum(high - low, 0), axis=-1)
        whole = np.prod(first[..., 2:], axis=-1) + np.prod(second[..., 2:], axis=-1) - shared
        ratio = shared / whole
        real = (first[..., 2:] > 0).all(-1) & (second[..., 2:] > 0).all(-1) & (ratio > 0)
    return np.where(real, ratio, 0.0)


def nms(boxes: npt.ArrayLike, scores: npt.ArrayLike, iou: float) -> npt.NDArray[np.int32]:
    """Suppress boxes that overlap one of a higher score.

    Parameters
    ----------
    boxes : array (n, 4)
        Centre x, y, w, h.
    scores : array (n,)
        Ties go to the lower index.
    iou : float
        A box whose IoU with a kept one is greater is dropped.

    Returns
    -------
    ndarray (kept,) int32
        Indices kept, by descending score.

    Raises
    ------
    ValueError
        A shape does not fit.
    """
    boxes32 = np.ascontiguousarray(_boxes(boxes), np.float32)
    scores32 = np.ascontiguousarray(scores, np.float32)
    if scores32.shape != (len(boxes32),):
        raise ValueError(f"scores of shape {scores32.shape} for {count_of(len(boxes32), 'box')}")
    kept = np.empty(len(boxes32), np.int32)
    count = ffi.new("int *")
    call(
        lib.dn_nms,
        floats(boxes32),
        floats(scores32),
        len(boxes32),
        iou,
        ffi.from_buffer("int[]", kept),
        count,
    )
    return kept[: count[0]].copy()


def _boxes(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(boxes, np.float64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes of shape {array.shape}, expected (n, 4)")
    return array
