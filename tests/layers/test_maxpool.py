"""[maxpool] against numpy."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, images, network, section

CASES = [
    ((1, 1, 1), {}),
    ((2, 6, 8), {"size": 2, "stride": 2}),
    ((2, 5, 7), {"size": 2, "stride": 2}),
    ((3, 5, 7), {"size": 2, "stride": 1}),
    ((3, 5, 7), {"stride": 3}),
    ((2, 9, 4), {"size": 3, "stride": 2}),
    ((2, 7, 5), {"size": 5, "stride": 1}),
    ((2, 7, 5), {"size": 13, "stride": 1}),
    ((2, 6, 7), {"size": 3, "stride": 2, "padding": 0}),
    ((2, 6, 7), {"size": 3, "stride": 2, "padding": 1}),
    ((2, 6, 33), {"size": 2, "stride": 2, "padding": 0}),
    ((1, 4, 4), {"size": 2, "stride": 3, "padding": 3}),
]


def twin(size=None, stride=1, padding=None):
    size = size or stride
    padding = size - 1 if padding is None else padding

    def forward(x, params, train):
        b, c, h, w = x.shape
        rows, columns = ((n + padding - size) // stride + 1 for n in (h, w))
        out = np.empty((b, c, rows, columns))
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride - padding // 2, j * stride - padding // 2
                window = x[
                    :, :, max(0, top) : max(0, top + size), max(0, left) : max(0, left + size)
                ]
                out[:, :, i, j] = window.max((2, 3))
        return out

    return forward


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("shape", "keys"), CASES)
def test_agrees_with_numpy(shape, keys, kernels):
    check(section("maxpool", **keys), twin(**keys), shape, kernels)


@pytest.mark.parametrize("kernels", KERNELS)
def test_of_equal_values_the_first_learns(kernels):
    text = "[activation]\n" + section("maxpool", size=2, stride=2, padding=0) + section("cost")
    with network(text, (1, 2, 4), batch=1, kernels=kernels, keep=True) as net:
        net.forward(np.full((1, 1, 2, 4), 3), np.array([[4, 5]]), train=True)
        net.backward()
        np.testing.assert_array_equal(net[0].delta[0, 0], [[1, 0, 2, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("kernels", KERNELS)
def test_negative_values_beat_the_frame(kernels):
    with network(section("maxpool", size=3, stride=1), (1, 3, 3), kernels=kernels) as net:
        x = -1 - np.abs(images((1, 3, 3)))
        assert (net.forward(x) < -1).all()


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("place", [(0, 0), (1, 1), (2, 3)])
def test_nothing_hides_a_nan(place, keep, kernels):
    layer = section("maxpool", size=3, stride=1)
    with network(layer, (1, 4, 5), kernels=kernels, keep=keep, inference=not keep) as net:
        x = images((1, 4, 5))
        x[0, 0][place] = np.nan
        row, column = (slice(max(0, i - 1), i + 2) for i in place)
        expected = np.zeros((4, 5), bool)
        expected[row, column] = True
        np.testing.assert_array_equal(np.isnan(net.forward(x)[0, 0]), expected)


def test_a_window_larger_than_the_input_is_refused_with_its_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:\d+: \[maxpool\] size=5 is larger"):
        network(section("maxpool", size=5, padding=0), (1, 4, 8))
