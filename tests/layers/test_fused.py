"""Layers that an inference network computes in the pass of the 1x1 layer after them.

Depthwise layers, and where maps are large also the 1x1 layers before these.
"""

import numpy as np
import pytest

from pylrm.errors import PylrmError
from tests.layers.common import copy_weights, images, network, randomize, section


def depthwise(channels, **keys):
    keys = {"groups": channels, "size": 3, "pad": 1, "activation": "leaky", **keys}
    return section("convolutional", filters=channels, **keys)


def pointwise(filters, **keys):
    return section("convolutional", filters=filters, **{"activation": "relu", **keys})


NORM = {"batch_normalize": 1}
# sections, shape, which layers are fused into others
CASES = {
    "stride 1": (depthwise(24) + pointwise(30), (24, 21, 19), [0]),
    "stride 2, an odd size": (depthwise(24, stride=2, **NORM) + pointwise(30), (24, 23, 21), [0]),
    "stride 2, an even size": (depthwise(9, stride=2) + pointwise(30, **NORM), (9, 40, 34), [0]),
    "many columns": (depthwise(40, **NORM) + pointwise(70), (40, 75, 61), [0]),
    "more weights than columns": (
        depthwise(530) + pointwise(515, activation="linear"),
        (530, 9, 9),
        [0],
    ),
    "rows narrower than a vector": (depthwise(20) + pointwise(8), (20, 41, 3), [0]),
    "a network of them": (
        pointwise(12) + 2 * (depthwise(12, activation="relu6") + pointwise(12)),
        (7, 16, 17),
        [1, 3],
    ),
    "only the last of two": (2 * depthwise(6) + pointwise(5), (6, 12, 13), [1]),
    "not what another layer reads, too": (
        depthwise(6) + pointwise(5) + section("route", layers="-1,-2"),
        (6, 12, 13),
        [],
    ),
    "not before another kernel": (depthwise(6) + pointwise(5, size=3), (6, 12, 13), []),
    "not before a stride": (depthwise(6) + pointwise(5, stride=2), (6, 12, 13), []),
    "not with a curved activation": (depthwise(6, activation="mish") + pointwise(5), (6, 9, 9), []),
    "not on a few pixels": (depthwise(70) + pointwise(35), (70, 7, 7), []),
    "not by itself": (pointwise(6) + depthwise(6), (6, 12, 13), []),
}


# maps of more than two million values, of which bands are made
BANDS = {
    "two of them": (pointwise(17) + depthwise(17, stride=2) + pointwise(6), (5, 352, 360), [0, 1]),
    "two of them, stride 1": (
        pointwise(16, **NORM) + depthwise(16) + pointwise(9, activation="linear"),
        (3, 365, 362),
        [0, 1],
    ),
    "three of them, odd sizes": (
        depthwise(7, activation="relu6") + pointwise(20) + depthwise(20, stride=2) + pointwise(4),
        (7, 321, 331),
        [0, 1, 2],
    ),
    "every other one": (
        pointwise(16) + 3 * (depthwise(16) + pointwise(16)),
        (4, 363, 364),
        [0, 1, 3, 4, 5],
    ),
    "not in bands of too few rows": (
        pointwise(64) + depthwise(64, stride=2) + pointwise(3),
        (2, 9, 3700),
        [1],
    ),
    "not in bands what another layer reads, too": (
        pointwise(17)
        + depthwise(17)
        + pointwise(17)
        + section("shortcut", **{"from": -3, "activation": "linear"}),
        (5, 352, 360),
        [1],
    ),
    "not in bands with a curved activation": (
        pointwise(17, activation="mish") + depthwise(17) + pointwise(5),
        (5, 352, 360),
        [1],
    ),
}


def fused(net):
    return [layer.index for layer in net if layer.is_fused]


@pytest.mark.parametrize(
    ("case", "batch"),
    [(case, batch) for case in CASES for batch in (1, 4)]
    + [(case, 1) for case in BANDS]
    + [("two of them", 4)],
)
def test_the_output_is_that_of_separate_layers(case, batch):
    sections, shape, expected = {**CASES, **BANDS}[case]
    x = images(shape, batch)
    with network(sections, shape, batch, kernels="reference", keep=True) as apart:
        for layer in apart:
            randomize(layer, seed=layer.index)
        wanted = apart.forward(x).copy()
        assert fused(apart) == []
        before = None
        for threads in (1, 2, 3, 6):  # with many, products are cut otherwise
            with network(sections, shape, batch, threads=threads, inference=True) as net:
                copy_weights(apart, net)
                assert fused(net) == expected
                found = net.forward(x).copy()
                np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())
                if before is not None:
                    np.testing.assert_array_equal(found, before)
                before = found
                if batch > 1:  # fewer images than there may be
                    np.testing.assert_array_equal(net.forward(x[1:3]), found[1:3])


def test_after_a_resize():
    sections = depthwise(18, stride=2) + pointwise(33)
    shape, larger = (18, 15, 15), (18, 70, 66)
    with (
        network(sections, shape, 1, inference=True) as net,
        network(sections, larger, 1, inference=True) as fresh,
    ):
        assert (fused(net), fused(fresh)) == ([0], [0])
        copy_weights(net, fresh)
        net.resize(66, 70)
        x = images(larger, 1)
        np.testing.assert_array_equal(net.forward(x), fresh.forward(x))
        net.resize(13, 13)  # 7x7 outputs: too few
        assert fused(net) == []


def test_it_has_no_output_of_its_own():
    with network(depthwise(9) + pointwise(8), (9, 12, 12), inference=True) as net:
        net.forward(images((9, 12, 12)))
        with pytest.raises(PylrmError, match="not kept"):
            _ = net[0].output


def test_a_plan_for_training_has_it():
    sections, shape = depthwise(18) + pointwise(33), (18, 35, 35)
    with network(sections, shape, 2) as net, network(sections, shape, 2, inference=True) as other:
        assert fused(other) == [0]
        assert net.memory("train") == other.memory("train")


def test_memory_is_that_of_the_layers_around_it():
    """The plan has no place for what is never written."""
    shape = (64, 40, 40)
    body = depthwise(64, activation="{}") + pointwise(64)
    sizes = []
    for activation in ("relu", "mish"):
        with network(body.format(activation), shape, 1, inference=True, threads=1) as net:
            sizes.append(sum(net.memory("infer")))
    assert sizes[1] - sizes[0] > 64 * 40 * 40 * 4 // 2


def test_a_map_that_is_made_in_bands_is_never_there():
    shape = (8, 370, 370)
    body = pointwise(16, activation="{}") + depthwise(16, stride=2) + pointwise(4)
    sizes = []
    for activation in ("relu", "mish"):
        with network(body.format(activation), shape, 1, inference=True, threads=1) as net:
            sizes.append(sum(net.memory("infer")))
    assert sizes[1] - sizes[0] > 16 * 370 * 370 * 4 // 2
