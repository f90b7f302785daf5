"""Trained networks of other programs: their convolutions, in order, with batch norm folded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.errors import WeightsError

Floats = npt.NDArray[np.float64]

Arrays = Mapping[str, npt.NDArray[np.generic]]


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
    """A trained MobileNet-v1 that reads pixels from -1 to 1.

    Attributes
    ----------
    path : Path
        Its file.
    convolutions : tuple of Convolution
        In the network's order; the activation after each is relu6.
    symmetric : bool
        Convolutions of stride 2 were padded alike on all sides, not right and below only.
    """

    path: Path
    convolutions: tuple[Convolution, ...]
    symmetric: bool

    activation = "relu6"

    def for_plain_pixels(self) -> tuple[Convolution, ...]:
        """Return the convolutions with the first changed to read pixels from 0 to 1.

        What it computes is the same but at the borders: padding is 0, which was the mean before and
        is black now.
        """
        first, *rest = self.convolutions
        biases = first.biases - first.weights.sum(axis=(1, 2, 3))
        return replace(first, weights=2 * first.weights, biases=biases), *rest


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
