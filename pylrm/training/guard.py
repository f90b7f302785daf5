"""Values that are not finite: found in time, named, and the batch that brought them kept."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pylrm.data.loader import Batch
from pylrm.engine import Network
from pylrm.errors import CfgWarning, PylrmError
from pylrm.files.writing import whole_binary
from pylrm.training import memory


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
    for layer in net:
        for name, values in layer.params.items():
            # the pass itself has changed the rolling ones
            if "rolling" not in name and not np.isfinite(values).all():
                where = f"{name} of layer {layer.index} [{layer.type}]"
                return f"{where} are the first that are not finite"
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
