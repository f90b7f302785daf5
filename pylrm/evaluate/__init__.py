"""Metrics of detections against truths."""

from __future__ import annotations

from pylrm.evaluate.coco import CocoResult, coco
from pylrm.evaluate.figures import Curve
from pylrm.evaluate.kitti import KittiResult, kitti
from pylrm.evaluate.matching import FALSE, HIT, NEUTRAL, Matching, match
from pylrm.evaluate.voc import VocResult, voc

__all__ = [
    "FALSE",
    "HIT",
    "NEUTRAL",
    "CocoResult",
    "Curve",
    "KittiResult",
    "Matching",
    "VocResult",
    "coco",
    "kitti",
    "match",
    "voc",
]
