"""[upsample] against numpy."""

import pytest

import pylrm
from tests.layers.common import KERNELS, check, network, section


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ((1, 1, 1), {}),
        ((3, 5, 7), {"stride": 2}),
        ((4, 3, 2), {"stride": 3, "scale": 0.5}),
        ((2, 3, 1), {"stride": 1, "scale": -2}),
    ],
)
def test_repeats_values(shape, keys, kernels):
    stride, scale = keys.get("stride", 2), keys.get("scale", 1)

    def twin(x, params, train):
        return scale * x.repeat(stride, axis=2).repeat(stride, axis=3)

    check(section("upsample", **keys), twin, shape, kernels)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(
    ("shape", "stride", "scale"), [((3, 4, 6), 2, 1), ((2, 3, 9), 3, 0.25), ((1, 2, 2), 1, 3)]
)
def test_a_negative_stride_sums_blocks(shape, stride, scale, kernels):
    def twin(x, params, train):
        b, c, h, w = x.shape
        blocks = x.reshape(b, c, h // stride, stride, w // stride, stride)
        return scale * blocks.sum((3, 5))

    check(section("upsample", stride=-stride, scale=scale), twin, shape, kernels)


@pytest.mark.parametrize(
    ("stride", "message"),
    [
        (0, r"cfg:\d+: \[upsample\] stride=0"),
        (-3, r"cfg:\d+: \[upsample\] stride=-3 must divide the input's width 6 and height 4"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(stride, message):
    with pytest.raises(pylrm.CfgError, match=message):
        network(section("upsample", stride=stride), (3, 4, 6))
