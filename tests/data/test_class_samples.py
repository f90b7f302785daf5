"""What a classifier sees: crops, rotation, mixtures, and how probable each class then is."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylrm.data.augmentation import CLASSIFIER_NUMBERS, CropRanges, centre_crop
from pylrm.data.classes import ClassPreparation, rotated
from pylrm.data.images import resize
from pylrm.data.loader import Loader, batches_in_order
from pylrm.data.mixing import Picture, cutmix, mixup, mosaic
from tests.data.stripes import write_tree

sides = st.integers(8, 200)


@given(w=sides, h=sides, width=sides, height=sides)
def test_the_middle_of_an_image_fills_the_input(w: int, h: int, width: int, height: int) -> None:
    found = centre_crop((w, h), (width, height))
    for size, at, whole in zip(found.size, found.offset, (width, height), strict=True):
        assert size >= whole and -(size - whole) <= at <= 0
        assert abs((whole - size) / 2 - at) <= 0.5
    assert any(size == whole for size, whole in zip(found.size, (width, height), strict=True))


def test_the_pixels_of_the_middle(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 255, (30, 50, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    preparation = ClassPreparation([tmp_path / "a.png"], np.array([0]), classes=1)
    (batch,) = batches_in_order(preparation, width=20, height=20, batch=1)
    rgb = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1), np.float32) / 255
    whole = resize(rgb, 33, 20)
    np.testing.assert_allclose(batch.x[0], whole[:, :, 7:27], atol=1e-5)


@given(
    w=sides,
    h=sides,
    side=st.integers(16, 64),
    more=st.integers(0, 40),
    aspect=st.floats(1, 2),
    random=st.lists(st.floats(0, 0.999), min_size=CLASSIFIER_NUMBERS, max_size=CLASSIFIER_NUMBERS),
)
def test_crops_keep_their_bounds_and_fill_the_input(
    w: int, h: int, side: int, more: int, aspect: float, random: list[float]
) -> None:
    ranges = CropRanges(min_crop=side, max_crop=side + more, aspect=aspect)
    found = ranges.draw((w, h), (side, side), np.array(random))
    assert side <= min(found.size) <= side + more
    ratio = found.size[0] / found.size[1] / (w / h)
    slack = 1 + 1 / min(found.size)  # sides are whole pixels
    assert 1 / aspect / slack <= ratio <= aspect * slack
    for size, at in zip(found.size, found.offset, strict=True):
        assert side - size <= at <= 0


def test_crop_sizes_by_default_go_to_twice_the_width() -> None:
    random = np.zeros(CLASSIFIER_NUMBERS)
    assert min(CropRanges().draw((100, 60), (32, 32), random).size) == 32
    random[0] = 0.9999
    assert min(CropRanges().draw((100, 60), (32, 32), random).size) == 64


def test_rotation_turns_around_the_middle() -> None:
    image = np.zeros((41, 41, 3), np.uint8)
    image[18:23, 30:35] = 255  # right of the middle
    rows, columns = np.nonzero(rotated(image, 90)[..., 0] > 128)
    assert (rows.mean(), columns.mean()) == pytest.approx((41 - 1 - 32, 20), abs=0.6)  # above it
    np.testing.assert_array_equal(rotated(image, 0), image)


def pictures(*values: float) -> list[Picture]:
    """Each of one value, class by class."""
    return [
        Picture(
            np.full((3, 48, 40), value, np.float32),
            np.zeros((0, 5), np.float32),
            np.zeros(0, int),
            np.array([0, 0, 40, 48]),
            np.eye(len(values), dtype=np.float32)[index],
        )
        for index, value in enumerate(values)
    ]


@pytest.mark.parametrize("mixing", [cutmix, mosaic])
def test_classes_are_as_probable_as_their_share_of_the_pixels(mixing: object) -> None:
    values = [0.1, 0.9] if mixing is cutmix else [0.1, 0.3, 0.7, 0.9]
    random = np.random.default_rng(3)
    shares = []
    for _ in range(40):
        first, *others = pictures(*values)
        mixing(first, others, 1, random)  # type: ignore[operator]
        pixels = [(np.abs(first.x - value) < 1e-6).mean() for value in values]
        np.testing.assert_allclose(first.target, pixels, atol=1e-6)
        assert sum(pixels) == pytest.approx(1)
        shares.append(first.target[0])
    assert np.std(shares) > 0.05


def test_mixup_is_half_of_each() -> None:
    first, other = pictures(0.2, 0.6)
    mixup(first, [other], 1, np.random.default_rng(0))
    np.testing.assert_allclose(first.x, 0.4, atol=1e-6)
    np.testing.assert_allclose(first.target, [0.5, 0.5])


def test_smoothing_spreads_a_share() -> None:
    preparation = ClassPreparation([Path("a")], np.array([1]), classes=4, smoothing=0.2)
    image = np.zeros((8, 8, 3), np.uint8)
    picture = preparation._picture(0, image, None, np.empty((3, 8, 8), np.float32))
    np.testing.assert_allclose(picture.target, [0.05, 0.85, 0.05, 0.05])


def test_batches_are_a_function_of_seed_and_position(tmp_path: Path) -> None:
    images = sorted(write_tree(tmp_path / "tree", train=3, valid=0).rglob("*.png"))
    answers = np.arange(9) // 3
    taken = []
    for workers, position in ((1, 0), (3, 0), (2, 2)):
        preparation = ClassPreparation(
            images,
            answers,
            classes=3,
            ranges=CropRanges(aspect=1.5, angle=20, hue=0.1, vflip=True),
            mixing={"cutmix": 1, "gaussian_noise": 9},
        )
        options = {"width": 24, "height": 24, "batch": 4, "seed": 5}
        with Loader(preparation, **options, workers=workers, position=position) as batches:
            taken.append(list(itertools.islice(batches, 5 - position)))
    for one, other in [
        *zip(taken[0], taken[1], strict=True),
        *zip(taken[0][2:], taken[2], strict=True),
    ]:
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.truth, other.truth)
        np.testing.assert_allclose(one.truth.sum(1), 1, atol=1e-6)
    mixed = np.concatenate([batch.truth for batch in taken[0]])
    assert 0 < (mixed.max(1) < 1).mean() < 1
