"""Other data sets to Darknet's files.

    from pylrm.convert import convert

    summary = convert("voc", "VOCdevkit", "data/voc", metric="11point")
    print(summary.table())

`pylrm.convert.formats` has the formats; the reader named there says which options a format has.
`pylrm.convert.writing` says what is written.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pylrm.convert.annotations import AnnotatedImage, Lists
from pylrm.convert.formats import FORMATS, Format
from pylrm.convert.reading import Found, Progress, reading, steps
from pylrm.convert.split import split as split_names
from pylrm.convert.summary import PARTS, Summary, summarise
from pylrm.convert.writing import check_target, write
from pylrm.data.darknet import Metric
from pylrm.errors import DataError

__all__ = ["FORMATS", "Summary", "convert"]

_FLAGS = {"crowd": "crowds (iscrowd=1)", "difficult": "marked difficult"}


def convert(
    format: str,
    source: str | Path,
    out: str | Path,
    *,
    name: str | None = None,
    split: float = 0.9,
    seed: int = 0,
    metric: Metric | None = None,
    copy: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Summary:
    """Write Darknet's files of a data set into a folder.

    An earlier conversion there is replaced; nothing is written where anything is wrong with the
    data set.

    Parameters
    ----------
    format
        "voc", "kitti", "coco", "yolo", "labelme", "csv" or "cvat".
    source
        The tree, or the file of annotations.
    out
        The folder to write.
    name
        Of the data set; default: that of `out`.
    split, seed
        Share of the images to train on where no list says, and the seed of this random split; see
        `pylrm.convert.split`.
    metric
        metric= of the .data file; default: the format's usual one.
    copy
        Copy images in place of links.
    progress
        Is told how far it is.
    options
        The format's own; its reader (`pylrm.convert.voc.read`, …) has them.

    Raises
    ------
    DataError
        Where anything in the data set or the folder doesn't fit, naming the file.
    """
    if format not in FORMATS:
        raise DataError(f"no format '{format}'; there is {', '.join(FORMATS)}")
    row = FORMATS[format]
    source, out = Path(source).absolute(), Path(out).absolute()
    name = out.name if name is None else name
    metric = row.metric if metric is None else metric
    check_target(out, name, metric)
    with reading(source):
        found = row.read(source, **options)
        lists = _read(found, split, seed, source, progress)
    classes = _classes(found, lists, source)
    _check_boxes(row, lists)
    data = write(out, name, lists, classes, metric=metric, copy=copy, progress=progress)
    return summarise(data, lists, classes, [*found.warnings, *_warnings(row, lists, classes)])


def _read(
    found: Found, share: float, seed: int, source: Path, progress: Progress | None
) -> dict[str, list[AnnotatedImage]]:
    """Read the annotations of the images to train and to validate on."""
    if found.valid is None:
        halves = split_names(found.train, share, seed, source)
        loaders = [[found.train[name] for name in half] for half in halves]
    else:
        loaders = [list(part.values()) for part in (found.train, found.valid)]
    chosen = dict(zip(PARTS, loaders, strict=True))
    lists: dict[str, list[AnnotatedImage]] = {part: [] for part in PARTS}
    for part, load in steps(chosen, "reading", progress):
        lists[part].append(load())
    return lists


def _classes(found: Found, lists: Lists, source: Path) -> list[str]:
    """The classes in order: those that the reader knows, or those found."""
    names = {each.name for image in _images(lists) for each in image.annotations}
    present = sorted(name for name in names if name is not None)
    if not present:
        which = f" of {', '.join(found.classes[:10])}" if found.classes else ""
        raise DataError(f"{source}: no annotations{which}")
    return present if found.classes is None else found.classes


def _check_boxes(row: Format, lists: Lists) -> None:
    """Refuse a data set whose boxes are shares of their images in place of pixels."""
    boxes = [each.box for image in _images(lists) for each in image.annotations]
    if all(max(box) <= 1 for box in boxes):
        source = next(image.source for image in _images(lists) if image.annotations)
        known = any(option.name == "coordinates" for option in row.options)
        raise DataError(
            f"{source}: no box reaches beyond 1, in all of the data set: are they shares of the "
            f"image? Expected pixels{'; --coordinates shares takes shares' if known else ''}"
        )


def _warnings(row: Format, lists: Lists, classes: Sequence[str]) -> list[str]:
    """Warn of classes that training would not see for the flags that their annotations have."""
    warnings = []
    annotations = [each for image in _images(lists) for each, _ in image.visible()]
    objects = {each.name for each in annotations if each.role == "object"}
    for option in row.options:
        if option.name in _FLAGS:
            flagged = {each.name for each in annotations if getattr(each, option.name)} - objects
            names = [name for name in classes if name in flagged]
            if names:
                few = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
                warnings.append(
                    f"all annotations of {few} are {_FLAGS[option.name]}, which training ignores; "
                    f"where they are objects like others, convert with {option.flag} train"
                )
    return warnings


def _images(lists: Lists) -> Iterator[AnnotatedImage]:
    return itertools.chain(*lists.values())
