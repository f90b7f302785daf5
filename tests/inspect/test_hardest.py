"""Ranking by loss: against what the engine assigns and naive sums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pylrm
from pylrm.data.darknet import Rows, Truth
from pylrm.errors import NumericsError
from pylrm.inspect.hardest.ranking import (
    SEEN,
    Predictions,
    claimed,
    doubtful_labels,
    predictions,
    unlabelled,
)
from tests.detector import naive, nets

W, H, CLASSES = 5, 4, 3
FOUR = [(1.3, 1.7), (3.2, 4.0), (5.1, 2.2), (0.6, 0.8)]
CASES = {
    "region": [nets.region(CLASSES, softmax=1, object_scale=5)],
    "bias_match": [nets.region(CLASSES, bias_match=1, rescore=1)],
    "background": [nets.region(CLASSES, background=1)],
    "two heads": [
        nets.yolo(CLASSES, FOUR, mask=[2, 0]),
        nets.yolo(CLASSES, FOUR, mask=[1, 3]),
    ],
    "Gaussian_yolo": [nets.yolo(CLASSES).replace("[yolo]", "[Gaussian_yolo]")],
}


def network(name: str, batch: int = 2) -> pylrm.Network:
    channels = images(name, 0).shape[1]
    return nets.network(CASES[name], W, H, channels, batch, seen=SEEN)


def images(name: str, seed: int, batch: int = 2) -> np.ndarray:
    anchors = 2 if name == "two heads" else 3
    more = CLASSES + 4 if name == "Gaussian_yolo" else CLASSES
    return nets.logits(np.random.default_rng(seed), batch, anchors, more, H, W)


@pytest.mark.parametrize("name", CASES)
def test_a_predictions_loss_is_the_sum_of_its_squared_deltas(name: str) -> None:
    truth = nets.truths(np.random.default_rng(1), 2, 4, CLASSES, ignored=1)
    with network(name) as net:
        net.forward(images(name, 0), truth)
        for i in range(2):
            found = predictions(net, i, (W, H), letterbox=False)
            expected, assigned, boxes = [], [], []
            for head in net:
                delta = np.array(head.delta[i]).reshape(head.anchors, -1, H, W)
                for anchor, row, col in np.ndindex(head.anchors, H, W):
                    expected.append(sum(float(d) ** 2 for d in delta[anchor, :, row, col]))
                assigned.append(np.array(head.assigned[i]))
                mask = head.option("mask") if head.type == "yolo" else range(3)
                sizes = np.array(FOUR if head.type == "yolo" else nets.ANCHORS)[list(mask)]
                out = np.array(head.output[i]).reshape(delta.shape)
                if head.type == "Gaussian_yolo":
                    out = out[:, [0, 2, 4, 6]]
                boxes.append(naive.decode(out, sizes / [W, H]).reshape(-1, 4))
            np.testing.assert_array_equal(found.loss, np.float32(expected))
            np.testing.assert_array_equal(found.assigned, np.concatenate(assigned))
            np.testing.assert_allclose(found.boxes, np.concatenate(boxes), rtol=1e-5)
            assert found.scores.shape == (len(expected), CLASSES)
        total = sum(predictions(net, i, (W, H), False).loss.sum() for i in range(2))
        assert total == pytest.approx(sum(head.cost for head in net), rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_detections(name: str) -> None:
    with network(name, 1) as net:
        net.forward(images(name, 4, 1), np.zeros((1, 1, 5), np.float32))
        found = predictions(net, 0, (W, H), letterbox=False)
        rows = net.boxes(0, thresh=0.1, letterbox=False)
        rows = rows[rows[:, 5:].any(axis=1)]
        best = found.scores[(found.scores > 0.1).any(axis=1)]
        assert len(rows) and len(rows) == len(best)
        by_score = np.argsort(-rows[:, 5:].max(axis=1)), np.argsort(-best.max(axis=1))
        shown = np.where(best > 0.1, best, 0)
        np.testing.assert_allclose(rows[by_score[0], 5:], shown[by_score[1]], rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("picture", [None, (5, 3)])
def test_each_truth_claims_what_the_engine_assigns_it(
    name: str, picture: tuple[int, int] | None
) -> None:
    """One truth at a time, so that what is assigned is its own."""
    x = images(name, 2, 1)
    rows = nets.truths(np.random.default_rng(3), 1, 30, CLASSES, most=34, ignored=2)
    size = (W, H) if picture is None else picture
    claims = []
    with network(name, 1) as net:
        for row in rows[0]:
            net.forward(x, row.reshape(1, 1, 5))
            found = predictions(net, 0, size, letterbox=picture is not None)
            assigned = np.flatnonzero(found.assigned == 1)
            claims.append(int(assigned[0]) if len(assigned) else None)
            assert len(assigned) <= 1
        net.forward(x, rows)
        found = predictions(net, 0, size, letterbox=picture is not None)
        assert claimed(net, found.boxes, rows[0], picture) == claims
        together = np.flatnonzero(found.assigned == 1).tolist()
    assert sorted({claim for claim in claims if claim is not None}) == together
    assert claims[:30].count(None) == 0 and claims[30:] == [None] * 4


def test_an_output_that_is_not_finite_is_refused() -> None:
    x = images("region", 0)
    x[0, 2] = 1000  # a width of e^1000
    with network("region") as net:
        net.forward(x, np.zeros((2, 1, 5), np.float32))
        with pytest.raises(NumericsError, match="not finite"):
            predictions(net, 0, (W, H), letterbox=False)


def truth_of(objects: list[tuple[float, ...]]) -> Truth:
    rows = np.array(objects, np.float32).reshape(-1, 5)
    nothing = Rows(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), [])
    lines = 2 * np.arange(len(rows)) + 1
    return Truth(Path("a.jpg"), Path("a.txt"), Rows(rows, lines, []), nothing)


def found_of(*rows: tuple[tuple[float, ...], tuple[float, ...], float, int]) -> Predictions:
    boxes, scores, loss, assigned = (list(column) for column in zip(*rows, strict=True))
    return Predictions(
        np.array(loss, np.float32),
        np.array(assigned, np.int8),
        np.array(boxes, np.float32),
        np.array(scores, np.float32),
    )


A, B, C = (0.2, 0.2, 0.2, 0.2), (0.6, 0.6, 0.2, 0.4), (0.9, 0.2, 0.3, 0.2)


def test_labels_are_unseen_confused_or_fine() -> None:
    found = found_of(
        (A, (0.1, 0.05), 30.0, 1),  # claimed by the first label, and unsure
        ((0.21, 0.2, 0.2, 0.2), (0.1, 0.2), 0.0, -1),  # under the threshold
        (B, (0.1, 0.8), 2.0, 1),
        ((0.61, 0.6, 0.2, 0.4), (0.0, 0.9), 0.0, -1),
        (C, (0.1, 0.1), 20.0, 1),  # its neighbour sees it
        ((0.88, 0.2, 0.3, 0.2), (0.0, 0.4), 0.0, -1),
        ((0.92, 0.2, 0.3, 0.2), (0.5, 0.0), 0.0, -1),
    )
    truth = truth_of([(0, *A), (0, *B), (1, *C), (1, *A)])
    claims: dict[int, int | None] = {-1: None, 0: 0, 1: 2, 2: 4}  # the last one was not read
    unseen, confused = doubtful_labels(found, truth, claims, (100, 50), 0.25)
    assert (unseen.kind, unseen.class_id, unseen.seen_as, unseen.loss) == ("unseen", 0, None, 30)
    assert unseen.score == pytest.approx(0.1) and (unseen.label, unseen.line) == (Path("a.txt"), 1)
    assert unseen.box == pytest.approx((10, 5, 30, 15), abs=1e-4)
    assert (confused.kind, confused.class_id, confused.seen_as) == ("confused", 0, 1)
    assert (confused.loss, confused.line) == (2, 3) and confused.score == pytest.approx(0.9)
    more = doubtful_labels(found, truth, claims, (100, 50), 0.15)
    assert [one.kind for one in more] == ["confused", "confused"]  # .2 is enough now


def test_unlabelled_objects_are_detections_without_a_label() -> None:
    found = found_of(
        (A, (0.9, 0.0), 0.8, 0),
        ((0.21, 0.2, 0.2, 0.2), (0.8, 0.0), 0.6, 0),  # suppressed by the first
        (B, (0.2, 0.1), 0.1, 0),  # too unsure
        (C, (0.0, 0.7), 0.5, -1),  # ignored
        ((0.7, 0.85, 0.2, 0.2), (0.0, 0.6), 0.4, 1),  # claimed
        ((0.3, 0.8, 0.1, 0.1), (0.0, 0.5), 0.3, 0),  # a part of a label of its class
        ((0.3, 0.8, 0.1, 0.12), (0.5, 0.0), 0.2, 0),  # lies in another's: a thing of its own
        ((-0.1, 0.5, 0.4, 0.2), (0.3, 0.2), 0.1, 0),  # beyond the border
        ((0.5, 0.1, 0.2, 0.2), (0.3, 0.0), 0.1, 0),  # on a label that was not read
    )
    truth = truth_of([(1, 0.3, 0.8, 0.3, 0.3), (1, 0.5, 0.1, 0.2, 0.2)])
    ones = unlabelled(found, truth, (100, 50), 0.25)
    assert [one.loss for one in ones] == pytest.approx([0.8, 0.2, 0.1])
    assert all(one.kind == "unlabelled" and one.label is None for one in ones)
    assert ones[0].box == pytest.approx((10, 5, 30, 15), abs=1e-4)
    assert ones[2].box == pytest.approx((0, 20, 10, 30), abs=1e-4)
    everything = unlabelled(found, truth_of([]), (100, 50), 0.25)
    losses = sorted(one.loss for one in everything)
    assert losses == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.8])
