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
from pylrm.data.mixing import MIXINGS
from pylrm.engine import Network
from pylrm.errors import CfgError, DataError
from pylrm.evaluate.classifier import check_classifier, evaluate_classifier
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
        gone = [image for image in self.images if not image.is_file()]
        if len(gone) == len(self.images):
            raise DataError(
                f"{data.train}: none of its {len(gone)} images is there; the first is {gone[0]}"
            )
        self.gone = gone

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
            mixing={row.key: net.option(row.key) for row in MIXINGS},
            smoothing=net.option("label_smooth_eps"),
        )
        return Loader(
            preparation,
            width=net.width,
            height=net.height,
            batch=net.batch,
            seed=seed,
            position=net.seen // net.batch,
            workers=workers,
            size_at=sizes.at,
            skipped=skipped,
        )

    def validate(
        self, letterbox: bool, progress: Callable[[int, int], None]
    ) -> Mapping[str, float | None]:
        """Measure how many of the validation images are right."""
        done = evaluate_classifier(self.net, self.data, progress=progress)
        return {"top1": done.top1, "top5": done.top(5)}

    def introduction(self) -> Iterator[str]:
        """Yield what it is trained on."""
        yield f"{self.data.path}: {len(self.images)} images of {self.data.classes} classes"

    def warnings(self) -> Iterator[str]:
        """Yield what is odd about the images."""
        data = self.data
        if self.gone:
            yield (
                f"{data.train}: {len(self.gone)} of {len(self.images)} images are not there and "
                f"are passed over ({self.gone[0]} is the first)"
            )
        counts = np.bincount(self.classes, minlength=data.classes)
        without = [name for name, count in zip(data.names, counts, strict=True) if not count]
        if without:
            first = ", ".join(without[:3]) + (", …" if len(without) > 3 else "")
            yield f"{data.train}: {len(without)} of {data.classes} classes have no image: {first}"
