"""Which prediction of a network's detection layers each truth is assigned to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import MASKED
from pylrm.engine import Network
from pylrm.errors import CfgError
from pylrm.inspect.anchors.clusters import Floats, ious

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """A detection layer.

    Attributes
    ----------
    kind
        "region", "yolo" or "Gaussian_yolo".
    grid
        Cells across and down.
    unit
        Factors that turn relative sizes (w, h) into the unit of the cfg's anchors=: cells of the
        grid for [region], pixels of the input for the others.
    sizes
        (n, 2) the anchors that compete for a truth, relative to the input.
    own
        (n,) the number that each of them has in this layer; -1: it is another layer's.
    by_prediction
        Predicted sizes compete in place of the anchors: [region] with bias_match=0.
    """

    kind: str
    grid: tuple[int, int]
    unit: tuple[int, int]
    sizes: Floats
    own: Ints
    by_prediction: bool

    @property
    def predictions(self) -> int:
        """How many predictions it makes of an image."""
        return int((self.own >= 0).sum()) * self.grid[0] * self.grid[1]

    def claims(self, truths: Floats, predicted: Floats | None = None) -> Ints:
        """Return which prediction each truth claims: that of the best size in its centre's cell.

        If several truths of an image claim the same prediction, the last one counts.

        Parameters
        ----------
        truths
            (n, 4) centre x, y, w, h, relative to the input.
        predicted
            (predictions, 2) w, h, relative to the input, for `by_prediction`; None: the sizes of
            the anchors, which predictions have at the start of a training.

        Returns
        -------
        ndarray (n,) int64
            Numbers of predictions; -1: none, for another layer has the anchor.
        """
        if not len(truths):
            return np.zeros(0, np.int64)
        across, down = self.grid
        column, row = (
            np.minimum((truths[:, side] * cells).astype(np.int64), cells - 1)
            for side, cells in enumerate(self.grid)
        )
        cell = row * across + column
        overlaps = ious(truths[:, 2:], self.sizes)
        if self.by_prediction and predicted is not None:
            sizes = predicted.reshape(-1, down * across, 2)
            for own, box, at in zip(overlaps, truths[:, 2:], cell, strict=True):
                own[:] = ious(box, sizes[:, at])
        anchor = self.own[overlaps.argmax(axis=1)]
        return np.where(anchor < 0, -1, anchor * down * across + cell)


def check_anchors(net: Network) -> None:
    """Refuse a detector whose predictions have neither anchors nor classes of their own.

    Raises
    ------
    CfgError
        It has a [detection].
    """
    for layer in net.find("detection"):
        raise CfgError(
            f"{net.cfg}:{layer.line}: [detection] has no anchors, and a cell's boxes share its "
            "classes: this is for [region] and [yolo]"
        )


def read_heads(net: Network) -> list[Head]:
    """Return a network's detection layers: [region], [yolo], [Gaussian_yolo].

    Raises
    ------
    CfgError
        There is another kind.
    """
    check_anchors(net)
    heads = []
    for layer in net.detectors:
        grid = layer.grid
        unit = grid if layer.type == "region" else (net.width, net.height)
        sizes = np.array(layer.option("anchors"), np.float64).reshape(-1, 2) / unit
        mask = (layer.option("mask") if layer.type in MASKED else None) or range(len(sizes))
        own = np.full(len(sizes), -1)
        own[list(mask)] = np.arange(len(mask))
        by_prediction = layer.type == "region" and not layer.option("bias_match")
        heads.append(Head(layer.type, grid, unit, sizes, own, by_prediction))
    return heads


def lost(heads: list[Head], truths: Floats) -> npt.NDArray[np.bool_]:
    """Tell which truths of an image no prediction learns, as a later one claims the same one.

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
