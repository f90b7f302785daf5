"""KITTI's precisions, image by image, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.evaluate.cases import Row, Rows
from tests.evaluate.naive_coco import area, shared

LEVELS = {"easy": (40, 0, 0.15), "moderate": (25, 1, 0.3), "hard": (25, 2, 0.5)}


def height(row: Row) -> float:
    return row["bottom"] - row["top"]


def iou(a: Row, b: Row) -> float:
    return shared(a, b) / (area(a) + area(b) - shared(a, b))


def precisions(
    truth: Rows, found: Rows, names: Sequence[str], kind: int, level: str
) -> list[float] | None:
    """The 41 of a class; None without objects. Names in lower case."""
    lowest, occluded, truncated = LEVELS[level]
    least = 0.7 if names[kind] in ("car", "van", "truck", "tram") else 0.5
    neighbour = {"car": "van", "pedestrian": "person_sitting"}.get(names[kind])

    def counts(row: Row) -> bool:
        return (
            row["class"] == kind
            and not row["ignore"]
            and row["occluded"] <= occluded
            and row["truncated"] <= truncated
            and height(row) >= lowest
        )

    def low(row: Row) -> bool:
        return height(row) < lowest

    objects = [
        row
        for row in truth
        if row["class"] == kind
        or (row["class"] >= 0 and names[row["class"]] == neighbour and not row["ignore"])
    ]
    areas = [row for row in truth if row["class"] == -1]
    count = sum(map(counts, objects))
    if not count:
        return None

    def choose(floor: float, worth: Callable[[Row, Row], Any]) -> tuple[list[float], list[int]]:
        """The hits' scores and all that was taken, when detections from `floor` on are there."""
        hits: list[float] = []
        taken: list[int] = []
        for row in objects:
            options = [
                i
                for i, detection in enumerate(found)
                if detection["image"] == row["image"]
                and (detection["class"] == kind or low(detection))
                and detection["score"] >= floor
                and i not in taken
                and iou(row, detection) > least
            ]
            if options:
                best = max(options, key=lambda i: worth(row, found[i]))  # the first of equals
                taken.append(best)
                if counts(row) and not low(found[best]):
                    hits.append(found[best]["score"])
        return hits, taken

    hits, _ = choose(-1.0, lambda row, detection: detection["score"])
    hits.sort(reverse=True)
    thresholds: list[float] = []
    for i, score in enumerate(hits):
        target = sum([1 / 40] * len(thresholds))
        last = i == len(hits) - 1
        if last or abs((i + 2) / count - target) >= target - (i + 1) / count:
            thresholds.append(score)

    out = []
    for floor in thresholds:
        hits, taken = choose(
            floor,
            lambda row, detection: (
                not low(detection),
                0 if low(detection) else iou(row, detection),
            ),
        )
        false = [
            detection
            for i, detection in enumerate(found)
            if detection["class"] == kind
            and detection["score"] >= floor
            and not low(detection)
            and i not in taken
            and not any(
                region["image"] == detection["image"]
                and shared(region, detection) / area(detection) > least
                for region in areas
            )
        ]
        out.append(len(hits) / max(len(hits) + len(false), 1))
    out += [0.0] * (41 - len(out))
    return [max(out[i:]) for i in range(41)]
