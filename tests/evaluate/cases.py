"""Small scenes for the tests of the metrics: rows with image, class, corners and further fields."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

ORACLES = Path(__file__).parent.parent / "oracles"
CORNERS = ("left", "top", "right", "bottom")
Row = dict[str, Any]
Rows = list[Row]
Fields = dict[str, np.ndarray]


def by_image(rows: Rows, *without: str) -> dict[Any, Fields]:
    """The records of rows, images in the order in which they first appear."""
    images: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        images[row["image"]].append(row)
    return {
        image: {
            name: np.array([row[name] for row in found])
            for name in found[0]
            if name not in ("image", *without)
        }
        for image, found in images.items()
    }


def truths(rows: Rows) -> dict[Any, Fields]:
    return by_image(rows, "score")


def detections(rows: Rows) -> dict[Any, Fields]:
    return by_image(rows, "difficult", "ignore", "truncated", "occluded", "area", "crowd")


def in_given_order(rows: Rows) -> Rows:
    """As the metric sees them: image by image, in the order in which images first appear."""
    order = list(dict.fromkeys(row["image"] for row in rows))
    return sorted(rows, key=lambda row: order.index(row["image"]))


def box(left: float, top: float, right: float, bottom: float, **fields: Any) -> Row:
    corners = dict(zip(CORNERS, (left, top, right, bottom), strict=True))
    flags = {"difficult": 0, "ignore": 0, "score": 1.0}
    return {"image": "a", "class": 0, **flags, **corners, **fields}


def corners_of(row: Row) -> dict[str, float]:
    return {name: row[name] for name in CORNERS}


@st.composite
def scenes(draw: st.DrawFn, classes: int, unit: int) -> tuple[Rows, Rows]:
    """Truths, with ties, crowds and regions; detections, most of them beside a truth.

    Coordinates are multiples of `unit`.
    """
    edges = st.integers(1, 13)

    def place() -> dict[str, float]:
        left, right = sorted((draw(edges), draw(edges)))
        top, bottom = sorted((draw(edges), draw(edges)))
        values = (left, top, right + 1, bottom + 1)
        return {name: unit * value for name, value in zip(CORNERS, values, strict=True)}

    truth: Rows = []
    for _ in range(draw(st.integers(0, 10))):
        ignore = draw(st.integers(0, 4)) == 0
        every = ignore and draw(st.booleans())
        area = draw(st.sampled_from([float("nan"), 500.0, 1024.0, 9216.0, 12000.0]))
        truth.append(
            {
                "image": draw(st.sampled_from("abc")),
                "class": -1 if every else draw(st.integers(0, classes - 1)),
                **place(),
                "ignore": ignore,
                "crowd": ignore and draw(st.booleans()),
                "area": area,
                "truncated": draw(st.sampled_from([0.0, 0.15, 0.2, 0.4, 0.6])),
                "occluded": draw(st.integers(0, 3)),
            }
        )
    found: Rows = []
    for _ in range(draw(st.integers(0, 16))):
        row = {
            "image": draw(st.sampled_from("abc")),
            "class": draw(st.integers(0, classes - 1)),
            "score": draw(st.integers(0, 5)) / 5,
        }
        if truth and draw(st.integers(0, 3)):
            near = draw(st.sampled_from(truth))
            row |= {"image": near["image"], "class": max(near["class"], 0)}
            shift = unit * draw(st.sampled_from([0, 0, 0.5, 1]))
            row |= {**corners_of(near), "right": near["right"] + shift}
            if draw(st.integers(0, 4)) == 0:
                row["class"] = draw(st.integers(0, classes - 1))
        else:
            row |= place()
        found.append(row)
    return truth, found


def grid(count: int, images: int = 3) -> Rows:
    """Truths that do not touch, 50 pixels wide and high, of two classes in turn."""
    return [
        box(100 * (i // images), 100, 100 * (i // images) + 50, 150,
            **{"image": i % images, "class": i // images % 2})
        for i in range(count)
    ]  # fmt: skip


def heap(seed: int) -> tuple[Rows, Rows]:
    """Truths and detections that overlap much, no two alike, nor two scores; 40 pixels or more."""
    random = np.random.default_rng(seed)

    def draw(count: int) -> Rows:
        corner, side = random.uniform(0, 80, (count, 2)), random.uniform(40, 80, (count, 2))
        return [
            box(*corner[i], *(corner[i] + side[i]), score=random.random(),
                **{"image": int(random.integers(5)), "class": int(random.integers(2))})
            for i in range(count)
        ]  # fmt: skip

    truth = draw(60)
    near = [
        {**truth[i], **{name: truth[i][name] + random.normal(0, 4) for name in CORNERS}}
        for i in random.integers(60, size=60)
    ]
    found = [row | {"score": random.random()} for row in near]
    return truth, found + draw(40)
