"""[route] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, copy_weights, images, logistic, network, section

SIGMOID = section("activation", activation="logistic")
TANH = section("activation", activation="tanh")


def take(x, groups, group):
    return np.split(x, groups, axis=1)[group]


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (4, 1, 9)])
@pytest.mark.parametrize(
    ("layers", "order"), [("-1", "l"), ("-1,-2", "lx"), ("0, -1, 0", "xlx"), ("-1,-1", "ll")]
)
def test_concatenates_channels(layers, order, shape, kernels):
    def twin(x, params, train):
        return np.concatenate([logistic(x) if of == "l" else x for of in order], axis=1)

    if layers.startswith("0"):
        layers = layers.replace("0", "-2")
    check(section("route", layers=layers), twin, shape, kernels, before=SIGMOID)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("groups", "group"), [(2, 0), (2, 1), (3, 2), (6, 3)])
def test_takes_one_group_of_each(groups, group, kernels):
    def twin(x, params, train):
        return np.concatenate([take(np.tanh(x), groups, group), take(x, groups, group)], axis=1)

    layer = section("route", layers="-1,-2", groups=groups, group_id=group)
    check(layer, twin, (6, 3, 5), kernels, before=TANH)


def test_layers_from_the_start_are_the_same_as_counted_back():
    one = network(SIGMOID + TANH + section("route", layers="0,1"), (2, 2, 2))
    two = network(SIGMOID + TANH + section("route", layers="-2,-1"), (2, 2, 2))
    with one, two:
        assert one[2].inputs == two[2].inputs == (0, 1)


@pytest.mark.parametrize("kernels", KERNELS)
def test_what_is_not_taken_gets_no_gradient(kernels):
    """Also where that memory held something else before: maxpool's indices are no numbers."""
    text = (
        section("convolutional", filters=4, activation="linear")
        + section("maxpool", size=3, stride=1)
        + section("convolutional", filters=4, activation="linear")
        + section("route", layers=-1, groups=2, group_id=1)
        + section("cost")
    )
    with network(text, (2, 5, 5), kernels=kernels) as net:
        x = np.random.default_rng(0).normal(size=(3, 2, 5, 5))
        net.forward(x, np.ones((3, 50)), train=True)
        net.backward()
        weights = net[2].grads["weights"]
        assert not weights[:2].any()
        assert weights[2:].all()
        assert np.isfinite(net[0].grads["weights"]).all()


def convolution(**keys):
    return section(
        "convolutional", **{"filters": 4, "size": 3, "pad": 1, "activation": "relu"} | keys
    )


# What a route of one layer repeats must be there for as long as the route's readers read.
REPEATS = {
    "read much later": convolution()
    + convolution(stride=2)
    + section("route", layers=0)
    + 3 * convolution(filters=6)
    + section("route", layers="-1,-4")
    + convolution(),
    "of a route of one layer": convolution()
    + section("route", layers=-1)
    + convolution()
    + section("route", layers=1)
    + convolution(filters=3)
    + section("route", layers="-1,-2,1"),
    "the network's output": convolution() + 2 * convolution() + section("route", layers=0),
}


@pytest.mark.parametrize("case", REPEATS)
@pytest.mark.parametrize("kernels", KERNELS)
def test_inference_repeats_a_layer_without_a_copy(case, kernels):
    shape = (3, 12, 10)
    with (
        network(REPEATS[case], shape, kernels=kernels, keep=True) as kept,
        network(REPEATS[case], shape, kernels=kernels, inference=True) as net,
    ):
        copy_weights(kept, net)
        x = images(shape)
        wanted = kept.forward(x)
        np.testing.assert_allclose(net.forward(x), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_a_repeated_layer_takes_no_memory():
    sizes = []
    for layers in ("-1", "-1,-1"):
        text = convolution() + section("route", layers=layers) + convolution(size=1, filters=1)
        with network(text, (3, 80, 80), 1, inference=True) as net:
            sizes.append(net.memory("infer")[1])
    assert sizes[1] - sizes[0] >= 4 * 80 * 80 * 4


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"layers": 2}, r"cfg:\d+: \[route\] layers=2"),
        ({"layers": -3}, r"cfg:\d+: \[route\] layers=-3"),
        ({}, r"cfg:\d+: \[route\] layers="),
        ({"layers": "0,1"}, r"cfg:\d+: \[route\] layer 0 is 4x4 and layer 1 2x2"),
        (
            {"layers": 0, "groups": 2},
            r"cfg:\d+: \[route\] groups=2 must divide the channels of layer \d+ \(3\)",
        ),
        ({"layers": 0, "groups": 3, "group_id": 3}, r"cfg:\d+: \[route\] group_id=3"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(keys, message):
    text = SIGMOID + section("maxpool", stride=2) + section("route", **keys)
    with pytest.raises(pylrm.CfgError, match=message):
        network(text, (3, 4, 4))
