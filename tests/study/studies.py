"""A study's folder as if its runs had been done, with figures given."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pylrm.cfg.file import Cfg
from pylrm.study.arms import BASELINE, Arm, grid_name, read_arms
from pylrm.study.folder import StudyFolder
from pylrm.study.request import Request
from pylrm.study.run import Result, Task
from tests.study import paper

Figure = Callable[[str, str, int], float | None]  # of arm, column and seed, in percent
TIMES = ("images/s", "seconds")
BASE = "[net]\nwidth=32\nheight=32\n\n[convolutional]\nfilters=35\n\n[region]\nclasses=2\nnum=5\n"


def rows(folder: Path) -> list[dict[str, str]]:
    """The table of runs, without what depends on the machine."""
    with (folder / "runs.csv").open() as file:
        table = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if key not in TIMES} for row in table]


def arms_of_the_paper() -> list[Arm]:
    return read_arms(Cfg.read(BASE), [64, 128, 256], [0.0, 0.5, 0.7], [])


def write_study(
    folder: Path,
    arms: list[Arm],
    classes: list[str],
    seeds: int,
    figure: Figure,
    *,
    folds: int = 0,
) -> Path:
    """Write study.json, the cfgs and the results; a figure of None is a run that diverged."""
    study = StudyFolder(folder)
    folder.mkdir(parents=True)
    digests = {arm.name: arm.digest for arm in arms}
    options = {"updates": None, "letterbox": None}
    request = Request(
        "base", "d.data", "", None, None, classes, "area", options, folds, [*range(seeds)], digests
    )
    study.agree(request, arms)
    for arm in arms:
        for seed in range(seeds):
            for fold in range(folds) if folds else [None]:
                task = Task(arm.name, seed, fold, "", arm.digest, "", {})
                value = figure(arm.name, "mAP", seed)
                result = Result(arm.name, seed, fold, arm.digest, updates=9, note="it diverged")
                if value is not None:
                    ap = {name: percent(figure(arm.name, name, seed)) for name in classes}
                    result = Result(
                        arm.name, seed, fold, arm.digest, updates=9, map=percent(value), ap=ap,
                        ap75=value / 200,
                    )  # fmt: skip
                place = study.run(task)
                place.mkdir(parents=True)
                (place / "result.json").write_text(json.dumps(asdict(result)))
    return folder


def percent(value: float | None) -> float | None:
    return None if value is None else value / 100


def paper_figures(text: str) -> tuple[list[str], dict[tuple[str, str], float]]:
    """The classes of a table of the paper, and its figures by arm and column."""
    head, *rows = [line.split() for line in text.replace("\n    ", " ").strip().splitlines()]
    found = {}
    for k, nms, *values in rows:
        arm = BASELINE if k == BASELINE else grid_name(int(k), 0.0 if nms == "none" else float(nms))
        found |= {
            (arm, column): float(value) for column, value in zip(head[2:], values, strict=True)
        }
    return head[3:], found


KITTI_CLASSES, KITTI = paper_figures(paper.KITTI)
VOC_CLASSES, VOC = paper_figures(paper.VOC)
