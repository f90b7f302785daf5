"""Images that files of annotations name, with what is said of each: what several readers end in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pylrm.convert.annotations import AnnotatedImage, Annotation
from pylrm.convert.finding import names_of
from pylrm.convert.reading import Found, shown
from pylrm.convert.sizes import NOT_GIVEN, SizeMismatch, on_image
from pylrm.data.darknet import read_names
from pylrm.errors import DataError


@dataclass
class ListedImage:
    """An image.

    Attributes
    ----------
    image, source, content
        As those of an `AnnotatedImage`.
    size
        Its width and height as annotated; 0: not given.
    objects
        What is annotated, each with where that stands: the beginning of a message.
    """

    image: Path
    source: Path
    size: tuple[int, int] = NOT_GIVEN
    objects: dict[Annotation, str] = field(default_factory=dict)
    content: Callable[[], bytes] | None = None


def as_found(
    source: Path,
    learnt: Iterable[ListedImage],
    held: Iterable[ListedImage] | None,
    *,
    names: str | Path | None = None,
    mismatch: SizeMismatch = "refuse",
    shares: bool = False,
) -> Found:
    """Make of listed images what a reader returns.

    Parameters
    ----------
    source
        What was read, for messages.
    learnt, held
        The images to train and to validate on; None: those to train on are to be split.
    names
        A file of class names; default: those found, by the alphabet.
    mismatch, shares
        As `pylrm.convert.sizes.on_image` takes them.

    Raises
    ------
    DataError
        There are no images; a class is not in `names`; two images would have one label file.
    """
    parts = [list(learnt), [] if held is None else list(held)]
    called = names_of((each.image for part in parts for each in part), source)
    if not parts[0]:
        raise DataError(f"{source}: no annotated images in it")
    classes = None if names is None else read_names(names)
    for image in (each for part in parts for each in part):
        for annotation, where in image.objects.items():
            if classes is not None and annotation.name not in classes:
                raise DataError(f"{where}: class {shown(annotation.name)} is not in {names}")

    def load(each: ListedImage) -> AnnotatedImage:
        return on_image(
            called[each.image], each.image, each.source, list(each.objects),
            annotated=each.size, mismatch=mismatch, shares=shares, content=each.content,
        )  # fmt: skip

    def loaders(part: Sequence[ListedImage]) -> dict[str, Callable[[], AnnotatedImage]]:
        return {called[each.image]: partial(load, each) for each in part}

    return Found(loaders(parts[0]), None if held is None else loaders(parts[1]), classes)
