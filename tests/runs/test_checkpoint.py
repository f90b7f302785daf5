"""Checkpoint files: what is written comes back, and nothing else is ever believed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm.errors import DataError
from pylrm.runs.checkpoint import ALIGNMENT, DIGEST, MAGIC, Checkpoint, write_checkpoint

ARRAYS = {
    "0 weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "0 grad weights": np.array([np.nan, np.inf, -0.0], np.float32),
    "count": np.array([[2**40]], np.int64),
}
RECORD = {"text": "ü\udc80\n", "half": 0.1 + 0.2, "list": [1, None, True]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "1.checkpoint"
    write_checkpoint(path, RECORD, ARRAYS)
    return path


def test_what_was_written_comes_back(file: Path) -> None:
    found = Checkpoint.read(file)
    assert found.record == RECORD
    room = {name: np.zeros_like(values) for name, values in ARRAYS.items()}
    found.fill(room)
    for name, values in ARRAYS.items():
        assert room[name].tobytes() == values.tobytes()
    assert all(entry.offset % ALIGNMENT == 0 for entry in found.arrays.values())
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_every_truncation_is_found(file: Path) -> None:
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(DataError, match="1.checkpoint"):
            Checkpoint.read(file)
    file.write_bytes(content + b"\0")
    with pytest.raises(DataError, match="checksum"):
        Checkpoint.read(file)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    path = tmp_path_factory.mktemp("flip") / "1.checkpoint"
    write_checkpoint(path, RECORD, ARRAYS)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(DataError, match="1.checkpoint"):
        Checkpoint.read(path)


def test_a_flipped_bit_in_the_line_break_is_found(tmp_path: Path) -> None:
    path = tmp_path / "1.checkpoint"
    write_checkpoint(path, RECORD, ARRAYS)
    content = bytearray(path.read_bytes())
    at = len(MAGIC) + 20
    assert content[at : at + 1] == b"\n"
    for bit in range(8):
        content[at] ^= 1 << bit
        path.write_bytes(content)
        with pytest.raises(DataError, match="1.checkpoint"):
            Checkpoint.read(path)
        content[at] ^= 1 << bit


def forge(path: Path, header: Any, body: bytes = b"", length: int | None = None) -> None:
    """Write a file with a right checksum around anything."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    content = MAGIC + b"%020d\n" % (len(text) if length is None else length) + text + body
    path.write_bytes(content + hashlib.blake2b(content, digest_size=DIGEST).digest())


def array(**changes: Any) -> dict[str, Any]:
    return {"arrays": [{"name": "a", "dtype": "<f4", "shape": [16], "offset": 0, **changes}]}


@pytest.mark.parametrize(
    "header",
    [
        b"no JSON",
        b"[" * 100_000,
        [],
        {},
        {"arrays": {"name": 1}},
        {"arrays": [[]]},
        array(offset=-64),
        array(offset=64),
        array(offset=2**63),
        array(shape=[2**62, 2**62]),
        array(shape=[-16]),
        array(shape=[1.5]),
        array(shape=17),
        array(shape=[17]),
        array(shape=[100]),
        array(dtype="O"),
        array(dtype="<f4,<f4"),
        array(name=None),
        {"arrays": 2 * array()["arrays"]},
    ],
    ids=lambda header: str(header)[:60],
)
def test_lengths_and_places_are_not_believed(header: Any, tmp_path: Path) -> None:
    path = tmp_path / "1.checkpoint"
    forge(path, header, bytes(64))
    with pytest.raises(DataError, match="1.checkpoint"):
        Checkpoint.read(path)


@pytest.mark.parametrize("length", [0, 3, 10**19, 2**64])
def test_the_headers_length_is_not_believed(length: int, tmp_path: Path) -> None:
    path = tmp_path / "1.checkpoint"
    forge(path, array(), bytes(64), length)
    with pytest.raises(DataError, match="1.checkpoint"):
        Checkpoint.read(path)


def test_other_arrays_are_refused(file: Path) -> None:
    found = Checkpoint.read(file)
    room = {name: np.zeros_like(values) for name, values in ARRAYS.items()}
    for wrong in (
        {**room, "more": np.zeros(1)},
        {name: values for name, values in room.items() if name != "count"},
        {**room, "count": np.zeros((1, 2), np.int64)},
        {**room, "count": np.zeros((1, 1), np.float64)},
    ):
        with pytest.raises(DataError, match="1.checkpoint"):
            found.fill(wrong)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        Checkpoint.read(tmp_path / "1.checkpoint")
