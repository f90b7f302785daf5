"""How truths are given to the predictions of a network's detection layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pylrm.data.anchors.clusters import Floats, ious
from pylrm.engine import Network

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """A detection layer.

    Attributes
    ----------
    kind
        "region" or "yolo".
    grid
        Cells across and down.
    unit
        What relative sizes (w, h) are multiplied by to be in anchors='s unit: cells of [region]'s
        grid, pixels of the input for [yolo].
    sizes
        (n, 2) the anchors that compete for a truth, relative to the input.
    own
        (n,) this layer's number of each of them; -1: another layer's.
    """

    kind: str
    grid: tuple[int, int]
    unit: tuple[int, int]
    sizes: Floats
    own: Ints

    def claims(self, truths: Floats) -> Ints:
        """Return which prediction each truth claims, by the size of its box.

        Of several truths of an image that claim one prediction the last counts. With bias_match=0
        [region] goes by the predicted sizes, which are the anchors' at the start of a training.

        Parameters
        ----------
        truths
            (n, 4) centre x, y, w, h, relative to the input.

        Returns
        -------
        ndarray (n,) int64
            Numbers of predictions; -1: none, for another layer has the anchor.
        """
        if not len(truths):
            return np.zeros(0, np.int64)
        anchor = self.own[ious(truths[:, 2:], self.sizes).argmax(axis=1)]
        across, down = self.grid
        column, row = (
            np.minimum((truths[:, side] * cells).astype(np.int64), cells - 1)
            for side, cells in enumerate(self.grid)
        )
        return np.where(anchor < 0, -1, (anchor * down + row) * across + column)


def read_heads(net: Network) -> list[Head]:
    """Return a network's detection layers."""
    heads = []
    for layer in net:
        if not layer.is_detector:
            continue
        _, height, width = layer.shape
        grid = width, height
        unit = grid if layer.type == "region" else (net.width, net.height)
        sizes = np.array(layer.option("anchors"), np.float64).reshape(-1, 2) / unit
        mask = (layer.option("mask") if layer.type == "yolo" else None) or range(len(sizes))
        own = np.full(len(sizes), -1)
        own[list(mask)] = np.arange(len(mask))
        heads.append(Head(layer.type, grid, unit, sizes, own))
    return heads


def lost(heads: list[Head], truths: Floats) -> npt.NDArray[np.bool_]:
    """Tell which truths of an image no prediction learns, since a later one claims the same.

    Parameters
    ----------
    heads
        The detection layers.
    truths
        (n, 4) centre x, y, w, h, relative to the input, in the order of the label file.

    Returns
    -------
    ndarray (n,) bool
    """
    learnt = np.zeros(len(truths), bool)
    for head in heads:
        last = {claim: row for row, claim in enumerate(head.claims(truths).tolist()) if claim >= 0}
        learnt[list(last.values())] = True
    return ~learnt
