"""[detection] against a naive twin: output, loss, gradient, boxes."""

import numpy as np
import pytest

import pylrm
from tests.detector.naive import intersection, iou, softmax
from tests.layers.common import IDENTITY, KERNELS, close, network, section

SIDE, NUM, CLASSES = 3, 2, 4
VALUES = SIDE * SIDE * (CLASSES + 5 * NUM)
SCALES = {"object_scale": 2, "noobject_scale": 0.5, "class_scale": 1.5, "coord_scale": 5}


def detection(**keys):
    shape = {"side": SIDE, "num": NUM, "classes": CLASSES}
    return section("detection", **{**shape, **SCALES, **keys})


def parts(values):
    """Classes (cells, classes), objectness (cells, num), boxes (cells, num, 4) of an image."""
    cells = SIDE * SIDE
    classes, objectness, boxes = np.split(values, [cells * CLASSES, cells * (CLASSES + NUM)])
    return (
        classes.reshape(cells, CLASSES),
        objectness.reshape(cells, NUM),
        boxes.reshape(cells, NUM, 4),
    )


def box_of(values, cell, n, sqrt):
    x, y, w, h = parts(values)[2][cell, n]
    size = (w * w, h * h) if sqrt else (w, h)
    return np.array([(cell % SIDE + x) / SIDE, (cell // SIDE + y) / SIDE, *size])


def wanted(values, rows, sqrt=0, rescore=0):
    """Targets and weights of an image's values, and which (cell, box) truths claim."""
    target, weight = np.array(values, np.float64), np.zeros(VALUES)
    classes, objectness, boxes = parts(target)
    class_weight, object_weight, box_weight = parts(weight)
    objectness[:], object_weight[:] = 0, SCALES["noobject_scale"]
    ignored = [row for row in rows if row[4] == -1]
    for cell, n in np.ndindex(SIDE * SIDE, NUM):
        box = box_of(values, cell, n, sqrt)
        inside = [intersection(box, row) > box[2] * box[3] / 2 for row in ignored]
        if any(inside):
            object_weight[cell, n] = 0
    claims = []
    for row in rows:
        if row[4] < 0:
            continue
        column, line = int(row[0] * SIDE), int(row[1] * SIDE)
        cell = line * SIDE + column
        if cell in [claim[0] for claim in claims]:
            continue
        own = [box_of(values, cell, n, sqrt) for n in range(NUM)]
        overlaps = [iou(box, row) for box in own]
        distances = [np.sum((box - row[:4]) ** 2) for box in own]
        n = int(np.argmax(overlaps) if max(overlaps) > 0 else np.argmin(distances))
        claims.append((cell, n))
        objectness[cell, n] = overlaps[n] if rescore else 1
        object_weight[cell, n] = SCALES["object_scale"]
        classes[cell], class_weight[cell] = np.eye(CLASSES)[int(row[4])], SCALES["class_scale"]
        size = np.sqrt(row[2:4]) if sqrt else row[2:4]
        boxes[cell, n] = row[0] * SIDE - column, row[1] * SIDE - line, *size
        box_weight[cell, n] = SCALES["coord_scale"]
    return target, weight, claims


TRUTH = np.array(
    [
        [
            [0.2, 0.2, 0.3, 0.4, 1],
            [0.25, 0.1, 0.1, 0.2, 3],
            [0.7, 0.5, 0.5, 0.2, 0],
        ],  # two in a cell
        [[0.9, 0.95, 0.04, 0.03, 2], [0.5, 0.5, 0.9, 0.9, -1], [0, 0, 0, 0, 0]],
        [[0, 0, 0, 0, 0]] * 3,
    ],
    np.float32,
)


def values(seed=0, count=3):
    """Of three images: boxes of different sizes, and one without an area."""
    drawn = np.random.default_rng(seed).uniform(0.05, 0.95, (count, VALUES)).astype(np.float32)
    for image in drawn:
        parts(image)[2][0, 0, 2] = 0
    return drawn


def passed(x, kernels, rows=TRUTH, **keys):
    """A training pass: the layer's output, its delta, the network's cost, what is handed back."""
    text = IDENTITY + detection(**keys)
    with network(text, (VALUES, 1, 1), len(x), keep=True, kernels=kernels) as net:
        net.forward(x.reshape(*x.shape, 1, 1), rows, train=True)
        out, delta = (np.array(a).reshape(x.shape) for a in (net[1].output, net[1].delta))
        cost, assigned = net.cost, np.array(net[1].assigned)
        net.backward()
        return out, delta, cost, assigned, np.array(net[0].delta).reshape(x.shape)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("sqrt", [0, 1])
@pytest.mark.parametrize("rescore", [0, 1])
def test_loss_is_the_naive_one(sqrt, rescore, kernels):
    x = values()
    keys = {"sqrt": sqrt, "rescore": rescore}
    out, delta, cost, assigned, handed = passed(x, kernels, **keys)
    np.testing.assert_array_equal(out, x)
    expected = []
    for image, rows, mine in zip(x, TRUTH, assigned, strict=True):
        target, weight, claims = wanted(image, rows[rows[:, 0] != 0], **keys)
        expected.append(weight * (target - image))
        claimed = np.argwhere(mine.reshape(NUM, -1).T == 1)
        assert sorted(claims) == [tuple(claim) for claim in claimed.tolist()]
    close(delta, expected)
    close(handed, expected)
    assert cost == pytest.approx(np.sum(np.square(expected)), rel=1e-5)


def test_delta_is_minus_the_gradient_of_half_the_weighed_squares():
    x = values(1).astype(np.float64)
    _, delta, *_ = passed(x.astype(np.float32), "reference", sqrt=1)

    def energy(image, rows):
        target, weight, _ = wanted(image, rows[rows[:, 0] != 0], sqrt=1)
        return np.sum(weight * np.square(target - image)) / 2

    for image, rows, own in zip(x, TRUTH, delta, strict=True):
        for place in range(VALUES):
            step = np.zeros(VALUES)
            step[place] = 1e-6
            slope = (energy(image + step, rows) - energy(image - step, rows)) / 2e-6
            assert own[place] == pytest.approx(-slope, abs=1e-4)


@pytest.mark.parametrize("kernels", KERNELS)
def test_classes_by_softmax(kernels):
    x = values(2)
    out, delta, *_ = passed(x, kernels, softmax=1)
    for image, found, rows, own in zip(x, out, TRUTH, delta, strict=True):
        expected = np.array(image, np.float64)
        parts(expected)[0][:] = softmax(parts(expected)[0].T).T
        close(found, expected)
        target, weight, _ = wanted(expected, rows[rows[:, 0] != 0])
        close(own, weight * (target - expected))


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("inference", [False, True])
def test_boxes_are_its_scores_above_thresh(inference, kernels):
    x = values(3)
    text = IDENTITY + detection(sqrt=1)
    with network(text, (VALUES, 1, 1), 3, kernels=kernels, inference=inference) as net:
        out = net.forward(x.reshape(3, VALUES, 1, 1)).reshape(3, VALUES)
        np.testing.assert_array_equal(out, x)
        for i in range(3):
            classes, objectness, _ = parts(x[i])
            expected = [
                [
                    *box_of(x[i], cell, n, 1),
                    objectness[cell, n],
                    *np.where(
                        classes[cell] * objectness[cell, n] > 0.3,
                        classes[cell] * objectness[cell, n],
                        0,
                    ),
                ]
                for n in range(NUM)
                for cell in range(SIDE * SIDE)
            ]
            rows = net.boxes(i, thresh=0.3, letterbox=False)
            expected = np.array(expected)
            expected[expected[:, 4] <= 0.3, 4] = 0
            close(rows, expected)
            best = net.boxes(i, thresh=0.3, nms=0.01, letterbox=False)
            assert (best[:, 5:] > 0).sum() < (rows[:, 5:] > 0).sum()


def test_bits_do_not_depend_on_threads():
    x = values(4, 3)
    deltas = []
    for threads in (1, 3):
        text = IDENTITY + detection(rescore=1)
        with network(text, (VALUES, 1, 1), 3, keep=True, threads=threads) as net:
            net.forward(x.reshape(3, VALUES, 1, 1), TRUTH, train=True)
            deltas.append((net.cost, net[1].delta.tobytes()))
    assert deltas[0] == deltas[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            detection(num=3),
            r"cfg:8: \[detection\] does not fit the \[activation\] in line 6: .*=171",
        ),
        (detection(random=1), r"cfg:\d+: \[detection\] random=1"),
        (detection(forced=1), r"cfg:\d+: \[detection\] forced=1"),
        (detection(coords=5), r"cfg:\d+: \[detection\] coords=5"),
        (
            detection() + section("lrm", k=3),
            r"cfg:\d+: \[lrm\] layers= names layer 1, a \[detection\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(text, message):
    with pytest.raises(pylrm.CfgError, match=message):
        network(IDENTITY + text, (VALUES, 1, 1))
