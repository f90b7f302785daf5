"""Samples of a classifier's data set: an image and its class, prepared for a network's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.data.augmentation import CLASSIFIER_NUMBERS, CropRanges, centre_crop
from pylrm.data.images import ByteImage, augment, cv2
from pylrm.data.mixing import Picture
from pylrm.data.samples import Preparation

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class ClassPreparation(Preparation):
    """Prepares single samples of a classifier's data set; worker threads share one.

    Parameters
    ----------
    images
        Paths of the images.
    answers
        (images,) the class of each.
    classes
        How many the network tells apart.
    ranges
        Of the augmentation; None: the middle of the image.
    channels, antialias, mixing
        As `Preparation` takes them; without `ranges` nothing is mixed.
    smoothing
        The share of the probability that is spread over all classes (Szegedy et al., Rethinking the
        Inception Architecture, 2016, section 7).
    """

    def __init__(
        self,
        images: Sequence[Path],
        answers: Ints,
        *,
        classes: int,
        channels: int = 3,
        antialias: bool = False,
        ranges: CropRanges | None = None,
        mixing: Mapping[str, float] | None = None,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__(images, channels, antialias, mixing if ranges is not None else None)
        self.classes = classes
        self.answers = answers
        self.ranges = ranges
        self.smoothing = smoothing

    @property
    def truth_shape(self) -> tuple[int, ...]:
        """Of an image's truth: the probability of each class."""
        return (self.classes,)

    @property
    def most_labels(self) -> int:
        """None: there are no boxes."""
        return 0

    def _picture(
        self, index: int, image: ByteImage, random: np.random.Generator | None, x: Floats
    ) -> Picture:
        """Put an image into x (channels, h, w), cut out at random or from the middle."""
        size, canvas = (image.shape[1], image.shape[0]), (x.shape[2], x.shape[1])
        if self.ranges is not None and random is not None:
            if self.ranges.angle:
                image = rotated(image, self.ranges.angle * (2 * random.random() - 1))
            transform = self.ranges.draw(size, canvas, random.random(CLASSIFIER_NUMBERS))
        else:
            transform = centre_crop(size, canvas)
        augment(image, x, antialias=self.antialias, **vars(transform))
        target = np.full(self.classes, self.smoothing / self.classes, np.float32)
        target[self.answers[index]] += 1 - self.smoothing
        return Picture(x, np.zeros((0, 5), np.float32), np.zeros(0, int), np.zeros(4, int), target)

    def _answer(
        self, picture: Picture, random: np.random.Generator | None, truth: Floats, labels: Ints
    ) -> None:
        """Fill the truth."""
        truth[:] = picture.target


def rotated(image: ByteImage, degrees: float) -> ByteImage:
    """Return an image rotated around its middle; beyond its edges it goes on as at them."""
    height, width = image.shape[:2]
    matrix = cv2().getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    result: ByteImage = cv2().warpAffine(
        image, matrix, (width, height), borderMode=cv2().BORDER_REPLICATE
    )
    return result
