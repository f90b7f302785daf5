"""[region] and [yolo]: outputs, deltas, costs, what is handed back, statistics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detector import naive, nets
from tests.detector.goldens import CASES, Case, relative

SHAPES = [(1, 1), (3, 2), (4, 5)]
REGION_KEYS = [
    {},
    {"softmax": 1, "rescore": 1, "bias_match": 1, "object_scale": 5, "thresh": 0.6},
    {"noobject_scale": 0.5, "class_scale": 2, "coord_scale": 3, "thresh": 0.2},
    {"background": 1, "softmax": 1, "object_scale": 5},
    {"background": 1, "bias_match": 1},
    {"anchor_warmup": 2_000_000, "softmax": 1},
    {"max": 2, "softmax": 1},
]
YOLO_KEYS = [
    {},
    {"ignore_thresh": 0.1, "truth_thresh": 0.3},
    {"scale_x_y": 1.2, "iou_normalizer": 0.5, "cls_normalizer": 2},
    {"max": 2},
    {"obj_normalizer": 0.4, "delta_normalizer": 0.5, "iou_normalizer": 3},
    {"iou_thresh": 0.2},
    {"label_smooth_eps": 0.1, "focal_loss": 1, "iou_thresh": 0.3},
    {"objectness_smooth": 1, "ignore_thresh": 0.2},
    {"counters_per_class": "10,3,0", "max_delta": 5},
    *({"iou_loss": kind, "iou_normalizer": 0.07} for kind in ("iou", "giou", "diou", "ciou")),
    {"iou_loss": "ciou", "max_delta": 0.5, "iou_thresh": 0.213, "scale_x_y": 1.05},
    {"new_coords": 1, "scale_x_y": 2, "iou_loss": "ciou", "iou_normalizer": 0.05},
    {"new_coords": 1, "counters_per_class": "1,2,3"},
]
SEEN = 10**6


@pytest.mark.parametrize("name", CASES)
def test_golden_losses(name):
    case = Case(name)
    cost = 0
    for head in case.heads:
        output = f"train_out_{head.index:02}"
        with head.network(more=[case.lrm] if case.lrm else []) as net:
            net.forward(head.preimage(output), case.truth, train=True)
            layer = net[0]
            cost += layer.cost / len(case.heads)
            assert relative(layer.output, case.arrays[output]) < 1e-4
            assert relative(layer.delta, case.arrays[f"loss_delta_{head.index:02}"]) < 1e-4
            net.backward()
            assert relative(layer.delta, case.arrays[f"delta_{head.index:02}"]) < 1e-4
    assert cost == pytest.approx(float(case.arrays["costs"][0]), rel=1e-4)


def check(net, batch, anchors, outcome, backward):
    """Compares a net's first layer, after a training pass, with the naive outcome of each image."""
    layer = net[0]
    got_out, got_delta = nets.heads(layer.output, anchors), nets.heads(layer.delta, anchors)
    assigned = np.asarray(layer.assigned).reshape(batch, anchors, *got_out.shape[3:])
    cost = sum((delta**2).sum() for _, delta, _ in outcome)
    for b, (out, delta, marks) in enumerate(outcome):
        np.testing.assert_allclose(got_out[b], out, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(got_delta[b], delta, rtol=1e-4, atol=2e-5)
        np.testing.assert_array_equal(assigned[b], marks)
    assert layer.cost == pytest.approx(cost, rel=1e-4)
    net.backward()
    for b, (out, delta, _) in enumerate(outcome):
        handed = nets.heads(layer.delta, anchors)[b]
        np.testing.assert_allclose(handed, backward(out, delta), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("keys", REGION_KEYS, ids=str)
@pytest.mark.parametrize("w,h", SHAPES)
def test_region_is_the_naive_one(w, h, keys):
    rng = np.random.default_rng(w * 100 + h)
    batch, classes = 2, 3
    x = nets.logits(rng, batch, 3, classes, h, w)
    truth = nets.truths(rng, batch, 4, classes)
    with nets.network([nets.region(classes, **keys)], w, h, x.shape[1], batch, SEEN) as net:
        net.forward(x, truth, train=True)
        raw = nets.heads(x, 3)
        outcome = [naive.region(raw[b], truth[b], nets.ANCHORS, SEEN, **keys) for b in range(batch)]
        background = keys.get("background", 0)
        check(net, batch, 3, outcome, lambda o, d: naive.region_backward(o, d, background))


@pytest.mark.parametrize("keys", YOLO_KEYS, ids=str)
@pytest.mark.parametrize("mask", [(0, 1, 2), (2, 0), (1,)])
@pytest.mark.parametrize("w,h", SHAPES)
def test_yolo_is_the_naive_one(w, h, mask, keys):
    rng = np.random.default_rng(w * 100 + h)
    batch, classes = 2, 3
    x = nets.logits(rng, batch, len(mask), classes, h, w)
    truth = nets.truths(rng, batch, 4, classes)
    with nets.network([nets.yolo(classes, mask=mask, **keys)], w, h, x.shape[1], batch) as net:
        if keys.get("new_coords"):
            x = naive.logistic(x).astype(np.float32)
        net.forward(x, truth, train=True)
        raw = nets.heads(x, len(mask))
        outcome = [
            naive.yolo(raw[b], truth[b], nets.ANCHORS, mask, (w, h), **keys) for b in range(batch)
        ]
        check(net, batch, len(mask), outcome, lambda out, delta: delta)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 2), st.booleans())
def test_random_truths_with_and_without_regions_to_ignore(seed, objects, ignored, softmax):
    rng = np.random.default_rng(seed)
    x = nets.logits(rng, 1, 3, 2, 3, 4)
    truth = nets.truths(rng, 1, objects, 2, ignored=ignored)
    raw = nets.heads(x, 3)[0]
    keys = {"softmax": int(softmax), "rescore": 1}
    with nets.network([nets.region(2, **keys)], 4, 3, 21) as net:
        net.forward(x, truth, train=True)
        outcome = naive.region(raw, truth[0], nets.ANCHORS, SEEN, **keys)
        check(net, 1, 3, [outcome], naive.region_backward)
    with nets.network([nets.yolo(2)], 4, 3, 21) as net:
        net.forward(x, truth, train=True)
        outcome = naive.yolo(raw, truth[0], nets.ANCHORS, (0, 1, 2), (4, 3))
        check(net, 1, 3, [outcome], lambda out, delta: delta)


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
def test_two_truths_on_one_prediction(kind):
    """The later one's box stands; without softmax both classes learn."""
    rng = np.random.default_rng(5)
    x = nets.logits(rng, 1, 1, 3, 1, 1)
    truth = np.array([[[0.4, 0.4, 0.5, 0.5, 0], [0.6, 0.7, 0.3, 0.4, 2]]], np.float32)
    with nets.network([kind(3, anchors=[(1, 1)])], 1, 1, 8) as net:
        net.forward(x, truth, train=True)
        out, delta = np.ravel(net[0].output), np.ravel(net[0].delta)
        assert net[0].stats["count"] == 2
    np.testing.assert_allclose(delta[5:], [1 - out[5], 0 - out[6], 1 - out[7]], rtol=1e-5)
    assert delta[0] == pytest.approx((2 - 0.12) * (0.6 - out[0]), rel=1e-4)


def test_warmup_counts_the_batch_of_the_pass():
    x = np.zeros((1, 24, 1, 1), np.float32)
    x[:, 2] = 1
    for seen, drawn in ((12799, True), (12800, False)):
        with nets.network([nets.region()], 1, 1, 24, seen=seen) as net:
            net.forward(x, np.zeros((1, 1, 5), np.float32), train=True)
            assert (net[0].delta[0, 2, 0, 0] != 0) == drawn


UNUSABLE = [
    (0.5, 0.5, 0.3, 0.3, 3), (0.5, 0.5, 0.3, 0.3, 1e30), (0.5, 0.5, 0.3, 0.3, -2),
    (0.5, 0.5, 0.3, 0.3, np.nan), (np.nan, 0.5, 0.3, 0.3, 0), (0.5, np.inf, 0.3, 0.3, 0),
    (1.5, 0.5, 0.3, 0.3, 0), (0.5, -0.5, 0.3, 0.3, 0), (0.5, 0.5, 0, 0.3, 0),
    (0.5, 0.5, 0.3, -1, 0), (0.5, 0.5, 0.3, np.nan, -1), (0.5, 0.5, np.inf, 0.3, 0),
]  # fmt: skip


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
@pytest.mark.parametrize("row", UNUSABLE)
def test_an_unusable_row_teaches_nothing(kind, row):
    rng = np.random.default_rng(6)
    x = nets.logits(rng, 1, 3, 3, 2, 2)
    good = (0.3, 0.6, 0.4, 0.4, 1)
    with nets.network([kind()], 2, 2, 24) as net:
        net.forward(x, np.array([[good]], np.float32), train=True)
        expected = np.array(net[0].delta)
        net.forward(x, np.array([[row, good]], np.float32), train=True)
        np.testing.assert_array_equal(net[0].delta, expected)
        assert net[0].stats["count"] == 1


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
def test_a_centre_on_the_far_border_belongs_to_the_last_cell(kind):
    rng = np.random.default_rng(7)
    x = nets.logits(rng, 1, 3, 3, 3, 2)
    with nets.network([kind()], 2, 3, 24) as net:
        net.forward(x, np.array([[(1, 1, 0.3, 0.3, 0)]], np.float32), train=True)
        claimed = np.argwhere(np.asarray(net[0].assigned).reshape(3, 3, 2) == 1)
    assert claimed[:, 1:].tolist() == [[2, 1]]


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
def test_a_list_ends_at_the_first_x_of_0_and_at_max(kind):
    rng = np.random.default_rng(8)
    x = nets.logits(rng, 1, 3, 3, 4, 4)
    truth = nets.truths(rng, 1, 4, 3)
    for cut, keys in ((truth.copy(), {}), (truth, {"max": 2})):
        if not keys:
            cut[0, 2, 0] = 0
        with nets.network([kind(**keys)], 4, 4, 24) as net, nets.network([kind()], 4, 4, 24) as two:
            net.forward(x, cut, train=True)
            two.forward(x, truth[:, :2], train=True)
            np.testing.assert_array_equal(net[0].delta, two[0].delta)


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
def test_statistics(kind):
    rng = np.random.default_rng(9)
    batch, w, h = 3, 4, 3
    x = nets.logits(rng, batch, 3, 3, h, w)
    truth = nets.truths(rng, batch, 1, 3)
    with nets.network([kind()], w, h, 24, batch) as net:
        net.forward(x, truth, train=True)
        stats, out = net[0].stats, nets.heads(net[0].output, 3)
        claimed = np.asarray(net[0].assigned).reshape(batch, 3, h, w) == 1
    boxes = [naive.decode(out[b], np.array(nets.ANCHORS) / [w, h]) for b in range(batch)]
    overlaps = [naive.iou(boxes[b][claimed[b]][0], truth[b, 0]) for b in range(batch)]
    assert claimed.sum() == stats["count"] == stats["class_count"] == batch
    assert stats["iou"] == pytest.approx(sum(overlaps), rel=1e-4)
    assert stats["objectness"] == pytest.approx(out[:, :, 4][claimed].sum(), rel=1e-5)
    assert stats["noobjectness"] == pytest.approx(out[:, :, 4].sum(), rel=1e-5)
    chosen = [out[b, :, 5 + int(truth[b, 0, 4])][claimed[b]][0] for b in range(batch)]
    assert stats["class_probability"] == pytest.approx(sum(chosen), rel=1e-5)
    assert stats["predictions"] == batch * 3 * w * h
    assert stats["recall50"] == sum(o > 0.5 for o in overlaps)
    assert stats["recall75"] == sum(o > 0.75 for o in overlaps)


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
def test_truth_without_training_and_training_without_truth(kind):
    rng = np.random.default_rng(10)
    x, truth = nets.logits(rng, 2, 3, 3, 2, 3), nets.truths(rng, 2, 2, 3)
    with nets.network([kind()], 3, 2, 24, batch=2) as net:
        net.forward(x, truth, train=True)
        trained, cost = np.array(net[0].delta), net[0].cost
        net.forward(x, truth)
        np.testing.assert_array_equal(net[0].delta, trained)
        assert net[0].cost == net.cost == cost > 0
        net.forward(x, train=True)
        assert not np.any(net[0].delta) and not np.any(net[0].assigned) and net.cost == 0
        net.forward(x)
        assert net.cost == 0 and net[0].stats["predictions"] == 0


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
def test_results_do_not_depend_on_the_number_of_threads(kind):
    rng = np.random.default_rng(11)
    x, truth = nets.logits(rng, 5, 3, 3, 3, 3), nets.truths(rng, 5, 3, 3)
    seen = []
    for threads in (1, 2, 4):
        mined = [kind(), nets.lrm(k=5, nms=0.5)]
        with nets.network(mined, 3, 3, 24, batch=5, threads=threads) as net:
            net.forward(x, truth, train=True)
            mining = net[1].mining
            seen.append((net.cost, net[0].stats, mining, np.array(net[0].delta).tobytes()))
    assert seen[0] == seen[1] == seen[2]


def test_extreme_logits_stay_in_bounds():
    x = np.full((1, 24, 2, 2), 1e4, np.float32)
    x[:, 1::2] *= -1
    truth = np.array([[(0.3, 0.6, 0.4, 0.4, 1), (0.7, 0.2, 0.1, 0.4, 2)]], np.float32)
    for kind in (nets.region, nets.yolo):
        with nets.network([kind(), nets.lrm(k=3, nms=0.7)], 2, 2, 24) as net:
            net.forward(x, truth, train=True)
            assert np.sum(net[1].selected) == 3
            net.boxes(0, thresh=0.1, image_size=(5, 5), nms=0.4)


def test_resize_follows_the_input():
    rng = np.random.default_rng(12)
    truth = nets.truths(rng, 1, 3, 3)
    for kind in (nets.region, nets.yolo):
        sections = [kind(), nets.lrm(k=4, nms=0.7)]
        with nets.network(sections, 3, 3, 24) as net, nets.network(sections, 5, 2, 24) as fresh:
            net.forward(nets.logits(rng, 1, 3, 3, 3, 3), truth, train=True)
            net.resize(5, 2)
            x = nets.logits(rng, 1, 3, 3, 2, 5)
            for each in (net, fresh):
                each.forward(x, truth, train=True)
            np.testing.assert_array_equal(net[0].delta, fresh[0].delta)
            np.testing.assert_array_equal(net[1].selected, fresh[1].selected)


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
@pytest.mark.parametrize("side", [2.001, 1e30, 3e38])
def test_a_truth_much_larger_than_the_image_teaches_nothing(kind, side):
    rng = np.random.default_rng(51)
    x = nets.logits(rng, 1, 3, 3, 4, 4)
    with nets.network([kind(3)], 4, 4, 24) as net:
        found = []
        for w, h in ((0, 0), (side, 0.5), (0.5, side), (side, side)):
            net.forward(x, np.array([[(0.4, 0.6, w, h, 1)]], np.float32), train=True)
            found.append((net.cost, net[0].delta.tobytes()))
        assert np.isfinite(net.cost) and len(set(found)) == 1
