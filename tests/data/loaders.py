"""Loaders of boxes, from one list of keywords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pylrm.data.augmentation import Ranges
from pylrm.data.loader import Loader
from pylrm.data.samples import BoxPreparation

RANGES = {field.name for field in fields(Ranges)}
SAMPLES = {"classes", "channels", "max_boxes", "letterbox", "antialias", "mixing"}


def loader_of(images: Sequence[Path], *, augment: bool = True, **options: Any) -> Loader:
    """A loader; the options are those of BoxPreparation, Ranges and Loader."""
    drawn = Ranges(**{name: value for name, value in options.items() if name in RANGES})
    samples = {name: value for name, value in options.items() if name in SAMPLES}
    rest = {name: value for name, value in options.items() if name not in RANGES | SAMPLES}
    return Loader(BoxPreparation(images, ranges=drawn if augment else None, **samples), **rest)
