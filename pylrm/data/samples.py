"""Single samples: an image and its truth, prepared for a network's input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.data.augmentation import NUMBERS, Ranges, Transform, move_boxes, plain_transform, visible
from pylrm.data.darknet import LEAST, read_truth
from pylrm.data.images import ByteImage, augment, read_image
from pylrm.data.mixing import MIXINGS, Picture
from pylrm.errors import DataError

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Which image a sample is of, its (width, height), and those that could not be read before."""

    index: int
    size: tuple[int, int]
    skipped: list[int]


class Preparation(ABC):
    """Prepares single samples; worker threads share one.

    Parameters
    ----------
    images
        Paths of the images.
    channels
        3 or 1.
    antialias
        Make images smaller by area averages, not by bilinear samples.
    mixing
        Which of `pylrm.data.mixing.MIXINGS` are on, by the keys' values; None: none.
    """

    def __init__(
        self,
        images: Sequence[Path],
        channels: int,
        antialias: bool,
        mixing: Mapping[str, float] | None,
    ) -> None:
        self.images = list(images)
        self.channels = channels
        self.antialias = antialias
        self.mixing = mixing or {}

    @property
    @abstractmethod
    def truth_shape(self) -> tuple[int, ...]:
        """Of an image's truth."""

    @property
    @abstractmethod
    def most_labels(self) -> int:
        """How many labels of an image a batch tells the numbers of."""

    @abstractmethod
    def _picture(
        self, index: int, image: ByteImage, random: np.random.Generator | None, x: Floats
    ) -> Picture:
        """Put an image into x (channels, h, w), transformed at random or plainly."""

    @abstractmethod
    def _answer(
        self, picture: Picture, random: np.random.Generator | None, truth: Floats, labels: Ints
    ) -> None:
        """Fill truth and labels from a picture."""

    def sample(
        self,
        candidates: Iterable[int],
        random: np.random.Generator | None,
        x: Floats,
        truth: Floats,
        labels: Ints,
    ) -> Sample | DataError:
        """Fill x (channels, h, w), truth (`truth_shape`) and labels from a readable candidate.

        The first readable candidate is used. `random` draws the transform; without it, the plain
        one is taken. If no candidate can be read, the error of the last one is returned.
        """
        skipped: list[int] = []
        found = self._read(candidates, skipped)
        if isinstance(found, DataError):
            return found
        index, image = found
        picture = self._picture(index, image, random, x)
        if random is not None:
            self._mix(picture, random, skipped)
        self._answer(picture, random, truth, labels)
        return Sample(index, (image.shape[1], image.shape[0]), skipped)

    def _read(
        self, candidates: Iterable[int], skipped: list[int]
    ) -> tuple[int, ByteImage] | DataError:
        """Return the first candidate that can be read, with its image; note those before it."""
        failure = DataError("no images")
        for index in candidates:
            try:
                return index, read_image(self.images[index], self.channels)
            except DataError as error:
                skipped.append(index)
                failure = error
        return failure

    def _mix(self, picture: Picture, random: np.random.Generator, skipped: list[int]) -> None:
        """Apply each row of the table of mixings that is on, to every other picture."""
        for row in MIXINGS:
            value = self.mixing.get(row.key, 0)
            if not value or random.random() < 0.5:
                continue
            others = []
            for start in random.integers(len(self.images), size=row.others):
                around = (int(start + i) % len(self.images) for i in range(len(self.images)))
                found = self._read(around, skipped)
                assert not isinstance(found, DataError)  # the picture's own image can be read
                others.append(self._picture(*found, random, np.empty_like(picture.x)))
            row.apply(picture, others, value, random)


class BoxPreparation(Preparation):
    """Prepares samples of a detector's data set: images with their boxes.

    Parameters
    ----------
    images
        Paths of the images; their labels are found by Darknet's rule.
    classes
        How many classes the labels may name.
    max_boxes
        Truth rows an image. Where there are more, the largest regions to ignore have up to a
        quarter of them (more if the objects leave some), the others a random choice of objects.
    letterbox
        Keep the images' aspect (jittered in training); else stretch to the input's.
    ranges
        Of the augmentation; None: images as in evaluation.
    channels, antialias, mixing
        As `Preparation` takes them; without `ranges` nothing is mixed.
    """

    def __init__(
        self,
        images: Sequence[Path],
        *,
        classes: int,
        channels: int = 3,
        max_boxes: int,
        letterbox: bool = True,
        antialias: bool = False,
        ranges: Ranges | None = None,
        mixing: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(images, channels, antialias, mixing if ranges is not None else None)
        if max_boxes < 1:
            raise ValueError("max_boxes must be at least 1")
        self.classes = classes
        self.max_boxes = max_boxes
        self.letterbox = letterbox
        self.ranges = ranges

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """Of an image's truth: x, y, w, h, class of each box."""
        return (self.max_boxes, 5)

    @property
    def most_labels(self) -> int:
        """As many as there are boxes."""
        return self.max_boxes

    def _picture(
        self, index: int, image: ByteImage, random: np.random.Generator | None, x: Floats
    ) -> Picture:
        """Put an image into x (channels, h, w), transformed at random or plainly."""
        size, canvas = (image.shape[1], image.shape[0]), (x.shape[2], x.shape[1])
        if self.ranges is not None and random is not None:
            transform = self.ranges.draw(size, canvas, random.random(NUMBERS), self.letterbox)
        else:
            transform = plain_transform(size, canvas, self.letterbox)
        augment(image, x, antialias=self.antialias, **vars(transform))
        rows, labels = self._truth(self.images[index], transform, canvas)
        return Picture(x, rows, labels, visible(transform, canvas))

    def _answer(
        self, picture: Picture, random: np.random.Generator | None, truth: Floats, labels: Ints
    ) -> None:
        """Fill truth and labels from a picture."""
        rows, numbers = self._limited(picture, random)
        truth[: len(rows)], labels[: len(rows)] = rows, numbers

    def _truth(
        self, image: Path, transform: Transform, canvas: tuple[int, int]
    ) -> tuple[Floats, Ints]:
        """(n, 5) rows x y w h class of one image's transform, objects first, regions with class -1.

        Also returned: (n,) the number of each row's label in its file; -1: a region.
        """
        objects, ignored = read_truth(image, self.classes)
        kinds = np.concatenate([objects[:, 0], np.full(len(ignored), -1, np.float32)])
        boxes = move_boxes(np.vstack([objects[:, 1:], ignored]), transform, canvas)
        rows = np.hstack([boxes, kinds[:, None]])
        return rows, np.where(kinds >= 0, np.arange(len(kinds)), -1)

    def _limited(self, picture: Picture, random: np.random.Generator | None) -> tuple[Floats, Ints]:
        """At most `max_boxes` of a picture's rows, objects first, and their labels' numbers.

        If there are more, the largest regions to ignore get up to a quarter of the rows, or all
        that the objects leave if these are more.
        """
        rows, labels = picture.rows, picture.labels
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
