"""Detections as text and data, with the names of their classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataLike, read_names
from pylrm.engine import Detection, Result
from pylrm.engine.detections import name_of
from pylrm.errors import CfgError, DataError
from pylrm.runs.inputs import choose_data
from pylrm.terminal import count_of


def class_names(
    cfg: Cfg, classes: int, data: DataLike | None = None, names: Path | None = None
) -> list[str]:
    """Return the classes' names: from a file of names, a .data file, or else the cfg's data set.

    Parameters
    ----------
    cfg : Cfg
        The network's, whose data set is the fallback; where it has none, classes go by number.
    classes : int
        How many the network has.
    data, names
        What the user asked for, if anything.

    Raises
    ------
    DataError
        The file asked for has another number of names.
    """
    if names is not None:
        found, where = read_names(names), names
    else:
        try:
            chosen = choose_data(cfg, data)
        except (CfgError, DataError):
            if data is not None:
                raise
            return []
        if data is None and chosen.classes != classes:
            return []
        found, where = chosen.names, chosen.path
    if len(found) != classes:
        raise DataError(
            f"{where}: {count_of(len(found), 'name')}, but {cfg} has {count_of(classes, 'class')}"
        )
    return found


def record(result: Result, names: Sequence[str]) -> dict[str, object]:
    """Return a frame's detections as JSON has them; boxes: left, top, right, bottom in pixels."""
    where: dict[str, object] = {"image": str(result.source)}
    if result.source.kind != "image":
        time = None if result.time is None else round(result.time, 3)
        where = {"video": str(result.source), "frame": result.number, "time": time}
    return {
        **where,
        "width": result.image.shape[1],
        "height": result.image.shape[0],
        "detections": [
            {
                "class": name_of(detection.class_id, names),
                "class_id": detection.class_id,
                "score": round(detection.score, 6),
                "box": [round(edge, 2) for edge in detection.box],
            }
            for detection in result.detections
        ],
    }


def line(result: Result, names: Sequence[str]) -> str:
    """Return a frame's name and detections in a line."""
    where = str(result.source)
    if result.source.kind != "image":
        where += f" frame {result.number}, {result.time:.2f} s"
    return f"{where}  {summary(result.detections, names)}"


def summary(found: Sequence[Detection], names: Sequence[str]) -> str:
    """Return an image's detections in a line: classes with their numbers and best scores."""
    if not found:
        return "nothing found"
    best: dict[int, float] = {}
    for detection in found:
        best[detection.class_id] = max(detection.score, best.get(detection.class_id, 0.0))
    counts = Counter(detection.class_id for detection in found)
    return ", ".join(
        f"{count} {name_of(class_id, names)} ({best[class_id]:.2f})"
        for class_id, count in counts.most_common()
    )
