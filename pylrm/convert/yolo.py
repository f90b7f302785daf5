"""Data sets of YOLO tools: a YAML file, a .data file or a folder, with a label file an image.

`pylrm.convert.yoloset` finds the images and the classes, `pylrm.convert.yololabels` reads labels.
A label file stands where Darknet looks for it (`images` in the path becomes `labels`, or beside the
image), or in a folder called labels beside one of those that the image is in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from pylrm.convert.annotations import AnnotatedImage
from pylrm.convert.finding import names_of
from pylrm.convert.imagesearch import folders_near
from pylrm.convert.reading import IMAGE_SUFFIXES, Found, files_of
from pylrm.convert.sizes import on_image
from pylrm.convert.yololabels import looks_like_labels, read_label
from pylrm.convert.yoloset import find_set
from pylrm.data.darknet import find_label
from pylrm.errors import DataError
from pylrm.terminal import count_of

_LEVELS = 3  # folders of an image that may have one called labels beside them


def read(source: Path, *, names: str | Path | None = None) -> Found:
    """Find the images and labels of a data set of YOLO tools.

    Parameters
    ----------
    source
        A YAML file, a .data file, or a folder of images and labels.
    names
        A file of class names; default: those of the YAML or .data file, else classes.txt or
        obj.names in the folder.

    Raises
    ------
    DataError
        Where anything in the data set doesn't fit, naming the file.
    """
    found = find_set(source, None if names is None else Path(names))
    images = [*found.train, *(found.valid or [])]
    called = names_of(images, source)
    labels = _labels(list(called), source)

    def load(image: Path) -> AnnotatedImage:
        label = labels.get(image)
        rows = [] if label is None else read_label(label, found.names, found.namer, found.keypoints)
        return on_image(called[image], image, label or image, rows, shares=True)

    def loaders(part: Sequence[Path]) -> dict[str, Callable[[], AnnotatedImage]]:
        return {called[image]: partial(load, image) for image in part}

    return Found(
        loaders(found.train),
        None if found.valid is None else loaders(found.valid),
        found.names,
        _warnings(list(called), labels, found.whole),
    )


def _labels(images: Sequence[Path], source: Path) -> dict[Path, Path]:
    """The label files of those images that have one."""
    folder_of_labels = cache(_labels_in)

    def find(image: Path) -> Path | None:
        label = find_label(image)
        for folder in list(image.parents)[:_LEVELS]:
            beside = None if label is not None else folder_of_labels(folder.parent)
            if beside is not None:
                place = beside / image.relative_to(folder).with_suffix(".txt")
                label = place if place.is_file() else None
        return label

    found = {image: label for image in images if (label := find(image)) is not None}
    if not found:
        first = images[0]
        raise DataError(
            f"{source}: none of its {count_of(len(images), 'image')} has a label file; looked for "
            f"{first.stem}.txt in a folder labels beside that of the images, and beside {first}"
        )
    return found


def _labels_in(folder: Path) -> Path | None:
    return next((each for each in folders_near(folder) if each.name.lower() == "labels"), None)


def _warnings(images: Sequence[Path], labels: Mapping[Path, Path], whole: bool) -> list[str]:
    """Warn of images without labels and, in whole folders, of labels without images."""
    warnings = []
    bare = [image for image in images if image not in labels]
    if bare:
        warnings.append(f"images without a label file, background then: {_few(bare)}")
    used = set(labels.values())
    folders = {(label.parent, image.parent) for image, label in labels.items()} if whole else set()
    lost = [
        file
        for place, pictures in sorted(folders)
        for file in sorted(files_of(place, ".txt"))
        if file not in used and looks_like_labels(file) and not _image_of(file, pictures)
    ]
    if lost:
        kinds = ", ".join(suffix[1:] for suffix in IMAGE_SUFFIXES)
        warnings.append(f"label files without an image ({kinds}): {_few(lost)}")
    return warnings


def _few(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{len(files)}, first {files[0]}"


def _image_of(label: Path, folder: Path) -> bool:
    return any((folder / label.name).with_suffix(suffix).exists() for suffix in IMAGE_SUFFIXES)
