"""Weights files that are no weights files of the cfg, and those of older Darknets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import pylrm

NET = "[net]\nbatch=2\nwidth=4\nheight=4\nchannels=2\n"
CONV = "[convolutional]\nbatch_normalize=1\nfilters=3\nsize=1\nactivation=leaky\n"
TWO = NET + CONV + "[convolutional]\nfilters=2\nsize=1\nactivation=linear\n"
IMAGES = np.random.default_rng(1).random((2, 2, 4, 4), dtype=np.float32)


def write(path: Path, values: object, seen: int = 0, major: int = 0, minor: int = 2) -> Path:
    header = np.array([major, minor, 0], "<i4").tobytes() + np.array([seen], "<i8").tobytes()
    path.write_bytes(header + np.asarray(values, "<f4").tobytes())
    return path


def refused(path: Path, cfg: str = TWO, **options: object) -> str:
    with pytest.raises(pylrm.WeightsError) as caught:
        pylrm.Network(cfg, path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "no values" in refused(write(tmp_path / "a.weights", []))
    pylrm.Network(NET + "[maxpool]\nsize=2\nstride=2\n", tmp_path / "a.weights").close()


def test_a_start_for_training_is_none_for_inference(tmp_path: Path) -> None:
    path = write(tmp_path / "a.weights", np.ones(18))
    pylrm.Network(TWO, path).close()
    assert "layers 0 to 0 only" in refused(path, inference=True)
    write(path, np.ones(26))
    pylrm.Network(TWO, path, inference=True).close()


def test_a_negative_count_of_images_is_no_header(tmp_path: Path) -> None:
    assert "no weights file" in refused(write(tmp_path / "a.weights", np.ones(26), seen=-1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(bad: float, tmp_path: Path) -> None:
    values = np.ones(26)
    values[20] = bad
    path = write(tmp_path / "a.weights", values)
    assert "layer 1 ([convolutional]" in refused(path)
    with pylrm.Network(TWO) as net:
        before = [v.tobytes() for layer in net for v in layer.params.values()]
        with pytest.raises(pylrm.WeightsError):
            net.load_weights(path)
        assert before == [v.tobytes() for layer in net for v in layer.params.values()]


@pytest.mark.parametrize("version", [(1001, 2), (0, 1001)])
def test_old_connected_weights_are_transposed(version: tuple[int, int], tmp_path: Path) -> None:
    cfg = NET + "[connected]\noutput=3\nactivation=linear\n"
    weights, biases = np.arange(96, dtype=np.float32).reshape(3, 32), np.float32([1, 2, 3])
    path = tmp_path / "a.weights"
    values = np.concatenate([biases, weights.T.ravel()]).astype("<f4").tobytes()
    header = np.array([*version, 0, 7], "<i4").tobytes()  # `seen` as 32 bits
    path.write_bytes(header + values)
    with pylrm.Network(cfg, path) as net:
        np.testing.assert_array_equal(net[0].params["weights"], weights)
        np.testing.assert_array_equal(net[0].params["biases"], biases)
        assert net.seen == 7
        net.save_weights(path)
    with pylrm.Network(cfg, path) as net:
        np.testing.assert_array_equal(net[0].params["weights"], weights)


def test_statistics_that_are_not_loaded_stay_fresh(tmp_path: Path) -> None:
    """The first batch's statistics become the rolling ones of a fresh network."""
    values = np.linspace(-1, 1, 3 + 6)
    path = write(tmp_path / "a.weights", values)
    with pylrm.Network(NET + CONV + "dontloadscales=1\n", path) as net:
        assert np.all(net[0].params["rolling_mean"] == 0)
        net.forward(IMAGES, train=True)
        sums = np.einsum("fc,bchw->bfhw", np.float32(values[3:]).reshape(3, 2), IMAGES)
        mean = net[0].params["rolling_mean"]
        np.testing.assert_allclose(mean, sums.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)


def test_only_files_are_written_over(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pylrm.Network(TWO) as net:
        for path in (pipe, tmp_path):
            with pytest.raises(pylrm.WeightsError, match=r"^\S+: .*regular file$"):
                net.save_weights(path)
        assert pipe.is_fifo() and [each.name for each in tmp_path.iterdir()] == ["pipe"]
        (tmp_path / "link").symlink_to(tmp_path / "there")
        (tmp_path / "there").write_text("")
        net.save_weights(tmp_path / "link")


def test_weights_that_are_loaded_need_not_be_drawn_first(tmp_path: Path) -> None:
    """Those that the file does not hold are."""
    cfg = NET + CONV + CONV + "dontload=1\n" + CONV + "numload=2\n"
    path = write(tmp_path / "a.weights", np.linspace(0.1, 2, 18 + 14))
    with (
        pylrm.Network(cfg, path, inference=True) as loaded,
        pylrm.Network(cfg, inference=True) as drawn,
    ):
        drawn.load_weights(path)
        for first, second in zip(loaded, drawn, strict=True):
            for name, values in first.params.items():
                np.testing.assert_array_equal(values, second.params[name])
        assert loaded[1].params["weights"].std() > 0.1
        np.testing.assert_array_equal(loaded.forward(IMAGES), drawn.forward(IMAGES))
