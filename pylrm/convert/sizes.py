"""Two sizes of one image: that which its annotation gives, and that of the stored pixels.

Labels are shares of the image, so that boxes made on an image of another size would end up in the
wrong places. An image's own size comes from its header, without its pixels being decoded.

Annotation tools show an image turned where its EXIF data say so, and Darknet takes pixels as they
are stored: where boxes may be of the turned image, they are refused.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pylrm.convert.annotations import AnnotatedImage, Annotation
from pylrm.convert.reading import check_size
from pylrm.data.headers import UPRIGHT, Header, image_size, read_header
from pylrm.errors import DataError

# What becomes of boxes whose annotation gives another size than the image's: nothing is converted;
# they are scaled to the image; they are kept, as pixels of the image.
SizeMismatch = Literal["refuse", "scale", "keep"]

NOT_GIVEN = (0, 0)

_TURNED = range(5, 9)  # EXIF's orientations that swap width and height
_UPRIGHT_IT = "turn the pixels (`mogrify -auto-orient`)"


def on_image(
    name: str,
    image: Path,
    source: Path,
    annotations: Sequence[Annotation],
    *,
    annotated: tuple[int, int] = NOT_GIVEN,
    mismatch: SizeMismatch = "refuse",
    shares: bool = False,
    content: Callable[[], bytes] | None = None,
) -> AnnotatedImage:
    """Put annotations on their image.

    Parameters
    ----------
    name, image, source, content
        As those of an `AnnotatedImage`.
    annotations
        In pixels of an image of the annotated size.
    annotated
        Width and height as annotated; where one is 0, it isn't given, and the image's counts.
    mismatch
        What to do where the image has another size.
    shares
        The annotations are shares of the image in place of pixels.

    Raises
    ------
    DataError
        Its size is another one, and that is refused; no size is given, and it can't be read; it is
        to be turned when shown, and nothing says which pixels the boxes are of.
    """
    size, orientation = _look(image, annotated, content)
    width, height = size
    if mismatch != "keep":
        _check_turn(image, source, size, annotated, orientation)
    if shares:
        annotations = [_scaled(each, width, height) for each in annotations]
    elif all(annotated) and annotated != size and mismatch != "keep":
        if mismatch == "refuse":
            raise DataError(
                f"{source}: annotated at {_text(annotated)}, but {image} is {_text(size)}; "
                "--size-mismatch scale scales the boxes to the image, keep takes them as its pixels"
            )
        across, down = width / annotated[0], height / annotated[1]
        annotations = [_scaled(each, across, down) for each in annotations]
    return AnnotatedImage(name, image, source, width, height, annotations, content)


def _look(
    image: Path, annotated: tuple[int, int], content: Callable[[], bytes] | None
) -> tuple[tuple[int, int], int]:
    """An image's own size and orientation; of one that can't be read, which `pylrm check` tells,
    the annotated size.
    """
    try:
        header = _header(image, content)
        if header is None and content is not None:
            raise DataError(f"{image}: the image inside its annotation is no JPEG or PNG")
        size = image_size(image) if header is None else (header.width, header.height)
        return check_size(*size, str(image)), UPRIGHT if header is None else header.orientation
    except DataError:
        if not all(annotated):
            raise
        return annotated, UPRIGHT


def _header(image: Path, content: Callable[[], bytes] | None) -> Header | None:
    """The image's header; None of a file that can't be read, which `image_size` tells, too."""
    if content is not None:
        return read_header(io.BytesIO(content()), to_the_end=False)
    try:
        with image.open("rb") as file:
            return read_header(file, to_the_end=False)
    except (OSError, ValueError):
        return None


def _scaled(annotation: Annotation, across: float, down: float) -> Annotation:
    left, top, right, bottom = annotation.box
    area = None if annotation.area is None else annotation.area * across * down
    return replace(
        annotation, box=(left * across, top * down, right * across, bottom * down), area=area
    )


def _check_turn(
    image: Path,
    source: Path,
    size: tuple[int, int],
    annotated: tuple[int, int],
    orientation: int,
) -> None:
    """Refuse boxes on a turned image: scaling them would not turn them."""
    if orientation != UPRIGHT and (not all(annotated) or orientation not in _TURNED):
        raise DataError(
            f"{source}: {image} is to be turned when shown (EXIF orientation {orientation}), and "
            f"nothing says whether the boxes are; where they are, {_UPRIGHT_IT}, else remove the "
            "orientation (`exiftool -Orientation=`)"
        )
    if not all(annotated) or annotated == size:
        return
    start = f"{source}: annotated at {_text(annotated)}, but {image}"
    if orientation in _TURNED and (annotated[0] < annotated[1]) != (size[0] < size[1]):
        raise DataError(
            f"{start} stores {_text(size)}, to be turned when shown (EXIF orientation "
            f"{orientation}); Darknet takes pixels as they are stored: {_UPRIGHT_IT}"
        )
    if annotated == size[::-1]:
        raise DataError(
            f"{start} is {_text(size)}: width and height are swapped; where only the annotated "
            "size is wrong and the boxes are right, --size-mismatch keep passes over it"
        )


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
