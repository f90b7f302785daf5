"""Reading trained networks: .npz of folded convolutions, and PyTorch's state dicts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pylrm.errors import WeightsError
from pylrm.extras import extra
from pylrm.files.npz import read_npz
from pylrm.terminal import count_of
from pylrm.weights.source import Arrays, Convolution, Source, checked
from pylrm.weights.states import fold_states

_NAME = re.compile(r"(conv\d+)_weights")


def read_source(path: Path) -> Source:
    """Read a trained network.

    Parameters
    ----------
    path : Path
        An .npz with convNN_weights (filters, channels/groups, size, size), convNN_biases,
        convNN_stride and convNN_groups for each convolution; other arrays are passed over. Or a
        state dict of PyTorch's: .safetensors; .pt, .pth, .bin (needs PyTorch).

    Raises
    ------
    WeightsError
        It cannot be read, or an array is missing or wrong.
    """
    reader = STATES.get(path.suffix)
    if reader is None:
        return Source(path, _read_npz(path), symmetric=False)
    return Source(path, fold_states(path, reader(path)), symmetric=True)


def _read_npz(path: Path) -> tuple[Convolution, ...]:
    try:
        arrays = read_npz(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise WeightsError(f"{path}: no .npz file of arrays: {error}") from error
    found = [match[1] for name in arrays if (match := _NAME.fullmatch(name))]
    names = sorted(found, key=lambda name: int(name.removeprefix("conv")))
    if not names:
        raise WeightsError(f"{path}: no convolutions: arrays are called conv00_weights and so on")
    return tuple(_convolution(path, arrays, name) for name in names)


def _convolution(path: Path, arrays: Arrays, name: str) -> Convolution:
    for part in ("biases", "stride", "groups"):
        if f"{name}_{part}" not in arrays:
            raise WeightsError(f"{path}: {name}_{part} is missing")
    stride, groups = numbers = [arrays[f"{name}_{part}"] for part in ("stride", "groups")]
    if any(number.shape or number.dtype.kind not in "iu" for number in numbers):
        raise WeightsError(f"{path}: {name}: stride and groups must be whole numbers")
    weights, biases = (arrays[f"{name}_{part}"] for part in ("weights", "biases"))
    return checked(path, name, weights, biases, int(stride), int(groups))


def _read_safetensors(path: Path) -> Arrays:
    """Read a file of: the length of a header, the header in JSON, the arrays' bytes."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        if start > len(content):
            raise ValueError("its header is cut off")
        header = json.loads(content[8:start])
        arrays = {
            name: _array(content[start:], entry)
            for name, entry in header.items()
            if name != "__metadata__" and entry["dtype"] in _TYPES
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{path}: no whole .safetensors file: {error}") from error
    return arrays


def _array(content: bytes, entry: dict[str, Any]) -> npt.NDArray[np.generic]:
    begin, end = entry["data_offsets"]
    shape = tuple(int(side) for side in entry["shape"])
    values = np.frombuffer(content[begin:end], _TYPES[entry["dtype"]])
    if values.size != math.prod(shape):
        raise ValueError(f"{count_of(values.size, 'value')} in place of {math.prod(shape)}")
    return values.reshape(shape)


def _read_torch(path: Path) -> Arrays:
    torch = extra("torch", f"{path}: needs PyTorch", WeightsError)
    try:
        states = torch.load(path, map_location="cpu", weights_only=True)
        return {name: value.float().numpy() for name, value in states.items()}
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # of many kinds, by what is wrong with the file
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{path}: no state dict of PyTorch's: {reason}") from error


_TYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}  # others, for instance counters, are passed over

STATES: dict[str, Callable[[Path], Arrays]] = {
    ".safetensors": _read_safetensors,
    **dict.fromkeys((".pt", ".pth", ".bin"), _read_torch),
}
