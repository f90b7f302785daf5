"""The metrics that a data set can be measured by; `pylrm.evaluate.measure` has their rules."""

from __future__ import annotations

from typing import Literal, get_args

Metric = Literal["area", "11point", "coco", "kitti"]

METRICS: tuple[Metric, ...] = get_args(Metric)
