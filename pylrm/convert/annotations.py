"""What converters read: images and what is annotated on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Box = tuple[float, float, float, float]

# What training makes of difficult objects and of crowds: regions to ignore, objects, or nothing.
Treatment = Literal["ignore", "train", "drop"]
Role = Literal["object", "region", "nothing"]

_ROLES: Mapping[Treatment, Role] = {"ignore": "region", "train": "object", "drop": "nothing"}


@dataclass(frozen=True)
class Annotation:
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
    treatment
        What it is in training where it is difficult or a crowd.
    """

    name: str | None
    box: Box
    difficult: bool = False
    truncated: float = 0.0
    occluded: int = 0
    ignore: bool = False
    crowd: bool = False
    area: float | None = None
    treatment: Treatment = "ignore"

    def __post_init__(self) -> None:
        if self.name is None and not self.ignore:
            raise ValueError("an annotation without a class; only a region to ignore has none")

    @property
    def role(self) -> Role:
        """What it is in training."""
        if self.ignore:
            return "region"
        return _ROLES[self.treatment] if self.difficult or self.crowd else "object"


@dataclass(frozen=True)
class AnnotatedImage:
    """An image with its annotations.

    Attributes
    ----------
    name
        Its path below JPEGImages and labels, without extension.
    image, source
        Its file, and the one that its annotations come from.
    width, height
        Its size in pixels.
    content
        Gives the bytes of an image that is no file of its own; None: it is one.
    """

    name: str
    image: Path
    source: Path
    width: int
    height: int
    annotations: Sequence[Annotation]
    content: Callable[[], bytes] | None = None

    @property
    def path(self) -> str:
        """Its path in the data set."""
        return f"JPEGImages/{self.name}{self.image.suffix}"

    def visible(self) -> Iterator[tuple[Annotation, Box]]:
        """Yield the annotations with an area on the image, each with the part of its box there."""
        for annotation in self.annotations:
            box = annotation.box
            left, right = (min(max(edge, 0.0), float(self.width)) for edge in box[::2])
            top, bottom = (min(max(edge, 0.0), float(self.height)) for edge in box[1::2])
            if left < right and top < bottom:
                yield annotation, (left, top, right, bottom)


# The images of "train" and of "valid".
Lists = Mapping[str, Sequence[AnnotatedImage]]
