"""Anchors for a data set: from its files to a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pylrm.cfg.file import CfgLike
from pylrm.data.darknet import DataFile, DataLike, read_data, read_images
from pylrm.errors import CfgError, DataError
from pylrm.inspect.anchors.cfg import Target, check_writable, read_target
from pylrm.inspect.anchors.clusters import RESTARTS, Floats, average_iou, cluster, ious
from pylrm.inspect.anchors.sizes import BoxSizes, box_sizes
from pylrm.inspect.describe import table
from pylrm.models.anchors import Anchors, format_anchors
from pylrm.runs.inputs import letterboxes
from pylrm.terminal import count_of


@dataclass(frozen=True)
class FoundAnchors:
    """Anchors that were found.

    Attributes
    ----------
    data, boxes
        The data set, and the sizes of its boxes.
    letterbox
        Images keep their aspect.
    size
        Width and height of the network's input in pixels.
    cell
        Width and height of a cell in pixels.
    target
        The cfg, if there is one.
    anchors
        (num, 2) as a cfg will have them, relative to the input, by rising area unless the cfg's
        masks ask for another order.
    iou
        Their average IoU.
    present
        The average IoU of the cfg's own anchors; None: there is no cfg.
    written
        They were put into the cfg.
    """

    data: DataFile
    boxes: BoxSizes
    letterbox: bool
    size: tuple[int, int]
    cell: tuple[float, float]
    target: Target | None
    anchors: Floats
    iou: float
    present: float | None
    written: bool

    def in_cells(self) -> Anchors:
        """Return the anchors in cells, as [region] has them."""
        return in_units(self.anchors, np.array(self.size) / self.cell)

    def in_pixels(self) -> Anchors:
        """Return the anchors in pixels of the input, as [yolo] has them."""
        return in_units(self.anchors, self.size)

    def counts(self) -> list[int]:
        """Return how many boxes each anchor is the best of."""
        nearest = ious(self.boxes.sizes, self.anchors).argmax(axis=1)
        return [int(count) for count in np.bincount(nearest, minlength=len(self.anchors))]

    def kinds(self) -> list[str]:
        """Return the kinds of detection layers that the anchors may be for."""
        return ["region", "yolo"] if self.target is None else [self.target.kind]

    def table(self) -> str:
        """Return the anchors as text: a table, the average IoU, lines for a cfg."""
        cells = self.in_cells()
        several = self.target is not None and len({head.grid for head in self.target.heads}) > 1
        rows = [["anchor", *([] if several else ["cells"]), "pixels", "boxes", "share"]]
        count = len(self.boxes.sizes)
        for index, ((width, height), boxes) in enumerate(
            zip(self.in_pixels(), self.counts(), strict=True)
        ):
            across, down = cells[index]
            rows.append(
                [
                    str(index + 1),
                    *([] if several else [f"{across:.2f} x {down:5.2f}"]),
                    f"{width:.1f} x {height:5.1f}",
                    str(boxes),
                    f"{boxes / count:.1%}",
                ]
            )
        lines = [f"{self.title()}", "", table(rows, left=set()), ""]
        lines.append(f"average IoU {self.iou:.4f}")
        if self.present is not None and self.target is not None:
            lines[-1] += f"; of the {count_of(len(self.target.present), 'anchor')} "
            lines[-1] += f"{'that were ' if self.written else ''}in {self.target.cfg} "
            lines[-1] += f"{self.present:.4f}"
        lines.append("")
        for kind in self.kinds():
            unit = "cells" if kind == "region" else "pixels"
            lines.append(f"for [{kind}], in {unit}:\nanchors={self.text(kind)}")
        if self.written and self.target is not None:
            lines.append(f"wrote {self.target.cfg}")
        elif self.target is not None and self.target.obstacle is not None:
            lines.append(self.target.obstacle)
        return "\n".join(lines)

    def title(self) -> str:
        """Return one line: what was measured."""
        way = "letterboxed" if self.letterbox else "stretched"
        width, height = self.size
        return (
            f"{self.data.train}: {count_of(len(self.boxes.sizes), 'box')} in "
            f"{count_of(self.boxes.images, 'image')}, {way} to {width}x{height}"
        )

    def text(self, kind: str) -> str:
        """Return the value of anchors= in a section."""
        return format_anchors(self.in_cells() if kind == "region" else self.in_pixels())

    def warnings(self) -> Iterator[str]:
        """Yield what was passed over."""
        if self.boxes.left_out:
            yield (
                f"{self.data.train}: boxes under .001 of the input, left out: {self.boxes.left_out}"
            )
        if self.boxes.unreadable:
            first, count = self.boxes.unreadable[0], len(self.boxes.unreadable)
            images = count_of(count, "image")
            yield f"{self.data.train}: {images} cannot be read ({first} is the first)"

    def record(self) -> dict[str, Any]:
        """Return all that is known, for JSON."""
        return {
            "data": str(self.data.path),
            "cfg": None if self.target is None else str(self.target.cfg),
            "images": self.boxes.images,
            "boxes": len(self.boxes.sizes),
            "left_out": self.boxes.left_out,
            "letterbox": self.letterbox,
            "input": list(self.size),
            "num": len(self.anchors),
            "average_iou": self.iou,
            "cfg_average_iou": self.present,
            "boxes_per_anchor": self.counts(),
            "anchors": {kind: self.text(kind) for kind in self.kinds()},
            "written": self.written,
        }


def in_units(anchors: Floats, unit: Floats | tuple[float, float]) -> Anchors:
    """Return relative anchors in a cfg's unit, rounded to four digits."""
    return [
        (float(f"{width:.4g}"), float(f"{height:.4g}"))
        for width, height in anchors * np.array(unit)
    ]


def find_anchors(
    data: DataLike,
    *,
    cfg: CfgLike | None = None,
    num: int | None = None,
    size: tuple[int, int] = (416, 416),
    stride: int = 32,
    letterbox: bool | None = None,
    seed: int = 0,
    restarts: int = RESTARTS,
    write: bool = False,
    figure: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FoundAnchors:
    """Find anchors for the boxes of a data set's training images.

    Parameters
    ----------
    data
        The .data file.
    cfg
        The network that they are for.
    num
        How many; None: as many as the cfg has, or 5.
    size, stride
        Width and height of the input, and the pixels of a cell, where there is no cfg.
    letterbox
        Images keep their aspect, else they are stretched; None: as
        `pylrm.runs.inputs.letterboxes` says of the cfg, and kept without one.
    seed, restarts
        Of the starts of k-means.
    write
        Put the anchors into the cfg.
    figure
        A figure to draw.
    progress
        Called with the images done and all images.

    Raises
    ------
    PylrmError
        Anything wrong with data, labels, cfg or figure; fewer boxes than anchors. Nothing is
        written then.
    """
    from pylrm.inspect.anchors.figure import check_figure, plot_anchors

    if figure is not None:
        check_figure(figure)
    dataset = read_data(data)
    target = None if cfg is None else read_target(cfg, num)
    cell: tuple[float, float] = (float(stride), float(stride))
    unit: tuple[float, float] = size
    if target is not None:
        size, unit = target.size, target.unit
        across, down = target.heads[0].grid
        cell = size[0] / across, size[1] / down
        if write and target.obstacle is not None:
            raise CfgError(target.obstacle)
        if write:
            check_writable(target.cfg)
    if target is not None:
        letterbox = letterboxes(target.cfg, letterbox)
    elif letterbox is None:
        letterbox = True
    boxes = box_sizes(read_images(dataset, "train"), dataset, size, letterbox, progress)
    try:
        centres, _ = cluster(
            boxes.sizes, target.num if target else num or 5, seed=seed, restarts=restarts
        )
    except DataError as error:
        raise DataError(f"{dataset.train}: {error}") from error
    if target is not None:
        centres = target.order(centres)
    anchors = np.array(in_units(centres, unit)) / unit  # as a cfg will say them
    found = FoundAnchors(
        dataset,
        boxes,
        letterbox,
        size,
        cell,
        target,
        anchors,
        average_iou(boxes.sizes, anchors),
        average_iou(boxes.sizes, target.present) if target and len(target.present) else None,
        write,
    )
    if figure is not None:
        plot_anchors(
            boxes.sizes * size,
            anchors * size,
            figure,
            title=f"{dataset.path.stem}: {count_of(len(boxes.sizes), 'box')}, "
            f"{count_of(len(anchors), 'anchor')}, average IoU {found.iou:.4f}",
            present=target.present * size if target and len(target.present) else None,
        )
    if write and target is not None:
        target.write(in_units(centres, unit))
    return found
