"""Sections of detectors that cannot be: one line with file, line, section and what would fit."""

import warnings

import numpy as np
import pytest

import pylrm
from pylrm.errors import CfgError
from tests.detector import nets

GOOD = nets.region(3)


def refused(section, channels=24):
    text = nets.text([section], 3, 3, channels)
    with pytest.raises(CfgError) as raised:
        pylrm.Network(text)
    message = str(raised.value)
    assert "\n" not in message
    line = int(message.split(":")[1])
    first = text.splitlines().index(section.splitlines()[0]) + 1
    assert first <= line < first + len(section.splitlines())
    assert section.splitlines()[0] in message
    return message


def test_filters_before_region():
    message = refused(nets.region(20, anchors=np.ones((5, 2))), channels=30)
    assert "does not fit the network's input: filters=30" in message
    assert message.endswith("filters=30 before [region] must be num*(coords+1+classes)=125")


def test_filters_before_yolo():
    message = refused(nets.yolo(4, mask=(0, 2)), channels=255)
    assert "filters=255 before [yolo] must be 2*(4+1+classes)=18, as it uses 2" in message


@pytest.mark.parametrize("kind", [nets.region, nets.yolo])
@pytest.mark.parametrize(
    "keys,words",
    [
        ({"num": 4}, ["anchors=", "6", "2*num=8"]),
        ({"num": 0}, ["num=0"]),
        ({"anchors": "", "num": 3}, ["anchors=", "0", "2*num=6"]),
        ({"anchors": "1,2,x,4,5,6", "num": 3}, ["anchors=1,2,x", "numbers"]),
        ({"anchors": "1,2,3,-4,5,6", "num": 3}, ["-4"]),
        ({"classes": 0}, ["classes=0"]),
        ({"max": 0}, ["max=0"]),
        ({"jitter": "much"}, ["jitter=much"]),
        ({"random": 7}, ["random=7"]),
    ],
)
def test_values_out_of_range(kind, keys, words):
    message = refused(kind(**keys))
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "keys,words",
    [
        ({"coords": 5}, ["coords=5", "4"]),
        ({"thresh": 2}, ["thresh=2"]),
        ({"tree": "data/9k.tree"}, ["tree=: data/9k.tree: cannot be read"]),
    ],
)
def test_values_out_of_range_of_region(keys, words):
    message = refused(nets.region(**keys))
    assert all(word in message for word in words), message


@pytest.mark.parametrize("mask", [(0, 3), (-1, 0), (1, 1)])
def test_mask_names_other_anchors(mask):
    assert "mask=" in refused(nets.yolo(mask=mask), channels=16)


def test_keys_of_other_darknets_that_change_nothing():
    rng = np.random.default_rng(30)
    x, truth = nets.logits(rng, 1, 3, 3, 3, 3), nets.truths(rng, 1, 2, 3)
    more = {"map": "data/coco9k.map", "classfix": -1, "absolute": 1, "mask_scale": 2}
    region = nets.region(3, **more)
    with nets.network([region], 3, 3, 24) as net, nets.network([GOOD], 3, 3, 24) as plain:
        for each in (net, plain):
            each.forward(x, truth, train=True)
        np.testing.assert_array_equal(net[0].delta, plain[0].delta)


def test_without_mask_a_head_has_all_anchors():
    text = "\n".join(row for row in nets.yolo(3).splitlines() if not row.startswith("mask"))
    rng = np.random.default_rng(31)
    x, truth = nets.logits(rng, 1, 3, 3, 3, 3), nets.truths(rng, 1, 2, 3)
    with nets.network([text], 3, 3, 24) as net, nets.network([nets.yolo(3)], 3, 3, 24) as full:
        for each in (net, full):
            each.forward(x, truth, train=True)
        np.testing.assert_array_equal(net[0].delta, full[0].delta)


@pytest.mark.parametrize("background", [0, 1])
@pytest.mark.parametrize("prior", [0.01, 0.3])
def test_a_prior_is_where_objectness_starts(background, prior):
    text = (
        "[net]\nwidth=64\nheight=64\nchannels=3\n"
        "[convolutional]\nbatch_normalize=1\nfilters=32\nsize=3\nstride=8\npad=1\nactivation=leaky\n"
        "[convolutional]\nfilters=24\nsize=1\nactivation=linear\n"
        f"[region]\nanchors=1,1,2,3,4,2\nnum=3\nclasses=3\nsoftmax=1\nbackground={background}\n"
    )
    x = np.random.default_rng(1).random((1, 3, 64, 64)).astype(np.float32)
    with pylrm.Network(text + f"prior={prior}\n") as net, pylrm.Network(text) as plain:
        entries = net.forward(x, train=True).reshape(3, 8, 64)
        found = 1 - entries[:, 4] if background else entries[:, 4]
        assert np.abs(found / prior - 1).max() < 0.3
        classes = entries[:, 5:] / (found[:, None] if background else 1)
        assert np.abs(classes - 1 / 3).max() < 0.1  # all alike
        assert np.abs(entries[:, 2:4]).max() < 0.3  # sizes: the anchors'
        ratio = net[1].params["weights"] / plain[1].params["weights"]
        np.testing.assert_allclose(ratio, 0.01 / np.sqrt(2 / 32), rtol=1e-5)
        np.testing.assert_array_equal(net[0].params["weights"], plain[0].params["weights"])


def test_a_prior_needs_weights_before_it():
    text = (
        "[net]\nwidth=64\nheight=64\nchannels=3\n"
        "[convolutional]\nfilters=24\nsize=1\nactivation=linear\n[activation]\nactivation=linear\n"
        "[region]\nanchors=1,1,2,3,4,2\nnum=3\nclasses=3\nprior=.01\n"
    )
    with pytest.raises(CfgError, match=r"\[activation\] in line 9: prior= needs weights"):
        pylrm.Network(text)


def test_suppression_that_only_others_know_is_passed_over():
    def warned(value: str) -> list[str]:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            text = f"{nets.yolo(4)}\nnms_kind={value}\n"
            head = "[net]\nwidth=2\nheight=2\nchannels=27\n"
            with pylrm.Network(head + text) as net:
                assert net[0].option("nms_kind") == "default"
        return [str(each.message) for each in found]

    assert warned("default") == []
    (line,) = warned("cornersnms")
    assert "[yolo] nms_kind=cornersnms is not known here and is ignored: default is taken" in line


def test_counters_must_be_of_all_classes():
    with pytest.raises(
        CfgError, match=r":\d+: \[yolo\] counters_per_class= must have classes=3 numbers .* not 2"
    ):
        nets.network([nets.yolo(3, counters_per_class="4,5")], 2, 2, 24)
