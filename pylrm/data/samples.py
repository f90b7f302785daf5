"""Single samples: an image and its truth, prepared for a network's input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.data.augmentation import NUMBERS, Ranges, Transform, move_boxes, plain_transform
from pylrm.data.darknet import LEAST, read_truth
from pylrm.data.images import augment, read_image
from pylrm.errors import DataError

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Which image a sample is of, its (width, height), and those that could not be read before."""

    index: int
    size: tuple[int, int]
    skipped: list[int]


class Preparation:
    """Prepares single samples; worker threads share one."""

    def __init__(
        self,
        images: Sequence[Path],
        classes: int,
        channels: int,
        max_boxes: int,
        letterbox: bool,
        antialias: bool,
        ranges: Ranges | None,
    ) -> None:
        self.images = images
        self.classes = classes
        self.channels = channels
        self.max_boxes = max_boxes
        self.letterbox = letterbox
        self.antialias = antialias
        self.ranges = ranges

    def truth(
        self,
        image: Path,
        transform: Transform,
        canvas: tuple[int, int],
        random: np.random.Generator | None,
    ) -> tuple[Floats, Ints]:
        """(n, 5) rows x y w h class of one image's transform, at most `max_boxes`, objects first.

        If there are more, the largest regions to ignore get up to a quarter of the rows, or all
        that the objects leave if these are more. Also returned: (n,) the number of each row's label
        in its file; -1: a region.
        """
        objects, ignored = read_truth(image, self.classes)
        kinds = np.concatenate([objects[:, 0], np.full(len(ignored), -1, np.float32)])
        boxes = move_boxes(np.vstack([objects[:, 1:], ignored]), transform, canvas)
        rows = np.hstack([boxes, kinds[:, None]])
        labels = np.where(kinds >= 0, np.arange(len(kinds)), -1)
        large = (rows[:, 2] >= LEAST) & (rows[:, 3] >= LEAST)
        rows, labels = rows[large], labels[large]
        count = int((rows[:, 4] >= 0).sum())
        if len(rows) <= self.max_boxes:
            return rows, labels
        room = max(self.max_boxes // 4, self.max_boxes - count)
        areas = rows[count:, 2] * rows[count:, 3]
        regions = count + np.argsort(-areas, kind="stable")[:room]
        kept = np.arange(count) if random is None else random.permutation(count)
        chosen = np.sort(np.concatenate([kept[: self.max_boxes - len(regions)], regions]))
        return np.ascontiguousarray(rows[chosen]), labels[chosen]

    def sample(
        self,
        candidates: Iterable[int],
        random: np.random.Generator | None,
        x: Floats,
        truth: Floats,
        labels: Ints,
    ) -> Sample | DataError:
        """Fill x (channels, h, w), truth (max_boxes, 5) and labels from a readable candidate.

        The first readable candidate is used. `random` draws the transform; without it, the plain
        one is taken. If no candidate can be read, the error of the last one is returned.
        """
        skipped = []
        canvas = (x.shape[2], x.shape[1])
        failure = DataError("no images")
        for index in candidates:
            try:
                image = read_image(self.images[index], self.channels)
            except DataError as error:
                skipped.append(index)
                failure = error
                continue
            size = (image.shape[1], image.shape[0])
            if self.ranges is not None and random is not None:
                transform = self.ranges.draw(size, canvas, random.random(NUMBERS), self.letterbox)
            else:
                transform = plain_transform(size, canvas, self.letterbox)
            augment(image, x, antialias=self.antialias, **vars(transform))
            rows, numbers = self.truth(self.images[index], transform, canvas, random)
            truth[: len(rows)], labels[: len(rows)] = rows, numbers
            return Sample(index, size, skipped)
        return failure
