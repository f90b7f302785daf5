"""The loader: what a batch holds is a function of seed and position; boxes follow the pixels."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.data import loader
from pylrm.data.augmentation import Ranges, Transform, move_boxes
from pylrm.data.images import read_image
from pylrm.data.loader import Batch, evaluation_batches
from pylrm.errors import DataError
from tests.data.loaders import loader_of

RED, GREEN = (0, 0, 255), (0, 255, 0)  # BGR


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))


def relative(left, top, right, bottom, w, h):
    return ((left + right) / 2 / w, (top + bottom) / 2 / h, (right - left) / w, (bottom - top) / h)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Eleven images of several sizes: a red object of class 0 and a green region to ignore."""
    root = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(5)
    paths = []
    for index in range(11):
        w, h = (int(side) for side in rng.integers(80, 200, 2))
        image = np.zeros((h, w, 3), np.uint8)
        left, top = int(rng.integers(0, w // 2 - 30)), int(rng.integers(0, h - 30))
        red = (left, top, left + int(rng.integers(16, 30)), top + int(rng.integers(16, 30)))
        left += w // 2
        green = (left, top, left + int(rng.integers(16, 30)), top + int(rng.integers(16, 30)))
        for colour, (x0, y0, x1, y1) in ((RED, red), (GREEN, green)):
            image[y0:y1, x0:x1] = colour
        path = root / "images" / f"{index}.png"
        write_image(path, image)
        write_rows(root / "labels" / f"{index}.txt", [(0, *relative(*red, w, h))])
        write_rows(root / "labels" / f"{index}.ignore.txt", [relative(*green, w, h)])
        paths.append(path)
    return paths


OPTIONS = {"classes": 1, "width": 96, "height": 64, "batch": 4, "max_boxes": 5}
FULL = {"jitter": 0.3, "hue": 0.1, "saturation": 1.5, "exposure": 1.5}


def take(images, count, **options):
    with loader_of(images, **{**OPTIONS, **FULL, **options}) as batches:
        return list(itertools.islice(batches, count))


def assert_same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        for name in ("x", "truth", "labels", "indices", "sizes"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def differs(first, second):
    return any(not np.array_equal(a.x, b.x) for a, b in zip(first, second, strict=True))


def test_shapes(images):
    batch = take(images, 1)[0]
    assert isinstance(batch, Batch)
    assert batch.x.shape == (4, 3, 64, 96) and batch.x.dtype == np.float32
    assert batch.truth.shape == (4, 5, 5) and batch.truth.dtype == np.float32
    assert batch.x.min() >= 0 and batch.x.max() <= 1
    for index, size in zip(batch.indices, batch.sizes, strict=True):
        assert read_image(images[index]).shape[1::-1] == tuple(size)


def test_batches_are_the_same_for_any_number_of_workers(images):
    expected = take(images, 8, workers=1)
    for workers in (2, 4):
        assert_same(take(images, 8, workers=workers), expected)


def test_going_on_at_a_position_gives_the_tail(images):
    expected = take(images, 9)
    for position in (1, 3, 7):
        assert_same(take(images, 9 - position, position=position), expected[position:])


def test_the_seed_changes_order_and_views(images):
    assert differs(take(images, 2), take(images, 2, seed=1))
    assert differs(take(images, 2, seed=2**64 - 1), take(images, 2, seed=2**64 - 2))


def test_an_epoch_is_a_permutation_and_epochs_differ(images):
    order = np.concatenate([batch.indices for batch in take(images, 11)])
    epochs = order.reshape(4, 11)
    for epoch in epochs:
        assert sorted(epoch) == list(range(11))
    assert len({tuple(epoch) for epoch in epochs}) == 4
    plain = np.concatenate([batch.indices for batch in take(images, 6, shuffle=False)])
    np.testing.assert_array_equal(plain, np.arange(24) % 11)


def test_views_of_an_image_differ_between_epochs(images):
    first, second = take(images, 2, batch=11, shuffle=False)
    assert all(not np.array_equal(a, b) for a, b in zip(first.x, second.x, strict=True))


def test_sizes_follow_the_position(images):
    def size_at(index):
        return (64 + 32 * (index % 2), 32 + 32 * (index // 2))

    batches = take(images, 4, size_at=size_at)
    assert [batch.x.shape[:1:-1] for batch in batches] == [size_at(index) for index in range(4)]
    assert_same(take(images, 2, size_at=size_at, position=2), batches[2:])


def coloured(x, channel):
    """Extent (left, top, right, bottom), in pixels, of what a channel dominates in (3, h, w)."""
    others = np.delete(x, channel, 0).max(0)
    strength = x[channel] - others
    ys, xs = np.nonzero(strength > strength.max() / 2)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


def corners(box, w, h):
    x, y, bw, bh = (float(v) for v in box)
    return np.array([(x - bw / 2) * w, (y - bh / 2) * h, (x + bw / 2) * w, (y + bh / 2) * h])


@pytest.mark.parametrize("letterbox", [True, False])
@pytest.mark.parametrize("augment", [True, False])
def test_boxes_and_ignored_regions_follow_the_pixels(images, augment, letterbox):
    colours = {"hue": 0.0, "saturation": 1.5, "exposure": 1.5}
    for batch in take(images, 12, augment=augment, letterbox=letterbox, **colours):
        for x, truth in zip(batch.x, batch.truth, strict=True):
            assert truth[:, 4].tolist() == [0, -1, 0, 0, 0]
            assert not truth[2:].any()
            for row, channel in ((truth[0], 0), (truth[1], 1)):
                distance = np.abs(corners(row[:4], 96, 64) - coloured(x, channel))
                assert distance.max() <= 1.5


def test_boxes_follow_the_pixels_of_images_upside_down_and_of_other_sizes(images):
    above, areas, cut = set(), [], 0
    for batch in take(images, 24, jitter=0.1, vflip=True, resize=1.5):
        for x, truth in zip(batch.x, batch.truth, strict=True):
            rows = {int(row[4]): corners(row[:4], 96, 64) for row in truth if row[2] > 0}
            for kind, channel in ((0, 0), (-1, 1)):
                box = rows.get(kind)
                if box is None:
                    cut += 1
                elif min(box[2] - box[0], box[3] - box[1]) > 4:
                    assert np.abs(box - coloured(x, channel)).max() <= 2
            if len(rows) == 2:
                above.add(bool(rows[0][1] < rows[-1][1]))
                areas.append(float((rows[0][2:] - rows[0][:2]).prod()))
    assert above == {True, False}
    assert max(areas) > 2 * min(areas)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=14, max_size=14), st.floats(1, 3))
def test_a_resized_image_keeps_its_factor_and_covers_or_lies_in_the_input(random, resize):
    canvas = (96, 64)
    plain = Ranges(0.2).draw((120, 80), canvas, np.array(random))
    changed = Ranges(0.2, resize=resize).draw((120, 80), canvas, np.array(random))
    for before, after, at, whole in zip(
        plain.size, changed.size, changed.offset, canvas, strict=True
    ):
        assert before / resize - 1 <= after <= before * resize + 1
        assert min(0, whole - after) <= at <= max(0, whole - after)


def test_smaller_images_are_area_averages_where_asked(tmp_path):
    stripes = np.zeros((64, 96, 3), np.uint8)
    stripes[:, ::2] = 255
    write_image(tmp_path / "a.png", stripes)
    write_rows(tmp_path / "a.txt", [(0, 0.5, 0.5, 0.5, 0.5)])
    for size in ((48, 32), (24, 16), (48, 64)):
        options = dict(OPTIONS, width=size[0], height=size[1], batch=1, augment=False)
        averaged = take([tmp_path / "a.png"], 1, **options, antialias=True)[0].x
        assert np.abs(averaged - 0.5).max() < 0.01
    assert np.abs(take([tmp_path / "a.png"], 1, **options)[0].x - 0.5).max() > 0.4


def test_some_views_are_mirrored_and_some_not(images):
    sides = set()
    for batch in take(images, 6):
        sides |= {bool(truth[0, 0] < truth[1, 0]) for truth in batch.truth}
    assert sides == {True, False}
    for batch in take(images, 3, flip=False):
        assert (batch.truth[:, 0, 0] < batch.truth[:, 1, 0]).all()


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    st.tuples(st.integers(1, 640), st.integers(1, 640)),
    st.floats(0, 0.9),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=10, max_size=10),
    st.booleans(),
)
def test_views_lie_within_the_canvas_and_their_ranges(original, canvas, jitter, random, letterbox):
    ranges = Ranges(jitter, hue=0.1, saturation=1.5, exposure=2)
    view = ranges.draw(original, canvas, np.array(random), letterbox)
    for size, offset, whole in zip(view.size, view.offset, canvas, strict=True):
        assert size >= 1 and offset >= 0 and offset + size <= whole
    assert any(size == whole for size, whole in zip(view.size, canvas, strict=True))
    assert -0.1 <= view.hue <= 0.1
    assert 1 / 1.5 <= view.saturation <= 1.5 and 0.5 <= view.exposure <= 2


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(*[st.floats(0, 1)] * 4),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.integers(-100, 100), st.integers(-100, 100)),
    st.booleans(),
)
def test_moved_boxes_are_clipped_pixel_rectangles(box, size, offset, flip):
    canvas = (120, 80)
    x, y, w, h = box
    edges = [(x - w / 2, x + w / 2), (y - h / 2, y + h / 2)]
    expected = []
    for axis, (low, high) in enumerate(edges):
        ends = [
            min(max((edge * size[axis] + offset[axis]) / canvas[axis], 0), 1)
            for edge in (low, high)
        ]
        if axis == 0 and flip:
            ends = [1 - ends[1], 1 - ends[0]]
        expected.append(((ends[0] + ends[1]) / 2, ends[1] - ends[0]))
    moved = move_boxes(np.array([box], np.float32), Transform(size, offset, flip=flip), canvas)[0]
    (cx, bw), (cy, bh) = expected
    np.testing.assert_allclose(moved, [cx, cy, bw, bh], atol=1e-5)


def test_tiny_boxes_and_regions_are_dropped_and_objects_come_first(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((50, 50, 3), np.uint8))
    rows = [(0, 0.5, 0.5, 0.0005, 0.5), *((0, 0.1 * i, 0.5, 0.1, 0.1) for i in range(1, 8))]
    write_rows(tmp_path / "a.txt", rows)
    write_rows(tmp_path / "a.ignore.txt", [(0.5, 0.5, 0.3, 0.0002), (0.5, 0.5, 0.4, 0.4)])
    options = dict(OPTIONS, batch=1)

    def truth(max_boxes, **more):
        return take([tmp_path / "a.png"], 1, **{**options, "max_boxes": max_boxes}, **more)[
            0
        ].truth[0]

    plain = {"augment": False, "letterbox": False}
    assert truth(12, **plain)[:, 4].tolist() == [0] * 7 + [-1] + [0] * 4
    np.testing.assert_allclose(truth(12, **plain)[:7, 0], 0.1 * np.arange(1, 8), atol=1e-6)
    assert truth(7, **plain)[:, 4].tolist() == [0] * 6 + [-1]
    few = truth(3, **plain)
    assert (few[:, 4] == 0).all() and (np.diff(few[:, 0]) > 0).all()
    np.testing.assert_array_equal(few, truth(3, workers=1, **plain))


@pytest.mark.parametrize("augment", [True, False])
def test_the_largest_regions_have_a_quarter_of_too_few_rows(tmp_path, augment):
    write_image(tmp_path / "a.png", np.zeros((50, 50, 3), np.uint8))
    sides = [0.1, 0.3, 0.2, 0.4, 0.05]
    write_rows(tmp_path / "a.ignore.txt", [(0.5, 0.5, side, side) for side in sides])

    def rows(objects, max_boxes):
        write_rows(tmp_path / "a.txt", [(0, 0.5, 0.5, 0.1, 0.1)] * objects)
        options = {"letterbox": False, "jitter": 0, "augment": augment}
        (batch,) = take(
            [tmp_path / "a.png"], 1, **dict(OPTIONS, batch=1, max_boxes=max_boxes), **options
        )
        regions = batch.truth[0][batch.truth[0, :, 4] < 0]
        return (batch.truth[0, :, 4] == 0).sum(), [round(float(side), 2) for side in regions[:, 2]]

    assert rows(20, 8) == (6, [0.3, 0.4])
    assert rows(5, 8) == (5, [0.3, 0.2, 0.4])
    assert rows(7, 9) == (7, [0.3, 0.4])
    assert rows(20, 3) == (3, [])
    assert rows(20, 25) == (20, sides)


def test_each_row_of_the_truth_names_its_label(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((50, 50, 3), np.uint8))
    tiny = (0, 0.5, 0.5, 0.0005, 0.5)
    boxes = [(0, 0.1 * i, 0.5, 0.1, 0.1) for i in range(1, 8)]
    rows = [tiny, *boxes[:3], tiny, *boxes[3:]]
    write_rows(tmp_path / "a.txt", rows)
    write_rows(tmp_path / "a.ignore.txt", [(0.5, 0.5, 0.4, 0.4)])
    for max_boxes in (10, 5):
        options = dict(OPTIONS, batch=1, max_boxes=max_boxes, jitter=0, flip=False)
        (batch,) = take([tmp_path / "a.png"], 1, **options, letterbox=False)
        truth, labels = batch.truth[0], batch.labels[0]
        found = truth[labels >= 0]
        np.testing.assert_allclose(
            found, [(*rows[i][1:], 0) for i in labels[labels >= 0]], atol=0.01
        )
        assert len(found) == min(7, max_boxes - 1)
        assert (truth[labels < 0, 4] <= 0).all() and (truth[:, 4] == -1).sum() == 1
    (batch,) = evaluation_batches([tmp_path / "a.png"], **OPTIONS)
    assert batch.labels.tolist() == [[1, 2, 3, 5, -1]]


def test_regions_of_an_image_without_a_label_file_count(tmp_path):
    image = tmp_path / "images" / "a.png"
    write_image(image, np.zeros((50, 50, 3), np.uint8))
    write_rows(tmp_path / "labels" / "a.ignore.txt", [(0.5, 0.5, 0.4, 0.4)])
    truth = take([image], 1, **dict(OPTIONS, batch=1))[0].truth[0]
    assert truth[0, 4] == -1 and not truth[1:].any()


def test_an_image_without_labels_is_background(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((50, 50, 3), np.uint8))
    assert not take([tmp_path / "a.png"], 1)[0].truth.any()


def test_grey_networks(images):
    batch = take(images, 1, channels=1)[0]
    assert batch.x.shape == (4, 1, 64, 96)


@pytest.fixture
def with_broken(images, tmp_path):
    """The images with two broken ones among them."""
    broken = [tmp_path / "broken.jpg", tmp_path / "missing.jpg"]
    broken[0].write_bytes(b"no image")
    return [images[0], broken[0], *images[1:4], broken[1]], broken


def test_unreadable_images_are_replaced_and_listed(with_broken):
    paths, broken = with_broken
    results = []
    for workers in (1, 3):
        with loader_of(paths, **OPTIONS, **FULL, workers=workers) as batches:
            results.append(list(itertools.islice(batches, 6)))
            assert sorted(batches.skipped) == sorted(broken)
    assert_same(*results)
    drawn = np.concatenate([batch.indices for batch in results[0]])
    assert set(drawn) == {0, 2, 3, 4}
    assert_same(take(paths, 3, position=3), results[0][3:])


def test_nothing_readable_is_an_error(with_broken):
    _, broken = with_broken
    with pytest.raises(DataError, match=r"none of 2 images can be read; .*(broken|missing)"):
        take(broken, 1)
    with pytest.raises(DataError, match="no images"):
        take([], 1)


def test_a_bad_label_reaches_the_caller(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((50, 50, 3), np.uint8))
    write_rows(tmp_path / "a.txt", [(99, 0.5, 0.5, 0.1, 0.1)])
    with pytest.raises(DataError, match=r"a\.txt:1: class 99"):
        take([tmp_path / "a.png"], 1)


def test_close_ends_it_and_may_be_repeated(images):
    batches = loader_of(images, **OPTIONS)
    next(batches)
    assert batches.stall > 0
    batches.close()
    batches.close()
    with pytest.raises(ValueError, match="closed"):
        next(batches)


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"workers": 0}, {"seed": -1}, {"position": -1}, {"jitter": 1.5}]
)
def test_wrong_arguments(images, wrong):
    with pytest.raises(ValueError):
        loader_of(images, **{**OPTIONS, **wrong})


def test_evaluation_takes_each_image_once_in_order(images):
    options = {"classes": 1, "width": 64, "height": 96, "batch": 4, "max_boxes": 5}
    batches = list(evaluation_batches(images, **options))
    assert [len(batch.x) for batch in batches] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([b.indices for b in batches]), np.arange(11))
    assert_same(batches, list(evaluation_batches(images, **options, workers=4)))
    with loader_of(images, **options, augment=False, shuffle=False) as training:
        assert_same([next(training)], batches[:1])


def test_evaluation_uses_all_cores(images, monkeypatch):
    pools = []

    class Pool(loader.ThreadPoolExecutor):
        def __init__(self, workers, **options):
            pools.append(workers)
            super().__init__(workers, **options)

    monkeypatch.setattr(loader, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(loader.os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    options = {"classes": 1, "width": 64, "height": 96, "batch": 4, "max_boxes": 5}
    assert len(list(evaluation_batches(images, **options))) == 3
    assert len(list(evaluation_batches(images, **options, workers=1))) == 3
    assert pools == [3, 1]


def test_evaluation_leaves_unreadable_images_out(with_broken):
    paths, broken = with_broken
    options = dict(OPTIONS, batch=2)
    skipped = []
    batches = list(evaluation_batches(paths, **options, skipped=skipped))
    assert skipped == broken
    assert [batch.indices.tolist() for batch in batches] == [[0], [2, 3], [4]]
    for batch in batches:
        assert len(batch.x) == len(batch.truth) == len(batch.sizes) == len(batch.indices)
        assert len(batch.labels) == len(batch.truth)
    with pytest.raises(DataError, match=r"broken\.jpg"):
        list(evaluation_batches(paths, **options))


def test_workers_do_not_share_opencvs_threads(images):
    cv2.setNumThreads(4)
    take(images, 1)
    assert cv2.getNumThreads() == 1
