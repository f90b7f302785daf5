"""The files of `pylrm map`: figures, and detections in the devkits' formats, which it reads too.

pr.png                         precision over recall, a panel a class
confusion.png, confusion.csv   objects by their classes, and what they were detected as
voc/comp4_det_test_CLASS.txt   IMAGE score xmin ymin xmax ymax; inclusive pixels from 1
coco_results.json              image_id, category_id, bbox (x, y, w, h), score
kitti/data/IMAGE.txt           Type -1 -1 -10 left top right bottom -1 -1 -1 -1000 -1000 -1000 -10
                               score

IMAGE is the image's file name without its ending. COCO's ids are those of the data set's truth=;
without it images count from 1 in the list's order, and classes too. In the names of VOC's files a
class's / is %2F; in KITTI's lines a space is _, and KITTI's own classes are spelt as KITTI does.
Numbers have all their digits, so that the files give exactly the figures of the detections.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pylrm.data.darknet import DataFile, read_text
from pylrm.data.headers import image_size
from pylrm.data.jsonfile import read_json
from pylrm.errors import DataError, PylrmError
from pylrm.evaluate.measure import Detected
from pylrm.evaluate.records import CORNERS, Fields, inclusive, record_of
from pylrm.evaluate.report import Report
from pylrm.evaluate.truths import CocoTruth, label_record
from pylrm.preflight import read_images
from pylrm.runs import Run, writing

VOC_PREFIX = "comp4_det_test_"
COCO_FILE = "coco_results.json"
KITTI_TYPES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
KITTI_COLUMNS = 16

Row = tuple[int, float, float, float, float, float]  # class, edges, score
Rows = defaultdict[int, list[Row]]  # by index of the image


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
        twin = types.setdefault(_kitti_type(name).lower(), name)
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
    """Write detections in all three formats into a folder.

    Parameters
    ----------
    folder : Path
        Exists.
    detected : Detected
        The detections.
    names : sequence of str
        The classes.
    """
    voc, kitti = folder / "voc", folder / "kitti" / "data"
    voc.mkdir()
    kitti.mkdir(parents=True)
    pixels = {index: inclusive(record) for index, record in detected.detections.items()}
    for kind, name in enumerate(names):
        lines = [
            f"{detected.images[index].stem} {score!r} {' '.join(map(repr, box))}\n"
            for index, record in pixels.items()
            for _, *box, score in _rows(record, kind)
        ]
        (voc / _voc_file(name)).write_text("".join(lines), "utf-8", newline="\n")
    for index, record in detected.detections.items():
        lines = [
            f"{_kitti_type(names[kind])} -1 -1 -10 {' '.join(map(repr, box))} -1 -1 -1 -1000 -1000 "
            f"-1000 -10 {score!r}\n"
            for kind, *box, score in _rows(record)
        ]
        file = kitti / f"{detected.images[index].stem}.txt"
        file.write_text("".join(lines), "utf-8", newline="\n")
    image_ids, categories = _coco_ids(detected.images, names, detected.marked)
    entries = [
        {
            "image_id": image_ids[index],
            "category_id": categories[kind],
            "bbox": [left, top, right - left, bottom - top],
            "score": score,
        }
        for index, record in detected.detections.items()
        for kind, left, top, right, bottom, score in _rows(record)
    ]
    (folder / COCO_FILE).write_text(json.dumps(entries), "utf-8")


def _rows(record: Fields, kind: int | None = None) -> list[Row]:
    """Return the boxes of a record, of one class or of all."""
    which = slice(None) if kind is None else record["class"] == kind
    columns = [record[name][which] for name in ("class", *CORNERS, "score")]
    return list(zip(*(column.tolist() for column in columns), strict=True))


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
    rows = _read_rows(path, images, data.names, marked)
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
        raise DataError(f"{data.valid}: none of its {len(images)} images can be read")
    return found


def _images(data: DataFile, marked: CocoTruth | None) -> list[Path]:
    if marked is not None and data.valid is None:
        return [marked.path.parent / file for file in marked.images.values()]
    return read_images(data, "valid")


def _read_rows(
    path: Path, images: Sequence[Path], names: Sequence[str], marked: CocoTruth | None
) -> Rows:
    """Find out the format and read it."""
    if path.is_file():
        return _read_coco(path, images, names, marked)
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    if (path / COCO_FILE).is_file():
        return _read_coco(path / COCO_FILE, images, names, marked)
    stems = {image.stem: index for index, image in enumerate(images)}
    check_names(images, names)
    if any(path.glob(f"{VOC_PREFIX}*.txt")):
        return _read_voc(path, stems, names)
    folder = path / "data" if (path / "data").is_dir() else path
    if any(folder.glob("*.txt")):
        return _read_kitti(folder, stems, names)
    raise DataError(
        f"{path}: no detections; looked for {COCO_FILE}, {VOC_PREFIX}CLASS.txt and KITTI's "
        "data/IMAGE.txt"
    )


def _read_voc(folder: Path, stems: dict[str, int], names: Sequence[str]) -> Rows:
    kinds = {_voc_file(name): kind for kind, name in enumerate(names)}
    rows: Rows = defaultdict(list)
    there = sorted(folder.glob(f"{VOC_PREFIX}*.txt"))
    for file in there:
        if file.name not in kinds:
            raise DataError(f"{file}: of no class; the classes are {_some(names)}")
    for file in sorted(there, key=lambda file: kinds[file.name]):
        for number, line in _lines(file):
            fields = line.rsplit(maxsplit=5)
            where = f"{file}:{number}"
            if len(fields) != 6:
                raise DataError(
                    f"{where}: {len(fields)} fields; expected 'IMAGE score xmin ymin xmax ymax'"
                )
            if fields[0] not in stems:
                raise DataError(f"{where}: image '{fields[0]}' is not among those to be evaluated")
            score, left, top, right, bottom = _numbers(fields[1:], where)
            row = (kinds[file.name], left - 1, top - 1, right - 1, bottom - 1, score)
            rows[stems[fields[0]]].append(row)
    return rows


def _read_kitti(folder: Path, stems: dict[str, int], names: Sequence[str]) -> Rows:
    kinds = {_kitti_type(name).lower(): kind for kind, name in enumerate(names)}
    rows: Rows = defaultdict(list)
    for file in sorted(folder.glob("*.txt")):
        if file.stem not in stems:
            raise DataError(f"{file}: image '{file.stem}' is not among those to be evaluated")
        for number, line in _lines(file):
            fields = line.split()
            where = f"{file}:{number}"
            if len(fields) != KITTI_COLUMNS:
                raise DataError(
                    f"{where}: {len(fields)} columns; KITTI's results have {KITTI_COLUMNS}, the "
                    "class first and the score last"
                )
            if fields[0].lower() not in kinds:
                raise DataError(f"{where}: no class '{fields[0]}'; the classes are {_some(names)}")
            left, top, right, bottom, score = _numbers([*fields[4:8], fields[-1]], where)
            kind = kinds[fields[0].lower()]
            rows[stems[file.stem]].append((kind, left, top, right, bottom, score))
    return rows


def _read_coco(
    file: Path, images: Sequence[Path], names: Sequence[str], marked: CocoTruth | None
) -> Rows:
    entries = read_json(file)
    if not isinstance(entries, list):
        raise DataError(f"{file}: not COCO's results: expected a list at the top")
    image_ids, categories = _coco_ids(images, names, marked)
    index_of = {identity: index for index, identity in enumerate(image_ids)}
    kind_of = {identity: kind for kind, identity in enumerate(categories)}
    rows: Rows = defaultdict(list)
    for number, entry in enumerate(entries, 1):
        where = f"{file}: result {number}"
        if not isinstance(entry, dict):
            raise DataError(f"{where}: expected an object")
        index = _known(entry, "image_id", index_of, where, "of no image to be evaluated")
        kind = _known(entry, "category_id", kind_of, where, f"none of {_some(names)}")
        left, top, width, height, score = _coco_numbers(entry, where)
        rows[index].append((kind, left, top, left + width, top + height, score))
    return rows


def _known(
    entry: dict[str, Any], key: str, numbers: dict[int, int], where: str, otherwise: str
) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or value not in numbers:
        raise DataError(f"{where}: {key} {json.dumps(value)[:60]} is {otherwise}")
    return numbers[value]


def _coco_numbers(entry: dict[str, Any], where: str) -> list[float]:
    box, score = entry.get("bbox"), entry.get("score")
    try:
        values = [*map(float, box if isinstance(box, list) else ()), float(score)]  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        values = []
    if len(values) != 5 or not all(map(math.isfinite, values)) or min(values[2:4]) < 0:
        raise DataError(
            f"{where}: bbox {json.dumps(box)[:60]}, score {json.dumps(score)[:30]}; expected "
            "[x, y, w, h] and a number"
        )
    return values


def _coco_ids(
    images: Sequence[Path], names: Sequence[str], marked: CocoTruth | None
) -> tuple[list[int], list[int]]:
    """Return the ids of images and of classes."""
    if marked is None:
        return list(range(1, len(images) + 1)), list(range(1, len(names) + 1))
    return [marked.image_id(image) for image in images], [marked.categories[name] for name in names]


def _voc_file(name: str) -> str:
    return f"{VOC_PREFIX}{name.replace('/', '%2F')}.txt"


def _kitti_type(name: str) -> str:
    own = next((known for known in KITTI_TYPES if known.lower() == name.lower()), name)
    return "_".join(own.split())


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, numbered from 1."""
    lines = read_text(file).split("\n")
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _numbers(fields: Sequence[str], where: str) -> list[float]:
    values = []
    for field in fields:
        try:
            values.append(float(field))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            raise DataError(f"{where}: '{field}' is not a finite number")
    return values


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
