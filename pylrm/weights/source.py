"""Trained networks of other programs: their convolutions, in order, with batch norm folded."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.errors import WeightsError

Floats = npt.NDArray[np.float64]

_NAME = re.compile(r"(conv\d+)_weights")


@dataclass(frozen=True)
class Convolution:
    """A convolution followed by its activation.

    Attributes
    ----------
    name : str
        In the file.
    weights : ndarray (filters, channels/groups, size, size)
        With batch norm folded in.
    biases : ndarray (filters,)
        Likewise.
    stride, groups : int
        As in a cfg.
    """

    name: str
    weights: Floats
    biases: Floats
    stride: int
    groups: int

    @property
    def channels(self) -> int:
        """Of its input."""
        return int(self.weights.shape[1]) * self.groups

    @property
    def size(self) -> int:
        """Side of its kernels."""
        return int(self.weights.shape[2])

    def __str__(self) -> str:
        filters = len(self.weights)
        return (
            f"{self.channels} to {filters} channels, {self.size}x{self.size}/{self.stride}, "
            f"groups={self.groups}"
        )


@dataclass(frozen=True)
class Source:
    """A trained MobileNet-v1.

    Attributes
    ----------
    path : Path
        Its file.
    convolutions : tuple of Convolution
        In the network's order; the activation after each is relu6.
    mean, deviation : float
        The first reads (x - mean) / deviation of pixels from 0 to 1.
    """

    path: Path
    convolutions: tuple[Convolution, ...]
    mean: float = 0.5
    deviation: float = 0.5

    activation = "relu6"

    def for_plain_pixels(self) -> tuple[Convolution, ...]:
        """Return the convolutions with the first changed to read pixels from 0 to 1.

        What it computes is the same but at the borders: padding is 0, which was the mean before and
        is black now.
        """
        first, *rest = self.convolutions
        weights = first.weights / self.deviation
        biases = first.biases - self.mean * weights.sum(axis=(1, 2, 3))
        return replace(first, weights=weights, biases=biases), *rest


def read_source(path: Path) -> Source:
    """Read a trained network.

    Parameters
    ----------
    path : Path
        An .npz with convNN_weights (filters, channels/groups, size, size), convNN_biases,
        convNN_stride and convNN_groups for each convolution; other arrays are passed over.

    Raises
    ------
    WeightsError
        It cannot be read, or an array is missing or wrong.
    """
    return Source(path, _read_npz(path))


def _read_npz(path: Path) -> tuple[Convolution, ...]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: no .npz file of arrays: {error}") from error
    names = sorted(found[1] for name in arrays if (found := _NAME.fullmatch(name)))
    if not names:
        raise WeightsError(f"{path}: no convolutions: arrays are called conv00_weights and so on")
    return tuple(_convolution(path, arrays, name) for name in names)


def _convolution(
    path: Path, arrays: Mapping[str, npt.NDArray[np.generic]], name: str
) -> Convolution:
    for part in ("biases", "stride", "groups"):
        if f"{name}_{part}" not in arrays:
            raise WeightsError(f"{path}: {name}_{part} is missing")
    stride, groups = (arrays[f"{name}_{part}"] for part in ("stride", "groups"))
    if (
        stride.shape
        or groups.shape
        or stride.dtype.kind not in "iu"
        or groups.dtype.kind not in "iu"
    ):
        raise WeightsError(f"{path}: {name}: stride and groups must be whole numbers")
    weights, biases = (arrays[f"{name}_{part}"] for part in ("weights", "biases"))
    return checked(path, name, weights, biases, int(stride), int(groups))


def checked(
    path: Path,
    name: str,
    weights: npt.NDArray[np.generic],
    biases: npt.NDArray[np.generic],
    stride: int,
    groups: int,
) -> Convolution:
    """Return a convolution whose arrays fit together and are finite, or raise WeightsError."""
    square = weights.ndim == 4 and weights.shape[2] == weights.shape[3] and weights.size > 0
    if not square or biases.shape != weights.shape[:1]:
        raise WeightsError(
            f"{path}: {name}: weights of shape {weights.shape} and biases of {biases.shape}; there "
            "must be (filters, channels/groups, size, size) and (filters,)"
        )
    if not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in (weights, biases)):
        raise WeightsError(f"{path}: {name}: weights and biases must be finite floating numbers")
    kernels, offsets = weights.astype(np.float64), biases.astype(np.float64)
    return Convolution(name, kernels, offsets, stride, groups)
