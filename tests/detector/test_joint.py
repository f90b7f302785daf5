"""[region] loss=joint: one classification of background and classes, with or without focal loss."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm
from pylrm.errors import CfgError

SIDE, ANCHORS, CLASSES, BATCH = 4, 2, 3, 2
ENTRIES = 5 + CLASSES
ANCHOR_SIZES = "1,1,2.5,2"


def network(keys: str, background: int = 1) -> pylrm.Network:
    return pylrm.Network(
        f"[net]\nbatch={BATCH}\nwidth={SIDE}\nheight={SIDE}\nchannels={ANCHORS * ENTRIES}\n"
        f"[region]\nanchors={ANCHOR_SIZES}\nnum=2\nclasses={CLASSES}\nbackground={background}\n"
        f"bias_match=1\nanchor_warmup=0\nthresh=.4\n{keys}\n",
        keep=True,
    )


def example() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1.2, (BATCH, ANCHORS * ENTRIES, SIDE, SIDE)).astype(np.float32)
    truth = np.zeros((BATCH, 3, 5), np.float32)
    for row in range(2):
        truth[:, row] = [0.2 + 0.5 * row, 0.4, 0.3, 0.45, row]
    return x, truth


def by_prediction(values: np.ndarray) -> np.ndarray:
    """(batch, predictions, entries)."""
    split = values.reshape(BATCH, ANCHORS, ENTRIES, SIDE * SIDE).transpose(0, 1, 3, 2)
    return split.reshape(BATCH, -1, ENTRIES)


def focal(raw: np.ndarray, wanted: int, gamma: float, weight: float) -> float:
    """The loss of one prediction from its raw background and class values, in float64."""
    raw = raw - raw.max()
    p = np.exp(raw[wanted]) / np.exp(raw).sum()
    return float(-weight * (1 - p) ** gamma * np.log(p))


@pytest.mark.parametrize(("gamma", "alpha"), [(0, 0), (2, 0), (2, 0.25), (0.5, 0.75), (1, 0)])
@pytest.mark.parametrize(("class_scale", "noobject_scale"), [(1, 1), (2, 0.5)])
def test_deltas_are_minus_the_gradient_of_focal_loss(gamma, alpha, class_scale, noobject_scale):
    x, truth = example()
    keys = (
        f"loss=joint\nfocal_gamma={gamma}\nfocal_alpha={alpha}\nclass_scale={class_scale}\n"
        f"noobject_scale={noobject_scale}"
    )
    with network(keys) as net:
        net.forward(x, truth, train=True)
        delta, assigned = by_prediction(np.array(net[0].delta)), np.array(net[0].assigned)
    raw = by_prediction(x).astype(float)
    kinds = {-1: 0, 0: 0, 1: 0}
    for image in range(BATCH):
        for i, kind in enumerate(assigned[image].tolist()):
            kinds[kind] += 1
            found = delta[image, i, 4:]
            if kind < 0:
                assert not found.any()
                continue
            values = raw[image, i, 4:]
            if kind:
                wanted, weight = int(found.argmax()), class_scale * (alpha or 1)
                assert wanted > 0 and (found > 0).sum() == 1
            else:
                wanted, weight = 0, noobject_scale * (1 - alpha)
            step = 1e-5
            for entry in range(1 + CLASSES):
                shift = step * np.eye(1 + CLASSES)[entry]
                up, down = (focal(values + s, wanted, gamma, weight) for s in (shift, -shift))
                assert found[entry] == pytest.approx(-(up - down) / (2 * step), rel=2e-4, abs=2e-6)
    assert min(kinds[0], kinds[1]) > 0


def test_boxes_learn_as_in_the_separate_loss_and_only_where_claimed():
    x, truth = example()
    found = []
    for keys in ("loss=joint", "loss=separate"):
        with network(keys) as net:
            net.forward(x, truth, train=True)
            delta = by_prediction(np.array(net[0].delta))
            assigned = np.array(net[0].assigned)
            assert not delta[assigned != 1][:, :4].any()
            found.append(delta[..., :4])
    assert np.array_equal(*found)


def test_the_wanted_class_is_the_truths():
    x, truth = example()
    with network("loss=joint") as net:
        out = net.forward(x, truth, train=True)
        claimed = np.array(net[0].assigned)[0] == 1
        entries = by_prediction(np.array(net[0].delta))[0][claimed][:, 4:]
        assert set(entries.argmax(axis=1).tolist()) == {1, 2}  # classes 0 and 1; 0 is background
        p = by_prediction(np.array(out))[0][claimed][:, 4:]
        wanted = np.eye(1 + CLASSES)[entries.argmax(axis=1)]
        np.testing.assert_allclose(entries, wanted - p, rtol=1e-5, atol=1e-6)


def test_it_needs_the_backgrounds_layout():
    with pytest.raises(CfgError, match=r"\[region\] loss=joint needs background=1"):
        network("loss=joint", background=0)
    with pytest.raises(CfgError, match="focal_gamma= and focal_alpha= need loss=joint"):
        network("focal_gamma=2")
    with pytest.raises(CfgError, match="one of separate, joint"):
        network("loss=focal")
