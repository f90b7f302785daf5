"""Detections on an image: boxes in the colours of their classes, labelled with name and score."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from pylrm.data.images import ByteImage, cv2
from pylrm.errors import PylrmError
from pylrm.runs import writing

Colour = tuple[int, int, int]  # blue, green, red

GOLDEN_RATIO = 0.618034  # turns of hue from one class to the next: neighbours in number differ most


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


def name_of(class_id: int, names: Sequence[str]) -> str:
    """Return the name of a class, or "class N" where there is none."""
    return names[class_id] if 0 <= class_id < len(names) else f"class {class_id}"


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
    cv = cv2()
    canvas = cv.cvtColor(image, cv.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    ordered = sorted(detections, key=lambda detection: detection.score)
    width = max(1, round(min(canvas.shape[:2]) / 250))
    for detection in ordered:
        left, top, right, bottom = (round(edge) for edge in detection.box)
        colour = colour_of(detection.class_id)
        cv.rectangle(canvas, (left, top), (right, bottom), colour, width)
    for detection in ordered:
        text = f"{name_of(detection.class_id, names)} {detection.score:.2f}"
        label(canvas, text, detection.box, colour_of(detection.class_id))
    return canvas


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
    text = text.encode("ascii", "replace").decode()
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
    ink = (0, 0, 0) if bright else (255, 255, 255)
    origin = (left + pad, top + pad + text_height)
    cv.putText(canvas, text, origin, font, scale, ink, stroke, cv.LINE_AA)


def write_image(path: Path, image: ByteImage) -> None:
    """Write an image in the format that the file's name says.

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
    done, data = cv2().imencode(path.suffix, image)
    if not done:
        raise PylrmError(f"{path}: OpenCV cannot write {path.suffix} files")
    with writing(path):
        path.write_bytes(data.tobytes())
