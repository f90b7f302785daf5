"""Writing a cfg section by section, keeping track of the layers' shapes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import NamedTuple


class Shape(NamedTuple):
    """Shape of a layer's output."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.channels} x {self.height} x {self.width}"


class CfgText:
    """A cfg that grows downwards; the newest layer feeds the next.

    Sizes are divisible by the strides, and padding keeps them otherwise.

    Parameters
    ----------
    size : (int, int)
        Width and height of the input.
    multiplier : float
        Of the filters of every convolution that `conv` adds, unless it says otherwise.
    activation : str
        Of these convolutions.
    rate : float, optional
        Learning rate of the convolutions with batch norm that come next, as a factor.
    """

    def __init__(
        self,
        size: tuple[int, int],
        multiplier: float,
        activation: str,
        rate: float | None = None,
    ) -> None:
        self.rate = rate
        self.multiplier = multiplier
        self.activation = activation
        self.shapes: list[Shape] = []
        self._input = Shape(3, size[1], size[0])
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(self._lines).strip() + "\n"

    @property
    def shape(self) -> Shape:
        """Shape of what the next layer reads."""
        return self.shapes[-1] if self.shapes else self._input

    @property
    def last(self) -> int:
        """Index of the newest layer."""
        return len(self.shapes) - 1

    def comment(self, text: str) -> None:
        """Add a paragraph of comment lines."""
        self._lines += textwrap.wrap(text, 98, initial_indent="# ", subsequent_indent="# ")

    def verbatim(self, text: str) -> None:
        """Add one comment line that is not to be wrapped."""
        self._lines.append(f"# {text}")

    def blank(self) -> None:
        """Add an empty line."""
        self._lines.append("")

    def section(self, name: str, options: Mapping[str, object]) -> None:
        """Add a section; a key that is None is left out."""
        self._lines.append(f"[{name}]")
        self._lines += [f"{key}={value}" for key, value in options.items() if value is not None]
        self.blank()

    def layer(self, name: str, options: Mapping[str, object], shape: Shape) -> None:
        """Add a section that is a layer with an output of that shape."""
        self.section(name, options)
        self.shapes.append(shape)

    def scaled(self, filters: int) -> int:
        """Return filters times the multiplier, to the nearest multiple of 8, at least 8."""
        return max(8, int(filters * self.multiplier / 8 + 0.5) * 8)

    def conv(self, filters: int, size: int = 1, stride: int = 1) -> None:
        """Add a convolution with batch norm and activation; `filters` at multiplier 1."""
        self._conv(self.scaled(filters), size, stride)

    def separable(self, filters: int, stride: int = 1) -> None:
        """Add a depthwise 3x3 convolution (with the stride) and a 1x1 one to `filters`."""
        channels, height, width = self.shape
        out = Shape(self.scaled(filters), height // stride, width // stride)
        self.comment(f"separable: {self.shape} -> {out}")
        self._conv(channels, 3, stride, depthwise=True)
        self.conv(filters)

    def _conv(self, filters: int, size: int, stride: int, depthwise: bool = False) -> None:
        options = {
            "batch_normalize": 1,
            "filters": filters,
            "size": size,
            "stride": stride,
            "pad": 1 if size > 1 else None,
            "groups": filters if depthwise else None,
            "activation": self.activation,
            "learning_rate": None if self.rate is None else f"{self.rate:.10g}",
        }
        _, height, width = self.shape
        self.layer("convolutional", options, Shape(filters, height // stride, width // stride))

    def linear(self, filters: int) -> None:
        """Add a 1x1 convolution with biases only; the multiplier does not act on it."""
        options = {"filters": filters, "size": 1, "stride": 1, "activation": "linear"}
        self.layer("convolutional", options, self.shape._replace(channels=filters))

    def maxpool(self, stride: int, size: int = 2) -> None:
        """Add a maximum over size x size; at stride 1 the map's size stays."""
        channels, height, width = self.shape
        options = {"size": size, "stride": stride}
        self.layer("maxpool", options, Shape(channels, height // stride, width // stride))

    def route(self, *layers: int) -> None:
        """Add a concatenation of the channels of layers, by index; -1: the newest."""
        parts = [self.shapes[layer] for layer in layers]
        channels = sum(part.channels for part in parts)
        options = {"layers": ",".join(map(str, layers))}
        self.layer("route", options, parts[0]._replace(channels=channels))

    def shortcut(self, layer: int) -> None:
        """Add the sum of the newest layer and another of its shape, by index."""
        self.layer("shortcut", {"from": layer, "activation": "linear"}, self.shape)

    def half(self) -> None:
        """Add a route to the second half of the newest layer's channels."""
        options = {"layers": -1, "groups": 2, "group_id": 1}
        self.layer("route", options, self.shape._replace(channels=self.shape.channels // 2))

    def upsample(self) -> None:
        """Add twice the resolution."""
        channels, height, width = self.shape
        self.layer("upsample", {"stride": 2}, Shape(channels, height * 2, width * 2))

    def reorg(self) -> None:
        """Add a rearrangement of each 2x2 block into channels."""
        channels, height, width = self.shape
        self.layer("reorg", {"stride": 2}, Shape(channels * 4, height // 2, width // 2))
