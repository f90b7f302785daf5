"""A cfg's network in PyTorch, for comparisons of speed: the same layers, read from the same text.

The loss layer is left out: PyTorch gets a ready gradient at the last convolution, so its share of a
step is a little smaller than ours.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

ACTIVATIONS = {
    "linear": nn.Identity,
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky": lambda: nn.LeakyReLU(0.1, inplace=True),
    "relu6": lambda: nn.ReLU6(inplace=True),
}


def read_sections(path: str) -> list[tuple[str, dict[str, str]]]:
    """Read a cfg as (section, options), comments cut."""
    sections: list[tuple[str, dict[str, str]]] = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("["):
            sections.append((text[1:-1], {}))
        elif "=" in text:
            key, value = text.split("=", 1)
            sections[-1][1][key.strip()] = value.strip()
    return sections


class Reorg(nn.Module):
    """Space to depth; the order of channels does not matter to speed."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.pixel_unshuffle(x, self.stride)


class PadRightMaxPool(nn.Module):
    """Darknet's maxpool with stride 1: one more row and column at the end."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.max_pool2d(nn.functional.pad(x, (0, 1, 0, 1), value=-3e38), 2, 1)


class Net(nn.Module):
    """The layers of a YOLOv2-family cfg up to the region layer."""

    def __init__(self, path: str) -> None:
        super().__init__()
        sections = read_sections(path)
        options = sections[0][1]
        self.size = int(options["height"]), int(options["width"])
        channels = [int(options["channels"])]
        layers: list[nn.Module] = []
        self.routes: dict[int, list[int]] = {}
        for index, (kind, o) in enumerate(sections[1:]):
            last = channels[-1]
            if kind == "convolutional":
                size, filters = int(o.get("size", 1)), int(o["filters"])
                norm = o.get("batch_normalize", "0") == "1"
                padding = size // 2 if o.get("pad", "0") == "1" else int(o.get("padding", 0))
                parts: list[nn.Module] = [
                    nn.Conv2d(
                        last,
                        filters,
                        size,
                        int(o.get("stride", 1)),
                        padding,
                        groups=int(o.get("groups", 1)),
                        bias=not norm,
                    )
                ]
                if norm:
                    parts.append(nn.BatchNorm2d(filters))
                parts.append(ACTIVATIONS[o["activation"]]())
                layers.append(nn.Sequential(*parts))
                channels.append(filters)
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
                break
        self.layers = nn.ModuleList(layers)
        self.needed = {v for sources in self.routes.values() for v in sources}

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
