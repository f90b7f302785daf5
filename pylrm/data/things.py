"""What converters read: images and the things annotated in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Box = tuple[float, float, float, float]
Difficult = Literal["ignore", "train", "drop"]


@dataclass(frozen=True)
class Thing:
    """An annotated object, or a region to ignore.

    Attributes
    ----------
    name
        Its class; None: a region that stands for every class.
    box
        Left, top, right, bottom: edges in pixels, from 0.
    difficult
        VOC's flag: an object that counts neither way in evaluation.
    truncated
        The share of it beyond the image, 0 to 1.
    occluded
        0: fully visible, 1: partly, 2: largely occluded, 3: unknown.
    ignore
        A region: detections there count neither way.
    crowd
        COCO's flag: a region with several objects.
    area
        Of its outline in pixels; None: that of the box.
    """

    name: str | None
    box: Box
    difficult: bool = False
    truncated: float = 0.0
    occluded: int = 0
    ignore: bool = False
    crowd: bool = False
    area: float | None = None

    def __post_init__(self) -> None:
        if self.name is None and not self.ignore:
            raise ValueError("a thing without a class; only a region to ignore has none")

    def role(self, difficult: Difficult) -> Literal["object", "region", "nothing"]:
        """Tell what it is in training, by what becomes of difficult objects."""
        if self.name is None or self.ignore or self.crowd:
            return "region"
        if not self.difficult or difficult == "train":
            return "object"
        return "region" if difficult == "ignore" else "nothing"


@dataclass(frozen=True)
class Picture:
    """An image with its objects.

    Attributes
    ----------
    name
        Its path below JPEGImages and labels, without extension.
    image, source
        Its file, and the one that its objects come from.
    width, height
        Its size in pixels.
    """

    name: str
    image: Path
    source: Path
    width: int
    height: int
    things: Sequence[Thing]

    @property
    def path(self) -> str:
        """Its path in the data set."""
        return f"JPEGImages/{self.name}{self.image.suffix}"

    def visible(self) -> Iterator[tuple[Thing, Box]]:
        """Yield the things that have an area on the image, each with the part of its box there."""
        for thing in self.things:
            left, right = (min(max(edge, 0.0), float(self.width)) for edge in thing.box[::2])
            top, bottom = (min(max(edge, 0.0), float(self.height)) for edge in thing.box[1::2])
            if left < right and top < bottom:
                yield thing, (left, top, right, bottom)
