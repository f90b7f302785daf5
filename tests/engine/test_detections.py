"""Detections for supervision: its trackers, zones and annotators work on them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import pylrm
from pylrm import Detection, Detections

FOUND = Detections([Detection(1, 0.9, (10.0, 12.5, 30.0, 40.0)), Detection(7, 0.4, (0, 0, 5, 6))])


def test_what_supervision_gets() -> None:
    sv = pytest.importorskip("supervision")
    there = FOUND.to_supervision(["red", "green"])
    assert isinstance(there, sv.Detections)
    np.testing.assert_allclose(there.xyxy, [[10, 12.5, 30, 40], [0, 0, 5, 6]])
    np.testing.assert_allclose(there.confidence, [0.9, 0.4])
    assert there.class_id.tolist() == [1, 7]
    assert there.data["class_name"].tolist() == ["green", "class 7"]
    assert there[there.confidence > 0.5].class_id.tolist() == [1]


def test_none_found() -> None:
    sv = pytest.importorskip("supervision")
    nothing = Detections().to_supervision(["red"])
    assert len(nothing) == 0 and nothing.is_empty()
    merged = sv.Detections.merge([nothing, FOUND.to_supervision(["red"])])
    assert len(merged) == 2


def test_a_zone_counts_and_an_annotator_draws() -> None:
    sv = pytest.importorskip("supervision")
    zone = sv.PolygonZone(np.array([[8, 8], [60, 8], [60, 60], [8, 60]]))
    there = FOUND.to_supervision(["red", "green"])
    assert zone.trigger(there).tolist() == [True, False]
    drawn = sv.BoxAnnotator().annotate(np.zeros((64, 64, 3), np.uint8), there)
    assert drawn[12:14, 10:30].any()


def test_byte_track_keeps_the_numbers_of_two_objects() -> None:
    pytest.importorskip("supervision")
    trackers = pytest.importorskip("trackers")
    tracker = trackers.ByteTrackTracker(frame_rate=10)
    numbers = []
    for step in range(12):
        left = Detection(0, 0.9, (10 + 3 * step, 20, 50 + 3 * step, 60))
        right = Detection(0, 0.8, (300 - 3 * step, 20, 340 - 3 * step, 60))
        both = [left, right] if step % 2 else [right, left]  # the order tells nothing
        tracked = tracker.update(Detections(both).to_supervision(["ball"]))
        ordered = tracked[np.argsort(tracked.xyxy[:, 0])]
        numbers.append(tuple(ordered.tracker_id.tolist()))
    assert len(set(numbers[4:])) == 1 and len(set(numbers[-1])) == 2 and min(numbers[-1]) >= 0


def test_without_supervision_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(pylrm.PylrmError, match=r"pip install 'pylrm\[supervision\]'"):
        FOUND.to_supervision()
