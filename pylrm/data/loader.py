"""The loader: images and truths prepared by worker threads, in batches, a few batches ahead.

Every sample has a number: how many were drawn before it. Its image, placement, colours and
mirroring are a function of (seed, number of images, its number) alone. So a run repeats exactly
with any number of workers, and can be resumed at any sample.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from pylrm.data.images import cv2
from pylrm.data.samples import BoxPreparation, Preparation, Sample
from pylrm.errors import DataError
from pylrm.terminal import count_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

AHEAD = 3  # batches in preparation


@dataclass(frozen=True)
class Batch:
    """What a network takes in one pass.

    Attributes
    ----------
    x
        (b, channels, h, w) float32 RGB, 0…1.
    truth
        (b, max_boxes, 5) float32: x, y, w, h, class, relative to the input; ignored regions follow
        the objects with class -1; zeros end the list. Of classifiers: (b, classes) probabilities.
    labels
        (b, max_boxes) which of its label file's boxes each row of the truth is; -1: none.
    indices
        (b,) which images these are.
    sizes
        (b, 2) width and height of the originals in pixels.
    """

    x: Floats
    truth: Floats
    labels: Ints
    indices: Ints
    sizes: Ints


class _Pending:
    """A batch whose samples are being prepared."""

    def __init__(self, b: int, preparation: Preparation, size: tuple[int, int]) -> None:
        self.x = np.empty((b, preparation.channels, size[1], size[0]), np.float32)
        self.truth = np.zeros((b, *preparation.truth_shape), np.float32)
        self.labels = np.full((b, preparation.most_labels), -1)
        self.jobs: list[Future[Sample | DataError]] = []


class Loader:
    """An endless iterator of batches for training.

    Images are drawn by a seeded permutation an epoch, and prepared by threads a few batches ahead.
    What a batch contains is a function of (seed, number of images, position) only.

    Parameters
    ----------
    preparation
        What makes samples of the images.
    width, height
        The network's input.
    batch
        Images a batch.
    seed
        Of the order and of every sample's augmentation; 0 … 2**64-1.
    position
        Batches drawn before the first one: a run of `seen` images goes on at seen // batch.
    workers
        Threads that decode and augment.
    shuffle
        False: the images' own order.
    size_at
        (width, height) of the batch at a position, in place of a fixed size.
    skipped
        Unreadable images that were met before.

    Attributes
    ----------
    skipped
        Unreadable images met so far; the permutation's next image stands in for each.
    stall
        Seconds that `next` has waited for the workers.
    """

    def __init__(
        self,
        preparation: Preparation,
        *,
        width: int,
        height: int,
        batch: int,
        seed: int = 0,
        position: int = 0,
        workers: int = 2,
        shuffle: bool = True,
        size_at: Callable[[int], tuple[int, int]] | None = None,
        skipped: Sequence[Path] = (),
    ) -> None:
        if not preparation.images:
            raise DataError("no images to train on")
        if min(batch, workers, width, height) < 1:
            raise ValueError("batch, workers, width and height must be at least 1")
        if position < 0 or not 0 <= seed < 2**64:
            raise ValueError("position must be at least 0, and seed within 0…2**64-1")
        self.skipped = list(skipped)
        self.stall = 0.0
        self._images = preparation.images
        self._preparation = preparation
        self._batch, self._seed, self._shuffle = batch, seed, shuffle
        self._size_at = size_at or (lambda _: (width, height))
        self._positions: Iterator[int] = itertools.count(position)
        self._orders: dict[int, Ints] = {}
        self._queue: deque[_Pending] = deque()
        self._pool: ThreadPoolExecutor | None = _start_pool(workers)

    def choose(self, positions: Iterator[int]) -> None:
        """Draw the batches at these positions alone; before the first one is drawn.

        Parameters
        ----------
        positions : iterator of int
            Ascending, without an end.
        """
        self._positions = positions

    def __iter__(self) -> Loader:
        return self

    def __next__(self) -> Batch:
        """The next batch.

        Raises
        ------
        DataError
            Where a label is bad, or none of the images can be read.
        """
        if self._pool is None:
            raise ValueError("the loader is closed")
        while len(self._queue) < AHEAD:
            self._queue.append(self._submit(self._pool))
        pending = self._queue.popleft()
        begin = time.perf_counter()
        results = [job.result() for job in pending.jobs]
        self.stall += time.perf_counter() - begin
        samples = []
        for result in results:
            if isinstance(result, DataError):
                raise DataError(
                    f"none of {count_of(len(self._images), 'image')} can be read; {result}"
                )
            samples.append(result)
            for path in (self._images[index] for index in result.skipped):
                if path not in self.skipped:
                    self.skipped.append(path)
        return _batch_of(pending, samples)

    def _submit(self, pool: ThreadPoolExecutor) -> _Pending:
        position = next(self._positions)
        pending = _Pending(self._batch, self._preparation, self._size_at(position))
        for i in range(self._batch):
            number = position * self._batch + i
            epoch, slot = divmod(number, len(self._images))
            candidates = _from(self._order(epoch), slot)
            pending.jobs.append(pool.submit(self._sample, number, candidates, pending, i))
        return pending

    def _sample(
        self, number: int, candidates: Iterator[int], pending: _Pending, i: int
    ) -> Sample | DataError:
        """Prepare image i of a batch, the sample of a number, in a worker."""
        random = _generator(self._seed, number, 0)
        return self._preparation.sample(
            candidates, random, pending.x[i], pending.truth[i], pending.labels[i]
        )

    def _order(self, epoch: int) -> Ints:
        """The epoch's permutation of the images."""
        if not self._shuffle:
            epoch = 0
        if epoch not in self._orders:
            order = np.arange(len(self._images))
            if self._shuffle:
                _generator(self._seed, epoch, 1).shuffle(order)
            self._orders = {epoch: order}
        return self._orders[epoch]

    def close(self) -> None:
        """End the workers; a second time does nothing."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
            self._queue.clear()

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def evaluation_batches(
    images: Sequence[Path],
    *,
    classes: int,
    width: int,
    height: int,
    channels: int = 3,
    batch: int,
    max_boxes: int,
    workers: int | None = None,
    letterbox: bool = True,
    antialias: bool = False,
    skipped: list[Path] | None = None,
) -> Iterator[Batch]:
    """Batches of a detector's images once, in their order, without augmentation.

    Parameters are those of `BoxPreparation` and `batches_in_order`.
    """
    preparation = BoxPreparation(
        images,
        classes=classes,
        channels=channels,
        max_boxes=max_boxes,
        letterbox=letterbox,
        antialias=antialias,
    )
    return batches_in_order(
        preparation, width=width, height=height, batch=batch, workers=workers, skipped=skipped
    )


def batches_in_order(
    preparation: Preparation,
    *,
    width: int,
    height: int,
    batch: int,
    workers: int | None = None,
    skipped: list[Path] | None = None,
) -> Iterator[Batch]:
    """Batches of all images once, in their order, without augmentation; the last may be short.

    Parameters are those of `Loader`; workers=None: one on each core that the process may use.
    Unreadable images are left out and added to `skipped`.

    Raises
    ------
    DataError
        Where a label is bad; without `skipped`, also at the first unreadable image.
    """
    workers = usable_cores() if workers is None else workers
    if min(batch, workers, width, height) < 1:
        raise ValueError("batch, workers, width and height must be at least 1")
    images = preparation.images
    queue: deque[tuple[list[int], _Pending]] = deque()
    pool = _start_pool(workers)
    try:
        groups = (
            list(range(start, min(start + batch, len(images))))
            for start in range(0, len(images), batch)
        )
        while True:
            for indices in itertools.islice(groups, AHEAD - len(queue)):
                pending = _Pending(len(indices), preparation, (width, height))
                places = zip(indices, pending.x, pending.truth, pending.labels, strict=True)
                pending.jobs = [
                    pool.submit(preparation.sample, [index], None, *place)
                    for index, *place in places
                ]
                queue.append((indices, pending))
            if not queue:
                return
            indices, pending = queue.popleft()
            samples, readable = [], []
            for i, job in enumerate(pending.jobs):
                result = job.result()
                if not isinstance(result, DataError):
                    samples.append(result)
                    readable.append(i)
                elif skipped is None:
                    raise result
                else:
                    skipped.append(Path(images[indices[i]]))
            if len(readable) < len(indices):
                pending.x, pending.truth = pending.x[readable], pending.truth[readable]
                pending.labels = pending.labels[readable]
            if samples:
                yield _batch_of(pending, samples)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def usable_cores() -> int:
    """Return how many cores the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_pool(workers: int) -> ThreadPoolExecutor:
    cv2().setNumThreads(0)  # the workers are the threads
    return ThreadPoolExecutor(workers, thread_name_prefix="loader")


def _generator(seed: int, number: int, stream: int) -> np.random.Generator:
    """Generator `number` of a stream (0: samples, 1: orders); no two of them ever meet."""
    key = np.array([seed, number], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))


def _from(order: Ints, slot: int) -> Iterator[int]:
    """All entries of the order, starting at `slot` and wrapping around at the end."""
    return (int(order[(slot + i) % len(order)]) for i in range(len(order)))


def _batch_of(pending: _Pending, samples: Sequence[Sample]) -> Batch:
    return Batch(
        pending.x,
        pending.truth,
        pending.labels,
        np.array([sample.index for sample in samples], np.int64),
        np.array([sample.size for sample in samples], np.int64),
    )
