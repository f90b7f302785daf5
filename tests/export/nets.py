"""Networks with weights like trained ones, and how far a program's outputs are from ours."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pylrm import CfgWarning, Network, export_onnx
from pylrm.cfg.edit import set_keys
from pylrm.cfg.file import Cfg, CfgLike

Array = npt.NDArray[Any]
Outputs = dict[str, Array]
BATCH = 2


def sized(cfg: CfgLike, size: int | None) -> Cfg:
    """Return a cfg with a square input of `size`; None: as it is."""
    cfg = Cfg.read(cfg)
    if size is None:
        return cfg
    return set_keys(cfg, cfg.net, {"width": str(size), "height": str(size)})


def save_like_trained(cfg: CfgLike, path: Path, seed: int = 0) -> None:
    """Save random weights whose batch norm has the statistics of a batch.

    Biases are about 1: with half of all values cut off by the activations, a deep random network
    makes 1e-4 of a rounding error.
    """
    random = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CfgWarning)
        net = Network(cfg, batch=BATCH, seed=seed)
    with net:
        for layer in net:
            for name, values in layer.params.items():
                if name == "biases":
                    values[...] = random.normal(1, 0.2, values.shape)
                elif name == "scales":
                    values[...] = random.uniform(0.7, 1.3, values.shape)
        net.forward(images(net), train=True)  # a fresh network takes this batch's statistics
        net.save_weights(path)


def images(net: Network, seed: int = 1) -> Array:
    """Return blocks of colour that the network takes; of noise, deep maps would be all but even."""
    random = np.random.default_rng(seed)
    shape = (net.width, net.height)
    planes = [
        cv2.resize(random.random((6, 6), np.float32), shape, interpolation=cv2.INTER_NEAREST)
        for _ in range(BATCH * net.channels)
    ]
    return np.reshape(planes, (BATCH, net.channels, net.height, net.width))


def ours(net: Network, x: Array) -> Outputs:
    """Return what an exported network must give, by name."""
    last = net.forward(x)
    if not net.detectors:
        layer = next(each for each in reversed(list(net)) if each.type not in ("cost", "lrm"))
        return {f"{layer.type}_{layer.index}": last}
    return {f"{each.type}_{each.index}": np.array(each.output) for each in net.detectors}


def distance(a: Array, b: Array) -> float:
    """Return the largest difference; of values above 1, relative to the largest of them."""
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / max(1, np.abs(b).max()))


def distances(
    cfg: CfgLike,
    folder: Path,
    runs: dict[str, Callable[[Path, Array], Outputs]],
    x: Array | None = None,
) -> dict[str, float | Exception]:
    """Export a network and return how far each program's outputs are from the engine's.

    x: what it sees; None: `images`.
    """
    weights, file = folder / "net.weights", folder / "net.onnx"
    save_like_trained(cfg, weights)
    found: dict[str, float | Exception] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CfgWarning)
        export_onnx(cfg, weights, file)
        with Network(cfg, weights, batch=BATCH, inference=True) as net:
            x = images(net) if x is None else x
            expected = ours(net, x)
    for name, run in runs.items():
        try:
            got = run(file, x)
            found[name] = max(distance(got[key], value) for key, value in expected.items())
        except Exception as error:
            found[name] = error
    return found
