"""A start to train from: a trained MobileNet-v1 as the weights of a cfg's backbone.

The trained network's batch norm is folded into its weights, so it is given back: with a mean m and
a variance v of a convolution's sums, the rolling statistics are m and v, the scales sqrt(v + 1e-5)
and the biases larger by m. That computes the same, and trains well where m and v are those of the
images to train on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import Cfg, CfgLike, Section
from pylrm.data.augmentation import plain_transform
from pylrm.data.darknet import DataLike, read_data, read_images
from pylrm.data.images import augment, read_image
from pylrm.engine import Network
from pylrm.errors import DataError
from pylrm.runs.inputs import letterboxes
from pylrm.terminal import count_of
from pylrm.weights.matching import EXACT_SIZE, PADDINGS, match
from pylrm.weights.readers import read_source
from pylrm.weights.single import Maps, single
from pylrm.weights.source import Convolution

EPSILON = 1e-5  # the engine adds it to a variance

Parameters = Mapping[str, npt.NDArray[np.float64]]
Progress = Callable[[int, int], None]


def import_start(
    source: Path,
    cfg: CfgLike,
    data: DataLike,
    out: Path,
    *,
    images: int = 48,
    seed: int = 0,
    padding: str = "shift",
    progress: Progress | None = None,
) -> int:
    """Write a weights file with a trained MobileNet-v1 as a cfg's first layers.

    Parameters
    ----------
    source : Path
        The trained network; see `read_source`.
    cfg : Cfg, str or path
        Its first sections are convolutions like the source's.
    data : DataFile, str or path
        Its training images are what the batch norm is calibrated on.
    out : Path
        The file to write; it ends after these layers, so that the others start at random.
    images : int
        How many of them, chosen at random.
    seed : int
        Of this choice.
    padding : str
        Where kernels stand in convolutions of stride 2, which were trained with a padding on the
        right and at the bottom only. "shift": in the middle, a pixel off. "exact": in the lower
        right corner of the 5x5 kernels that the cfg must have there.
    progress : callable, optional
        Told of layers done and of all.

    Returns
    -------
    int
        How many layers the file has.

    Raises
    ------
    CfgError, DataError, WeightsError
        A file is missing or wrong, or the cfg does not fit the source.
    ValueError
        There is no such padding.
    """
    if padding not in PADDINGS:
        raise ValueError(f"padding={padding!r}: there are {', '.join(PADDINGS)}")
    cfg = Cfg.read(cfg)
    trained = read_source(source)
    with Network(cfg, batch=1, threads=1) as net:
        layers = match(net, trained, padding)
        x = read_pixels(net, data, images, seed)
        sections = {section.line: section for section in cfg.sections}
        for layer, convolution in zip(layers, trained.for_plain_pixels(), strict=True):
            exact = padding == "exact" and layer.option("stride") == 2
            placed = in_corner(convolution) if exact else convolution
            parameters, x = convert(sections[layer.line], placed, x)
            for name, values in parameters.items():
                layer.params[name][:] = values
            if progress is not None:
                progress(layer.index + 1, len(layers))
        net.save_weights(out, upto=len(layers))
    return len(layers)


def read_pixels(net: Network, data: DataLike, images: int, seed: int) -> Maps:
    """Prepare training images, chosen at random, as the cfg says, without augmentation."""
    data = read_data(data)
    paths = read_images(data, "train")
    if len(paths) < images:
        raise DataError(
            f"{data.path}: {count_of(len(paths), 'training image')}; calibration asks for {images}"
        )
    letterbox, antialias = letterboxes(net.cfg), net.antialias
    x = np.empty((images, net.channels, net.height, net.width), np.float32)
    chosen = np.random.default_rng(seed).choice(len(paths), images, replace=False)
    for canvas, index in zip(x, sorted(chosen), strict=True):
        image = read_image(paths[index], net.channels)
        size = image.shape[1], image.shape[0]
        transform = plain_transform(size, (net.width, net.height), letterbox)
        augment(image, canvas, antialias=antialias, **vars(transform))
    return x


def convert(section: Section, convolution: Convolution, x: Maps) -> tuple[Parameters, Maps]:
    """Return a section's parameters, calibrated on the maps that it reads, and its output."""
    with single(section, x) as net:
        (layer,) = net
        layer.params["weights"][:] = convolution.weights
        net.forward(x, train=True)  # a fresh layer's rolling statistics become this batch's
        mean, variance = (
            layer.params[name].astype(np.float64) for name in ("rolling_mean", "rolling_variance")
        )
        parameters = {
            "weights": convolution.weights,
            "scales": np.sqrt(variance + EPSILON),
            "biases": convolution.biases + mean,
            "rolling_mean": mean,
            "rolling_variance": variance,
        }
        for name, values in parameters.items():
            layer.params[name][:] = values
        return parameters, net.forward(x)


def in_corner(convolution: Convolution) -> Convolution:
    """Put kernels into the lower right corner of larger ones.

    With these, a padding of 2 on every side does what 3x3 kernels do with a padding of 1 on the
    right and at the bottom.
    """
    ahead = EXACT_SIZE - convolution.size
    weights = np.pad(convolution.weights, [(0, 0), (0, 0), (ahead, 0), (ahead, 0)])
    return replace(convolution, weights=weights)
