"""[region] loss=joint and sigmoids: background and classes in one, with or without focal loss."""

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
    with pytest.raises(CfgError, match="focal_gamma= and focal_alpha= need loss=joint or sigmoids"):
        network("focal_gamma=2")
    with pytest.raises(CfgError, match="one of separate, joint"):
        network("loss=focal")
    for keys, background in (("", 1), ("softmax=1", 0)):
        with pytest.raises(CfgError, match="loss=sigmoids needs background=0 and softmax=0"):
            network(f"loss=sigmoids\n{keys}", background)


def alone(raw: np.ndarray, wanted: np.ndarray, gamma: float, weights: np.ndarray) -> float:
    """RetinaNet's loss of one prediction from its raw class values, in float64."""
    p = 1 / (1 + np.exp(-raw))
    right = np.where(wanted, p, 1 - p)
    return float((-weights * (1 - right) ** gamma * np.log(right)).sum())


@pytest.mark.parametrize(("gamma", "alpha"), [(0, 0), (2, 0), (2, 0.25), (0.5, 0.75)])
def test_sigmoids_are_minus_the_gradient_of_retinanets_loss(gamma, alpha):
    x, truth = example()
    keys = (
        f"loss=sigmoids\nfocal_gamma={gamma}\nfocal_alpha={alpha}\nclass_scale=2\nnoobject_scale=.5"
    )
    with network(keys, background=0) as net:
        net.forward(x, truth, train=True)
        delta, assigned = by_prediction(np.array(net[0].delta)), np.array(net[0].assigned)
        net.backward()
        back = by_prediction(np.array(net[0].delta))
    raw = by_prediction(x).astype(float)
    assert not delta[..., 4].any()
    assert np.array_equal(back[..., 5:], delta[..., 5:])  # of the raw values already
    for image in range(BATCH):
        for i, kind in enumerate(assigned[image].tolist()):
            found = delta[image, i, 5:]
            if kind < 0:
                assert not found.any()
                continue
            wanted = found > 0
            assert wanted.sum() == kind
            scale = 2 if kind else 0.5
            weights = scale * (np.where(wanted, alpha, 1 - alpha) if alpha else np.ones(CLASSES))
            step = 1e-5
            for c in range(CLASSES):
                shift = step * np.eye(CLASSES)[c]
                up, down = (
                    alone(raw[image, i, 5:] + s, wanted, gamma, weights) for s in (shift, -shift)
                )
                assert found[c] == pytest.approx(-(up - down) / (2 * step), rel=2e-4, abs=2e-6)
    assert {-1, 0, 1} >= set(assigned.ravel().tolist()) >= {0, 1}


def test_scores_of_sigmoids_are_the_classes_alone():
    x, _ = example()
    with network("loss=sigmoids", background=0) as net:
        net.forward(x)
        rows = net.boxes(0, thresh=0)
        p = by_prediction(np.array(net[0].output))[0, :, 5:]
    assert np.array_equal(np.sort(rows[:, 5:].ravel()), np.sort(p.ravel()))


def test_a_prior_starts_each_class_there():
    text = (
        f"[net]\nbatch=1\nwidth={SIDE}\nheight={SIDE}\nchannels=3\n[convolutional]\nsize=1\n"
        f"filters={ANCHORS * ENTRIES}\nactivation=linear\n[region]\nanchors={ANCHOR_SIZES}\nnum=2\n"
        f"classes={CLASSES}\nloss=sigmoids\nprior=.02\n"
    )
    with pylrm.Network(text, keep=True) as net:
        net.forward(np.zeros((1, 3, SIDE, SIDE), np.float32))
        found = np.array(net[1].output).reshape(ANCHORS, ENTRIES, -1)
    np.testing.assert_allclose(found[:, 5:], 0.02, rtol=1e-5)


@pytest.mark.parametrize("rank", ["delta", "true"])
def test_mining_ranks_sigmoids(rank):
    x, truth = example()
    text = (
        f"[net]\nbatch={BATCH}\nwidth={SIDE}\nheight={SIDE}\nchannels={ANCHORS * ENTRIES}\n"
        f"[region]\nanchors={ANCHOR_SIZES}\nnum=2\nclasses={CLASSES}\nloss=sigmoids\n"
        f"anchor_warmup=0\n[lrm]\nk=6\nrank={rank}\nnms=0\n"
    )
    with pylrm.Network(text, keep=True) as net:
        net.forward(x, truth, train=True)
        out, loss = by_prediction(np.array(net[0].output)), np.array(net[1].loss)
        assigned = np.array(net[0].assigned)
        background = assigned == 0
        if rank == "true":
            expected = -np.log(1 - out[..., 5:].astype(float)).sum(axis=-1)
        else:
            expected = (out[..., 5:].astype(float) ** 2).sum(axis=-1)
        np.testing.assert_allclose(loss[background], expected[background], rtol=1e-5)
        assert (np.array(net[1].selected).sum(axis=1) == 6).all()
