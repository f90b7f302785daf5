"""darknet detector valid, map and recall: a network measured on valid=."""

from __future__ import annotations

import math
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from pylrm.cli.darknet.flags import Line
from pylrm.terminal import warn_skipped

if TYPE_CHECKING:
    from pylrm.data.darknet import DataFile
    from pylrm.evaluate.boxes import Fields, Floats
    from pylrm.evaluate.measure import Detected, Evaluation

POINTS = {0: "area", 11: "11point"}
WAYS = {
    "area": "Area-Under-Curve for each unique Recall",
    "11point": "11 Recall-points",
}
LOWEST = 0.005  # score of what is measured
LOWEST_FOR_RECALL = 0.001


def valid(line: Line) -> None:
    """Write detections: results/comp4_det_test_CLASS.txt, or COCO's JSON."""
    from pylrm.evaluate.formats import coco, voc
    from pylrm.evaluate.results import check_target
    from pylrm.files.writing import writing

    done, data = evaluated(line, LOWEST)
    folder = data.results or Path("results")
    out = line.get("out")
    as_coco = data.eval == "coco" or (out is not None and out.endswith(".json"))
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".valid-", dir=folder) as room:
            check_target(Path(room), data)
            if as_coco:
                coco.write(Path(room), done.detected, data.names)
                name = f"{(out or 'coco_results').removesuffix('.json')}.json"
                files = [(Path(room) / coco.FILE, folder / name)]
            else:
                voc.write(Path(room), done.detected, data.names)
                files = [
                    (path, folder / f"{out or voc.PREFIX}{path.name.removeprefix(voc.PREFIX)}")
                    for path in sorted((Path(room) / "voc").iterdir())
                ]
            for made, target in files:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.replace(target)
                click.echo(f"wrote {target}")


def map(line: Line) -> None:
    """Print average precisions and counts as the newer fork does."""
    from pylrm.errors import DataError
    from pylrm.evaluate.report import report
    from pylrm.evaluate.voc import voc

    points = line.get("points", 0)
    if points not in POINTS:
        raise click.UsageError(f"-points {points}: there is 0 (area) and 11; not COCO's 101 points")
    iou, at, metric = line.get("iou_thresh", 0.5), line.get("thresh", 0.25), POINTS[points]
    if iou >= 1:
        raise click.UsageError(f"-iou_thresh {iou:g}: it must be below 1")
    done, data = evaluated(line, LOWEST, "--metric", metric, "--at", f"{at:g}")
    result = voc(*done.detected.inclusive(), data.names, iou=iou, metric=metric)  # type: ignore[arg-type]
    if math.isnan(result.map):
        raise DataError(f"{data.valid}: not one object in its images: no mAP")
    counts = report(result.matching, at)
    objects = sum(curve.objects for curve in result.curves.values())
    found = sum(len(curve.score) for curve in result.curves.values())
    click.echo(f"\n detections_count = {found}, unique_truth_count = {objects}  ")
    for number, (name, row) in enumerate(counts.rows.items()):
        click.echo(
            f"class_id = {number}, name = {name}, ap = {100 * number_of(result.ap[name]):.2f}%   "
            f"\t (TP = {row.hits}, FP = {row.false}) "
        )
    total, at_text = counts.total, f" for conf_thresh = {at:.2f}"
    click.echo(
        f"\n{at_text}, precision = {number_of(total.precision):.2f}, "
        f"recall = {number_of(total.recall):.2f}, F1-score = {number_of(total.f1):.2f} "
    )
    click.echo(
        f"{at_text}, TP = {total.hits}, FP = {total.false}, FN = {total.missed}, "
        f"average IoU = {100 * number_of(total.iou):.2f} % "
    )
    click.echo(f"\n IoU threshold = {100 * iou:.0f} %, used {WAYS[metric]} ")
    click.echo(
        f" mean average precision (mAP@{iou:.2f}) = {result.map:f}, or {100 * result.map:.2f} % "
    )


def recall(line: Line) -> None:
    """Print the original's running lines: index, found, objects, proposals, IoU, recall."""
    done, _ = evaluated(line, line.get("thresh", LOWEST_FOR_RECALL))
    found = objects = proposals = 0
    overlap = 0.0
    for number, (best, boxes) in enumerate(best_overlaps(done.detected)):
        found += int(np.count_nonzero(best > line.get("iou_thresh", 0.5)))
        objects += len(best)
        proposals += boxes
        overlap += float(best.sum())
        whole = max(objects, 1)
        click.echo(
            f"{number:5d} {found:5d} {objects:5d}\tRPs/Img: {proposals / (number + 1):.2f}\t"
            f"IOU: {100 * overlap / whole:.2f}%\tRecall:{100 * found / whole:.2f}%"
        )


def best_overlaps(detected: Detected) -> list[tuple[Floats, int]]:
    """Return of each image each object's best IoU, with a box of any class, and how many boxes."""
    from pylrm.evaluate.boxes import CORNERS
    from pylrm.evaluate.matching import iou_of

    def corners_of(fields: Fields) -> Floats:
        columns = [np.asarray(fields[name], np.float64) for name in CORNERS]
        return np.stack(columns, axis=1).reshape(-1, 4)

    rows = []
    for index, truth in detected.truth.items():
        boxes = np.unique(corners_of(detected.detections[index]), axis=0)
        objects = corners_of(truth)
        if "ignore" in truth:
            objects = objects[~np.asarray(truth["ignore"], bool)]
        owner, other = np.indices((len(objects), len(boxes))).reshape(2, -1)
        ratio = iou_of(objects[owner], boxes[other], border=0).reshape(len(objects), len(boxes))
        rows.append((ratio.max(axis=1, initial=0.0), len(boxes)))
    return rows


def evaluated(line: Line, thresh: float, *more: str) -> tuple[Evaluation, DataFile]:
    """Measure as a command line says; prints what pylrm's command would be."""
    from pylrm.cfg.file import Cfg
    from pylrm.cli.map import of_network
    from pylrm.data.darknet import read_data
    from pylrm.runs.inputs import letterboxes

    data_name, cfg_name, weights = line.words
    data, cfg = read_data(data_name), Cfg.read(cfg_name)
    letterbox = letterboxes(cfg, line.letterbox)
    nms = line.get("nms", 0.45)
    shown = ["pylrm", "map", "--cfg", cfg_name, "--data", data_name, "--weights", weights]
    shown += ["--thresh", f"{thresh:g}", *(["--nms", f"{nms:g}"] if "nms" in line.flags else [])]
    click.echo(shlex.join([*shown, *more, *(["--letterbox"] if line.letterbox else [])]))
    done = of_network(
        cfg,
        Path(weights),
        data,
        metric=None,
        threads=None,
        letterbox=letterbox,
        thresh=thresh,
        nms=nms,
    )
    warn_skipped(done.detected.skipped)
    return done, data


def number_of(value: float) -> float:
    """Return a figure, 0 for NaN, as Darknet prints it."""
    return 0.0 if math.isnan(value) else value
