"""[yolo]: deltas are minus the gradients, by the raw values, of losses written down here."""

import numpy as np
import pytest

from tests.detector import naive, nets

CLASSES, WANTED, STEP = 3, 1, 1e-5


def cross_entropy(p, target):
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def smoothed(raw, keys):
    """Objectness and classes of a claimed prediction, with label_smooth_eps= and the weights."""
    p, eps = naive.logistic(raw), keys.get("label_smooth_eps", 0)
    targets = np.where(np.arange(CLASSES) == WANTED, 1 - eps / 2, eps / 2)
    every = keys.get("delta_normalizer", 1)
    object_scale = every * keys.get("obj_normalizer", 1)
    class_scale = every * keys.get("cls_normalizer", 1)
    classes = class_scale * cross_entropy(p[1:], targets).sum()
    return object_scale * cross_entropy(p[0], 1) + classes


def focal(raw, keys):
    """Half of the focal loss of the wanted class, gamma 2."""
    p = naive.logistic(raw[1 + WANTED])
    return -0.5 * (1 - p) ** 2 * np.log(p)


@pytest.mark.parametrize(
    ("loss", "keys", "entries"),
    [
        (smoothed, {}, range(4)),
        (smoothed, {"label_smooth_eps": 0.2, "cls_normalizer": 0.3}, range(4)),
        (smoothed, {"obj_normalizer": 0.4, "delta_normalizer": 3}, range(4)),
        (focal, {"focal_loss": 1}, [1 + WANTED]),
    ],
)
def test_objectness_and_classes(loss, keys, entries):
    rng = np.random.default_rng(4)
    for _ in range(5):
        x = nets.logits(rng, 1, 3, CLASSES, 3, 3)
        truth = nets.truths(rng, 1, 1, CLASSES)
        truth[0, 0, 4] = WANTED
        with nets.network([nets.yolo(CLASSES, **keys)], 3, 3, x.shape[1]) as net:
            net.forward(x, truth, train=True)
            (place,) = np.argwhere(np.reshape(net[0].assigned, (3, 3, 3)) == 1)
            anchor, row, column = place
            raw = nets.heads(x, 3)[0, anchor, 4:, row, column].astype(np.float64)
            delta = nets.heads(net[0].delta, 3)[0, anchor, 4:, row, column]
        for entry in entries:
            shift = STEP * np.eye(1 + CLASSES)[entry]
            slope = (loss(raw + shift, keys) - loss(raw - shift, keys)) / (2 * STEP)
            assert delta[entry] == pytest.approx(-slope, rel=1e-4, abs=1e-6)


def gain(raw, anchor, cell, truth, keys):
    """What iou_loss= gains, by the raw x, y, w, h of a prediction."""
    stretch = keys.get("scale_x_y", 1)
    centre = stretch * naive.logistic(raw[:2]) - (stretch - 1) / 2
    box = [*((cell + centre) / 3), *(np.exp(raw[2:4]) * anchor)]
    return naive.overlap(np.array(box), truth, keys["iou_loss"])


@pytest.mark.parametrize("kind", ["iou", "giou", "diou"])
@pytest.mark.parametrize("stretch", [1, 1.2])
def test_boxes_by_overlap(kind, stretch):
    """Up to the factors that the fork leaves out or adds: see docs/compatibility.md."""
    keys, rng = {"iou_loss": kind, "scale_x_y": stretch}, np.random.default_rng(5)
    for _ in range(5):
        x = nets.logits(rng, 1, 3, CLASSES, 3, 3)
        truth = nets.truths(rng, 1, 1, CLASSES)
        with nets.network([nets.yolo(CLASSES, **keys)], 3, 3, x.shape[1]) as net:
            net.forward(x, truth, train=True)
            (place,) = np.argwhere(np.reshape(net[0].assigned, (3, 3, 3)) == 1)
            anchor, row, column = place
            raw = nets.heads(x, 3)[0, anchor, :4, row, column].astype(np.float64)
            delta = nets.heads(net[0].delta, 3)[0, anchor, :4, row, column]
        size = np.array(nets.ANCHORS[anchor]) / 3
        wanted, cell = truth[0, 0].astype(np.float64), np.array([column, row])
        p = naive.logistic(raw[:2])
        factors = [*(stretch * p * (1 - p) / 3), *(size / 2)]
        for entry in range(4):
            shift = STEP * np.eye(4)[entry]
            up, down = (gain(raw + s, size, cell, wanted, keys) for s in (shift, -shift))
            slope = (up - down) / (2 * STEP)
            assert delta[entry] * factors[entry] == pytest.approx(slope, rel=1e-3, abs=1e-5)
