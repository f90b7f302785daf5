"""Two sizes of one image: that which its annotation gives, and that of the stored pixels.

Labels are shares of the image, so that boxes made on an image of another size would end up in the
wrong places. An image's own size comes from its header, without its pixels being decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pylrm.convert.annotations import AnnotatedImage, Annotation
from pylrm.convert.reading import check_size
from pylrm.data.headers import UPRIGHT, image_size, read_header
from pylrm.errors import DataError

# What becomes of boxes whose annotation gives another size than the image's: nothing is converted;
# they are scaled to the image; they are kept, as pixels of the image.
SizeMismatch = Literal["refuse", "scale", "keep"]

NOT_GIVEN = (0, 0)

_TURNED = range(5, 9)  # EXIF's orientations that swap width and height


def on_image(
    name: str,
    image: Path,
    source: Path,
    annotations: Sequence[Annotation],
    *,
    annotated: tuple[int, int] = NOT_GIVEN,
    mismatch: SizeMismatch = "refuse",
) -> AnnotatedImage:
    """Put annotations on their image.

    Parameters
    ----------
    name, image, source
        As those of an `AnnotatedImage`.
    annotations
        In pixels of an image of the annotated size.
    annotated
        Width and height as annotated; where one is 0, it isn't given, and the image's counts.
    mismatch
        What to do where the image has another size.

    Raises
    ------
    DataError
        Its size is another one, and that is refused; no size is given, and it can't be read.
    """
    width, height = size = _size(image, annotated)
    if all(annotated) and annotated != size and mismatch != "keep":
        _check_turn(image, source, size, annotated)
        if mismatch == "refuse":
            raise DataError(
                f"{source}: annotated at {_text(annotated)}, but {image} is {_text(size)}; "
                "--size-mismatch scale scales the boxes to the image, keep takes them as its pixels"
            )
        across, down = width / annotated[0], height / annotated[1]
        annotations = [_scaled(each, across, down) for each in annotations]
    return AnnotatedImage(name, image, source, width, height, annotations)


def _size(image: Path, annotated: tuple[int, int]) -> tuple[int, int]:
    """An image's own size; of one that can't be read, which `pylrm check` tells, as annotated."""
    try:
        return check_size(*image_size(image), str(image))
    except DataError:
        if not all(annotated):
            raise
        return annotated


def _scaled(annotation: Annotation, across: float, down: float) -> Annotation:
    left, top, right, bottom = annotation.box
    area = None if annotation.area is None else annotation.area * across * down
    return replace(
        annotation, box=(left * across, top * down, right * across, bottom * down), area=area
    )


def _check_turn(
    image: Path, source: Path, size: tuple[int, int], annotated: tuple[int, int]
) -> None:
    """Refuse boxes on a turned image: scaling them would not turn them."""
    start = f"{source}: annotated at {_text(annotated)}, but {image}"
    orientation = _orientation(image)
    if orientation in _TURNED and (annotated[0] < annotated[1]) != (size[0] < size[1]):
        raise DataError(
            f"{start} stores {_text(size)}, to be turned when shown (EXIF orientation "
            f"{orientation}); Darknet takes pixels as they are stored: turn them, for instance by "
            "`mogrify -auto-orient`"
        )
    if annotated == size[::-1]:
        raise DataError(
            f"{start} is {_text(size)}: width and height are swapped; where only the annotated "
            "size is wrong and the boxes are right, --size-mismatch keep passes over it"
        )


def _orientation(image: Path) -> int:
    with image.open("rb") as file:
        header = read_header(file, to_the_end=False)
    return UPRIGHT if header is None else header.orientation


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
