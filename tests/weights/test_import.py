"""A pretrained start: the function before and after, and what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm import Network
from pylrm.errors import CfgError, DataError, WeightsError
from pylrm.weights import import_start
from pylrm.weights.readers import read_source
from pylrm.weights.start import read_pixels
from tests.weights import naive

HEAD = "[convolutional]\nfilters=4\nsize=1\nactivation=linear\n"
LAST = len(naive.CHANNELS) - 1


def start(tmp_path: Path, data: Path, cfg: str, **options: Any) -> Path:
    source = naive.small_source(tmp_path / "small.npz")
    out = tmp_path / "start.weights"
    import_start(source, cfg, data, out, images=8, **options)
    return out


def pixels(size: int = 32) -> naive.Array:
    return np.random.default_rng(5).random((2, 3, size, size)).astype(np.float32)


def output(cfg: str, weights: Path, x: naive.Array, index: int = LAST) -> naive.Array:
    with Network(cfg, weights, keep=True) as net:
        net.forward(x)
        return np.array(net[index].output)


@pytest.mark.parametrize("stride", [2, 1])
def test_the_function_is_the_folded_network_s(tmp_path: Path, tiny_data: Path, stride: int) -> None:
    cfg = naive.small_cfg(stride=stride, head=HEAD)
    weights = start(tmp_path, tiny_data, cfg)
    convolutions = read_source(tmp_path / "small.npz").for_plain_pixels()
    strides = [2, 1, 1, stride, 1]
    expected = naive.outputs(pixels(), convolutions, strides, symmetric=True)[-1]
    np.testing.assert_allclose(output(cfg, weights, pixels()), expected, atol=2e-5)


def test_exact_padding_is_the_trained_one_inside_the_border(
    tmp_path: Path, tiny_data: Path
) -> None:
    cfg = naive.small_cfg(size=5)
    weights = start(tmp_path, tiny_data, cfg, padding="exact")
    source = read_source(tmp_path / "small.npz")
    x = pixels()
    expected = naive.outputs(2 * x - 1, source.convolutions, naive.STRIDES, symmetric=False)[-1]
    got = output(cfg, weights, x)
    # 0 is black around the image here and was grey: a pixel there reaches the last two cells
    np.testing.assert_allclose(got[..., :-2, :-2], expected[..., :-2, :-2], atol=2e-5)
    assert np.abs(got - expected).max() > 1e-2


def test_batch_norm_is_calibrated_on_the_training_images(tmp_path: Path, tiny_data: Path) -> None:
    cfg = naive.small_cfg(head=HEAD).replace("[net]", "[net]\nantialias=1")
    weights = start(tmp_path, tiny_data, cfg)
    with Network(cfg, weights, batch=8, keep=True) as net:
        x = read_pixels(net, tiny_data, 8, seed=0)
        net.forward(x)
        expected = np.array(net[LAST].output)
        net.forward(x, train=True)  # by the images' own mean and variance
        np.testing.assert_allclose(net[LAST].output, expected, atol=2e-4)


def test_the_file_ends_after_the_backbone(tmp_path: Path, tiny_data: Path) -> None:
    cfg = naive.small_cfg(head=HEAD)
    weights = start(tmp_path, tiny_data, cfg)
    with Network(cfg) as net:
        values = sum(layer.parameters for layer in list(net)[: LAST + 1])
        assert weights.stat().st_size == 20 + 4 * values
        before = np.array(net[LAST + 1].params["weights"])
        net.load_weights(weights)
        np.testing.assert_array_equal(net[LAST + 1].params["weights"], before)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("filters=32", "filters=24", "cfg:38: layer 4 has 16 to 24 ch.* conv04 .* 16 to 32 "),
        ("size=3\nstride=1", "size=3\nstride=2", r"cfg:14: layer 1 has .* 3x3/2, .* conv01 of "),
        ("groups=8", "groups=4", r"cfg:14: layer 1 has 8 to 8 channels, .* groups=4; .* groups=8"),
        ("size=3\nstride=2", "size=5\nstride=2", r"cfg:6: layer 0 has .* 5x5/2, .* 3x3/2"),
        ("relu6", "leaky", r"cfg:6: layer 0 has activation=leaky; .* trained with relu6"),
        ("batch_normalize=1", "batch_normalize=0", r"cfg:6: layer 0 has no batch norm"),
        ("pad=1", "pad=0", r"cfg:6: layer 0 has padding=0; it must have pad=1"),
        ("[convolutional]", "[dropout]\n\n[convolutional]", "cfg: starts with 0 .* has 5 "),
    ],
)  # fmt: skip
def test_a_cfg_that_differs_is_refused(
    tmp_path: Path, tiny_data: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(CfgError, match=message):
        start(tmp_path, tiny_data, naive.small_cfg().replace(old, new, 1))
    assert not (tmp_path / "start.weights").exists()


def test_exact_padding_names_the_lines_to_change(tmp_path: Path, tiny_data: Path) -> None:
    with pytest.raises(CfgError, match=r"cfg:9, 33: exact padding needs size=5"):
        start(tmp_path, tiny_data, naive.small_cfg(), padding="exact")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"conv01_biases": None}, "small.npz: conv01_biases is missing"),
        ({"conv01_biases": np.zeros(3, np.float32)}, r"conv01: weights of shape \(8, 1, 3, 3\)"),
        ({"conv00_biases": np.full(8, np.nan, np.float32)}, "conv00: .* must be finite"),
        ({"conv02_stride": 1.5}, "conv02: stride and groups must be whole"),
    ],
)
def test_a_source_that_is_wrong_is_refused(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        read_source(naive.small_source(tmp_path / "small.npz", **changed))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\3\4 damaged"])
def test_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="other.npz: no .npz file"):
        read_source(path)
    with pytest.raises(WeightsError, match="nowhere.npz: cannot be read: No such file"):
        read_source(tmp_path / "nowhere.npz")


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(WeightsError, match="one.npy: no .npz file of arrays: not a zip archive"):
        read_source(tmp_path / "one.npy")


def test_a_padding_that_is_none_is_refused(tmp_path: Path, tiny_data: Path) -> None:
    with pytest.raises(ValueError, match="padding='same': there are shift, exact"):
        start(tmp_path, tiny_data, naive.small_cfg(), padding="same")


def test_too_few_images_are_an_error(tmp_path: Path, tiny_data: Path) -> None:
    source = naive.small_source(tmp_path / "small.npz")
    with pytest.raises(DataError, match="tiny.data: 16 training images; calibration asks for 48"):
        import_start(source, naive.small_cfg(), tiny_data, tmp_path / "start.weights")
