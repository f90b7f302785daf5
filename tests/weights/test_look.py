"""Looking into weights files: what is in them, how they differ, their first part."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from pylrm import Network
from pylrm.errors import WeightsError
from pylrm.weights import cut, diff, header, show
from pylrm.weights.file import entries, read_file

CONV = "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\nactivation=relu\n"
CFG = (
    f"[net]\nbatch=1\nwidth=8\nheight=8\nchannels=3\n{CONV}[maxpool]\nsize=2\nstride=2\n"
    f"[batchnorm]\n{CONV}[connected]\noutput=5\nactivation=linear\n"
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "all.weights"
    with Network(CFG, seed=1) as net:
        net.seen = 640
        net.save_weights(path)
    return path


def change(path: Path, position: int, value: float) -> Path:
    """Write a copy of a file with one value changed."""
    content = bytearray(path.read_bytes())
    content[20 + 4 * position : 24 + 4 * position] = struct.pack("<f", value)
    copy = path.with_name("changed.weights")
    copy.write_bytes(content)
    return copy


def test_the_arrays_are_those_that_the_engine_loads(saved: Path) -> None:
    with Network(CFG, saved) as net:
        found = entries(read_file(saved), net)
        assert {entry.layer.index for entry in found} == {0, 2, 3, 4}
        for entry in found:
            np.testing.assert_array_equal(entry.values, entry.layer.params[entry.name])


def test_old_headers_and_transposed_weights_are_read_as_the_engine_does(saved: Path) -> None:
    values = saved.read_bytes()[20:]
    saved.write_bytes(struct.pack("<iiiI", 1001, 0, 0, 9) + values)
    with Network(CFG, saved) as net:
        file = read_file(saved)
        assert (file.version, file.seen) == ((1001, 0, 0), 9)
        for entry in entries(file, net):
            np.testing.assert_array_equal(entry.values, entry.layer.params[entry.name])


def test_show_counts_what_is_not_finite(saved: Path) -> None:
    broken = change(saved, 1, np.nan)
    assert header(saved).endswith(
        "version 0.2.0, 640 images seen, 621 values, 0 of them not finite"
    )
    assert header(broken).endswith("1 of them not finite")
    rows, end = show(broken, CFG)
    assert rows[1] == ["0", "convolutional", "biases", "4", "0", "0", "0", "0", "1"]
    assert end == "holds all layers of cfg"


def test_show_gives_mean_deviation_and_range(saved: Path) -> None:
    with Network(CFG, saved) as net:
        weights = net[0].params["weights"].astype(np.float64)
    row = next(row for row in show(saved, CFG)[0] if row[:3] == ["0", "convolutional", "weights"])
    figures = [float(cell) for cell in row[4:8]]
    expected = [weights.mean(), weights.std(), weights.min(), weights.max()]
    assert figures == pytest.approx(expected, rel=1e-3)


def test_diff_is_the_largest_difference_of_each_array(saved: Path) -> None:
    changed = change(saved, 4, 3.0)  # the first scale, which is 1
    rows, remarks = diff(saved, changed, CFG)
    assert remarks == []
    others = [row for row in rows[1:] if row[:3] != ["0", "convolutional", "scales"]]
    assert rows[2] == ["0", "convolutional", "scales", "4", "2", "2"]
    assert {row[4] for row in others} == {"0"}


def test_cut_keeps_the_first_layers(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.weights"
    cut(saved, CFG, 3, out)
    with Network(CFG) as net:
        net.load_weights(saved, upto=3)
        part = entries(read_file(out), net)
        assert [entry.layer.index for entry in part] == [0] * 5 + [2] * 3
        assert all(np.array_equal(e.values, e.layer.params[e.name]) for e in part)
    assert read_file(out).seen == 0
    assert diff(saved, out, CFG)[1] == [
        f"{saved} holds all layers of cfg",
        f"{out} ends after layer 2",
    ]


def test_cut_refuses_what_is_not_there(saved: Path, tmp_path: Path) -> None:
    part, out = tmp_path / "part.weights", tmp_path / "out.weights"
    cut(saved, CFG, 3, part)
    with pytest.raises(WeightsError, match="part.weights: ends after layer 2: there is no layer 3"):
        cut(part, CFG, 4, out)
    with pytest.raises(WeightsError, match="cfg: has 5 layers; upto=6 must be from 1 on"):
        cut(saved, CFG, 6, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("bytes_kept", "message"),
    [
        (10, "too short for its header"),
        (23, "truncated: the 3 B"),
        (20 + 4 * 20, r"ends inside layer 0 \(\[convolutional\], cfg:6\)"),
    ],
)
def test_a_truncated_file_is_refused(saved: Path, bytes_kept: int, message: str) -> None:
    saved.write_bytes(saved.read_bytes()[:bytes_kept])
    with pytest.raises(WeightsError, match=f"all.weights: .*{message}"):
        show(saved, CFG)


def test_a_longer_file_and_a_missing_one_are_refused(saved: Path, tmp_path: Path) -> None:
    saved.write_bytes(saved.read_bytes() + bytes(4))
    with pytest.raises(WeightsError, match="holds 622 float32, but all layers of cfg take 621"):
        show(saved, CFG)
    with pytest.raises(WeightsError, match="no.weights: cannot be read: No such file"):
        header(tmp_path / "no.weights")
