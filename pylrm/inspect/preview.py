"""What a network is trained on, drawn: augmented images with their boxes and ignored regions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import Cfg, CfgLike
from pylrm.data.darknet import DataLike, read_images
from pylrm.data.images import ByteImage
from pylrm.engine import Network
from pylrm.engine.detections import name_of
from pylrm.errors import DataError
from pylrm.files.npz import read_npz
from pylrm.pictures.drawing import WHITE, Mark, colour_of, fit, mark, sheet
from pylrm.runs.inputs import choose_data, letterboxes
from pylrm.training.batches import input_sizes, training_batches
from pylrm.training.checks import check_boxes, check_network

CELL = 320  # pixels of an image's place on the page


@dataclass(frozen=True)
class Sample:
    """An image as a network gets it.

    Attributes
    ----------
    path
        The image file.
    x
        (channels, h, w) float32 RGB, 0 to 1.
    truth
        (n, 5) float32: x, y, w, h, class, relative to the input; class -1: a region to ignore.
    """

    path: Path
    x: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32]

    @property
    def caption(self) -> str:
        """The file's name, and how many boxes and regions the network reads."""
        regions = int((self.truth[:, 4] < 0).sum())
        boxes = len(self.truth) - regions
        parts = [f"{boxes} box{'' if boxes == 1 else 'es'}"]
        if regions:
            parts.append(f"{regions} region{'' if regions == 1 else 's'} to ignore")
        return f"{self.path.name}\n{', '.join(parts)}"


def samples(
    cfg: CfgLike,
    data: DataLike | None = None,
    *,
    count: int = 16,
    seed: int = 0,
    augment: bool = True,
    letterbox: bool | None = None,
) -> list[Sample]:
    """Return the first images of a training run, as `pylrm.train` of the same seed sees them.

    Parameters
    ----------
    cfg : str or Path
        The network; looked up in the working folder, then among the shipped cfg files.
    data : str, Path or None
        The .data file; None: the one that [net] data= names.
    count : int
        How many.
    seed : int
        The run's.
    augment : bool
        False: the same images without augmentation.
    letterbox : bool or None
        Keep the aspect of images, else stretch them; None: as the cfg says.

    Raises
    ------
    PylrmError
        Anything wrong with cfg, data or labels.
    """
    source = Cfg.read(cfg)
    letterbox = letterboxes(source, letterbox)
    found: list[Sample] = []
    with Network(source, inference=True, outline=True) as net:
        dataset = choose_data(source, data)
        check_network(net, source, dataset)
        images = read_images(dataset, "train")
        check_boxes(images, dataset)
        sizes = input_sizes(net, int(net.option("max_batches")), seed)
        with training_batches(
            net,
            images,
            sizes=sizes,
            seed=seed,
            workers=2,
            letterbox=letterbox,
            augment=augment,
        ) as batches:
            while len(found) < count:
                batch = next(batches)
                for i in range(min(len(batch.x), count - len(found))):
                    rows = batch.truth[i]
                    rows = rows[: int((rows[:, 2] > 0).sum())]
                    found.append(Sample(images[batch.indices[i]], batch.x[i], rows))
    return found


def batch_samples(path: Path) -> tuple[list[Sample], list[str]]:
    """Return the images of a batch that training kept, and the names of the classes.

    Parameters
    ----------
    path : Path
        A run folder's nonfinite-batch.npz.

    Raises
    ------
    DataError
        It cannot be read, or is none.
    """
    try:
        arrays = read_npz(path)
        x, truth = arrays["x"], arrays["truth"]
        paths, names = arrays["paths"].tolist(), arrays["names"].tolist()
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: no batch that training kept: {error}") from error
    if x.ndim != 4 or truth.ndim != 3 or not len(x) == len(truth) == len(paths):
        raise DataError(f"{path}: no batch that training kept: x is {x.shape}")
    x = np.clip(np.nan_to_num(x.astype(np.float32)), 0, 1)
    rows = [each[: int((each[:, 2] > 0).sum())] for each in truth]
    return [Sample(Path(p), *own) for p, *own in zip(paths, x, rows, strict=True)], names


def page(found: Sequence[Sample], names: Sequence[str]) -> ByteImage:
    """Draw samples as a grid with their boxes; regions to ignore have dashed outlines.

    Parameters
    ----------
    found : sequence of Sample
        What to draw; at least one.
    names : sequence of str
        Of the classes.
    """
    tiles = [(drawn(sample, names), sample.caption) for sample in found]
    return sheet(tiles, columns=math.ceil(math.sqrt(len(tiles))), cell=CELL)


def drawn(sample: Sample, names: Sequence[str]) -> ByteImage:
    """Draw one sample at the size that it has on the page, a BGR image."""
    levels = np.rint(sample.x.transpose(1, 2, 0)[:, :, ::-1] * 255).astype(np.uint8)
    image = fit(levels[:, :, 0] if levels.shape[2] == 1 else levels, CELL)
    height, width = image.shape[:2]
    marks = []
    for x, y, w, h, kind in sample.truth.tolist():
        box = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
        if kind < 0:
            marks.append(Mark(box, WHITE, "ignored", dashed=True))
        else:
            marks.append(Mark(box, colour_of(int(kind)), name_of(int(kind), names)))
    return mark(image, marks)
