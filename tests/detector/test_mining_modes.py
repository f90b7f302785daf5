"""The modes and options of [lrm]: each against its rule, from the arrays that the layer shows."""

from __future__ import annotations

import numpy as np
import pytest

import pylrm
from pylrm import mining

SIDE, ANCHORS, CLASSES, BATCH = 5, 2, 3, 2
N = SIDE * SIDE * ANCHORS
ENTRIES = 5 + CLASSES


def network(lrm: str | None, *, net: str = "", **options: object) -> pylrm.Network:
    text = (
        f"[net]\nbatch={BATCH}\nwidth={SIDE}\nheight={SIDE}\nchannels={ANCHORS * ENTRIES}\n{net}\n"
        f"[region]\nanchors=1,1,2,2\nnum=2\nclasses={CLASSES}\nsoftmax=1\nanchor_warmup=0\n"
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


def deltas(net: pylrm.Network) -> np.ndarray:
    """(batch, predictions, entries) of [region]."""
    delta = np.array(net[0].delta).reshape(BATCH, ANCHORS, ENTRIES, SIDE * SIDE)
    return delta.transpose(0, 1, 3, 2).reshape(BATCH, N, ENTRIES)


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
            self.assigned = np.array(net[0].assigned)
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
