"""Training of classifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pylrm.cfg.file import Cfg
from pylrm.data.augmentation import CLASSIFIER_AUGMENTATIONS, CropRanges
from pylrm.data.classes import ClassPreparation
from pylrm.data.darknet import DataFile, read_classes, read_images
from pylrm.data.loader import Loader
from pylrm.engine import Network
from pylrm.errors import CfgError
from pylrm.evaluate.classifier import check_classifier, evaluate_classifier
from pylrm.terminal import count_of
from pylrm.training import checks
from pylrm.training.batches import loader_of, mixing_options
from pylrm.training.schedule import Sizes
from pylrm.training.task import Task


class Classifying(Task):
    """Learns the class of whole images; validations measure how many are right."""

    figure = "top-1"
    command = "pylrm classify valid"
    column = "top1"

    def __init__(self, net: Network, cfg: Cfg, data: DataFile) -> None:
        super().__init__(net, cfg, data)
        check_classifier(net, cfg, data)
        if not net.truths:
            raise CfgError(
                f"{cfg}: nothing in it learns: training wants a detection layer ([region], [yolo], "
                "[detection]) or, for classifiers, [softmax] or [cost] at the end"
            )
        self.images = read_images(data, "train")
        self.classes = read_classes(self.images, data)
        self.absent = [image for image in self.images if not image.is_file()]
        checks.check_some_there(self.absent, self.images, data)

    def check_validation(self) -> None:
        """Look at the validation list and the classes of its images."""
        read_classes(read_images(self.data, "valid"), self.data)

    def batches(
        self, *, sizes: Sizes, seed: int, workers: int, letterbox: bool, skipped: Sequence[Path]
    ) -> Loader:
        """Return the batches to train on; the input is cut out of images, never letterboxed."""
        net = self.net
        keys = [name for row in CLASSIFIER_AUGMENTATIONS for name in row.keys] + ["angle"]
        preparation = ClassPreparation(
            self.images,
            self.classes,
            classes=net.classes,
            channels=net.channels,
            antialias=net.antialias,
            ranges=CropRanges(**{name: net.option(name) for name in keys}),
            mixing=mixing_options(net),
            smoothing=net.option("label_smooth_eps"),
        )
        return loader_of(net, preparation, sizes, seed, workers, skipped)

    def validate(
        self, letterbox: bool, progress: Callable[[int, int], None]
    ) -> Mapping[str, float | None]:
        """Measure how many of the validation images are right."""
        done = evaluate_classifier(self.net, self.data, progress=progress)
        return {"top1": done.top1, "top5": done.top(5)}

    def introduction(self) -> Iterator[str]:
        """Yield what it is trained on."""
        classes = count_of(self.data.classes, "class")
        yield f"{self.data.path}: {count_of(len(self.images), 'image')} of {classes}"

    def warnings(self) -> Iterator[str]:
        """Yield what is odd about the images."""
        yield from checks.absence_warning(self.absent, len(self.images), self.data)
        counts = np.bincount(self.classes, minlength=self.data.classes)
        yield from checks.class_warning(counts.tolist(), "image", self.data)
