"""MobileNet-v1 as PyTorch's programs save it: a dictionary of arrays, batch norm unfolded."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pylrm.errors import WeightsError
from pylrm.terminal import count_of
from pylrm.weights.source import Arrays, Convolution, checked

EPSILON = 1e-5  # PyTorch adds it to a variance
CONVOLUTIONS, REDUCTIONS = 27, {0, 3, 7, 11, 23}  # of MobileNet-v1; those of stride 2

# timm's names of convolutions, and of the batch norm after each
_NORM = {"conv_stem": "bn1", "conv_dw": "bn1", "conv_pw": "bn2"}


def fold_states(path: Path, arrays: Arrays) -> tuple[Convolution, ...]:
    """Return the convolutions in a state dict, with batch norm folded.

    Names are timm's (conv_stem, blocks.0.0.conv_dw, …), or numbers in a sequence, where the batch
    norm follows its convolution (features.0.0 and features.0.1).

    Raises
    ------
    WeightsError
        These are not MobileNet-v1's, or an array is missing or wrong.
    """
    names = [name.removesuffix(".weight") for name, array in arrays.items() if array.ndim == 4]
    if len(names) != CONVOLUTIONS:
        raise WeightsError(
            f"{path}: {count_of(len(names), 'convolution')}; MobileNet-v1 has {CONVOLUTIONS}, with "
            "the arrays that PyTorch's state dicts have"
        )
    return tuple(
        _fold(path, arrays, name, 2 if number in REDUCTIONS else 1)
        for number, name in enumerate(sorted(names, key=_order))
    )


def _order(name: str) -> tuple[bool, list[tuple[int, str]]]:
    """Sort by numbers as numbers; the stem is first."""
    parts = [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]
    return not name.endswith("conv_stem"), parts


def _fold(path: Path, arrays: Arrays, name: str, stride: int) -> Convolution:
    norm = _norm_after(name)
    needed = [f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    for missing in [f"{name}.weight", *needed]:
        if missing not in arrays:
            raise WeightsError(f"{path}: {missing} is missing")
    weights = arrays[f"{name}.weight"].astype(np.float64)
    scale, bias, mean, variance = (arrays[part].astype(np.float64) for part in needed)
    if any(array.shape != weights.shape[:1] for array in (scale, bias, mean, variance)):
        raise WeightsError(
            f"{path}: {norm}: its arrays must have {count_of(len(weights), 'value')} each"
        )
    with np.errstate(invalid="ignore"):
        factor = scale / np.sqrt(variance + EPSILON)
    folded = weights * factor[:, None, None, None]
    groups = len(weights) if weights.shape[1] == 1 else 1
    return checked(path, name, folded, bias - mean * factor, stride, groups)


def _norm_after(name: str) -> str:
    before, _, last = name.rpartition(".")
    if re.fullmatch(r"\d+", last):
        return f"{before}.{int(last) + 1}"
    return ".".join(filter(None, [before, _NORM.get(last, "bn")]))
