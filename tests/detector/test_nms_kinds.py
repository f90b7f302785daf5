"""[yolo] nms_kind: greedy suppression by IoU less the newer fork's penalty for distant centres."""

import numpy as np
import pytest

from tests.detector import naive, nets


def suppressed(rows, thresh, power):
    """Probabilities after suppression, by the rule in plain numpy."""
    left = rows[:, 5:].copy()
    for c in range(left.shape[1]):
        kept = []
        for i in np.argsort(-left[:, c], kind="stable"):
            if left[i, c] == 0:
                continue
            for j in kept:
                overlap = naive.iou(rows[i], rows[j])
                if power and overlap > 0:
                    width, height = naive.hull(rows[i].astype(float), rows[j].astype(float))
                    apart = (rows[i, 0] - rows[j, 0]) ** 2 + (rows[i, 1] - rows[j, 1]) ** 2
                    overlap -= (apart / (width**2 + height**2)) ** power
                if overlap > thresh:
                    left[i, c] = 0
                    break
            else:
                kept.append(i)
    return left


@pytest.mark.parametrize(
    ("keys", "power"),
    [
        ({}, 0),
        ({"nms_kind": "default", "beta_nms": 2}, 0),
        ({"nms_kind": "greedynms"}, 0.6),
        ({"nms_kind": "diounms", "beta_nms": 1.5}, 1.5),
        ({"nms_kind": "diounms"}, 0.6),
    ],
    ids=str,
)
def test_boxes_suppress_each_other_as_asked(keys, power):
    rng = np.random.default_rng(3)
    different = 0
    for _ in range(5):
        x = nets.logits(rng, 1, 3, 2, 6, 6)
        with nets.network([nets.yolo(2, **keys)], 6, 6, x.shape[1]) as net:
            net.forward(x)
            rows = net.boxes(0, thresh=0.1)
            found = net.boxes(0, thresh=0.1, nms=0.3)
        expected = suppressed(rows, 0.3, power)
        np.testing.assert_array_equal(found[:, 5:], expected)
        different += (expected != suppressed(rows, 0.3, 0.6 if power == 0 else 0)).any()
    assert different  # the kinds do differ here
