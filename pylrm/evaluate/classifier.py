"""Measuring a classifier on the validation images of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import Cfg
from pylrm.data.classes import ClassPreparation
from pylrm.data.darknet import DataFile, read_classes, read_images
from pylrm.data.loader import batches_in_order
from pylrm.engine import Network
from pylrm.errors import CfgError, DataError
from pylrm.terminal import count_of

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Classified:
    """What a classifier said of images.

    Attributes
    ----------
    images : list of Path
        The images that could be read, n of them.
    classes : array (n,) int64
        The class of each.
    ranks : array (n,) int64
        How many classes were held to be more probable than the right one.
    guesses : array (n,) int64
        The most probable class of each.
    names : list of str
        Of the classes.
    skipped : list of Path
        Images that could not be read.
    """

    images: list[Path]
    classes: Ints
    ranks: Ints
    guesses: Ints
    names: list[str]
    skipped: list[Path] = field(default_factory=list)

    def top(self, count: int) -> float:
        """Return the share of images whose class is among the `count` most probable ones."""
        return float((self.ranks < count).mean())

    @property
    def top1(self) -> float:
        """The share of images whose class was held to be the most probable."""
        return self.top(1)

    @property
    def recalls(self) -> dict[str, float]:
        """The share of each class's images that are right; NaN of a class without images."""
        right = np.bincount(self.classes[self.ranks == 0], minlength=len(self.names))
        count = np.bincount(self.classes, minlength=len(self.names))
        with np.errstate(invalid="ignore"):
            shares = right / count
        return dict(zip(self.names, shares.tolist(), strict=True))

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """Class, what its images were held to be, how often; the most frequent first."""
        wrong = self.classes != self.guesses
        pairs, counts = np.unique(
            np.stack([self.classes[wrong], self.guesses[wrong]]), axis=1, return_counts=True
        )
        order = np.argsort(-counts, kind="stable")
        return [(self.names[pairs[0, i]], self.names[pairs[1, i]], int(counts[i])) for i in order]


def check_classifier(net: Network, cfg: Cfg, data: DataFile) -> None:
    """Hold a classifier against a data set.

    Raises
    ------
    CfgError
        It has another number of classes; and as `check_network`.
    """
    check_network(net, cfg)
    if net.classes != data.classes:
        raise CfgError(
            f"{cfg}: no [region], [yolo] or [detection], so it is a classifier, of {net.classes} "
            f"classes; {data.path} has {data.classes}: set the last filters= or output= to "
            f"{data.classes}"
        )


def check_network(net: Network, cfg: Cfg) -> None:
    """Look at whether a network names images.

    Raises
    ------
    CfgError
        It is a detector, has classes in a tree, or an input that no image is.
    """
    if net.detectors:
        head = net.detectors[0]
        raise CfgError(
            f"{cfg}:{head.line}: [{head.type}] makes it a detector; a classifier ends with "
            "[softmax] or [cost]"
        )
    for layer in net.find("softmax"):
        if layer.option("tree"):
            raise CfgError(
                f"{cfg}:{cfg.line_of(layer.line, 'tree')}: [softmax] tree=: classifiers of class "
                "trees run (`Network.forward`), and are not trained or measured by commands"
            )
    if net.channels not in (1, 3):
        raise CfgError(
            f"{cfg}:{cfg.line_of(cfg.net.line, 'channels')}: channels={net.channels}: images have "
            "3 channels, or are grey with 1"
        )


def classify(
    net: Network, images: Sequence[Path], skipped: list[Path]
) -> Iterator[tuple[Path, npt.NDArray[np.float32]]]:
    """Yield each image's path and the probability of each class; of each, the middle is looked at.

    Parameters
    ----------
    net : Network
        A classifier; runs `net.batch` images a pass.
    images : sequence of Path
        The images.
    skipped : list of Path
        Gets those that cannot be read.
    """
    for read, scores in _scores(net, images, np.zeros(len(images), np.int64), skipped):
        yield from zip((images[index] for index in read), scores, strict=True)


def _scores(
    net: Network, images: Sequence[Path], classes: Ints, skipped: list[Path]
) -> Iterator[tuple[Ints, npt.NDArray[np.float32]]]:
    """Yield the numbers of the images of each pass, and their (n, classes) probabilities."""
    preparation = ClassPreparation(
        images, classes, classes=net.classes, channels=net.channels, antialias=net.antialias
    )
    for batch in batches_in_order(
        preparation, width=net.width, height=net.height, batch=net.batch, skipped=skipped
    ):
        yield batch.indices, net.forward(batch.x).reshape(len(batch.x), -1)


def evaluate_classifier(
    net: Network, data: DataFile, *, progress: Callable[[int, int], None] | None = None
) -> Classified:
    """Measure a classifier on a data set's validation images; of each, the middle is looked at.

    Parameters
    ----------
    net : Network
        A classifier, in training or for inference; runs `net.batch` images a pass.
    data : DataFile
        The data set.
    progress : callable or None
        Called with the images done and all there are, after each pass.

    Raises
    ------
    DataError
        The list is missing, or the class of an image is not clear; not one image can be read.
    """
    images = read_images(data, "valid")
    classes = read_classes(images, data)
    skipped: list[Path] = []
    read: list[int] = []
    ranks: list[int] = []
    guesses: list[int] = []
    for indices, scores in _scores(net, images, classes, skipped):
        order = np.argsort(-scores, axis=1, kind="stable")  # what is not a number comes last
        ranks += np.argmax(order == classes[indices, None], axis=1).tolist()
        guesses += order[:, 0].tolist()
        read += indices.tolist()
        if progress is not None:
            progress(len(read) + len(skipped), len(images))
    if not read:
        raise DataError(f"{data.valid}: none of its {count_of(len(images), 'image')} can be read")
    return Classified(
        [images[index] for index in read],
        classes[read],
        np.array(ranks),
        np.array(guesses),
        data.names,
        skipped,
    )
