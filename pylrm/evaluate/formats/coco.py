"""COCO's coco_results.json: a list of image_id, category_id, bbox (x, y, w, h), score.

The ids are those of the data set's truth=; without it images count from 1 in the list's order, and
classes too.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pylrm.errors import DataError
from pylrm.evaluate.formats.common import Evaluated, Format, Rows, first_names, rows_of
from pylrm.evaluate.measure import Detected
from pylrm.files.jsonfile import read_json

FILE = "coco_results.json"


def write(folder: Path, detected: Detected, names: Sequence[str]) -> None:
    """Write coco_results.json."""
    image_ids, categories = ids(Evaluated(detected.images, names, detected.marked))
    entries = [
        {
            "image_id": image_ids[index],
            "category_id": categories[kind],
            "bbox": [left, top, right - left, bottom - top],
            "score": score,
        }
        for index, record in detected.detections.items()
        for kind, left, top, right, bottom, score in rows_of(record)
    ]
    (folder / FILE).write_text(json.dumps(entries), "utf-8")


def find(path: Path) -> Path | None:
    """Find the file: the path itself, or coco_results.json in the folder."""
    if path.is_file():
        return path
    return path / FILE if (path / FILE).is_file() else None


def read(file: Path, wanted: Evaluated) -> Rows:
    """Read them."""
    entries = read_json(file)
    if not isinstance(entries, list):
        raise DataError(f"{file}: not COCO's results: expected a list at the top")
    image_ids, categories = ids(wanted)
    index_of = {identity: index for index, identity in enumerate(image_ids)}
    kind_of = {identity: kind for kind, identity in enumerate(categories)}
    rows: Rows = defaultdict(list)
    for number, entry in enumerate(entries, 1):
        where = f"{file}: result {number}"
        if not isinstance(entry, dict):
            raise DataError(f"{where}: expected an object")
        index = _known(entry, "image_id", index_of, where, "of no image to be evaluated")
        kind = _known(entry, "category_id", kind_of, where, f"none of {first_names(wanted.names)}")
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


def ids(wanted: Evaluated) -> tuple[list[int], list[int]]:
    """Return the ids of images and of classes."""
    images, names, marked = wanted.images, wanted.names, wanted.marked
    if marked is None:
        return list(range(1, len(images) + 1)), list(range(1, len(names) + 1))
    return [marked.image_id(image) for image in images], [marked.categories[name] for name in names]


COCO = Format(FILE, write, find, read, by_name=False)
