"""What can be wrong with the images of a data set.

Two images are the same if their decoded pixels are. This also finds copies in another format or
with other metadata, and costs little, since images are decoded anyway to see whether they are
readable. An image that was scaled or compressed again counts as a different one.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pylrm.data.darknet import Truth
from pylrm.data.headers import UPRIGHT, read_header
from pylrm.data.images import read_image
from pylrm.errors import DataError
from pylrm.inspect.check.kinds import Findings

_SHOWN = {  # EXIF's orientations: how other programs show the stored pixels
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "upside down and mirrored",
    5: "turned 90 degrees clockwise and mirrored",
    6: "turned 90 degrees clockwise",
    7: "turned 90 degrees anticlockwise and mirrored",
    8: "turned 90 degrees anticlockwise",
}


@dataclass(frozen=True)
class ImageFacts:
    """What an image file is.

    Attributes
    ----------
    size
        Width and height in stored pixels; None: it cannot be read.
    error
        Why not.
    digest
        Of the pixels.
    orientation, cut
        As of `pylrm.data.headers.Header`.
    """

    size: tuple[int, int] | None
    error: str = ""
    digest: bytes = b""
    orientation: int = UPRIGHT
    cut: bool = False


def examine_image(image: Path) -> ImageFacts | None:
    """Read an image file; None: it is not there."""
    if not image.is_file():
        return None
    header = None
    try:
        with image.open("rb") as file:
            header = read_header(file)
        pixels = read_image(image)
    except (DataError, OSError) as error:
        return ImageFacts(None, str(error), cut=header is not None and header.cut)
    height, width = pixels.shape[:2]
    digest = hashlib.blake2b(f"{width}x{height}".encode(), digest_size=16)
    digest.update(pixels.data)
    if header is None:
        return ImageFacts((width, height), digest=digest.digest())
    return ImageFacts((width, height), "", digest.digest(), header.orientation, header.cut)


def examine_images(
    images: Iterable[Path], progress: Callable[[int, int], None] | None
) -> dict[Path, ImageFacts | None]:
    """Read image files in threads: OpenCV and hashlib work beside each other.

    Parameters
    ----------
    images
        The files; one that is named twice is read once.
    progress
        Called with the images done and all images.
    """
    order = list(dict.fromkeys(images))
    facts: dict[Path, ImageFacts | None] = {}
    pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="check")
    try:
        for image, found in zip(order, pool.map(examine_image, order), strict=True):
            facts[image] = found
            if progress:
                progress(len(facts), len(order))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return facts


def check_files(facts: Mapping[Path, ImageFacts | None], findings: Findings) -> None:
    """Add what is wrong with each image file."""
    for image, found in facts.items():
        if found is None:
            findings.add("image-missing", str(image))
        elif found.cut:
            findings.add("image-cut", str(image), image)
        elif found.size is None:
            findings.add("image-unreadable", found.error)
        elif found.orientation != UPRIGHT:
            text = f"{image}: orientation {found.orientation}: {_SHOWN[found.orientation]}"
            findings.add("image-rotated", text, image)


def check_duplicates(
    lists: Mapping[str, Sequence[Truth]],
    facts: Mapping[Path, ImageFacts | None],
    findings: Findings,
) -> None:
    """Add the images that are there more than once, within a list and across lists.

    Parameters
    ----------
    lists
        The truths of the images of "train" and "valid".
    facts
        What the images are.
    findings
        Added to.
    """
    firsts: dict[str, dict[bytes, Truth]] = defaultdict(dict)
    for name, truths in lists.items():
        for truth in truths:
            found = facts[truth.image]
            if found is None or found.size is None:
                continue
            if name != "train" and found.digest in firsts["train"]:
                text = _same(firsts["train"][found.digest], truth)
                findings.add("duplicate-across", text, truth.image)
            if found.digest in firsts[name]:
                text = _same(firsts[name][found.digest], truth)
                findings.add("duplicate", text, truth.image)
            else:
                firsts[name][found.digest] = truth


def _same(first: Truth, other: Truth) -> str:
    """Say which image another one is, and whether their labels differ."""
    if first.image == other.image:
        return f"{other.image} is listed twice"
    one, two = (sorted(truth.objects.boxes.tolist()) for truth in (first, other))
    return f"{other.image} is {first.image}{'' if one == two else ', labelled otherwise'}"
