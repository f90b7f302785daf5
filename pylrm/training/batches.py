"""The batches that a network is trained on: their input sizes and their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pylrm.binding.library import FloatArray, keys
from pylrm.data.augmentation import AUGMENTATIONS, Ranges
from pylrm.data.loader import Batch, Loader
from pylrm.data.mixing import MIXINGS
from pylrm.data.samples import BoxPreparation, Preparation
from pylrm.engine import Network
from pylrm.training.schedule import Sizes, multi_scale_sizes


def input_sizes(net: Network, last: int, seed: int) -> Sizes:
    """Return the input size of each pass of a run: the cfg's, or several with random=1.

    Parameters
    ----------
    net : Network
        At the cfg's size.
    last : int
        The last update of the run.
    seed : int
        The run's.
    """
    size = net.width, net.height
    random = any(head.option("random") for head in net.detectors)
    choices = multi_scale_sizes(*size, coarsest_stride(net)) if random else [size]
    return Sizes(choices, net.subdivisions, last, seed)


def coarsest_stride(net: Network) -> int:
    """Return the pixels of a cell of a detector's coarsest output grid."""
    return max(net.width // head.grid[0] for head in net.detectors)


def augmentation_options(net: Network) -> dict[str, Any]:
    """Return the keys of the table of augmentations as a detector's cfg sets them.

    A key stands in [net] or in the detection layers, of which the first counts.
    """
    of_net = {key.name for key in keys() if key.section == "net"}
    names = [name for row in AUGMENTATIONS for name in row.keys]
    head = net.detectors[0]
    return {name: (net if name in of_net else head).option(name) for name in names}


def data_seed(seed: int, rollbacks: int) -> int:
    """Return the seed of images' order and augmentation: another one after each rollback."""
    if not rollbacks:
        return seed
    return int(np.random.SeedSequence((seed, rollbacks)).generate_state(1, np.uint64)[0])


def training_batches(
    net: Network,
    images: list[Path],
    *,
    sizes: Sizes,
    seed: int,
    workers: int,
    letterbox: bool,
    augment: bool = True,
    skipped: Sequence[Path] = (),
) -> Loader:
    """Return the batches that a detector is trained on, from the images it has seen on.

    Parameters
    ----------
    net : Network
        A detector; with several detection layers the jitter is the first one's.
    images : list of Path
        What the training list names.
    sizes : Sizes
        The input size of each pass.
    letterbox, seed, workers, skipped
        As `BoxPreparation` and `Loader` take them.
    augment : bool
        False: images as in evaluation.
    """
    preparation = BoxPreparation(
        images,
        classes=net.classes,
        channels=net.channels,
        max_boxes=net.max_truths,
        letterbox=letterbox,
        antialias=net.antialias,
        ranges=Ranges(**augmentation_options(net)) if augment else None,
        mixing=mixing_options(net),
    )
    return loader_of(net, preparation, sizes, seed, workers, skipped)


def loader_of(
    net: Network,
    preparation: Preparation,
    sizes: Sizes,
    seed: int,
    workers: int,
    skipped: Sequence[Path],
) -> Loader:
    """Return the batches that a network takes, from the images it has seen on."""
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


def mixing_options(net: Network) -> dict[str, float]:
    """Return the keys of the table of mixings as the cfg sets them."""
    return {row.key: net.option(row.key) for row in MIXINGS}


def train_on(net: Network, batch: Batch, gradient: FloatArray | None = None) -> float:
    """Train on a batch, at the input size that it has; returns the loss.

    Parameters
    ----------
    net : Network
        What is trained.
    batch : Batch
        Images with their truths.
    gradient : ndarray or None
        As `Network.train_pass` takes it; None: `train_batch`.
    """
    height, width = batch.x.shape[2:]
    if (width, height) != (net.width, net.height):
        net.resize(width, height)
    if gradient is None:
        return net.train_batch(batch.x, batch.truth)
    return net.train_pass(batch.x, batch.truth, gradient)
