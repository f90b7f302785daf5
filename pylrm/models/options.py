"""The options of `build`, checked."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pylrm.models.anchors import (
    DEFAULTS,
    ORIGIN,
    Anchors,
    Sizes,
    check_anchors,
    default_anchors,
    format_anchors,
)

ACTIVATIONS = ("relu", "leaky", "relu6")
STRIDES = (32, 16)
LRM_NMS = 0.7  # where only k is given

Keys = Mapping[str, object]

# Keys that other parts of the text depend on, and the option that sets each.
_OWN: dict[str, dict[str, str | None]] = {
    "net": {
        "width": "size",
        "height": "size",
        "channels": None,
        "batch": "batch",
        "max_batches": "updates",
        "data": "data",
    },
    "region": {"anchors": "anchors", "num": "anchors", "classes": "classes", "coords": None},
    "yolo": {"anchors": "anchors", "num": "anchors", "classes": "classes", "mask": "anchors"},
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of `build`, which says what they mean.

    Raises
    ------
    ValueError
        A value does not fit; the message is one line.
    """

    classes: int
    data: str | None = None
    anchors: str | Sizes | None = None
    lrm: Mapping[str, float] | None = None
    size: int | tuple[int, int] | None = None
    multiplier: float = 1
    stride: int | None = None
    activation: str | None = None
    backbone_rate: float | None = None
    batch: int = 64
    updates: int | None = None
    net: Keys = field(default_factory=dict)
    region: Keys = field(default_factory=dict)
    yolo: Keys = field(default_factory=dict)

    def __post_init__(self) -> None:
        _whole("classes", self.classes, 1, 100_000)
        _whole("batch", self.batch, 1, 65536)
        if self.updates is not None:
            _whole("updates", self.updates, 1, 10**9)
        if not 0 < self.multiplier <= 4:
            raise ValueError(f"multiplier={self.multiplier}: must be above 0, at most 4")
        if self.stride is not None:
            _one_of("stride", self.stride, STRIDES)
        if self.activation is not None:
            _one_of("activation", self.activation, ACTIVATIONS)
        if self.backbone_rate is not None and not 0 <= self.backbone_rate <= 1e6:
            raise ValueError(f"backbone_rate={self.backbone_rate}: must be from 0 to 1000000")
        for section, own in _OWN.items():
            for key in own.keys() & getattr(self, section).keys():
                hint = f"the option {own[key]} sets it" if own[key] else "it is fixed"
                raise ValueError(f"{section} {key}: {hint}")
        keys = [*self.net.items(), *self.region.items(), *self.yolo.items()]
        for text in (self.data or "", *map(str, keys)):
            if "\n" in text or "\r" in text or "\0" in text:
                raise ValueError(f"{text!r}: must be one line")

    def refuse(self, keys: Iterable[str], why: str) -> None:
        """Raise ValueError, with the reason, where one of these options is given."""
        for key in keys:
            if getattr(self, key) not in (None, {}):
                raise ValueError(f"{key}: {why}")

    def input(self, usual: int) -> tuple[int, int]:
        """Return the input's width and height, `usual` where none is asked for."""
        size = usual if self.size is None else self.size
        width, height = (size, size) if isinstance(size, int) else size
        step = self.stride or 32
        for side in (width, height):
            if not (isinstance(side, int) and 0 < side <= 65536 and side % step == 0):
                near = max(step, round(side / step) * step)
                raise ValueError(
                    f"size={width}x{height}: both must be multiples of the stride, {step}: not "
                    f"{side} but {near}"
                )
        return width, height

    def boxes(self, grid: tuple[int, int], usual: str, cell: float = 1) -> Anchors:
        """Return the anchors for an output grid (cells across, down); defaults times `cell`."""
        name = usual if self.anchors is None else self.anchors
        if isinstance(name, str) and name in DEFAULTS:
            return [(cell * width, cell * height) for width, height in default_anchors(name, grid)]
        return check_anchors(name)

    def boxes_origin(self, usual: str) -> str | None:
        """Return where default anchors come from; None where they are the user's."""
        return ORIGIN.get(usual if self.anchors is None else str(self.anchors))

    def mining(self) -> tuple[int, float] | None:
        """Return k and nms of [lrm]; None: no [lrm]."""
        if self.lrm is None:
            return None
        for key in self.lrm:
            _one_of("lrm", key, ("k", "nms"))
        if "k" not in self.lrm:
            raise ValueError("lrm: k is missing: the hard examples kept an image")
        k, nms = self.lrm["k"], self.lrm.get("nms", LRM_NMS)
        _whole("lrm k", k, 0, 2**31 - 1)
        if not 0 <= nms <= 1:
            raise ValueError(f"lrm nms={nms}: must be from 0 to 1")
        return int(k), float(nms)

    def command(self, name: str) -> str:
        """Return the command line that asks for the same."""
        words = ["pylrm", "cfg", name]
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value not in (entry.default, {}):
                words += _arguments(entry.name, value)
        return shlex.join(words)


def _arguments(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if name == "lrm":
        return [
            word for key, number in value.items() for word in (f"--lrm-{key}", f"{number:.10g}")
        ]
    if name in ("net", "region", "yolo"):
        return [word for pair in value.items() for word in (option, "{}={}".format(*pair))]
    if name == "size" and not isinstance(value, int):
        width, height = value
        return [option, str(width) if width == height else f"{width}x{height}"]
    if name == "anchors" and not (isinstance(value, str) and value in DEFAULTS):
        return [option, format_anchors(check_anchors(value)).replace(" ", "")]
    return [option, f"{value:.10g}" if isinstance(value, float) else str(value)]


def _whole(name: str, value: float, least: int, most: int) -> None:
    if not (math.isfinite(value) and value == int(value) and least <= value <= most):
        raise ValueError(f"{name}={value}: must be a whole number from {least} to {most}")


def _one_of(name: str, value: object, known: Iterable[object]) -> None:
    if value not in known:
        raise ValueError(f"{name}={value}: must be one of {', '.join(map(str, known))}")
