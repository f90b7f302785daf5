"""[local] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import ACTIVATIONS, KERNELS, check, network, section


def local(x, params, size, stride=1, pad=0, activation="linear"):
    """Each place has kernels (filters, channels, size*size) and biases of its own."""
    around = (size - 1) // 2 if pad else 0
    framed = np.pad(x, [(0, 0), (0, 0), (around, size), (around, size)])
    filters, h, w = params["biases"].shape
    out = np.empty((len(x), filters, h, w))
    kernels = params["weights"].reshape(h, w, filters, x.shape[1], size, size)
    for row, column in np.ndindex(h, w):
        top, left = row * stride, column * stride
        window = framed[:, :, top : top + size, left : left + size]
        out[:, :, row, column] = np.einsum("bcyx,fcyx->bf", window, kernels[row, column])
    return ACTIVATIONS[activation](out + params["biases"])


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ((1, 1, 1), {"size": 1}),
        ((2, 5, 4), {"size": 3, "activation": "leaky"}),
        ((3, 5, 7), {"size": 3, "pad": 1, "activation": "logistic"}),
        ((2, 6, 5), {"size": 3, "pad": 1, "stride": 2, "activation": "mish"}),
        ((1, 3, 3), {"size": 2, "stride": 1, "pad": 1}),
        ((2, 2, 3), {"size": 5, "pad": 1, "activation": "tanh"}),
    ],
)
def test_agrees_with_numpy(shape, keys, kernels):
    layer = section("local", filters=3, **{"activation": "linear", **keys})
    check(layer, lambda x, p, t: local(x, p, **keys), shape, kernels)


def test_weights_start_uniform_by_the_inputs_of_an_output():
    with network(section("local", filters=4, size=3), (6, 20, 20)) as net:
        weights = net[0].params["weights"]
        bound = np.sqrt(2 / (6 * 9))
        assert 0.99 * bound < np.abs(weights).max() <= bound
        assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)


def test_bits_do_not_depend_on_threads():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 2, 6, 7)).astype(np.float32)
    text = "[activation]\n" + section("local", filters=3, size=3, pad=1) + section("cost")
    grads = []
    for threads in (1, 3):
        with network(text, (2, 6, 7), threads=threads, keep=True) as net:
            net.forward(x, np.zeros((3, 3 * 6 * 7)), train=True)
            net.backward()
            grads.append((net[1].grads["weights"].tobytes(), net[0].delta.tobytes()))
    assert grads[0] == grads[1]


def test_another_input_size_is_refused():
    with (
        network(section("local", size=3), (1, 5, 5)) as net,
        pytest.raises(pylrm.PylrmError, match=r"cfg:6: \[local\] has kernels for 3x3 places"),
    ):
        net.resize(7, 7)


def test_a_window_larger_than_the_input_is_refused_with_its_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:6: \[local\] size=4 is larger than .* 5x3"):
        network(section("local", size=4), (1, 3, 5))
