"""[crop]: the middle in inference, places at random in training, the gradient of both."""

import numpy as np
import pytest

import pylrm
from tests.layers.common import IDENTITY, KERNELS, close, images, network, section

SHAPE = (2, 7, 9)


def crop(**keys):
    return section("crop", crop_width=4, crop_height=3, **keys)


def places(x, out, flips):
    """Where an image's crop comes from: all (row, column, mirrored) that fit."""
    return [
        (row, column, flip)
        for row in range(5)
        for column in range(6)
        for flip in flips
        if np.array_equal(x[:, row : row + 3, column : column + 4][:, :, :: -1 if flip else 1], out)
    ]


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("inference", [False, True])
def test_inference_takes_the_middle(inference, kernels):
    x = images(SHAPE)
    middle = x[:, :, 2:5, 2:6]
    with network(crop(flip=1), SHAPE, kernels=kernels, inference=inference) as net:
        close(net.forward(x), 2 * middle - 1)
    with network(crop(noadjust=1), SHAPE, kernels=kernels, inference=inference) as net:
        np.testing.assert_array_equal(net.forward(x), middle)


@pytest.mark.parametrize("flip", [0, 1])
def test_training_takes_a_place_at_random_for_each_image(flip):
    x = images(SHAPE, batch=64)
    found = []
    with network(crop(noadjust=1, flip=flip) + section("cost"), SHAPE, batch=64, seed=3) as net:
        for _ in range(2):
            out = net.forward(x, train=True)
            net.backward()
            for image, part in zip(x, out, strict=True):
                (place,) = places(image, part, [0, 1][: flip + 1])
                found.append(place)
        rows, columns, flips = zip(*found, strict=True)
        assert set(rows) == set(range(5)) and set(columns) == set(range(6))
        assert set(flips) == set([0, 1][: flip + 1])
        assert found[:64] != found[64:]


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("noadjust", [0, 1])
def test_what_is_handed_back_goes_where_it_came_from(noadjust, kernels):
    x, scale = images(SHAPE), 1 if noadjust else 2
    text = IDENTITY + crop(flip=1, noadjust=noadjust) + section("cost")
    with network(text, SHAPE, kernels=kernels, keep=True) as net:
        truth = images((2, 3, 4), seed=1)
        out = np.array(net.forward(x, truth.reshape(3, -1), train=True))
        net.backward()
        handed = np.array(net[0].delta)
        shift = 0 if noadjust else -1
        for image, part, delta, wanted in zip(x, out, handed, truth, strict=True):
            back = ((part - shift) / scale).astype(np.float32)
            near = np.array(
                [
                    np.abs(image[:, r : r + 3, c : c + 4][:, :, :: 1 - 2 * f] - back).max()
                    for r in range(5)
                    for c in range(6)
                    for f in (0, 1)
                ]
            )
            row, column, flip = np.unravel_index(near.argmin(), (5, 6, 2))
            expected = np.zeros(SHAPE)
            # the cost's delta is truth - output; d output / d input = scale
            given = scale * (wanted - part)[:, :, :: 1 - 2 * int(flip)]
            expected[:, row : row + 3, column : column + 4] = given
            close(delta, expected)


def test_places_are_a_function_of_the_seed_not_of_threads():
    x = images(SHAPE, batch=8)
    outs = []
    for threads, seed in ((1, 5), (3, 5), (1, 6)):
        text = crop(flip=1) + section("cost")
        with network(text, SHAPE, batch=8, threads=threads, seed=seed) as net:
            outs.append(net.forward(x, train=True).tobytes())
    assert outs[0] == outs[1] != outs[2]


def test_a_crop_larger_than_the_input_is_refused_with_its_line():
    with pytest.raises(pylrm.CfgError, match=r"cfg:6: \[crop\] crop_width=4 .* input of 3x7"):
        network(crop(), (1, 7, 3))
