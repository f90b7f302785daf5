"""How the boxes of a data set fit a network: its input, its grids, its anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pylrm.cfg.file import Cfg
from pylrm.data.augmentation import move_boxes, plain_transform
from pylrm.data.darknet import LEAST, Truth
from pylrm.inspect.anchors.clusters import Floats, ious
from pylrm.inspect.check.images import ImageFacts
from pylrm.inspect.check.kinds import Findings
from pylrm.inspect.heads import Head, lost
from pylrm.terminal import count_of

# YOLOv2's five priors reach .61 on VOC (its paper, table 1).
_POOR = 0.6


@dataclass(frozen=True)
class Reader:
    """What a check has to know of a network: its input and its detection layers.

    Attributes
    ----------
    cfg
        Its file.
    size
        Width and height of its input.
    heads
        Its detection layers.
    most
        Boxes an image that it reads.
    letterbox
        Images keep their aspect.
    """

    cfg: Cfg
    size: tuple[int, int]
    heads: list[Head]
    most: int
    letterbox: bool


@dataclass(frozen=True)
class Fit:
    """How the training boxes fit a network, in the view of evaluation.

    Attributes
    ----------
    reader
        The network.
    boxes
        How many there are; those under .001 of the input don't count.
    below_cell, lost
        Those smaller than a cell of the finest grid; those that no prediction learns.
    iou
        Average IoU with the best anchor; NaN without boxes.
    sides
        The 5th, 50th and 95th percentile of the square root of their area, in pixels of the input.
    """

    reader: Reader
    boxes: int
    below_cell: int
    lost: int
    iou: float
    sides: tuple[float, float, float]

    def lines(self) -> list[str]:
        """Return it as lines of text."""
        reader = self.reader
        width, height = reader.size
        cells = [
            f"{across}x{down} cells of {width / across:g}x{height / down:g}"
            for across, down in dict.fromkeys(head.grid for head in reader.heads)
        ]
        way = "letterboxed" if reader.letterbox else "stretched"
        lines = [f"{reader.cfg}: training images {way} to {width}x{height}, {', '.join(cells)}"]
        if self.boxes:
            small, middle, large = self.sides
            lines += [
                f"  sides of {count_of(self.boxes, 'box')} (root of the area): half of them up to "
                f"{middle:.0f} pixels, 90% from {small:.0f} to {large:.0f}",
                f"  smaller than a cell: {self.below_cell} ({self.below_cell / self.boxes:.1%}); "
                f"same cell and anchor as a later box: {self.lost} ({self.lost / self.boxes:.1%})",
                f"  average IoU with the best anchor: {self.iou:.3f}",
            ]
        return lines


def check_fit(
    reader: Reader,
    truths: Sequence[Truth],
    facts: Mapping[Path, ImageFacts | None],
    findings: Findings,
) -> Fit:
    """Measure how the training images' boxes fit a network, and add what is odd.

    Parameters
    ----------
    reader
        The network.
    truths
        The training images' labels.
    facts
        What the images are.
    findings
        Added to.
    """
    cell = 1 / np.max([head.grid for head in reader.heads], axis=0)
    anchors = np.concatenate([head.sizes for head in reader.heads])
    sizes: list[Floats] = [np.zeros((0, 2))]
    for truth in truths:
        found = facts[truth.image]
        if found is None or found.size is None:
            continue
        view = plain_transform(found.size, reader.size, reader.letterbox)
        moved = move_boxes(truth.objects.boxes[:, 1:], view, reader.size).astype(np.float64)
        rows = np.flatnonzero((moved[:, 2:] >= LEAST).all(axis=1))
        boxes = moved[rows]
        sizes.append(boxes[:, 2:])
        for kind, odd in (
            ("truth-lost", lost(reader.heads, boxes)),
            ("below-cell", (boxes[:, 2:] < cell).all(axis=1)),
        ):
            which = tuple(rows[odd].tolist())
            if which:
                text = f"{truth.image}: {len(which)} of {len(boxes)}"
                findings.add(kind, text, truth.image, which, len(which))
        count = len(rows) + len(truth.regions.boxes)
        if count > reader.most:
            text = f"{truth.image}: {count}, and max={reader.most}"
            findings.add("too-many", text, truth.image)
    every = np.concatenate(sizes)
    roots = np.sqrt((every * reader.size).prod(axis=1))
    fit = Fit(
        reader,
        len(every),
        findings.count("below-cell"),
        findings.count("truth-lost"),
        float(ious(every, anchors).max(axis=1).mean()) if len(every) else float("nan"),
        tuple(np.percentile(roots, (5, 50, 95)).tolist()) if len(every) else (0.0, 0.0, 0.0),
    )
    if fit.iou < _POOR:
        text = f"{reader.cfg}: average IoU of the boxes with the best anchor {fit.iou:.3f}"
        findings.add("anchors-poor", text)
    return fit
