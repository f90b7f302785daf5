"""A cfg's network in PyTorch, for comparisons: the same layers with the same weights.

The loss layer is left out: in training PyTorch gets a ready gradient at the last convolution, so
its share of a step is a little smaller than ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

ACTIVATIONS = {
    "linear": nn.Identity,
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky": lambda: nn.LeakyReLU(0.1, inplace=True),
    "relu6": lambda: nn.ReLU6(inplace=True),
}
HEADER = 20  # bytes of a weights file before the first value


def read_sections(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Read a cfg as (section, options), comments cut."""
    sections: list[tuple[str, dict[str, str]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("["):
            sections.append((text[1:-1], {}))
        elif "=" in text:
            key, value = text.split("=", 1)
            sections[-1][1][key.strip()] = value.strip()
    return sections


class Reorg(nn.Module):
    """Darknet's reorg: the input's memory seen as c/s² planes of s times the height and width."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        s = self.stride
        planes = x.reshape(batch, channels // (s * s), height, s, width, s)
        blocks = planes.permute(0, 3, 5, 1, 2, 4)
        return blocks.reshape(batch, channels * s * s, height // s, width // s)


class PadRightMaxPool(nn.Module):
    """Darknet's maxpool with stride 1: one more row and column at the end."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.max_pool2d(nn.functional.pad(x, (0, 1, 0, 1), value=-3e38), 2, 1)


def convolution(channels: int, o: dict[str, str]) -> nn.Sequential:
    """A convolutional section."""
    size, filters = int(o.get("size", 1)), int(o["filters"])
    norm = o.get("batch_normalize", "0") == "1"
    padding = size // 2 if o.get("pad", "0") == "1" else int(o.get("padding", 0))
    stride, groups = int(o.get("stride", 1)), int(o.get("groups", 1))
    plain = nn.Conv2d(channels, filters, size, stride, padding, groups=groups, bias=not norm)
    parts: list[nn.Module] = [plain, nn.BatchNorm2d(filters)] if norm else [plain]
    return nn.Sequential(*parts, ACTIVATIONS[o["activation"]]())


class Net(nn.Module):
    """The layers of a YOLOv2-family cfg up to its last convolution.

    Parameters
    ----------
    folder : Path
        Has net.cfg and net.weights; see prepare.py.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        sections = read_sections(folder / "net.cfg")
        channels = [int(sections[0][1]["channels"])]
        layers: list[nn.Module] = []
        self.routes: dict[int, list[int]] = {}
        for index, (kind, o) in enumerate(sections[1:]):
            last = channels[-1]
            if kind == "convolutional":
                layers.append(convolution(last, o))
                channels.append(int(o["filters"]))
            elif kind == "maxpool":
                stride = int(o.get("stride", 1))
                layers.append(PadRightMaxPool() if stride == 1 else nn.MaxPool2d(2, 2))
                channels.append(last)
            elif kind == "reorg":
                layers.append(Reorg(int(o["stride"])))
                channels.append(last * int(o["stride"]) ** 2)
            elif kind == "route":
                sources = [int(v) for v in o["layers"].split(",")]
                self.routes[index] = [v if v >= 0 else index + v for v in sources]
                layers.append(nn.Identity())
                channels.append(sum(channels[1 + v] for v in self.routes[index]))
            else:
                raise SystemExit(f"{folder}: no [{kind}] in the PyTorch network")
        self.layers = nn.ModuleList(layers)
        self.needed = {v for sources in self.routes.values() for v in sources}
        self.load(folder / "net.weights")

    def load(self, path: Path) -> None:
        """Take the parameters from a weights file."""
        values = torch.from_numpy(np.fromfile(path, np.float32, offset=HEADER))
        with torch.no_grad():
            for layer in self.layers:
                if not isinstance(layer, nn.Sequential):
                    continue
                plain, norm = layer[0], layer[1]
                targets = [plain.bias]
                if isinstance(norm, nn.BatchNorm2d):
                    targets = [norm.bias, norm.weight, norm.running_mean, norm.running_var]
                for target in [*targets, plain.weight]:
                    count = target.numel()
                    target.copy_(values[:count].reshape(target.shape))
                    values = values[count:]
        assert len(values) == 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept: dict[int, torch.Tensor] = {}
        for index, layer in enumerate(self.layers):
            if index in self.routes:
                x = torch.cat([kept[v] for v in self.routes[index]], 1)
            else:
                x = layer(x)
            if index in self.needed:
                kept[index] = x
        return x
