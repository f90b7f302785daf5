"""Metrics of detections against truths."""

from __future__ import annotations

from pylrm.evaluate.voc import Curve, VocResult, voc

__all__ = ["Curve", "VocResult", "voc"]
