"""The files of `pylrm map`: figures, and detections in the devkits' formats, which it reads too.

pr.png                         precision over recall, a panel a class
confusion.png, confusion.csv   objects by their classes, and what they were detected as
coco_results.json, voc/, kitti/  the detections in each of `pylrm.evaluate.formats`

Numbers have all their digits, so that the files give exactly the figures of the detections.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pylrm.data.darknet import DataFile, read_images
from pylrm.data.headers import image_size
from pylrm.errors import DataError, PylrmError
from pylrm.evaluate.boxes import record_of
from pylrm.evaluate.formats import FORMATS, Evaluated, Rows
from pylrm.evaluate.formats.kitti import type_name
from pylrm.evaluate.measure import Detected
from pylrm.evaluate.report import Report
from pylrm.evaluate.truths import CocoTruth, label_record
from pylrm.files.writing import writing
from pylrm.runs.folder import Run
from pylrm.terminal import count_of


def check_target(out: Path, data: DataFile) -> None:
    """Refuse a folder or names with which `write` would fail, before anything is measured.

    Parameters
    ----------
    out : Path
        The folder to write.
    data : DataFile
        The data set.

    Raises
    ------
    PylrmError
        The folder holds files; images or classes have names that the files could not tell apart.
    """
    Run.check(out)
    marked = CocoTruth(data.truth, data.names) if data.truth is not None else None
    check_names(_images(data, marked), data.names)


def check_names(images: Sequence[Path], names: Sequence[str]) -> None:
    """Refuse images and classes whose names the files could not tell apart.

    Parameters
    ----------
    images : sequence of Path
        The images.
    names : sequence of str
        The classes.

    Raises
    ------
    PylrmError
        Two images of one name in different folders; two classes that KITTI's lines spell alike.
    """
    stems: dict[str, Path] = {}
    for image in images:
        other = stems.setdefault(image.stem, image)
        if other is not image:
            raise PylrmError(
                f"{other} and {image}: the devkits' files name images by their file names, which "
                "must differ"
            )
    types: dict[str, str] = {}
    for name in names:
        twin = types.setdefault(type_name(name).lower(), name)
        if twin is not name:
            raise PylrmError(f"classes '{twin}' and '{name}' are spelt alike in KITTI's files")


def write(out: Path, detected: Detected, report: Report) -> None:
    """Write a folder of figures and of detections in all three formats, whole or not at all.

    Parameters
    ----------
    out : Path
        The folder; new or empty.
    detected : Detected
        The detections.
    report : Report
        What is drawn.

    Raises
    ------
    PylrmError
        The folder holds files, or cannot be written.
    """
    from pylrm.evaluate import pictures  # matplotlib takes its time

    Run.check(out)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as room:
            new = Path(room) / "new"
            new.mkdir()
            pictures.write(new, report)
            write_detections(new, detected, list(report.rows))
            if out.exists():
                out.rmdir()
            new.rename(out)


def write_detections(folder: Path, detected: Detected, names: Sequence[str]) -> None:
    """Write detections in all formats into a folder that exists."""
    for each in FORMATS:
        each.write(folder, detected, names)


def read(path: Path, data: DataFile) -> Detected:
    """Read detections on a data set's validation images, with its truths.

    The images themselves are needed only where truths come from labels. They are those of valid=,
    or without it those of truth=.

    Parameters
    ----------
    path : Path
        A file in COCO's format; or a folder of coco_results.json, of comp4_det_test_CLASS.txt, or
        of IMAGE.txt in KITTI's format, there or in its data/: the first of these that is there.
    data : DataFile
        The data set.

    Raises
    ------
    DataError
        The folder holds none of them; a line is malformed (file and line are named), or is of an
        image or class that the data set lacks; the data set's list or truths are wrong.
    """
    marked = CocoTruth(data.truth, data.names) if data.truth is not None else None
    images = _images(data, marked)
    rows = _read_rows(path, Evaluated(images, data.names, marked))
    found = Detected(images, {}, {}, [], marked)
    for index, image in enumerate(images):
        if marked is not None:
            found.truth[index] = marked.record(image)
        else:
            try:
                size = image_size(image)
            except DataError:
                found.skipped.append(image)
                continue
            found.truth[index] = label_record(image, data.classes, size)
        boxes = np.array(rows[index], np.float64).reshape(-1, 6)
        found.detections[index] = record_of(boxes[:, 0], boxes[:, 1:5], score=boxes[:, 5])
    if not found.truth:
        raise DataError(f"{data.valid}: none of its {count_of(len(images), 'image')} can be read")
    return found


def _images(data: DataFile, marked: CocoTruth | None) -> list[Path]:
    if marked is not None and data.valid is None:
        return [marked.path.parent / file for file in marked.images.values()]
    return read_images(data, "valid")


def _read_rows(path: Path, wanted: Evaluated) -> Rows:
    """Find out the format and read it."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    for each in FORMATS:
        found = each.find(path)
        if found is not None:
            if each.by_name:
                check_names(wanted.images, wanted.names)
            return each.read(found, wanted)
    looked_for = ", ".join(each.name for each in FORMATS[:-1])
    raise DataError(f"{path}: no detections; looked for {looked_for} and {FORMATS[-1].name}")
