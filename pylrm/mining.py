"""The rule of [lrm], Loss Rank Mining, on plain arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pylrm.binding.library import call, check_range, ffi, floats, lib

__all__ = ["select"]


def select(
    loss: npt.ArrayLike, boxes: npt.ArrayLike, classes: npt.ArrayLike, k: int, nms: float
) -> npt.NDArray[np.int32]:
    """Select the hard predictions of one image.

    Predictions are ranked by loss, the highest first, ties by the lower index, NaN before every
    number. Down the ranking, one whose box overlaps a kept one of its class with an IoU of `nms`
    or more is dropped, until `k` are kept.

    Parameters
    ----------
    loss : (n,) float32
        Loss of each prediction.
    boxes : (n, 4) float32
        Centre x, y, width, height, in any unit.
    classes : (n,) int32
        Class of each prediction; whole numbers of any type.
    k : int
        How many are kept at most; 0: no limit.
    nms : float
        From 0 to 1, compared as a double; 0 and 1: nothing is dropped.

    Returns
    -------
    (kept,) int32
        Indices, in rank order.

    Raises
    ------
    ValueError
        Shapes that do not fit each other, a class that is no whole number, a k that is no int32.
    PylrmError
        k below 0, or nms outside 0 to 1.

    References
    ----------
    Yu et al., Loss Rank Mining, arXiv 1804.04606, 2018, section III.
    """
    losses = np.ascontiguousarray(loss, np.float32)
    places = np.ascontiguousarray(boxes, np.float32)
    given = np.asarray(classes)
    with np.errstate(invalid="ignore"):
        kinds = np.ascontiguousarray(given, np.int32)
    n = losses.size
    if losses.shape != (n,) or places.shape != (n, 4) or kinds.shape != (n,):
        raise ValueError(
            f"loss (n,), boxes (n, 4) and classes (n,) are wanted, not {losses.shape}, "
            f"{places.shape} and {kinds.shape}"
        )
    if not np.array_equal(kinds, given):
        raise ValueError("classes must be whole numbers that an int32 holds")
    check_range("k", k, least=-(2**31))
    kept, count = np.empty(n, np.int32), ffi.new("int *")
    call(
        lib.dn_lrm_select,
        floats(losses),
        floats(places),
        ffi.from_buffer("int[]", kinds),
        n,
        k,
        nms,
        ffi.from_buffer("int[]", kept),
        count,
    )
    return kept[: count[0]].copy()
