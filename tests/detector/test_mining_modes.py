"""The modes and options of [lrm]: each against its rule, from the arrays that the layer shows."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm
from pylrm import mining

SIDE, ANCHORS, CLASSES, BATCH = 5, 2, 3, 2
N = SIDE * SIDE * ANCHORS
ENTRIES = 5 + CLASSES


def network(
    lrm: str | None, *, net: str = "", region: str = "", **options: object
) -> pylrm.Network:
    text = (
        f"[net]\nbatch={BATCH}\nwidth={SIDE}\nheight={SIDE}\nchannels={ANCHORS * ENTRIES}\n{net}\n"
        f"[region]\nanchors=1,1,2,2\nnum=2\nclasses={CLASSES}\nsoftmax=1\nanchor_warmup=0\n{region}\n"
    )
    return pylrm.Network(text + ("" if lrm is None else f"[lrm]\n{lrm}\n"), keep=True, **options)


def example(seed: int = 0, boxes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1.5, (BATCH, ANCHORS * ENTRIES, SIDE, SIDE)).astype(np.float32)
    truth = np.zeros((BATCH, max(boxes, 1), 5), np.float32)
    for image in range(BATCH):
        for row in range(boxes):
            truth[image, row] = [*rng.random(2), *rng.uniform(0.1, 0.5, 2), rng.integers(CLASSES)]
    return x, truth


def by_prediction(values: np.ndarray) -> np.ndarray:
    """(batch, predictions, entries) of an output or a delta of [region]."""
    split = np.array(values).reshape(BATCH, ANCHORS, ENTRIES, SIDE * SIDE)
    return split.transpose(0, 1, 3, 2).reshape(BATCH, N, ENTRIES)


def deltas(net: pylrm.Network) -> np.ndarray:
    return by_prediction(net[0].delta)


class Pass:
    """A training pass with and without [lrm] on the same images."""

    def __init__(self, lrm: str, *, seed: int = 0, boxes: int = 4, **options: object) -> None:
        x, truth = example(seed, boxes)
        with network(None, **options) as net:
            net.forward(x, truth, train=True)
            self.before = deltas(net)
        with network(lrm, **options) as net:
            net.forward(x, truth, train=True)
            self.after = deltas(net)
            layer = net[1]
            self.loss, self.boxes = np.array(layer.loss), np.array(layer.boxes)
            self.classes, self.selected = np.array(layer.classes), np.array(layer.selected)
            self.assigned, self.overlap = np.array(net[0].assigned), np.array(net[0].overlap)
            self.output = by_prediction(net[0].output)
            self.stats = layer.mining

    def survivors(self, image: int, nms: float) -> np.ndarray:
        """Indices that the paper's NMS leaves, in rank order."""
        return mining.select(self.loss[image], self.boxes[image], self.classes[image], 0, nms)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mode", ["hardest", "negatives", "random"])
def test_what_is_kept_keeps_its_delta_and_all_else_loses_it(mode, seed):
    done = Pass(f"mode={mode}\nk=12\nnms=.5", seed=seed)
    assert 0 < done.selected.sum() < done.selected.size
    assert np.array_equal(done.after[done.selected], done.before[done.selected])
    assert not done.after[~done.selected].any()
    assert done.stats["kept"] == done.selected.sum()
    assert done.stats["kept_claimed"] == (done.selected & (done.assigned == 1)).sum()
    assert done.stats["kept_loss"] == pytest.approx(done.loss[done.selected].sum(), rel=1e-6)


@pytest.mark.parametrize("boxes", [0, 1, 4])
@pytest.mark.parametrize(("ratio", "floor"), [(3, 8), (2.5, 0), (0, 2), (1000, 0)])
@pytest.mark.parametrize("nms", [0, 0.5])
def test_negatives_are_ssds(boxes, ratio, floor, nms):
    done = Pass(
        f"mode=negatives\nnegatives={ratio}\nnegatives_floor={floor}\nnms={nms}", boxes=boxes
    )
    for image in range(BATCH):
        assigned, selected = done.assigned[image], done.selected[image]
        claimed = assigned == 1
        assert selected[claimed].all() and not selected[assigned == -1].any()
        background = np.flatnonzero(assigned == 0)
        wanted = max(floor, int(ratio * claimed.sum()))
        chosen = mining.select(
            done.loss[image][background],
            done.boxes[image][background],
            done.classes[image][background],
            wanted,
            nms,
        )
        expected = set(background[chosen[: wanted if wanted else 0]])
        assert set(np.flatnonzero(selected & ~claimed)) == expected


def test_a_ratio_that_float32_rounds_down_gives_the_whole_number():
    done = Pass("mode=negatives\nnegatives=1.4\nnegatives_floor=0\nnms=0", seed=2, boxes=5)
    assert (done.assigned == 1).sum(axis=1).tolist() == [5, 5]
    assert (done.selected & (done.assigned == 0)).sum(axis=1).tolist() == [7, 7]


@pytest.mark.parametrize("k", [1, 10, 30, 0])
def test_random_keeps_claimed_ones_and_background_to_the_same_count(k):
    done = Pass(f"mode=random\nk={k}", net="")
    for image in range(BATCH):
        assigned, selected = done.assigned[image], done.selected[image]
        claimed, background = (assigned == 1).sum(), (assigned == 0).sum()
        assert selected[assigned == 1].all() and not selected[assigned == -1].any()
        room = background if k == 0 else min(max(k - claimed, 0), background)
        assert selected.sum() == claimed + room


def test_random_draws_anew_in_every_pass_and_alike_for_any_number_of_threads():
    x, truth = example()

    def draws(threads: int, seed: int = 0) -> list[bytes]:
        with network("mode=random\nk=12", threads=threads, seed=seed) as net:
            found = []
            for _ in range(4):
                net.forward(x, truth, train=True)
                found.append(np.array(net[1].selected).tobytes())
            return found

    assert draws(1) == draws(3) and len(set(draws(1))) == 4
    assert draws(1) != draws(1, seed=1)


@pytest.mark.parametrize("mass", [0.3, 0.7, 0.9, 1])
@pytest.mark.parametrize(("k", "k_min"), [(0, 0), (9, 0), (0, 20), (9, 5)])
@pytest.mark.parametrize("nms", [0, 0.5])
def test_mass_keeps_the_fewest_survivors_that_carry_the_share(mass, k, k_min, nms):
    done = Pass(f"mass={mass}\nk={k}\nk_min={k_min}\nnms={nms}")
    for image in range(BATCH):
        order = done.survivors(image, nms)
        loss = done.loss[image][order].astype(float)
        enough = np.concatenate([[0], np.cumsum(loss)]) >= mass * loss.sum() * (1 - 1e-12)
        count = min(max(int(enough.argmax()), k_min), k or N, len(order))
        assert set(np.flatnonzero(done.selected[image])) == set(order[:count])


@pytest.mark.parametrize(("easy", "easy_nms"), [(0.25, None), (0.25, 0.5), (0, 0.5), (0.5, 0)])
def test_easy_scales_what_is_filtered(easy, easy_nms):
    line = "" if easy_nms is None else f"easy_nms={easy_nms}\n"
    done = Pass(f"k=10\nnms=.4\neasy={easy}\n{line}")
    for image in range(BATCH):
        order = done.survivors(image, 0.4)
        factor = np.full(N, easy if easy_nms is None else easy_nms, np.float32)
        factor[order] = easy
        factor[order[:10]] = 1
        assert set(np.flatnonzero(done.selected[image])) == set(order[:10])
        np.testing.assert_array_equal(done.after[image], factor[:, None] * done.before[image])


def claimed_boxes(done: Pass, seed: int = 0) -> np.ndarray:
    """The truth's box of each claimed prediction: that whose IoU is the layer's overlap."""
    return np.array(
        [
            [pylrm.iou(box[None], example(seed)[1][image, :, :4]) for box in done.boxes[image]]
            for image in range(BATCH)
        ]
    ).reshape(BATCH, N, -1)


def test_overlap_is_the_iou_with_a_truth_of_the_cell():
    done = Pass("k=10")
    ious = claimed_boxes(done)
    found, claimed = done.overlap, done.assigned == 1
    assert not found[~claimed].any() and found[claimed].max() > 0.2
    near = np.abs(ious - found[..., None]).min(axis=-1)
    assert near[claimed].max() < 1e-6


def test_true_losses_are_cross_entropies_and_what_the_iou_lacks():
    done = Pass("rank=true\nk=12\nnms=0")
    for image in range(BATCH):
        out = done.output[image]
        expected = np.zeros(N)
        for i, kind in enumerate(done.assigned[image].tolist()):
            objectness = float(out[i, 4])
            if kind == 0:
                expected[i] = -np.log(1 - objectness)
            if kind == 1:
                wanted = int(done.before[image, i, 5:].argmax())
                expected[i] = -np.log(objectness) - np.log(float(out[i, 5 + wanted]))
                expected[i] += 1 - done.overlap[image, i]
        np.testing.assert_allclose(done.loss[image], expected, rtol=2e-5, atol=1e-6)
        chosen = mining.select(done.loss[image], done.boxes[image], done.classes[image], 12, 0)
        assert set(np.flatnonzero(done.selected[image])) == set(chosen)


@pytest.mark.parametrize("scale", ["object_scale=5", "coord_scale=3", "noobject_scale=.1"])
def test_true_losses_are_the_same_for_any_scales(scale):
    plain, scaled = Pass("rank=true"), Pass("rank=true", region=scale)
    assert np.array_equal(plain.loss, scaled.loss)
    assert np.array_equal(plain.selected, scaled.selected)
    by_delta = Pass("k=20"), Pass("k=20", region=scale)
    assert not np.array_equal(by_delta[0].loss, by_delta[1].loss)


@pytest.mark.parametrize("boxes", [0, 3])
def test_ghm_weighs_by_the_inverse_density_of_errors(boxes):
    done = Pass("mode=ghm", boxes=boxes)
    for image in range(BATCH):
        valid = done.assigned[image] >= 0
        objectness = done.output[image, :, 4]
        error = np.where(done.assigned[image] == 1, 1 - objectness, objectness)[valid]
        bins = np.minimum((error * np.float32(30)).astype(int), 29)
        counts = np.bincount(bins, minlength=30)
        weight = np.ones(N)
        weight[valid] = valid.sum() / ((counts > 0).sum() * counts[bins])
        assert weight[valid].mean() == pytest.approx(1)
        np.testing.assert_allclose(
            done.after[image], weight[:, None] * done.before[image], rtol=1e-6
        )
        assert np.array_equal(done.selected[image], weight.astype(np.float32) >= 1)


@pytest.mark.parametrize(("gamma", "bias"), [(2, 0), (1, 0.5), (0, 0)])
def test_prime_weighs_positives_by_the_rank_of_their_boxes(gamma, bias):
    done = Pass(f"mode=prime\nprime_gamma={gamma}\nprime_bias={bias}", boxes=12)
    most_of_a_class = 0
    for image in range(BATCH):
        claimed = np.flatnonzero(done.assigned[image] == 1)
        place = np.zeros(N)
        for c in range(CLASSES):
            own = claimed[done.classes[image][claimed] == c]
            place[own[np.argsort(-done.overlap[image][own], kind="stable")]] = range(len(own))
            most_of_a_class = max(most_of_a_class, len(own))
        most = place[claimed].max() + 1
        weight = ((1 - bias) * (most - place[claimed]) / most + bias) ** gamma
        loss = done.loss[image][claimed]
        factor = np.ones(N)
        factor[claimed] = weight * loss.sum() / (weight * loss).sum()
        np.testing.assert_allclose(
            done.after[image], factor[:, None] * done.before[image], rtol=1e-5, atol=1e-8
        )
        squared = (done.after[image][claimed] * done.before[image][claimed]).sum()
        assert squared == pytest.approx(loss.sum(), rel=1e-5)  # the loss as a whole stays
    assert most_of_a_class > 2


def test_warmup_lets_the_kept_fall_from_all_to_k():
    x, truth = example()
    warmup, k = 8, 10
    kept = []
    with network(f"k={k}\nnms=0\nwarmup={warmup}", net="subdivisions=1") as net:
        for update in range(1, 12):
            net.seen = BATCH * (update - 1)
            net.forward(x, truth, train=True)
            kept.append(np.array(net[1].selected).sum(axis=1).tolist())
    for update, counts in enumerate(kept, 1):
        expected = k + max(0, int(np.ceil((N - k) * (warmup - update) / warmup)))
        assert counts == [expected] * BATCH
    assert kept[0][0] > 0.8 * N and kept[-1] == [k] * BATCH


def test_defaults_are_the_papers():
    plain, spelt = Pass("k=10"), Pass("k=10\nmode=hardest\nmass=0\neasy=0\nwarmup=0\nnms=.7")
    assert np.array_equal(plain.after, spelt.after)
    for image in range(BATCH):
        chosen = mining.select(plain.loss[image], plain.boxes[image], plain.classes[image], 10, 0.7)
        assert set(np.flatnonzero(plain.selected[image])) == set(chosen)
