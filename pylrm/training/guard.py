"""Values that are not finite: found in time, named, and the batch that brought them kept."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pylrm.binding.library import FloatArray
from pylrm.data.loader import Batch
from pylrm.engine import Layer, Network
from pylrm.errors import CfgWarning, PylrmError
from pylrm.files.writing import whole_binary
from pylrm.training import memory


class Named(NamedTuple):
    """An array of a layer's state."""

    layer: Layer
    name: str
    values: FloatArray

    def __str__(self) -> str:
        return f"{self.name} of layer {self.layer.index} [{self.layer.type}]"


class Guard:
    """Looks for parameters that are not finite.

    After each update it looks at all but the weights, under a hundredth of all parameters: within a
    pass, a batch-normalised layer's rolling statistics show what its weights or its input have. All
    arrays are looked at before anything is saved.

    Parameters
    ----------
    net : Network
        A network in training.
    """

    def __init__(self, net: Network) -> None:
        self.state = [
            Named(layer, name, values) for layer in net for name, values in layer.state.items()
        ]
        self.small = [each for each in self.state if each.values.ndim == 1 and " " not in each.name]

    def quick(self) -> Named | None:
        """Return the first of the small parameters that is not finite."""
        return first_not_finite(self.small)

    def thorough(self) -> Named | None:
        """Return the first array of all that training changes that is not finite."""
        return first_not_finite(self.state)


def first_not_finite(arrays: Sequence[Named]) -> Named | None:
    """Return the first array with a value that is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        for each in arrays:
            # A sum is finite only if all of it is; that of large values may not be.
            if not np.isfinite(np.add.reduce(each.values, axis=None)) and not (
                np.isfinite(each.values).all()
            ):
                return each
    return None


def first_of_pass(net: Network, batch: Batch, seed: int) -> str | None:
    """Name what is the first that is not finite in a pass whose loss is not.

    Parameters
    ----------
    net : Network
        It has done the pass and learnt nothing from it.
    batch : Batch
        What it saw.
    seed : int
        The network's.

    Returns
    -------
    str or None
        The images, a parameter, or a layer's output; None: there is not enough memory to tell.
    """
    if not np.isfinite(batch.x).all():
        return "the images are not finite"
    trained = [
        Named(layer, name, values)
        for layer in net
        for name, values in layer.params.items()
        if "rolling" not in name
    ]
    found = first_not_finite(trained)
    if found is not None:
        return f"{found} are the first that are not finite"
    if sum(net.memory("keep")) > memory.available():
        return None
    return _first_output(net, batch, seed)


def _first_output(net: Network, batch: Batch, seed: int) -> str | None:
    """Name the first layer whose output is not finite, from a pass that keeps all outputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CfgWarning)
        twin = Network(net.cfg, threads=net.threads, seed=seed, keep=True)
    with twin:
        twin.resize(net.width, net.height)
        for source, target in zip(net, twin, strict=True):
            arrays = target.params
            for name, values in source.params.items():
                arrays[name][...] = values
        twin.seen = net.seen + net.batch  # as in the pass
        twin.forward(batch.x, batch.truth, train=True)
        for layer in twin:
            try:
                output = layer.output
            except PylrmError:  # [lrm] has none
                continue
            if not np.isfinite(output).all():
                where = f"the output of layer {layer.index} [{layer.type}] ({net.cfg}:{layer.line})"
                return f"{where} is the first that is not finite"
    return None


def dump_batch(path: Path, batch: Batch, images: Sequence[Path], names: Sequence[str]) -> None:
    """Write a batch as an npz of plain arrays: x, truth, paths, names (of the classes).

    Parameters
    ----------
    path : Path
        The file.
    batch : Batch
        What a network saw.
    images : sequence of Path
        The images that the batch's indices count.
    names : sequence of str
        Of the classes.

    Raises
    ------
    PylrmError
        It cannot be written.
    """
    paths = [os.fspath(images[index]) for index in batch.indices]
    with whole_binary(path) as file:
        np.savez(file, x=batch.x, truth=batch.truth, paths=np.array(paths), names=np.array(names))
