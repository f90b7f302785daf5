"""The rule of [lrm], Loss Rank Mining, on plain arrays."""

from __future__ import annotations

import sys
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from pylrm.binding.library import call, check_range, ffi, floats, lib

__all__ = ["select"]


class Tensor(Protocol):
    """A tensor of PyTorch's, as far as it can be said without importing it."""

    @property
    def device(self) -> Any: ...
    def detach(self) -> Any: ...


@overload
def select(
    loss: npt.ArrayLike, boxes: npt.ArrayLike, classes: npt.ArrayLike, k: int, nms: float
) -> npt.NDArray[np.int32]: ...
@overload
def select(loss: Tensor, boxes: Tensor, classes: Tensor, k: int, nms: float) -> Any: ...
def select(loss: Any, boxes: Any, classes: Any, k: int, nms: float) -> Any:
    """Select the hard predictions of one image.

    Predictions are ranked by loss, the highest first, ties by the lower index, NaN before every
    number. Down the ranking, one whose box overlaps a kept one of its class with an IoU of `nms`
    or more is dropped, until `k` are kept.

    Parameters
    ----------
    loss : (n,) float32
        Loss of each prediction. This and the next two may be tensors of PyTorch's, on any device
        and with a gradient: the selection is made on the CPU, and has no gradient itself.
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
        Indices, in rank order. If `loss` is a tensor of PyTorch's: an int64 tensor on its device.

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
    kept = _select(_array(loss), _array(boxes), _array(classes), k, nms)
    if not _is_tensor(loss):
        return kept
    return sys.modules["torch"].from_numpy(kept).long().to(loss.device)


def _is_tensor(given: object) -> bool:
    """Tell whether something is a tensor of PyTorch's, which is loaded then."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(given, torch.Tensor)


def _array(given: Any) -> Any:
    """Return a tensor as an array on the CPU; anything else as it is."""
    if not _is_tensor(given):
        return given
    tensor = given.detach().cpu()
    # As doubles, for numpy lacks bfloat16.
    return (tensor.double() if tensor.is_floating_point() else tensor).numpy()


def _select(
    loss: npt.ArrayLike, boxes: npt.ArrayLike, classes: npt.ArrayLike, k: int, nms: float
) -> npt.NDArray[np.int32]:
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
