"""COCO's figures, detection by detection, in plain Python."""

from __future__ import annotations

import math

from tests.evaluate.cases import Row, Rows

LIMITS = [0.5 + 0.05 * i for i in range(10)]
SIZES = {"all": (0, 1e10), "s": (0, 1024), "m": (1024, 9216), "l": (9216, 1e10)}


def area(row: Row) -> float:
    return (row["right"] - row["left"]) * (row["bottom"] - row["top"])


def shared(a: Row, b: Row) -> float:
    width = min(a["right"], b["right"]) - max(a["left"], b["left"])
    height = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
    return max(width, 0) * max(height, 0)


def object_size(row: Row) -> float:
    return area(row) if math.isnan(row["area"]) else row["area"]


def overlap(found: Row, row: Row) -> float:
    """The IoU; of an ignored row the part of the detection in it."""
    whole = area(found) if row["ignore"] else area(found) + area(row) - shared(found, row)
    return shared(found, row) / whole


def outcomes(
    objects: Rows, found: Rows, limit: float, size: tuple[float, float], most: int
) -> list[tuple[float, bool]]:
    """Score, and hit or false, of the detections of one image and class that count."""

    def idle(row: Row) -> bool:
        return row["ignore"] or not size[0] <= object_size(row) <= size[1]

    taken: list[int] = []
    out = []
    for detection in sorted(found, key=lambda row: -row["score"])[:most]:
        options = [
            (not idle(row), overlap(detection, row), i)
            for i, row in enumerate(objects)
            if overlap(detection, row) >= limit - 1e-12 and (i not in taken or row["ignore"])
        ]
        if options:
            real, _, i = max(options)  # objects that count first; of equals the last
            taken.append(i)
            if real:
                out.append((detection["score"], True))
        elif size[0] <= area(detection) <= size[1]:
            out.append((detection["score"], False))
    return out


def precision_and_recall(
    truth: Rows, found: Rows, kind: int, limit: float, size: tuple[float, float], most: int
) -> tuple[float, float]:
    """The mean precision over 101 recalls, and the last recall; NaN without objects."""
    results = []
    count = 0
    for image in dict.fromkeys(row["image"] for row in [*truth, *found]):
        objects = [
            row
            for row in truth
            if row["image"] == image
            and (row["class"] == kind or (row["ignore"] and row["class"] == -1))
        ]
        own = [row for row in found if row["image"] == image and row["class"] == kind]
        results += outcomes(objects, own, limit, size, most)
        count += sum(
            not row["ignore"] and size[0] <= object_size(row) <= size[1] for row in objects
        )
    if not count:
        return math.nan, math.nan
    results.sort(key=lambda result: -result[0])
    points = []
    hits = 0
    for total, (_, hit) in enumerate(results, 1):
        hits += hit
        points.append((hits, hits / total))
    best = [
        max((precision for hits, precision in points if 100 * hits >= i * count), default=0.0)
        for i in range(101)
    ]
    return sum(best) / 101, hits / count


def figures(truth: Rows, found: Rows, classes: int) -> list[float]:
    """The twelve, in pycocotools' order."""

    def mean(values: list[float]) -> float:
        there = [value for value in values if not math.isnan(value)]
        return sum(there) / len(there) if there else -1.0

    def over(limits: list[float], size: str, most: int, which: int) -> float:
        return mean(
            [
                precision_and_recall(truth, found, kind, limit, SIZES[size], most)[which]
                for kind in range(classes)
                for limit in limits
            ]
        )

    return [
        over(LIMITS, "all", 100, 0),
        over(LIMITS[:1], "all", 100, 0),
        over(LIMITS[5:6], "all", 100, 0),
        *(over(LIMITS, size, 100, 0) for size in "sml"),
        *(over(LIMITS, "all", most, 1) for most in (1, 10, 100)),
        *(over(LIMITS, size, 100, 1) for size in "sml"),
    ]
