"""Image operations: golden data, a numpy twin, the one-pass version against its parts, reading."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.data import images
from pylrm.errors import DataError, PylrmError

GOLDEN = Path(__file__).parents[1] / "golden" / "misc" / "images.npz"
CASES = sorted(name[:-3] for name in np.load(GOLDEN) if name.endswith("_in"))


def as_float(image):
    """(h, w, 3) uint8 BGR or (h, w) grey -> (channels, h, w) float32 RGB."""
    if image.ndim == 2:
        image = image[:, :, None]
    return np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)) / np.float32(255)


def noise(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("case", CASES)
def test_golden(case):
    golden = np.load(GOLDEN)
    image = golden[case + "_in"] / np.float32(255)
    expected = golden[case + "_out"]
    h, w = expected.shape[1:]
    operation = case.split("_")[0]
    if operation == "resize":
        out = images.resize(image, w, h)
    elif operation == "letterbox":
        out = images.letterbox(image, w, h)
    elif operation == "distort":
        out = images.distort(image, *golden[case + "_params"])
    else:
        canvas = np.full((3, h, w), 0.5, np.float32)
        out = images.place(image, *(int(p) for p in golden[case + "_params"]), canvas)
        assert out is canvas
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)


def bilinear(image, ys, xs):
    """Twin of all scaling: (c, h, w) float64 sampled at ys x xs; outside the image is 0."""
    padded = np.pad(image.astype(np.float64), ((0, 0), (0, 1), (0, 1)))
    y, x = np.floor(ys).astype(int), np.floor(xs).astype(int)
    b, a = (ys - y)[:, None], xs - x
    top = padded[:, y][:, :, x] * (1 - a) + padded[:, y][:, :, x + 1] * a
    below = padded[:, y + 1][:, :, x] * (1 - a) + padded[:, y + 1][:, :, x + 1] * a
    return top * (1 - b) + below * b


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(1, 40)] * 4), st.integers(0, 2**32 - 1))
def test_resize_is_bilinear_with_corners_aligned(sizes, seed):
    h, w, new_h, new_w = sizes
    image = np.random.default_rng(seed).random((2, h, w), np.float32)
    ys, xs = (
        np.linspace(0, old - 1, new) if new > 1 else np.array([old - 1.0])
        for old, new in ((h, new_h), (w, new_w))
    )
    out = images.resize(image, new_w, new_h)
    np.testing.assert_allclose(out, bilinear(image, ys, xs), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(1, 40)] * 6),
    st.tuples(*[st.integers(-30, 30)] * 2),
    st.integers(0, 2**32 - 1),
)
def test_place_samples_in_proportion_and_leaves_the_rest(sizes, offset, seed):
    h, w, new_h, new_w, canvas_h, canvas_w = sizes
    dx, dy = offset
    rng = np.random.default_rng(seed)
    image = rng.random((3, h, w), np.float32)
    canvas = rng.random((3, canvas_h, canvas_w), np.float32)
    picture = bilinear(image, np.arange(new_h) * h / new_h, np.arange(new_w) * w / new_w)
    expected = canvas.copy()
    for y in range(max(dy, 0), min(dy + new_h, canvas_h)):
        for x in range(max(dx, 0), min(dx + new_w, canvas_w)):
            expected[:, y, x] = picture[:, y - dy, x - dx]
    images.place(image, new_w, new_h, dx, dy, canvas)
    np.testing.assert_allclose(canvas, expected, atol=1e-5)


def test_distort_with_nothing_to_do_and_by_a_whole_turn():
    image = np.random.default_rng(0).random((3, 20, 30), np.float32)
    np.testing.assert_allclose(images.distort(image, 0, 1, 1), image, atol=2e-6)
    np.testing.assert_allclose(images.distort(image, -3, 1, 1), image, atol=2e-6)


def test_distort_known_colours():
    red, grey, black = [1, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0]
    image = np.array([red, grey, black], np.float32).T.reshape(3, 1, 3)
    third = images.distort(image, 1 / 3, 1, 1)[:, 0].T
    np.testing.assert_allclose(third, [[0, 1, 0], grey, black], atol=1e-6)
    pale = images.distort(image, 0, 0.5, 0.8)[:, 0].T
    np.testing.assert_allclose(pale, [[0.8, 0.4, 0.4], [0.4] * 3, black], atol=1e-6)


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 600)),
    st.tuples(st.integers(1, 60), st.integers(1, 600)),
    st.tuples(st.integers(1, 700), st.integers(1, 90)),
    st.tuples(st.integers(-300, 300), st.integers(-40, 40)),
    st.tuples(st.floats(-0.5, 0.5), st.floats(0.4, 2.5), st.floats(0.4, 2.5)),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_augment_is_place_then_distort_then_flip(shape, out_shape, size, offset, hsv, flip, seed):
    image = noise(np.random.default_rng(seed), *shape, 3)
    out = np.full((3, *out_shape), np.nan, np.float32)
    hue, saturation, exposure = hsv
    images.augment(
        image,
        out,
        size=size,
        offset=offset,
        hue=hue,
        saturation=saturation,
        exposure=exposure,
        flip=flip,
    )
    canvas = np.full((3, *out_shape), 0.5, np.float32)
    images.place(as_float(image), *size, *offset, canvas)
    expected = images.distort(canvas, *hsv)
    if flip:
        expected = expected[:, :, ::-1]
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(37, 50), (64, 31), (5, 5)])
def test_augment_with_corners_is_letterbox_and_resize(shape):
    image = noise(np.random.default_rng(1), *shape, 3)
    out = np.empty((3, 48, 32), np.float32)
    size = images.letterbox_size(shape[1], shape[0], 32, 48)
    offset = ((32 - size[0]) // 2, (48 - size[1]) // 2)
    images.augment(image, out, size=size, offset=offset, corners=True)
    np.testing.assert_array_equal(out, images.letterbox(as_float(image), 32, 48))
    images.augment(image, out, size=(32, 48), offset=(0, 0), corners=True)
    np.testing.assert_array_equal(out, images.resize(as_float(image), 32, 48))


def test_augment_of_a_grey_image_scales_its_exposure():
    image = noise(np.random.default_rng(2), 20, 30)
    out = np.empty((1, 32, 32), np.float32)
    view = {"size": (24, 20), "offset": (3, 5), "hue": 0.2, "saturation": 2.0}
    images.augment(image, out, exposure=1.4, flip=True, **view)
    canvas = np.full((1, 32, 32), 0.5, np.float32)
    images.place(as_float(image), 24, 20, 3, 5, canvas)
    np.testing.assert_allclose(out, np.clip(canvas[:, :, ::-1] * 1.4, 0, 1), atol=1e-6)


def test_wrong_arrays_are_refused():
    image = np.zeros((3, 4, 5), np.float32)
    for bad in (np.zeros((4, 5)), np.zeros((3, 0, 5))):
        with pytest.raises(ValueError, match="shape"):
            images.resize(bad, 4, 4)
    with pytest.raises(ValueError, match="size"):
        images.letterbox(image, 0, 4)
    with pytest.raises(ValueError, match="channels"):
        images.distort(image[:1], 0, 1, 1)
    with pytest.raises(ValueError, match="finite"):
        images.distort(image, np.nan, 1, 1)
    for canvas in (np.zeros((1, 8, 8), np.float32), np.zeros((3, 8, 8)), image[:, :, ::2]):
        with pytest.raises(ValueError, match="canvas"):
            images.place(image, 4, 4, 0, 0, canvas)
    with pytest.raises(ValueError, match="out has shape"):
        images.augment(np.zeros((4, 4), np.uint8), image, size=(4, 4), offset=(0, 0))


def exif_rotated_jpeg(image):
    """A JPEG file whose EXIF says: rotate by 90 degrees (orientation 6)."""
    data = cv2.imencode(".jpg", image)[1].tobytes()
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def test_stored_pixels_count_whatever_exif_says(tmp_path):
    path = tmp_path / "rotated.jpg"
    path.write_bytes(exif_rotated_jpeg(np.zeros((20, 30, 3), np.uint8)))
    assert cv2.imread(str(path)).shape == (30, 20, 3)
    assert images.read_image(path).shape == (20, 30, 3)
    assert images.read_image(path, 1).shape == (20, 30)


def test_files_of_all_kinds_become_three_or_one_channels(tmp_path):
    rng = np.random.default_rng(3)
    grey = noise(rng, 10, 12)
    colour, alpha = noise(rng, 10, 12, 3), noise(rng, 10, 12, 4)
    folder = tmp_path / "Bilder – été 画像"
    folder.mkdir()
    stored = {"grey": grey, "colour": colour, "alpha": alpha, "deep": colour.astype("u2") * 257}
    for name, image in stored.items():
        (folder / f"{name}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    read = {name: images.read_image(folder / f"{name}.png") for name in stored}
    np.testing.assert_array_equal(read["grey"], np.repeat(grey[:, :, None], 3, 2))
    np.testing.assert_array_equal(read["colour"], colour)
    np.testing.assert_array_equal(read["alpha"], alpha[:, :, :3])
    np.testing.assert_array_equal(read["deep"], colour)
    for name in stored:
        one = images.read_image(folder / f"{name}.png", 1)
        assert one.shape == (10, 12) and one.dtype == np.uint8
    np.testing.assert_array_equal(images.read_image(folder / "grey.png", 1), grey)


def test_unreadable_files_are_named_in_one_line(tmp_path):
    for name, content in (("text.jpg", b"no image"), ("empty.png", b"")):
        (tmp_path / name).write_bytes(content)
    for name in ("text.jpg", "empty.png", "missing.jpg", "."):
        with pytest.raises(DataError) as caught:
            images.read_image(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


def test_without_opencv_one_line_says_what_to_install(monkeypatch):
    def broken(name):
        raise ImportError("libGL.so.1: cannot open shared object file\nmore")

    images.cv2.cache_clear()
    monkeypatch.setattr(images.importlib, "import_module", broken)
    try:
        with pytest.raises(PylrmError, match="opencv-python-headless") as caught:
            images.cv2()
        assert "libGL.so.1" in str(caught.value) and "\n" not in str(caught.value)
    finally:
        images.cv2.cache_clear()
