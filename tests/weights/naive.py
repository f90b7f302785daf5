"""A folded MobileNet-v1 in plain numpy, padded as it was trained, and small random ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pylrm import models
from pylrm.weights.source import Convolution

Array = npt.NDArray[Any]


def convolve(x: Array, layer: Convolution, stride: int, around: tuple[int, int]) -> Array:
    """A convolution with zeros `around` (before, after) both axes, and relu6."""
    padded = np.pad(x, [(0, 0), (0, 0), around, around])
    side = (padded.shape[2] - layer.size) // stride + 1
    total = np.zeros((len(x), len(layer.weights), side, side))
    for i in range(layer.size):
        for j in range(layer.size):
            rows, columns = (slice(k, k + stride * side, stride) for k in (i, j))
            seen, kernel = (
                padded[:, :, rows, columns][:, :, :side, :side],
                layer.weights[:, :, i, j],
            )
            if layer.groups == 1:
                total += np.einsum("bchw,fc->bfhw", seen, kernel, optimize=True)
            else:
                total += seen * kernel[:, 0, None, None]
    return np.clip(total + layer.biases[:, None, None], 0, 6)


def outputs(
    x: Array, convolutions: Sequence[Convolution], strides: Sequence[int], symmetric: bool
) -> list[Array]:
    """The output of each convolution; not `symmetric`: stride 2 is padded right and below."""
    found = []
    for layer, stride in zip(convolutions, strides, strict=True):
        side = layer.size // 2
        x = convolve(x, layer, stride, (0, side) if stride == 2 and not symmetric else (side, side))
        found.append(x)
    return found


def distance(a: Array, b: Array) -> float:
    """Root of the mean squared difference, relative to b."""
    return float(np.sqrt(((a - b) ** 2).mean() / (b**2).mean()))


CHANNELS = [(3, 8), (8, 8), (8, 16), (16, 16), (16, 32)]  # 3x3/2, depthwise, 1x1, depthwise/2, 1x1
STRIDES = [2, 1, 1, 2, 1]
WIDTHS = [64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]  # of MobileNet's pairs


def small_source(path: Path, **changed: Any) -> Path:
    """Write an .npz of five random convolutions, with arrays changed or (None) left out."""
    sizes = [1 if number in (2, 4) else 3 for number in range(len(CHANNELS))]
    return source(path, CHANNELS, sizes, STRIDES, **changed)


def mobilenet_source(path: Path, multiplier: float) -> Path:
    """Write an .npz of a MobileNet-v1's 27 convolutions with random weights."""
    widths = [round(32 * multiplier), *(round(width * multiplier) for width in WIDTHS)]
    channels, strides = [(3, widths[0])], [2]
    for number, (inputs, filters) in enumerate(pairwise(widths)):
        channels += [(inputs, inputs), (inputs, filters)]
        strides += [2 if number in (1, 3, 5, 11) else 1, 1]
    return source(path, channels, [3] + [3, 1] * len(WIDTHS), strides)


def source(
    path: Path,
    channels: Sequence[tuple[int, int]],
    sizes: Sequence[int],
    strides: Sequence[int],
    **changed: Any,
) -> Path:
    """Write an .npz of random convolutions; those of size 3 with equal channels are depthwise."""
    random = np.random.default_rng(3)
    arrays: dict[str, Any] = {}
    layers = zip(channels, sizes, strides, strict=True)
    for number, ((inputs, filters), size, stride) in enumerate(layers):
        name, groups = f"conv{number:02}", inputs if inputs == filters and size == 3 else 1
        shape = (filters, inputs // groups, size, size)
        weights = random.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        arrays[f"{name}_weights"] = weights.astype(np.float32)
        arrays[f"{name}_biases"] = random.normal(0, 0.5, filters).astype(np.float32)
        arrays[f"{name}_stride"], arrays[f"{name}_groups"] = stride, groups
    arrays |= changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def small_cfg(size: int = 3, stride: int = 2, head: str = "") -> str:
    """A cfg that begins as the small source: `size` of stride-2 kernels, the last one's stride."""
    text = "[net]\nbatch=2\nwidth=32\nheight=32\nchannels=3\n"
    for number, (inputs, filters) in enumerate(CHANNELS):
        side = 1 if number in (2, 4) else size if STRIDES[number] == 2 else 3
        step = stride if number == 3 else STRIDES[number]
        groups = inputs if inputs == filters else 1
        text += (
            f"[convolutional]\nbatch_normalize=1\nfilters={filters}\nsize={side}\nstride={step}\n"
            f"pad=1\ngroups={groups}\nactivation=relu6\n"
        )
    return text + head


def mobilenet_cfg(multiplier: float, size: int, stride: int = 32, exact: bool = False) -> str:
    """The detector's cfg for a pretrained MobileNet, with 5x5 kernels where padding is exact."""
    text = models.build(
        "yolov2-mobilenet",
        classes=3,
        multiplier=multiplier,
        size=size,
        stride=stride,
        activation="relu6",
    )
    return text.replace("size=3\nstride=2", "size=5\nstride=2") if exact else text
