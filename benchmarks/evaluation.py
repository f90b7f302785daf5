"""Time the metrics on 1,000 images with 50,000 detections; prints one JSON line.

Where pycocotools can be imported, its AP at IoU .5 of the same boxes is timed in turn with ours;
its own objects are made beforehand, while ours includes reading the records.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pylrm.evaluate import coco, kitti, voc

IMAGES, DETECTIONS, OBJECTS, ROUNDS = 1000, 50_000, 8_000, 7
NAMES = ["car", "pedestrian", "cyclist", "van", *(f"class {i}" for i in range(16))]
Fields = dict[str, np.ndarray]


def scenes(rng: np.random.Generator) -> tuple[dict[int, Fields], dict[int, Fields]]:
    """Draw truths, and detections of which a third lie on one of them."""
    image = rng.integers(IMAGES, size=OBJECTS)
    kind = rng.integers(len(NAMES), size=OBJECTS)
    corners = boxes(rng, OBJECTS)
    on = rng.integers(OBJECTS, size=DETECTIONS // 3)
    rest = DETECTIONS - len(on)
    near = corners[on] + rng.normal(0, 5, (len(on), 4))
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
    return (
        records(image, kind, corners),
        records(
            np.concatenate([image[on], rng.integers(IMAGES, size=rest)]),
            np.concatenate([kind[on], rng.integers(len(NAMES), size=rest)]),
            np.vstack([near, boxes(rng, rest)]),
            score=rng.random(DETECTIONS),
        ),
    )


def boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corner = rng.uniform(0, 400, (count, 2))
    return np.hstack([corner, corner + rng.uniform(10, 150, (count, 2))])


def records(
    image: np.ndarray, kind: np.ndarray, corners: np.ndarray, **more: np.ndarray
) -> dict[int, Fields]:
    sides = zip(("left", "top", "right", "bottom"), corners.T, strict=True)
    fields = {"class": kind, **dict(sides), **more}
    order = np.argsort(image, kind="stable")
    parts = np.split(order, np.searchsorted(image[order], np.arange(1, IMAGES)))
    return {
        number: {name: values[part] for name, values in fields.items()}
        for number, part in enumerate(parts)
    }


def peer(truth: dict[int, Fields], found: dict[int, Fields]) -> Callable[[], Any]:
    """Return what runs pycocotools' AP50 on the same boxes."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(records: dict[int, Fields]) -> list[dict[str, Any]]:
        return [
            {
                "image_id": image,
                "category_id": int(fields["class"][i]),
                "bbox": [
                    float(fields["left"][i]),
                    float(fields["top"][i]),
                    float(fields["right"][i] - fields["left"][i]),
                    float(fields["bottom"][i] - fields["top"][i]),
                ],
                **({"score": float(fields["score"][i])} if "score" in fields else {}),
            }
            for image, fields in records.items()
            for i in range(len(fields["class"]))
        ]

    content = {
        "images": [{"id": image} for image in range(IMAGES)],
        "categories": [{"id": kind} for kind in range(len(NAMES))],
        "annotations": [
            {**row, "id": i, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3]}
            for i, row in enumerate(rows(truth), 1)
        ],
    }
    wanted = COCO()
    wanted.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):
        wanted.createIndex()
        results = wanted.loadRes(rows(found))

    def run() -> float:
        evaluation = COCOeval(wanted, results, "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.evaluate()
            evaluation.accumulate()
        return float(evaluation.eval["precision"].mean())

    return run


def seconds(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    truth, found = scenes(np.random.default_rng(0))
    runs: dict[str, Callable[[], Any]] = {
        metric.__name__: lambda metric=metric: metric(truth, found, NAMES)
        for metric in (voc, coco, kitti)
    }
    with contextlib.suppress(ImportError):
        runs["pycocotools_ap50"] = peer(truth, found)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(seconds(run))
    line = {f"{name}_seconds": round(statistics.median(each), 3) for name, each in times.items()}
    if "pycocotools_ap50" in times:
        ratios = [a / b for a, b in zip(times["voc"], times["pycocotools_ap50"], strict=True)]
        line["voc_to_pycocotools_ap50"] = round(statistics.median(ratios), 4)
    print(json.dumps(line))
