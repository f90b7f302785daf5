"""Regions to ignore (truth rows of class -1) in [region] and [yolo], with and without [lrm]."""

import numpy as np
import pytest

from tests.detector import naive, nets

W, H = 4, 3
KINDS = [nets.region, nets.yolo]


def passes(kind, rows, x, more=(), **keys):
    """Delta (3, entries, h, w), assigned and statistics of one training pass."""
    truth = np.array([rows or [(0,) * 5]], np.float32)
    with nets.network([kind(**keys), *more], W, H, 24) as net:
        net.forward(x, truth, train=True)
        selected = np.array(net[1].selected[0]).reshape(3, H, W) if more else None
        assigned = np.array(net[0].assigned[0]).reshape(3, H, W)
        return np.array(nets.heads(net[0].delta, 3)[0]), assigned, net[0].stats, selected


def inside(x, region):
    """(3, h, w) bool: more than half of the prediction lies in the region."""
    with nets.network([nets.region()], W, H, 24) as net:
        out = nets.heads(net.forward(x), 3)[0]
    boxes = naive.decode(out, np.array(nets.ANCHORS) / [W, H])
    own = boxes[..., 2] * boxes[..., 3]
    common = [naive.intersection(box, region) for box in boxes.reshape(-1, 4)]
    return np.reshape(common, own.shape) > own / 2


@pytest.fixture
def x():
    return nets.logits(np.random.default_rng(20), 1, 3, 3, H, W, spread=0.7)


REGION = (0.4, 0.5, 0.7, 0.8)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_objectness_of_what_lies_inside_changes(kind, x):
    plain, before, _, _ = passes(kind, [], x)
    delta, assigned, stats, _ = passes(kind, [(*REGION, -1)], x)
    covered = inside(x, REGION)
    assert covered.any() and not covered.all() and not before.any()
    assert np.all(delta[:, 4][covered] == 0)
    np.testing.assert_array_equal(assigned, np.where(covered, -1, 0))
    delta[:, 4][covered] = plain[:, 4][covered]
    np.testing.assert_array_equal(delta, plain)
    assert stats["count"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_region_is_no_truth(kind, x):
    """It claims nothing, and a prediction that fits it exactly has no IoU with it."""
    x = np.zeros_like(x)
    cell = (1.5 / W, 1.5 / H)
    size = np.array(nets.ANCHORS[0]) / [W, H]
    row = (*cell, *(0.8 * size))  # covers .64 of the first anchor, little of the larger ones
    delta, assigned, _, _ = passes(kind, [(*row, -1)], x)
    assert not np.any(assigned == 1)
    assert assigned[0, 1, 1] == -1 and delta[0, 4, 1, 1] == 0
    assert assigned[1, 1, 1] == 0 and delta[1, 4, 1, 1] != 0
    half = (*cell, size[0] / 2, size[1])  # exactly half of the prediction: not more
    assert passes(kind, [(*half, -1)], x)[1][0, 1, 1] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_claimed_predictions_learn_inside_a_region(kind, x):
    truth = (0.4, 0.5, 0.3, 0.4, 1)
    alone, _, counted, _ = passes(kind, [truth], x)
    for rows in ([truth, (*REGION, -1)], [(*REGION, -1), truth]):
        delta, assigned, stats, _ = passes(kind, rows, x)
        claimed = assigned == 1
        assert claimed.sum() == stats["count"] == counted["count"] == 1
        for e in range(8):
            np.testing.assert_array_equal(delta[:, e][claimed], alone[:, e][claimed])
        assert np.all(delta[:, 4][claimed] != 0)
        assert (assigned == -1).sum() >= inside(x, REGION).sum() - 1


@pytest.mark.parametrize("kind", KINDS)
def test_regions_count_towards_max(kind, x):
    rows = [(0.4, 0.5, 0.3, 0.4, 1), (*REGION, -1)]
    cut, alone = passes(kind, rows, x, max=1), passes(kind, rows[:1], x)
    np.testing.assert_array_equal(cut[0], alone[0])


@pytest.mark.parametrize("kind", KINDS)
def test_background_slot_gets_no_delta_either(kind, x):
    keys = {"background": 1} if kind is nets.region else {}
    delta, assigned, _, _ = passes(kind, [(0.5, 0.5, 5, 5, -1)], x, **keys)
    assert np.all(assigned == -1) and not delta[:, 4].any()


@pytest.mark.parametrize("kind", KINDS)
def test_mining_passes_by_what_is_ignored(kind, x):
    """An unlabelled object in the region cannot be taken for the hardest background."""
    covered = inside(x, REGION)
    loud = nets.heads(x, 3).copy()
    loud[0][:, 4][covered] = 9  # certain of an object where none is labelled
    x = loud.reshape(x.shape)
    k = int((~covered).sum())
    mining = [nets.lrm(k=k)]
    _, _, _, fooled = passes(kind, [], x, mining)
    delta, _, _, selected = passes(kind, [(*REGION, -1)], x, mining)
    assert fooled[covered].all()
    assert not selected[covered].any() and selected[~covered].all()
    assert not delta[:, 4][covered].any()
