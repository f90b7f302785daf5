"""[Gaussian_yolo] against numpy, its losses' derivatives, its scores, and mining after it."""

import math

import numpy as np
import pytest

import pylrm
from tests.detector import naive, nets
from tests.layers.common import KERNELS

CLASSES, STEP = 2, 1e-6
MEANS, SPREADS, REST = [0, 2, 4, 6], [1, 3, 5, 7], slice(8, None)


def head(classes=CLASSES, **keys):
    return nets.yolo(classes, **keys).replace("[yolo]", "[Gaussian_yolo]")


def logits(rng, batch, anchors, h, w, classes=CLASSES):
    return rng.normal(size=(batch, anchors * (9 + classes), h, w)).astype(np.float32)


def activated(raw, stretch=1.0):
    """(anchors, 9 + classes, h, w), float64."""
    out = raw.astype(np.float64)
    out[:, [0, 1, 2, 3, 5, 7]] = naive.logistic(out[:, [0, 1, 2, 3, 5, 7]])
    out[:, REST] = naive.logistic(out[:, REST])
    out[:, [0, 2]] = stretch * out[:, [0, 2]] - (stretch - 1) / 2
    return out


def surprise(means, spreads, target):
    """Half of minus the logarithm of each likelihood, the bell as high as of a deviation + .3."""
    bell = np.exp(-(((target - means) / spreads) ** 2) / 2)
    return -np.log(bell / (math.sqrt(2 * math.pi) * (spreads + 0.3)) + 1e-9) / 2


def box_deltas(means, spreads, target, weight):
    """Minus the slopes of the surprise by means and by spreads, times weight."""
    by_mean, by_spread = (
        (surprise(means + a, spreads + b, target) - surprise(means - a, spreads - b, target))
        / (2 * STEP)
        for a, b in ((STEP, 0), (0, STEP))
    )
    return -weight * by_mean, -weight * by_spread


def twin(raw, rows, mask, net, **keys):
    """out, delta, assigned of one image, by [yolo]'s twin but for the boxes' deltas."""
    plain = {name: value for name, value in keys.items() if name != "uc_normalizer"}
    means = raw[:, [*MEANS, *range(8, raw.shape[1])]]
    iou_normalizer = keys.get("iou_normalizer", 0.75)
    _, found, assigned = naive.yolo(
        means, rows, nets.ANCHORS, mask, net, **{**plain, "iou_normalizer": iou_normalizer}
    )
    out = activated(raw, keys.get("scale_x_y", 1))
    delta = np.zeros_like(out)
    delta[:, REST] = found[:, 4:]
    delta[:, MEANS] = found[:, :4]
    size = np.asarray(nets.ANCHORS)[list(mask)] / net
    objects, _ = naive.read_truth(rows, CLASSES, 90)
    every = keys.get("delta_normalizer", 1)
    for row in objects:
        h, w = out.shape[2:]
        y, x = min(int(row[1] * h), h - 1), min(int(row[0] * w), w - 1)
        best = naive.best_anchor(np.asarray(nets.ANCHORS) / net, row)
        for a, number in enumerate(mask):
            fit = naive.iou([0, 0, *size[a]], [0, 0, *row[2:4]])
            if number != best and not fit > keys.get("iou_thresh", 1):
                continue
            target = np.array([row[0] * w - x, row[1] * h - y, *np.log(row[2:4] / size[a])])
            by_mean, by_spread = box_deltas(
                out[a, MEANS, y, x], out[a, SPREADS, y, x], target, 2 - row[2] * row[3]
            )
            most = keys.get("max_delta", math.inf)
            if keys.get("iou_loss", "mse") == "mse":
                delta[a, MEANS, y, x] = np.clip(every * iou_normalizer * by_mean, -most, most)
            uncertain = every * keys.get("uc_normalizer", 1) * by_spread
            delta[a, SPREADS, y, x] = np.clip(uncertain, -most, most)
    return out, delta, assigned


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("w", "h"), [(1, 1), (5, 3), (4, 7)])
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"iou_normalizer": 0.3, "uc_normalizer": 0.2, "delta_normalizer": 2},
        {"scale_x_y": 1.2, "iou_thresh": 0.2, "cls_normalizer": 0.5, "obj_normalizer": 0.4},
        {"iou_loss": "giou", "uc_normalizer": 0.07},
        {"iou_loss": "ciou", "objectness_smooth": 1, "ignore_thresh": 0.2},
        {"max_delta": 0.05, "label_smooth_eps": 0.1},
    ],
)
def test_it_is_the_naive_one(w, h, keys, kernels):
    rng, batch, mask = np.random.default_rng(w + h), 2, (0, 2)
    x = logits(rng, batch, len(mask), h, w)
    truth = nets.truths(rng, batch, 4, CLASSES)
    sections = [head(mask=mask, **keys)]
    with nets.network(sections, w, h, x.shape[1], batch, kernels=kernels) as net:
        out = net.forward(x, truth, train=True)
        wanted = [
            twin(raw, truth[b], mask, (w, h), **keys)
            for b, raw in enumerate(nets.heads(x, len(mask)))
        ]
        for b, (expected, delta, assigned) in enumerate(wanted):
            np.testing.assert_allclose(nets.heads(out, 2)[b], expected, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(nets.heads(net[0].delta, 2)[b], delta, rtol=1e-4, atol=2e-5)
            np.testing.assert_array_equal(np.ravel(net[0].assigned[b]), assigned.ravel())
        assert np.ravel(net[0].assigned).max() == 1
        squares = sum((delta**2).sum() for _, delta, _ in wanted)
        assert net[0].cost == pytest.approx(squares, rel=1e-4)


def test_the_delta_goes_back_as_it_is():
    rng = np.random.default_rng(3)
    x, truth = logits(rng, 1, 3, 3, 4), nets.truths(rng, 1, 3, CLASSES)
    sections = ["[activation]\nactivation=linear\n", head()]
    with nets.network(sections, 4, 3, x.shape[1]) as net:
        net.forward(x, truth, train=True)
        net.backward()
        assert np.any(net[1].delta)
        np.testing.assert_array_equal(net[0].delta, net[1].delta)


def test_an_uncertainty_of_nothing_teaches_nothing_that_is_not_finite():
    x = np.zeros((1, 3 * (9 + CLASSES), 1, 1), np.float32)
    nets.heads(x, 3)[:, :, SPREADS] = -200  # the logistic function of it is 0
    truth = np.array([[[0.5, 0.5, 0.4, 0.4, 1]]], np.float32)  # x and y as predicted
    with nets.network([head()], 1, 1, x.shape[1]) as net:
        out = net.forward(x, truth, train=True)
        assert (nets.heads(out, 3)[:, :, SPREADS] == 0).all()
        assert np.isfinite(net[0].delta).all()


def test_uncertain_boxes_score_less():
    rng = np.random.default_rng(5)
    w, h = 4, 3
    x = logits(rng, 1, 3, h, w)
    with nets.network([head()], w, h, x.shape[1]) as net:
        net.forward(x)
        rows = net.boxes(0, thresh=0.0)
        thresh = 0.3
        fewer = net.boxes(0, thresh=thresh)
    out = activated(nets.heads(x, 3)[0])
    boxes = naive.decode(out[:, MEANS], np.asarray(nets.ANCHORS) / (w, h))
    score = out[:, 8:9] * out[:, 9:] * (1 - out[:, SPREADS].mean(axis=1, keepdims=True))
    table = np.concatenate([boxes.transpose(0, 3, 1, 2), out[:, 8:9], score], axis=1)
    by_cell = table.transpose(2, 3, 0, 1).reshape(-1, 5 + CLASSES)
    np.testing.assert_allclose(rows, by_cell, rtol=1e-4, atol=1e-6)
    kept = by_cell[by_cell[:, 4] > thresh]
    kept[:, 5:][kept[:, 5:] <= thresh] = 0
    np.testing.assert_allclose(fewer, kept, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("k", "limit"), [(5, 0.5), (9, 0)])
def test_mining_ranks_all_of_its_deltas(k, limit, kernels):
    rng, batch, w, h = np.random.default_rng(6), 2, 5, 3
    x, truth = logits(rng, batch, 3, h, w), nets.truths(rng, batch, 4, CLASSES)
    keys = {"kernels": kernels}
    with nets.network([head()], w, h, x.shape[1], batch, **keys) as net:
        out = nets.heads(net.forward(x, truth, train=True), 3)
        delta = nets.heads(np.array(net[0].delta), 3)
    sections = [head(), nets.lrm(k=k, nms=limit)]
    with nets.network(sections, w, h, x.shape[1], batch, **keys) as net:
        net.forward(x, truth, train=True)
        for b in range(batch):
            boxes = np.array(net[1].boxes[b])
            centres = naive.decode(out[b][:, MEANS], np.asarray(nets.ANCHORS) / (w, h))
            np.testing.assert_allclose(boxes, centres.reshape(-1, 4), rtol=1e-5)
            plain = out[b][:, [*MEANS, *range(8, out.shape[2])]]
            classes = naive.listing([plain])[:, 5:].argmax(axis=1)
            losses = (naive.listing([delta[b]]).astype(np.float64) ** 2).sum(axis=1)
            np.testing.assert_allclose(net[1].loss[b], losses, rtol=1e-5)
            kept = naive.select(np.array(net[1].loss[b]), boxes, classes, k, limit)
            assert np.flatnonzero(net[1].selected[b]).tolist() == sorted(kept)
            stays = np.reshape(net[1].selected[b], (3, 1, h, w))
            mined = nets.heads(net[0].delta, 3)[b]
            np.testing.assert_array_equal(mined, np.where(stays, delta[b], np.float32(0)))
        assert net[1].boxes.shape == (batch, 3 * w * h, 4)


def test_a_fresh_network_starts_at_its_prior():
    text = nets.text(
        ["[convolutional]\nfilters=33\nsize=1\nactivation=linear\n", head(prior=0.02)], 4, 4, 3
    )
    with pylrm.Network(text) as net:
        biases = np.reshape(net[0].params["biases"], (3, 9 + CLASSES))
        np.testing.assert_allclose(naive.logistic(biases[:, 8]), 0.02, rtol=1e-4)
        assert not np.any(np.delete(biases, 8, axis=1))


def test_it_learns_boxes_and_how_sure_it_is_of_them():
    rng = np.random.default_rng(8)
    convolution = "[convolutional]\nfilters=33\nsize=3\npad=1\nactivation=linear\n"
    cfg = nets.text([convolution, head(max_delta=0.5)], 4, 4, 3, 2)
    cfg = cfg.replace("[net]\n", "[net]\nlearning_rate=0.003\n")
    x, truth = rng.random((2, 3, 4, 4), np.float32), nets.truths(rng, 2, 2, CLASSES)
    with pylrm.Network(cfg, keep=True, seed=3) as net:
        states = []
        for updates in (0, 400):
            for _ in range(updates):
                net.train_batch(x, truth)
            out = nets.heads(net.forward(x, truth, train=True), 3)
            claimed = np.reshape(net[1].assigned, (2, 3, 4, 4)) == 1
            spread = out[:, :, SPREADS].mean(axis=2)[claimed].mean()
            stats = net[1].stats
            states.append((net[1].cost, stats["iou"] / stats["count"], spread))
    (cost, iou, spread), (last_cost, last_iou, last_spread) = states
    assert last_cost < 0.5 * cost
    assert last_iou > 0.8 > 0.6 > iou
    assert last_spread < 0.2 * spread


@pytest.mark.parametrize(
    ("keys", "channels", "message"),
    [
        (
            {},
            24,
            r"11: \[Gaussian_yolo\] does not fit the \[convolutional\] in line 7: filters=24 "
            r"before \[Gaussian_yolo\] must be 3\*\(8\+1\+classes\)=33, as it uses 3 of its "
            r"anchors",
        ),
        (
            {"yolo_point": "left_top"},
            33,
            r"16: \[Gaussian_yolo\] yolo_point=left_top: not supported",
        ),
        (
            {"uc_normalizer": -1},
            33,
            r"16: \[Gaussian_yolo\] uc_normalizer=-1: must be a number from",
        ),
    ],
)
def test_what_does_not_fit_is_told(keys, channels, message):
    convolution = f"[convolutional]\nfilters={channels}\nsize=1\nactivation=linear"
    text = nets.text([convolution, head(**keys)], 4, 4, 3)
    with pytest.raises(pylrm.CfgError, match=f"^cfg:{message}"):
        pylrm.Network(text, outline=True)
