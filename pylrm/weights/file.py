"""Weights files as they are, whatever is in them: header, and the arrays of a cfg's layers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.engine import Layer, Network
from pylrm.errors import WeightsError

Floats = npt.NDArray[np.float32]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class WeightsFile:
    """A weights file.

    Attributes
    ----------
    path : Path
        The file.
    version : tuple of int
        Major, minor, revision.
    seen : int
        Images seen in training.
    values : ndarray
        All that follows the header.
    """

    path: Path
    version: tuple[int, int, int]
    seen: int
    values: Floats

    @property
    def non_finite(self) -> int:
        """How many values are no finite numbers."""
        return int(np.count_nonzero(~np.isfinite(self.values)))


@dataclass(frozen=True)
class Entry:
    """An array of a layer in a weights file.

    Attributes
    ----------
    layer : Layer
        Of the cfg's network.
    name : str
        Of the array, as in `Layer.params`.
    values : ndarray
        Shaped as there.
    """

    layer: Layer
    name: str
    values: Floats


def read_file(path: PathLike) -> WeightsFile:
    """Read a weights file.

    Raises
    ------
    WeightsError
        It cannot be read, or is no whole header and whole numbers.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    major, minor, revision = np.frombuffer(content[:12].ljust(12, b"\0"), "<i4").tolist()
    wide = major * 10 + minor >= 2 and major < 1000 and minor < 1000
    start = 20 if wide else 16
    if len(content) < start:
        raise WeightsError(f"{path}: no weights file: too short for its header")
    if (len(content) - start) % 4:
        raise WeightsError(
            f"{path}: truncated: the {len(content) - start} B after the header are no whole "
            "number of float32"
        )
    seen = int(np.frombuffer(content[12:start], "<i8" if wide else "<u4")[0])
    values = np.frombuffer(content, "<f4", offset=start)
    return WeightsFile(path, (major, minor, revision), seen, values)


def entries(file: WeightsFile, net: Network) -> list[Entry]:
    """Return the arrays that a file has for the layers of a network, in their order.

    Keys that change what a layer loads (dontload and the like) are not looked at: the file is taken
    as one that was saved with this cfg.

    Raises
    ------
    WeightsError
        The file ends inside a layer, or is longer than all layers.
    """
    found: list[Entry] = []
    position, transposed = 0, max(file.version[:2]) > 1000
    for layer in net:
        if position == len(file.values):
            break
        arrays = _stored(layer)
        if position + sum(array.size for array in arrays.values()) > len(file.values):
            raise WeightsError(
                f"{file.path}: ends inside layer {layer.index} ([{layer.type}], {net.cfg}:"
                f"{layer.line}): truncated, or made for another cfg"
            )
        for name, array in arrays.items():
            values = file.values[position : position + array.size]
            position += array.size
            across = transposed and array.ndim == 2
            shaped = values.reshape(array.shape[::-1]).T if across else values.reshape(array.shape)
            found.append(Entry(layer, name, shaped))
    if position < len(file.values):
        raise WeightsError(
            f"{file.path}: holds {len(file.values)} float32, but all layers of {net.cfg} take "
            f"{position}: made for another cfg"
        )
    return found


def _stored(layer: Layer) -> dict[str, Floats]:
    """Return a layer's parameters but those that files do not hold: [batchnorm]'s biases."""
    missing = {"biases"} if layer.type == "batchnorm" else set()
    return {name: array for name, array in layer.params.items() if name not in missing}


def describe_end(found: list[Entry], net: Network) -> str:
    """Say in words where a file with these entries ends."""
    trained = [layer.index for layer in net if layer.parameters]
    last = found[-1].layer.index if found else -1
    if trained and last == trained[-1]:
        return f"holds all layers of {net.cfg}"
    return f"ends after layer {last}" if found else "holds a header and no values"
