"""Overlap, non-maximum suppression and the rows of detections."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pylrm
from pylrm.binding.library import ffi, floats, lib
from tests.detector import naive, nets
from tests.detector.goldens import CASES, Case

GOLDEN = Path(__file__).parents[1] / "golden"
coordinate = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.625, 1.0])
size = st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0])
box = st.tuples(coordinate, coordinate, size, size)


@given(st.lists(box, max_size=6), st.lists(box, max_size=6))
def test_iou_is_the_naive_one(a, b):
    a, b = np.array(a, np.float32).reshape(-1, 4), np.array(b, np.float32).reshape(-1, 4)
    got = pylrm.iou(a, b)
    assert got.shape == (len(a), len(b))
    assert all(got[i, j] == naive.iou(a[i], b[j]) for i in range(len(a)) for j in range(len(b)))


def engine_iou(a, b):
    return lib.dn_iou(floats(np.array(a, np.float32)), floats(np.array(b, np.float32)))


@given(box, box)
def test_the_engines_iou_is_the_naive_one(a, b):
    assert engine_iou(a, b) == engine_iou(b, a) == naive.iou(a, b)


@pytest.mark.parametrize(
    "other",
    [(0.5, 0.5, 0, 1), (0.5, 0.5, -1, 1), (math.nan, 0.5, 1, 1), (0.5, math.nan, 1, 1),
     (0.5, 0.5, math.nan, 1), (math.inf, 0.5, 1, 1), (2, 0.5, 1, 1), (1.5, 0.5, 1, 1)],
)  # fmt: skip
def test_iou_without_common_area_is_0(other):
    unit = (0.5, 0.5, 1, 1)
    assert pylrm.iou([unit], [other])[0, 0] == pylrm.iou([other], [unit])[0, 0] == 0
    assert engine_iou(unit, other) == engine_iou(other, unit) == 0


def test_iou_of_infinite_boxes_is_a_number():
    endless = (0.5, 0.5, math.inf, math.inf)
    assert pylrm.iou([endless], [endless])[0, 0] == engine_iou(endless, endless) == 0
    assert pylrm.iou([(0.5, 0.5, 1, 1)], [(0.5, 0.5, 1, 1)])[0, 0] == 1


@given(st.lists(st.tuples(box, st.sampled_from([0.1, 0.5, 0.5, 0.9])), max_size=12),
       st.sampled_from([0.0, 0.25, 0.5, 1.0]))  # fmt: skip
def test_nms_is_the_naive_one(items, limit):
    boxes = np.array([i[0] for i in items], np.float32).reshape(-1, 4)
    scores = np.array([i[1] for i in items], np.float32)
    assert list(pylrm.nms(boxes, scores, limit)) == naive.nms(boxes, scores, limit)


def test_nms_drops_above_the_limit_not_at_it():
    boxes = [(0.5, 0.5, 1, 1), (0.5, 0.25, 1, 0.5)]
    assert list(pylrm.nms(boxes, [0.3, 0.4], 0.5)) == [1, 0]
    assert list(pylrm.nms(boxes, [0.3, 0.4], 0.499)) == [1]


def test_nms_ranks_a_score_that_is_no_number_last():
    assert list(pylrm.nms([(0.5, 0.5, 1, 1)] * 3, [math.nan, -1, -math.inf], 1)) == [1, 2, 0]


def close(got, expected):
    return np.all(np.abs(got - expected) <= 1e-4 * (np.abs(expected) + 1e-3))


def in_order(rows):
    return rows[np.lexsort(np.round(rows[:, :4], 4).T)]


def unboxed(rows, size):
    """Rows relative to an input of `size` -> relative to the 640x480 picture letterboxed in it."""
    scale = min(size[0] / 640, size[1] / 480)
    shown = np.floor(np.array([640, 480]) * scale + 1e-9) / size
    rows = rows.astype(np.float64)
    rows[:, :2] = (rows[:, :2] - (1 - shown) / 2) / shown
    rows[:, 2:4] /= shown
    return rows


@pytest.mark.parametrize("name", CASES)
def test_golden_rows(name):
    case = Case(name)
    shown = {"thresh": 0.05, "letterbox": False}
    head = case.heads[-1]  # whose output the golden data hold
    with head.network() as net:
        net.forward(head.preimage(f"infer_{head.index:02}"))
        raw = unboxed(net.boxes(0, **shown), case.size)
        kept = unboxed(net.boxes(0, nms=0.45, **shown), case.size)
    expected = case.arrays["boxes_raw"].reshape(-1, raw.shape[1])
    assert close(raw, expected[len(expected) - len(raw) :])  # the last head's rows come last
    if len(case.heads) == 1:
        assert len(raw) == len(expected)
        expected = case.arrays["boxes_nms"].reshape(-1, raw.shape[1])
        assert close(in_order(kept), in_order(expected))


def region_rows(out, anchors, thresh, background=0):
    rows = []
    boxes = naive.decode(out, anchors)
    for a, y, x in naive.places(out):
        gate = 1 if background else out[a, 4, y, x]
        scores = gate * out[a, 5:, y, x]
        shown = np.array([gate, *scores])
        rows.append([*boxes[a, y, x], *np.where(shown > thresh, shown, 0)])
    return np.array(rows)


@pytest.mark.parametrize("background", [0, 1])
@pytest.mark.parametrize("w,h", [(1, 1), (3, 2)])
def test_region_lists_every_prediction_of_the_image_asked_for(w, h, background):
    rng = np.random.default_rng(1)
    x = nets.logits(rng, 2, 3, 4, h, w)
    with nets.network([nets.region(4, softmax=1, background=background)], w, h, 27, batch=2) as net:
        out = nets.heads(net.forward(x), 3)
        for b in range(2):
            expected = region_rows(out[b], np.array(nets.ANCHORS) / [w, h], 0.1, background)
            np.testing.assert_allclose(
                net.boxes(b, thresh=0.1, letterbox=False), expected, rtol=1e-5, atol=1e-7
            )


def test_yolo_lists_what_its_objectness_lets_through_cell_by_cell():
    rng = np.random.default_rng(2)
    w, h = 3, 2
    x = nets.logits(rng, 1, 3, 2, h, w)
    with nets.network([nets.yolo(2)], w, h, 21) as net:
        out = nets.heads(net.forward(x), 3)[0]
        rows = net.boxes(0, thresh=0.5, letterbox=False)
    expected = region_rows(out, np.array(nets.ANCHORS) / [w, h], 0.5).reshape(3, h * w, -1)
    expected = expected.transpose(1, 0, 2).reshape(3 * h * w, -1)
    np.testing.assert_allclose(rows, expected[expected[:, 4] > 0.5], rtol=1e-5, atol=1e-7)
    assert 0 < len(rows) < 3 * h * w


def test_rows_of_two_heads_follow_each_other():
    rng = np.random.default_rng(3)
    x = nets.logits(rng, 1, 2, 2, 3, 3, spread=2)
    sections = [nets.yolo(2, mask=(0, 2)), nets.yolo(2, mask=(1, 2))]
    with nets.network(sections, 3, 3, 14) as net:
        net.forward(x)
        rows = net.boxes(0, thresh=0, letterbox=False)
        outs = [nets.heads(net[i].output, 2)[0] for i in range(2)]
    for i, mask in enumerate([(0, 2), (1, 2)]):
        anchors = np.array(nets.ANCHORS)[list(mask)] / 3
        expected = region_rows(outs[i], anchors, 0).reshape(2, 9, -1).transpose(1, 0, 2)
        part = rows[18 * i : 18 * i + 18]
        np.testing.assert_allclose(part, expected.reshape(18, -1), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("image_size", [(640, 480), (333, 501), (1, 1), (2, 5000)])
def test_letterboxed_boxes_are_taken_back_to_the_picture(image_size):
    rng = np.random.default_rng(4)
    w, h = 5, 4
    with nets.network([nets.region(3)], w, h, 24) as net:
        net.forward(nets.logits(rng, 1, 3, 3, h, w))
        plain = net.boxes(0, thresh=0, letterbox=False)
        rows = net.boxes(0, image_size=image_size, thresh=0, letterbox=True)
    wide = w / image_size[0] < h / image_size[1]
    new_w = w if wide else int(image_size[0] * h / image_size[1]) or 1
    new_h = int(image_size[1] * w / image_size[0]) or 1 if wide else h
    expected = plain.astype(np.float64)
    expected[:, 0] = (plain[:, 0] * w - (w - new_w) / 2) / new_w
    expected[:, 1] = (plain[:, 1] * h - (h - new_h) / 2) / new_h
    expected[:, 2] *= w / new_w
    expected[:, 3] *= h / new_h
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.2, 0.45, 0.9]))
def test_suppression_by_class_leaves_the_rows(seed, limit):
    rng = np.random.default_rng(seed)
    with nets.network([nets.region(3)], 4, 3, 24) as net:
        net.forward(nets.logits(rng, 1, 3, 3, 3, 4))
        before = net.boxes(0, thresh=0.2, letterbox=False)
        after = net.boxes(0, thresh=0.2, letterbox=False, nms=limit)
    expected = before.copy()
    for c in range(5, 8):
        kept = naive.nms(before[:, :4], before[:, c], limit)
        lost = [i for i in range(len(before)) if i not in kept]
        # what has no probability of a class suppresses nothing and has nothing to lose
        expected[lost, c] = 0
    np.testing.assert_array_equal(after, expected)


def test_heads_of_different_classes_have_no_table():
    """Known before the first row is written: the rows of the second head are wider."""
    heads = [nets.region(3), "[route]\nlayers=-1\n", "[convolutional]\nfilters=36\n"]
    with nets.network([*heads, nets.yolo(7)], 3, 4, 24) as net:
        net.forward(np.zeros((1, 24, 4, 3), np.float32))
        out = np.full((2, 8), -7, np.float32)
        with net._handle.use() as pointer:
            rows, error = ffi.new("int *"), ffi.new("dn_error *")
            arguments = (0, 3, 4, 0, False, 0, floats(out), 2, rows, error)
            assert lib.dn_boxes(pointer, *arguments) == lib.DN_BAD_ARGUMENT
        assert np.all(out == -7)
        with pytest.raises(pylrm.PylrmError, match="3 and 7 classes"):
            net.boxes(0, thresh=0, letterbox=False)


def test_index_of_golden_cases_has_not_lost_a_detector():
    assert set(CASES) <= set(json.loads((GOLDEN / "index.json").read_text()))
    assert len(CASES) > 10
