"""Mosaic, mixup, blur and noise: pixels and boxes stay together; seeds and positions decide."""

import itertools

import numpy as np
import pytest

from pylrm.data.mixing import MIXINGS, Picture, blur, gaussian_noise, mixup, mosaic
from tests.data.loaders import loader_of
from tests.data.test_loader import assert_same, differs, images  # noqa: F401 (a fixture)

OPTIONS = {"classes": 1, "width": 96, "height": 64, "batch": 4, "max_boxes": 9, "jitter": 0.3}


def take(paths, count, **options):
    with loader_of(paths, **{**OPTIONS, **options}) as batches:
        return list(itertools.islice(batches, count))


def painted(rows, width, height, grow):
    """The pixels that lie in any of the boxes, made larger by so many pixels."""
    mask = np.zeros((height, width), bool)
    for x, y, w, h in rows:
        left, right = round((x - w / 2) * width) - grow, round((x + w / 2) * width) + grow
        top, bottom = round((y - h / 2) * height) - grow, round((y + h / 2) * height) + grow
        if right > left and bottom > top:
            mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    return mask


def test_boxes_of_mosaics_follow_the_pixels(images):  # noqa: F811
    several = 0
    for batch in take(images, 12, mixing={"mosaic": 1}):
        for x, truth in zip(batch.x, batch.truth, strict=True):
            rows = truth[truth[:, 2] > 0]
            several += len(rows) > 2
            assert (np.diff(rows[:, 4]) <= 0).all()  # objects first
            for kind, channel in ((0, 0), (-1, 1)):
                seen = x[channel] - np.delete(x, channel, 0).max(0) > 0.5
                boxes = rows[rows[:, 4] == kind][:, :4]
                assert not (seen & ~painted(boxes, 96, 64, 2)).any()
                assert not (painted(boxes, 96, 64, -2) & ~seen).any()
    assert several > 5  # of 48 pictures, about half are mosaics, which cut off many boxes


def plain(value, rows):
    boxes = np.array(rows, np.float32).reshape(-1, 5)
    x = np.full((3, 40, 40), value, np.float32)
    return Picture(x, boxes, np.arange(len(boxes)), np.array([0, 0, 40, 40]))


def test_a_mosaic_has_a_quarter_of_each_around_a_point():
    whole = [0.5, 0.5, 1, 1]
    pictures = [plain(i / 4, [[*whole, i]]) for i in range(4)]
    picture, others = pictures[0], pictures[1:]
    mosaic(picture, others, 1, np.random.default_rng(0))
    found = picture.x[0]
    assert [found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]] == [0, 0.25, 0.5, 0.75]
    cut = [int((found[0] == 0).sum()), int((found[:, 0] == 0).sum())]
    assert all(8 <= side <= 32 for side in cut)
    areas = picture.rows[:, 2] * picture.rows[:, 3]
    assert areas.sum() == pytest.approx(1, abs=1e-6)
    assert areas[0] == pytest.approx(cut[0] * cut[1] / 1600, abs=1e-6)
    assert picture.labels.tolist() == [0, -1, -1, -1]


def test_images_with_borders_meet_at_the_point():
    pictures = [plain(1, []) for _ in range(4)]
    for i, each in enumerate(pictures):
        each.x[:, :, [*range(5), *range(30, 40)]] = 0.5  # grey borders left and right
        each.x[:, 5:35, 5:30] = i / 4
        each.x[:, [*range(5), *range(35, 40)]] = 0.5
        each.area = np.array([5, 5, 30, 35])
    mosaic(pictures[0], pictures[1:], 1, np.random.default_rng(0))
    x = pictures[0].x[0]
    columns = [
        int(np.flatnonzero(x[:, i] == 0.25)[0]) for i in range(40) if (x[:, i] == 0.25).any()
    ]
    row = x[columns[0] + 1]
    assert set(np.unique(x)) == {0, 0.25, 0.5, 0.75}
    edge = int(np.flatnonzero(row == 0.25)[0])
    assert row[edge - 1] == 0  # no border between the two


def test_mixup_is_half_of_each_with_all_boxes():
    first = plain(0.2, [[0.5, 0.5, 0.2, 0.2, 1], [0.2, 0.2, 0.1, 0.1, -1]])
    second = plain(0.6, [[0.4, 0.5, 0.2, 0.2, 0]])
    mixup(first, [second], 1, np.random.default_rng(0))
    np.testing.assert_allclose(first.x, 0.4)
    assert first.rows[:, 4].tolist() == [1, 0, -1] and first.labels.tolist() == [0, -1, 1]


def test_blur_leaves_the_boxes_sharp():
    rng = np.random.default_rng(0)
    picture = plain(0, [[0.5, 0.5, 0.5, 0.5, 0]])
    picture.x[:] = rng.random((3, 40, 40))
    before = picture.x.copy()
    blur(picture, [], 1, rng)
    assert np.array_equal(picture.x[:, 10:30, 10:30], before[:, 10:30, 10:30])
    assert picture.x[:, :8].std() < 0.3 * before[:, :8].std()
    blur(picture, [], 9, rng)
    assert picture.x.std() < 0.3 * before.std()


def test_noise_has_the_deviation_that_is_asked_for():
    picture = plain(0.5, [])
    gaussian_noise(picture, [], 20, np.random.default_rng(0))
    assert picture.x.std() == pytest.approx(20 / 255, rel=0.05)
    gaussian_noise(picture, [], 127, np.random.default_rng(0))
    assert picture.x.min() >= 0 and picture.x.max() <= 1


ALL = {"mosaic": 1, "mixup": 1, "blur": 1, "gaussian_noise": 10}


def test_seed_and_position_decide(images):  # noqa: F811
    assert {*ALL, "cutmix"} == {row.key for row in MIXINGS}  # which is of classifiers
    expected = take(images, 6, mixing=ALL)
    assert_same(take(images, 6, mixing=ALL, workers=4), expected)
    assert_same(take(images, 3, mixing=ALL, position=3), expected[3:])
    assert differs(take(images, 6, mixing=ALL, seed=1), expected)
    assert_same(take(images, 2, mixing=dict.fromkeys(ALL, 0)), take(images, 2))
    assert_same(take(images, 2, mixing=ALL, augment=False), take(images, 2, augment=False))


def test_unreadable_images_are_replaced_in_mosaics_too(images, tmp_path):  # noqa: F811
    broken = tmp_path / "images" / "broken.png"
    broken.parent.mkdir()
    broken.write_bytes(b"no image")
    with loader_of([broken, *images], **OPTIONS, mixing={"mosaic": 1}) as batches:
        assert len(list(itertools.islice(batches, 12))) == 12
        assert batches.skipped == [broken]
