"""Loss Rank Mining: the rule on plain arrays, and the layer [lrm]."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pylrm
from pylrm.errors import CfgError, PylrmError
from tests.detector import naive, nets
from tests.detector.goldens import Case, relative

GOLDEN = Path(__file__).parents[1] / "golden" / "lrm"
SELECTIONS = json.loads((GOLDEN / "index.json").read_text())


@pytest.mark.parametrize("number", range(len(SELECTIONS)))
def test_golden_selections_exactly(number):
    case = SELECTIONS[number]
    with np.load(GOLDEN / "selection.npz") as arrays:
        loss, boxes, classes, kept = (
            arrays[f"{number:02}_{name}"] for name in ("loss", "boxes", "classes", "kept")
        )
    got = pylrm.mining.select(loss, boxes, classes, case["k"], case["nms"])
    assert list(got) == list(kept)


# Binary fractions: many boxes coincide, touch, and overlap by exactly 1/4, 1/3, 1/2, …
fraction = st.sampled_from([0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0])
prediction = st.tuples(
    st.sampled_from([0.0, -0.0, 1.0, 1.0, 2.5, 1e-40, math.inf, math.nan])
    | st.floats(0, 9, width=32),
    st.tuples(fraction, fraction, fraction, fraction),
    st.integers(0, 2),
)
limits = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.7, 1.0]) | st.floats(0, 1)


def arrays_of(items):
    loss = np.array([i[0] for i in items], np.float32)
    boxes = np.array([i[1] for i in items], np.float32).reshape(-1, 4)
    return loss, boxes, np.array([i[2] for i in items], np.int32)


@settings(max_examples=300, deadline=None)
@given(st.lists(prediction, max_size=24), st.integers(0, 30), limits)
@example([], 3, 0.5)
def test_select_is_the_naive_one(items, k, limit):
    loss, boxes, classes = arrays_of(items)
    got = list(pylrm.mining.select(loss, boxes, classes, k, limit))
    assert got == naive.select(loss, boxes, classes, k, limit)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(0, 320), limits)
def test_what_a_selection_is(seed, n, k, limit):
    rng = np.random.default_rng(seed)
    loss = rng.choice(np.float32([0, 0.5, 1, 2]), n) if seed % 2 else rng.random(n, np.float32)
    boxes = rng.uniform(0, 1, (n, 4)).astype(np.float32)
    classes = rng.integers(0, 3, n, np.int32)
    kept = list(pylrm.mining.select(loss, boxes, classes, k, limit))
    most = min(k, n) if k else n
    assert len(set(kept)) == len(kept) <= most
    assert kept == sorted(kept, key=lambda i: (-loss[i], i))
    if limit in (0, 1):
        assert kept == sorted(range(n), key=lambda i: (-loss[i], i))[:most]
        return
    for place, i in enumerate(kept):
        same = [j for j in kept[:place] if classes[j] == classes[i]]
        assert all(naive.iou(boxes[i], boxes[j]) < limit for j in same)
    if len(kept) < most:  # nothing was dropped without a harder one of its class close by
        for i in set(range(n)) - set(kept):
            before = [j for j in kept if (-loss[j], j) < (-loss[i], i) and classes[j] == classes[i]]
            assert any(naive.iou(boxes[i], boxes[j]) >= limit for j in before)


@pytest.mark.parametrize("limit,kept", [(0.5, [0]), (0.5 + 2**-40, [0, 1]), (0.5 - 2**-40, [0])])
def test_equality_is_decided_in_double(limit, kept):
    boxes = np.array([(0.5, 0.5, 1, 1), (0.5, 0.25, 1, 0.5)], np.float32)
    assert list(pylrm.mining.select([2, 1], boxes, [0, 0], 0, limit)) == kept


@pytest.mark.parametrize("k,limit", [(-1, 0.5), (1, -0.1), (1, 1.1), (1, math.nan)])
def test_select_refuses_what_has_no_meaning(k, limit):
    with pytest.raises(PylrmError, match="nms"):
        pylrm.mining.select([1.0], [(0.5, 0.5, 1, 1)], [0], k, limit)


@pytest.mark.parametrize(
    "change,words",
    [
        ({"boxes": np.zeros(8)}, r"\(n, 4\)"),
        ({"boxes": np.zeros((4, 2))}, r"\(n, 4\)"),
        ({"classes": [0.0, 0.5]}, "whole numbers"),
        ({"classes": [0.0, math.nan]}, "whole numbers"),
        ({"classes": [0, 2**32]}, "whole numbers"),
        ({"k": 2**31}, "k=2147483648: from .* to 2147483647"),
    ],
)
def test_select_refuses_what_does_not_fit(change, words):
    options = {"loss": [1.0, 2.0], "boxes": np.zeros((2, 4)), "classes": [0, 1], "k": 1, "nms": 0.5}
    assert list(pylrm.mining.select(**{**options, "classes": [0.0, 1.0]})) == [1]
    with pytest.raises(ValueError, match=words):
        pylrm.mining.select(**{**options, **change})


def test_golden_training_pass():
    case = Case("lrm-region")
    head = case.heads[0]
    with head.network(more=[case.lrm]) as net:
        net.forward(head.preimage(f"train_out_{head.index:02}"), case.truth, train=True)
        assert relative(net[0].delta, case.arrays[f"loss_delta_{head.index:02}"]) < 1e-4
        zero = np.asarray(case.arrays[f"loss_delta_{head.index:02}"]) == 0
        assert np.all(np.ravel(net[0].delta)[zero] == 0)


SINGLE = [
    [nets.region(3, softmax=1)],
    [nets.region(3, background=1)],
    [nets.region(3, anchor_warmup=10**7, rescore=1, bias_match=1)],
    [nets.yolo(3)],
    [nets.yolo(3, iou_loss="ciou", iou_thresh=0.3, objectness_smooth=1, scale_x_y=1.1)],
    [nets.yolo(3, iou_loss="giou", focal_loss=1, counters_per_class="5,2,9", truth_thresh=0.5)],
]
DOUBLE = [
    [nets.yolo(3, mask=(0, 1, 2)), nets.yolo(3, mask=(0, 1, 2))],
    [nets.region(3), nets.yolo(3)],
]
MINING = [(1, 0.7), (7, 0), (7, 0.3), (7, 0.7), (0, 0.3), (5, 1), (1000, 0.5), (0, 0), (1000, 0)]


@pytest.mark.parametrize("k,limit", MINING)
@pytest.mark.parametrize("heads", SINGLE + DOUBLE, ids=lambda h: "+".join(s[1:5] for s in h))
def test_the_layer_is_the_naive_one(heads, k, limit):
    """Filtered deltas exactly 0, the others bit-identical to the net's without [lrm]."""
    rng = np.random.default_rng(k + 17)
    batch, w, h = 3, 4, 3
    x, truth = nets.logits(rng, batch, 3, 3, h, w), nets.truths(rng, batch, 3, 3, ignored=1)
    truth[2] = 0
    names = ",".join(str(-1 - i) for i in range(len(heads)))
    mined = nets.network([*heads, nets.lrm(k=k, nms=limit, layers=names)], w, h, 24, batch)
    plain = nets.network(heads, w, h, 24, batch)
    with mined, plain:
        for net in (mined, plain):
            net.forward(x, truth, train=True)
        layer = mined[len(heads)]
        order = [len(heads) - 1 - i for i in range(len(heads))]
        assert mined.cost == plain.cost
        total = dict.fromkeys(layer.mining, 0)
        for b in range(batch):
            outs = [nets.heads(plain[i].output, 3)[b] for i in order]
            deltas = [nets.heads(plain[i].delta, 3)[b] for i in order]
            loss, classes, selected, kept = naive.mine(outs, deltas, layer.boxes[b], k, limit)
            np.testing.assert_array_equal(layer.loss[b], loss)
            np.testing.assert_array_equal(layer.classes[b], classes)
            np.testing.assert_array_equal(layer.selected[b], selected)
            anchors = np.array(nets.ANCHORS) / [w, h]
            boxes = np.concatenate([naive.decode(out, anchors).reshape(-1, 4) for out in outs])
            np.testing.assert_allclose(layer.boxes[b], boxes, rtol=1e-6)
            for i, expected in zip(order, kept, strict=True):
                assert nets.heads(mined[i].delta, 3)[b].tobytes() == expected.tobytes()
            claimed = np.concatenate([np.ravel(plain[i].assigned[b]) for i in order]) == 1
            for count, of_loss, chosen in (
                ("predictions", "loss", np.ones(len(loss), bool)),
                ("claimed", "claimed_loss", claimed),
                ("kept", "kept_loss", selected),
                ("kept_claimed", "kept_claimed_loss", selected & claimed),
            ):
                total[count] += chosen.sum()
                total[of_loss] += loss[chosen].astype(np.float64).sum()
        assert layer.mining == pytest.approx(total, rel=1e-12)
        for net in (mined, plain):
            net.backward()
        if (k == 0 or k >= total["predictions"]) and limit == 0:
            for i in range(len(heads)):
                assert mined[i].delta.tobytes() == plain[i].delta.tobytes()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), limits, st.integers(0, 3), st.booleans())
def test_random_passes(seed, k, limit, objects, yolo):
    rng = np.random.default_rng(seed)
    x, truth = nets.logits(rng, 2, 3, 3, 3, 3), nets.truths(rng, 2, objects, 3)
    head = nets.yolo(3) if yolo else nets.region(3)
    mined = nets.network([head, nets.lrm(k=k, nms=limit)], 3, 3, 24, 2)
    with mined, nets.network([head], 3, 3, 24, 2) as plain:
        for net in (mined, plain):
            net.forward(x, truth, train=True)
        for b in range(2):
            outs, deltas = ([nets.heads(a, 3)[b]] for a in (plain[0].output, plain[0].delta))
            _, _, selected, kept = naive.mine(outs, deltas, mined[1].boxes[b], k, limit)
            np.testing.assert_array_equal(mined[1].selected[b], selected)
            np.testing.assert_array_equal(nets.heads(mined[0].delta, 3)[b], kept[0])


def test_nms_is_the_decimal_of_the_cfg():
    """.7 in a float32 is a little less than .7; the layer compares with .7."""
    assert float(np.float32(0.7)) < 0.7
    # Of two boxes with one centre, heights 1 and float32's .7, the IoU is just below .7.
    anchors = [(1, 1), (1, np.float32(0.7))]
    x = np.zeros((1, 12, 1, 1), np.float32)
    truth = np.zeros((1, 1, 5), np.float32)
    kept = {}
    for limit in (0.7, 0.69999999999, None):
        keys = {} if limit is None else {"nms": limit}
        with nets.network([nets.yolo(1, anchors=anchors), nets.lrm(**keys)], 1, 1, 12) as net:
            assert net[1].option("nms") == (0.7 if limit is None else limit)
            net.forward(x, truth, train=True)
            kept[limit] = int(np.sum(net[1].selected))
    assert kept == {0.7: 2, None: 2, 0.69999999999: 2}


def test_empty_truths_are_mined_too():
    rng = np.random.default_rng(1)
    with nets.network([nets.region(3), nets.lrm(k=4, nms=0)], 3, 3, 24) as net:
        net.forward(nets.logits(rng, 1, 3, 3, 3, 3), np.zeros((1, 1, 5), np.float32), train=True)
        assert net[1].mining["kept"] == 4 and net[1].mining["kept_claimed"] == 0
        assert np.count_nonzero(net[0].delta) == 4


@pytest.mark.parametrize("head", [nets.region(3), nets.yolo(3)])
def test_outside_training_the_layer_is_idle(head):
    rng = np.random.default_rng(2)
    x, truth = nets.logits(rng, 1, 3, 3, 3, 3), nets.truths(rng, 1, 3, 3)
    mined = nets.network([head, nets.lrm(k=2)], 3, 3, 24)
    with mined as net, nets.network([head], 3, 3, 24) as bare:
        assert net.forward(x).tobytes() == bare.forward(x).tobytes()
        net.forward(x, truth)
        bare.forward(x, truth)
        assert net[0].delta.tobytes() == bare[0].delta.tobytes()
    for options in ({"keep": False}, {"keep": False, "inference": True}):
        mined = nets.network([head, nets.lrm(k=2)], 3, 3, 24, **options)
        with mined, nets.network([head], 3, 3, 24, **options) as bare:
            assert mined.forward(x).tobytes() == bare.forward(x).tobytes()
            rows = [net.boxes(0, thresh=0.1, letterbox=False) for net in (mined, bare)]
            np.testing.assert_array_equal(*rows)


def test_the_layer_has_no_shape():
    with nets.network([nets.region(3), nets.lrm(k=2)], 3, 3, 24) as net:
        assert tuple(net[1].shape) == (0, 0, 0)
        assert net[1].type == "lrm"


HEADS = [nets.region(3), nets.yolo(3)]


@pytest.mark.parametrize(
    "sections,words",
    [
        ([nets.region(3), nets.lrm(k=-1)], ["k=-1", "0"]),
        ([nets.region(3), nets.lrm(nms=1.5)], ["nms=1.5", "1"]),
        ([nets.region(3), nets.lrm(nms=-0.5)], ["nms=-0.5", "0"]),
        ([nets.region(3), nets.lrm(layers="-2")], ["layers=-2", "no such layer"]),
        ([nets.region(3), nets.lrm(layers="1")], ["layers=1", "no such layer"]),
        ([*HEADS, nets.lrm(layers="0,-2")], ["layer 0 twice"]),
        ([nets.region(3), nets.lrm(layers="")], ["layers= must name 1 to"]),
        (["[dropout]\n", nets.lrm(k=1)], ["loss layers of detectors", "[dropout]"]),
        ([nets.region(3), nets.lrm(k=1), nets.lrm(k=1, layers="0")], ["second"]),
        ([nets.lrm(k=1)], ["layers=-1", "no such layer"]),
    ],
)
def test_wrong_sections(sections, words):
    text = nets.text(sections, 3, 3, 24)
    with pytest.raises(CfgError) as raised:
        pylrm.Network(text)
    message = str(raised.value)
    assert all(word in message for word in words), message
    line = int(message.split(":")[1])
    starts = [i + 1 for i, row in enumerate(text.splitlines()) if row == "[lrm]"]
    assert line >= starts[-1] and "[lrm]" in message
