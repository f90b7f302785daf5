"""VOC's rules, detection by detection, in plain Python."""

from __future__ import annotations

import math
from typing import Any

Box = tuple[float, float, float, float]
Row = dict[str, Any]


def iou(a: Box, b: Box) -> float:
    shared = overlap(a, b)
    return shared / (pixels(a) + pixels(b) - shared)


def overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    return max(width, 0) * max(height, 0)


def pixels(box: Box) -> float:
    return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)


def box_of(row: Row) -> Box:
    return row["left"], row["top"], row["right"], row["bottom"]


def average_precision(
    truth: list[Row], detections: list[Row], kind: int, limit: float, metric: str
) -> float:
    """AP of one class; rows have image, class, corners and score, difficult or ignore."""
    objects = [row for row in truth if row["class"] == kind and not row["ignore"]]
    regions = [row for row in truth if row["class"] in (kind, -1) and row["ignore"]]
    count = sum(not row["difficult"] for row in objects)
    if not count:
        return math.nan
    taken: list[Row] = []
    hits = misses = 0
    points = [(0.0, 1.0)]
    for found in sorted(
        (row for row in detections if row["class"] == kind), key=lambda row: -row["score"]
    ):
        best, most = None, -1.0
        for row in objects:
            if row["image"] == found["image"] and iou(box_of(row), box_of(found)) > most:
                best, most = row, iou(box_of(row), box_of(found))
        if best is not None and most > limit:
            if best["difficult"]:
                continue
            if any(best is row for row in taken):
                misses += 1
            else:
                taken.append(best)
                hits += 1
        elif any(
            row["image"] == found["image"]
            and overlap(box_of(row), box_of(found)) > 0.5 * pixels(box_of(found))
            for row in regions
        ):
            continue
        else:
            misses += 1
        points.append((hits / count, hits / (hits + misses)))
    if metric == "11point":
        at_least = [[p for r, p in points[1:] if r >= 0.1 * tenth] or [0.0] for tenth in range(11)]
        return sum(max(values) for values in at_least) / 11
    return sum(
        (points[i][0] - points[i - 1][0]) * max(p for _, p in points[i:])
        for i in range(1, len(points))
    )
