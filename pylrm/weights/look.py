"""Looking into weights files: figures of each array, differences of two files, a file's first part.

The tables are rows of text, the first of them the head.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pylrm.cfg.file import CfgLike
from pylrm.engine import Network
from pylrm.errors import WeightsError
from pylrm.terminal import count_of
from pylrm.weights.file import Entry, Floats, PathLike, describe_end, entries, read_file

Rows = list[list[str]]


def header(path: PathLike) -> str:
    """Return version, images seen and number of values of a weights file, in one line."""
    file = read_file(path)
    version = ".".join(map(str, file.version))
    return (
        f"{file.path}: version {version}, {file.seen:,} images seen, {len(file.values):,} values, "
        f"{file.non_finite:,} of them not finite"
    )


def show(path: PathLike, cfg: CfgLike) -> tuple[Rows, str]:
    """Return figures of each array in a weights file, and where it ends.

    Parameters
    ----------
    path : str or path
        The weights file; its values need not be finite.
    cfg : Cfg, str or path
        What it was saved with.

    Raises
    ------
    CfgError, WeightsError
        A file is missing or wrong, or they do not belong together.
    """
    rows = [["", "layer", "array", "shape", "mean", "std", "min", "max", "not finite"]]
    with Network(cfg, batch=1, threads=1) as net:
        found = entries(read_file(path), net)
        rows += [[*_place(entry), *_figures(entry.values)] for entry in found]
        return rows, describe_end(found, net)


def diff(first: PathLike, second: PathLike, cfg: CfgLike) -> tuple[Rows, list[str]]:
    """Return how far each array of two weights files differs, and what only one of them has.

    Parameters
    ----------
    first, second : str or path
        The files.
    cfg : Cfg, str or path
        What both were saved with.

    Returns
    -------
    rows : list of list of str
        Per array: the largest difference, and that divided by the first's largest value.
    remarks : list of str
        Where the files end, if they do not end alike.

    Raises
    ------
    CfgError, WeightsError
        A file is missing or wrong, or they do not belong together.
    """
    rows = [["", "layer", "array", "shape", "largest", "relative"]]
    with Network(cfg, batch=1, threads=1) as net:
        one, other = (entries(read_file(path), net) for path in (first, second))
        for a, b in zip(one, other, strict=False):  # one may end early
            rows.append([*_place(a), *_distance(a.values, b.values)])
        ends = [f"{path} {describe_end(e, net)}" for path, e in ((first, one), (second, other))]
        return rows, ends if len(one) != len(other) else []


def cut(path: PathLike, cfg: CfgLike, upto: int, out: Path) -> None:
    """Write the first layers of a weights file, as a start to train from; images seen: 0.

    Parameters
    ----------
    path : str or path
        The weights file.
    cfg : Cfg, str or path
        What it was saved with.
    upto : int
        Layers 0 to upto-1 are written.
    out : Path
        The file to write.

    Raises
    ------
    CfgError, WeightsError
        A file is missing or wrong, they do not belong together, or the file ends before.
    """
    with Network(cfg, batch=1, threads=1) as net:
        if not 1 <= upto <= len(net):
            raise WeightsError(
                f"{net.cfg}: has {count_of(len(net), 'layer')}; upto={upto} must be from 1 on"
            )
        net.load_weights(path, upto=upto)
        found = entries(read_file(path), net)
        wanted = [layer.index for layer in net if layer.parameters and layer.index < upto]
        if not found or (wanted and found[-1].layer.index < wanted[-1]):
            raise WeightsError(
                f"{path}: {describe_end(found, net)}: there is no layer {wanted[-1]}"
            )
        net.seen = 0
        net.save_weights(out, upto=upto)


def _place(entry: Entry) -> list[str]:
    shape = " x ".join(map(str, entry.values.shape))
    return [str(entry.layer.index), entry.layer.type, entry.name, shape]


def _figures(values: Floats) -> list[str]:
    finite = values[np.isfinite(values)].astype(np.float64)
    missing = values.size - finite.size
    if not finite.size:
        return ["", "", "", "", str(missing)]
    figures = finite.mean(), finite.std(), finite.min(), finite.max()
    return [*(f"{figure:.4g}" for figure in figures), str(missing) if missing else ""]


def _distance(a: Floats, b: Floats) -> list[str]:
    with np.errstate(invalid="ignore", over="ignore"):
        largest = float(np.abs(a.astype(np.float64) - b).max())
        scale = float(np.abs(a).max())
    return [f"{largest:.4g}", f"{largest / scale:.4g}" if scale else ""]
