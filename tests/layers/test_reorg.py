"""[reorg] against numpy: Darknet's own order, its inverse, flatten and extra."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import KERNELS, check, images, network, section

CASES = [((4, 1, 1), 1), ((4, 2, 2), 2), ((8, 4, 6), 2), ((9, 6, 3), 3), ((12, 2, 10), 2)]


def gather(x, s):
    """out[k, j, i] = in[k % oc, s*j + (k//oc)//s, s*i + (k//oc) % s], over the memories."""
    b, c, h, w = x.shape
    oc = c // (s * s)
    seen = x.reshape(b, oc, h * s, w * s)
    out = np.empty_like(x)
    for k in range(c):
        row, column = divmod(k // oc, s)
        out[:, k] = seen[:, k % oc, row::s, column::s]
    return out.reshape(b, c * s * s, h // s, w // s)


def scatter(x, s):
    """The inverse's shapes: (c, h, w) -> (c/s², h*s, w*s), from the same places."""
    b, c, h, w = x.shape
    oc = c // (s * s)
    out = np.empty((b, oc, h * s, w * s), x.dtype)
    for k in range(c):
        row, column = divmod(k // oc, s)
        out[:, k % oc, row::s, column::s] = x[:, k]
    return out


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("shape", "s"), CASES)
def test_agrees_with_numpy(shape, s, kernels):
    check(section("reorg", stride=s), lambda x, p, t: gather(x, s), shape, kernels)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("shape", "s"), CASES)
def test_reverse_agrees_with_numpy(shape, s, kernels):
    layer = section("reorg", stride=s, reverse=1)
    check(layer, lambda x, p, t: scatter(x, s), shape, kernels)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("reverse", [0, 1])
def test_flatten_transposes_the_memory(reverse, kernels):
    def twin(x, params, train):
        b, c, h, w = x.shape
        rows = h * w if reverse else c
        moved = x.reshape(b, rows, -1).transpose(0, 2, 1)
        shape = (c // 4, 2 * h, 2 * w) if reverse else (4 * c, h // 2, w // 2)
        return moved.reshape(b, *shape)

    layer = section("reorg", stride=2, flatten=1, reverse=reverse)
    check(layer, twin, (8, 4, 6), kernels)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("shape", "extra"), [((2, 3, 5), 3), ((1, 1, 1), 9)])
def test_extra_appends_zeros(shape, extra, kernels):
    def twin(x, params, train):
        flat = x.reshape(len(x), -1)
        padded = np.concatenate([flat, np.zeros((len(x), extra))], axis=1)
        return padded[:, :, None, None]

    check(section("reorg", extra=extra), twin, shape, kernels)


def test_there_and_back_is_the_same():
    text = section("reorg", stride=2) + section("reorg", stride=2, reverse=1)
    x = images((4, 4, 6))
    with network(text, (4, 4, 6)) as net:
        assert net[0].shape == (16, 2, 3)
        assert net[1].shape == (4, 4, 6)
        assert sorted(net.forward(x).ravel()) == sorted(x.ravel())


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 3, 4), r"cfg:\d+: \[reorg\] stride=2 must divide the input's width 4 and height 3"),
        (
            (6, 4, 4),
            r"cfg:\d+: \[reorg\] stride=2: the input's channels \(6\) must be a mul",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(shape, message):
    with pytest.raises(pylrm.CfgError, match=message):
        network(section("reorg", stride=2), shape)
