"""Boxes on images, outlined and labelled; several images with captions on one page."""

from __future__ import annotations

import colorsys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pylrm.data.images import ByteImage, cv2
from pylrm.engine.detections import name_of
from pylrm.errors import PylrmError
from pylrm.files.writing import write_whole

Colour = tuple[int, int, int]  # blue, green, red

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
GOLDEN_RATIO = 0.618034  # turns of hue from one class to the next: neighbours in number differ most
CAPTION_LINES = 3  # of a page's captions, at most


@dataclass(frozen=True)
class Mark:
    """A box to draw on an image.

    Attributes
    ----------
    box
        Left, top, right, bottom in pixels.
    colour
        Of the outline, and of the background of the text.
    text
        Written above the box; empty: nothing is.
    dashed
        Outline with dashes, black between them, as regions to ignore are.
    """

    box: tuple[float, float, float, float]
    colour: Colour
    text: str = ""
    dashed: bool = False


class Drawable(Protocol):
    """What is drawn: a class, a score and a box (left, top, right, bottom) in pixels."""

    @property
    def class_id(self) -> int: ...
    @property
    def score(self) -> float: ...
    @property
    def box(self) -> tuple[float, float, float, float]: ...


def colour_of(class_id: int) -> Colour:
    """Return the colour of a class, the same in every image; neither pale nor dark.

    Parameters
    ----------
    class_id : int
        Index of the class.

    Returns
    -------
    tuple of int
        Blue, green, red, 0 to 255.
    """
    hue = (class_id * GOLDEN_RATIO + 0.08) % 1.0
    value = (1.0, 0.8)[class_id // 12 % 2]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, value)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw(image: ByteImage, detections: Iterable[Drawable], names: Sequence[str]) -> ByteImage:
    """Draw detections on a copy of an image, the surest last, so that their labels stay readable.

    Lines and letters grow with the image, labels stay within it.

    Parameters
    ----------
    image : uint8 array (h, w, 3) or (h, w)
        BGR or grey.
    detections : iterable of Detection
        Boxes in the image's pixels.
    names : sequence of str
        Name of each class; a class without one is shown by its number.

    Returns
    -------
    uint8 array (h, w, 3)
        BGR.
    """
    ordered = sorted(detections, key=lambda detection: detection.score)
    return mark(
        image,
        [
            Mark(
                detection.box,
                colour_of(detection.class_id),
                f"{name_of(detection.class_id, names)} {detection.score:.2f}",
            )
            for detection in ordered
        ],
    )


def mark(image: ByteImage, marks: Iterable[Mark]) -> ByteImage:
    """Draw boxes on a copy of an image, the last on top; the texts are above all outlines.

    Lines and letters grow with the image, texts stay within it.

    Parameters
    ----------
    image : uint8 array (h, w, 3) or (h, w)
        BGR or grey.
    marks : iterable of Mark
        The boxes.

    Returns
    -------
    uint8 array (h, w, 3)
        BGR.
    """
    canvas = coloured(image)
    marks = list(marks)
    width = max(1, round(min(canvas.shape[:2]) / 250))
    for one in marks:
        outline(canvas, one, width)
    for one in marks:
        if one.text:
            label(canvas, one.text, one.box, one.colour)
    return canvas


def coloured(image: ByteImage) -> ByteImage:
    """Return a BGR copy of a BGR or grey image."""
    cv = cv2()
    return cv.cvtColor(image, cv.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()


def outline(canvas: ByteImage, one: Mark, width: int) -> None:
    """Draw the outline of a mark in place, with lines of a width in pixels."""
    cv = cv2()
    left, top, right, bottom = (round(edge) for edge in one.box)
    between = BLACK if one.dashed else one.colour  # so that white dashes show on white
    cv.rectangle(canvas, (left, top), (right, bottom), between, width)
    if not one.dashed:
        return
    dash = 4 * width + 2
    for x in range(left, right + 1, 2 * dash):
        end = min(x + dash, right)
        cv.line(canvas, (x, top), (end, top), one.colour, width)
        cv.line(canvas, (x, bottom), (end, bottom), one.colour, width)
    for y in range(top, bottom + 1, 2 * dash):
        end = min(y + dash, bottom)
        cv.line(canvas, (left, y), (left, end), one.colour, width)
        cv.line(canvas, (right, y), (right, end), one.colour, width)


def label(
    canvas: ByteImage, text: str, box: tuple[float, float, float, float], colour: Colour
) -> None:
    """Write a text on a filled background above a box, or inside it where the image ends.

    Parameters
    ----------
    canvas : uint8 array (h, w, 3)
        BGR, drawn on in place.
    text : str
        The label; what the font lacks (all but ASCII) becomes a question mark.
    box : tuple of float
        Left, top, right, bottom in pixels.
    colour : tuple of int
        Of the background; the letters are black or white, whichever stands out.
    """
    text = ascii_of(text)
    cv = cv2()
    height, width = canvas.shape[:2]
    scale = max(0.4, min(height, width) / 1000)
    stroke = max(1, round(1.6 * scale))
    font = cv.FONT_HERSHEY_SIMPLEX
    (text_width, text_height), below = cv.getTextSize(text, font, scale, stroke)
    pad = max(2, text_height // 4)
    full_width, full_height = text_width + 2 * pad, text_height + below + 2 * pad
    left = max(0, min(round(box[0]), width - full_width))
    top = round(box[1]) - full_height
    if top < 0:
        top = max(0, min(round(box[1]), height - full_height))
    cv.rectangle(canvas, (left, top), (left + full_width, top + full_height), colour, cv.FILLED)
    blue, green, red = colour
    bright = 0.114 * blue + 0.587 * green + 0.299 * red > 140  # ITU-R BT.601 luma
    ink = BLACK if bright else WHITE
    origin = (left + pad, top + pad + text_height)
    cv.putText(canvas, text, origin, font, scale, ink, stroke, cv.LINE_AA)


def ascii_of(text: str) -> str:
    """Return a text with a question mark for each letter that OpenCV's fonts lack."""
    return text.encode("ascii", "replace").decode()


def sheet(tiles: Sequence[tuple[ByteImage, str]], columns: int, cell: int = 320) -> ByteImage:
    """Arrange images on a white page, row by row, each with its caption below.

    Parameters
    ----------
    tiles : sequence of (uint8 array (h, w, 3) or (h, w), str)
        BGR or grey images and their captions. A caption's lines are wrapped to the cell's width;
        what is beyond three lines is cut.
    columns : int
        Images a row; fewer where there are not as many.
    cell : int
        Pixels of the square into which each image is fitted, enlarged or made smaller. A row is
        as high as its highest image.

    Returns
    -------
    uint8 array (h, w, 3)
        BGR.

    Raises
    ------
    ValueError
        There are no tiles, or no columns.
    """
    if not tiles or columns < 1:
        raise ValueError("a sheet needs tiles and columns")
    columns = min(columns, len(tiles))
    gap = max(4, cell // 32)
    rows = []
    for start in range(0, len(tiles), columns):
        row = tiles[start : start + columns]
        images = [fit(image, cell) for image, _ in row]
        captions = [caption_lines(text, cell) for _, text in row]
        high = max(len(image) for image in images)
        size = caption_step(cell) * max(map(len, captions)) + gap // 2
        page = np.full((gap + high + size, gap + columns * (cell + gap), 3), 255, np.uint8)
        for i, (image, lines) in enumerate(zip(images, captions, strict=True)):
            left = gap + i * (cell + gap)
            y, x = gap + (high - image.shape[0]) // 2, left + (cell - image.shape[1]) // 2
            page[y : y + image.shape[0], x : x + image.shape[1]] = image
            for j, line in enumerate(lines, 1):
                foot = gap + high + j * caption_step(cell) + gap // 4
                write_line(page, line, (left, foot), cell)
        rows.append(page)
    rows.append(np.full((gap, rows[0].shape[1], 3), 255, np.uint8))
    return np.vstack(rows)


def chapters(sheets: Sequence[tuple[str, ByteImage]]) -> ByteImage:
    """Stack pages below each other, each with its heading above.

    Parameters
    ----------
    sheets : sequence of (str, uint8 array (h, w, 3))
        Headings and pages, at least one; narrower pages get white to the right.

    Returns
    -------
    uint8 array (h, w, 3)
        BGR.
    """
    cv = cv2()
    size, font = 48, cv.FONT_HERSHEY_SIMPLEX
    texts = [ascii_of(text) for text, _ in sheets]
    needed = [cv.getTextSize(text, font, 0.8, 2)[0][0] + 2 * size // 3 for text in texts]
    wide = max(*needed, *(page.shape[1] for _, page in sheets))
    parts = []
    for text, (_, page) in zip(texts, sheets, strict=True):
        whole = np.full((size + len(page), wide, 3), 255, np.uint8)
        whole[size:, : page.shape[1]] = page
        cv.putText(whole, text, (size // 4, size * 3 // 4), font, 0.8, BLACK, 2, cv.LINE_AA)
        parts.append(whole)
    return np.vstack(parts)


def fit(image: ByteImage, cell: int) -> ByteImage:
    """Return a BGR copy of an image, scaled so that its longer side has `cell` pixels."""
    cv = cv2()
    image = coloured(image)
    height, width = image.shape[:2]
    scale = cell / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv.INTER_AREA if scale < 1 else cv.INTER_LINEAR
    fitted: ByteImage = cv.resize(image, size, interpolation=way)
    return fitted


def caption_scale(cell: int) -> float:
    """Return the scale of the letters below a cell."""
    return max(0.36, cell / 750)


def caption_step(cell: int) -> int:
    """Return the pixels from one line of a caption to the next."""
    return round(44 * caption_scale(cell))


def caption_lines(text: str, cell: int) -> list[str]:
    """Return a caption's lines, wrapped to a cell's width; dots end what was cut."""
    cv = cv2()
    scale = caption_scale(cell)
    (wide, _), _ = cv.getTextSize("n" * 20, cv.FONT_HERSHEY_SIMPLEX, scale, 1)
    letters = max(1, int(cell * 20 / wide))
    lines = [line for part in ascii_of(text).splitlines() for line in textwrap.wrap(part, letters)]
    if len(lines) > CAPTION_LINES:
        lines[CAPTION_LINES - 1] = lines[CAPTION_LINES - 1][: letters - 3] + "..."
    return lines[:CAPTION_LINES]


def write_line(page: ByteImage, line: str, origin: tuple[int, int], cell: int) -> None:
    """Write a line of a caption in place, its letters' foot a little above `origin`."""
    cv = cv2()
    font, scale = cv.FONT_HERSHEY_SIMPLEX, caption_scale(cell)
    (wide, _), _ = cv.getTextSize(line, font, scale, 1)
    if wide > cell:  # wide letters
        scale *= cell / wide
    foot = (origin[0], origin[1] - caption_step(cell) // 3)
    cv.putText(page, line, foot, font, scale, BLACK, 1, cv.LINE_AA)


def check_target(path: Path) -> None:
    """Refuse, before the work, a path that `write_image` could not write.

    Raises
    ------
    PylrmError
        OpenCV does not write this format, or there is no such folder.
    """
    if not cv2().haveImageWriter(path.name):
        what = f"no {path.suffix} files" if path.suffix else "no files without a suffix"
        raise PylrmError(f"{path}: OpenCV writes {what}; .png and .jpg are two that it does")
    if not path.parent.is_dir():
        raise PylrmError(f"{path}: there is no folder {path.parent}")


def write_image(path: Path, image: ByteImage) -> None:
    """Write an image in the format that the file's name says, as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file; an older one is replaced.
    image : uint8 array (h, w, 3) or (h, w)
        BGR or grey.

    Raises
    ------
    PylrmError
        The format is unknown, or the file cannot be written.
    """
    check_target(path)
    write_whole(path, cv2().imencode(path.suffix, image)[1].tobytes())
