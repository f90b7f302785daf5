"""A page of the images that a check found most wrong with, with their boxes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pylrm.data.darknet import Truth
from pylrm.data.images import ByteImage, cv2, read_image
from pylrm.errors import DataError
from pylrm.inspect.check.kinds import Example
from pylrm.inspect.check.report import Report
from pylrm.pictures.drawing import Colour, Mark, colour_of, fit, mark, sheet
from pylrm.terminal import count_of

MOST, COLUMNS, CELL = 24, 4, 320
_SHORT = {  # what can be seen, the worst first
    "box-outside": "box beyond the edge",
    "box-empty": "box without area",
    "image-cut": "file ends early",
    "image-rotated": "EXIF rotation",
    "truth-objects": "truth= differs",
    "duplicate-across": "in train and valid",
    "duplicate": "in the list already",
    "label-line": "wrong label line",
    "class-unknown": "unknown class",
    "box-tiny": "box under .001",
    "truth-lost": "lost to a box of the same cell and anchor",
    "below-cell": "boxes smaller than a cell",
    "too-many": "more boxes than the network reads",
    "label-missing": "no label file",
}
_BAD: Colour = (40, 40, 230)
_OTHER: Colour = (170, 150, 120)
_GREY = (128, 128, 128)
_NAMED = 12  # boxes of an image, up to which all have their names


def page(report: Report) -> ByteImage:
    """Draw the images with the worst findings, of each kind in turn.

    The boxes that a finding is about are red, the others grey; if a finding is about the whole
    image, all boxes have their class's colour. Without findings, the images with most boxes are
    shown.

    Parameters
    ----------
    report
        What was found.

    Raises
    ------
    DataError
        Not one image can be read.
    """
    tiles: list[tuple[ByteImage, str]] = []
    drawn: set[Path] = set()
    for caption, image, rows in itertools.chain(_worst(report), _fullest(report, drawn)):
        if len(tiles) == MOST:
            break
        if image in drawn:
            continue
        drawn.add(image)
        try:
            pixels = read_image(image)
        except DataError:
            continue
        truth = report.truths[image]
        tiles.append((_draw(pixels, truth, rows, report.data.names), f"{image.name}\n{caption}"))
    if not tiles:
        raise DataError(f"{report.data.path}: not one image can be read: nothing to draw")
    return sheet(tiles, COLUMNS, CELL)


def _worst(report: Report) -> Iterator[tuple[str, Path, tuple[int, ...]]]:
    """Captions, images and rows: the kinds in turn, of each the examples with most rows first."""
    found = report.findings.found()
    queues = [
        [(short, example) for example in sorted(found[kind], key=_weight)]
        for kind, short in _SHORT.items()
        if kind in found
    ]
    for turn in itertools.zip_longest(*queues):
        for entry in turn:
            if entry is None:
                continue
            short, example = entry
            if example.image is not None:
                count = f": {example.count}" if example.count > 1 else ""
                yield f"{short}{count}", example.image, example.rows


def _weight(example: Example) -> int:
    return -example.count


def _fullest(report: Report, drawn: set[Path]) -> Iterator[tuple[str, Path, tuple[int, ...]]]:
    """The images with most boxes, if none is drawn by then."""
    if drawn:
        return
    truths = sorted(report.truths.values(), key=lambda truth: -len(truth.objects.boxes))
    for truth in truths:
        yield count_of(len(truth.objects.boxes), "box"), truth.image, ()


def _draw(pixels: ByteImage, truth: Truth, rows: tuple[int, ...], names: list[str]) -> ByteImage:
    height, width = pixels.shape[:2]
    boxes = truth.objects.boxes.astype(np.float64)
    corners = np.hstack([boxes[:, 1:3] - boxes[:, 3:] / 2, boxes[:, 1:3] + boxes[:, 3:] / 2])
    over = np.concatenate(
        [[0.0], -corners[list(rows), :2].ravel(), corners[list(rows), 2:].ravel() - 1]
    )
    margin = 0
    if over.max() > 0.01:  # a box that reaches beyond the image is to be seen
        margin = int(min(over.max() + 0.03, 0.5) * max(height, width))
        pixels = cv2().copyMakeBorder(pixels, *[margin] * 4, cv2().BORDER_CONSTANT, value=_GREY)
    zoom = CELL / max(pixels.shape[:2])  # drawn at its size on the page, all texts are legible
    scale = np.array([width, height, width, height]) * zoom
    marks = []
    for row, corner in enumerate(corners * scale + margin * zoom):
        kind = int(boxes[row, 0])
        colour = colour_of(kind) if not rows else _BAD if row in rows else _OTHER
        named = row in rows if rows else len(corners) <= _NAMED
        left, top, right, bottom = corner.tolist()
        marks.append((row in rows, Mark((left, top, right, bottom), colour, names[kind] * named)))
    for x, y, w, h in truth.regions.boxes.tolist():
        left, top, right, bottom = (
            np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * scale + margin * zoom
        ).tolist()
        marks.append((False, Mark((left, top, right, bottom), _OTHER, dashed=True)))
    return mark(fit(pixels, CELL), [one for _, one in sorted(marks, key=lambda pair: pair[0])])
