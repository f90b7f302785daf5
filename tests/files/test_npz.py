"""Files of arrays by strangers: plain arrays or a line, and never code."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pylrm.files.npz import read_npz


def zipped(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", content)
    return path


def npy(header: str) -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Runs:
    """What a pickle of it does when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1/0",)


def test_arrays_come_back(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.arange(3))
    assert read_npz(tmp_path / "a.npz")["a"].tolist() == [0, 1, 2]


def test_objects_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([Runs()], object))
    with pytest.raises(ValueError, match="it holds Python objects"):
        read_npz(tmp_path / "a.npz")


def test_a_size_that_is_a_lie(tmp_path: Path) -> None:
    content = npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**50},), }}")
    with pytest.raises(ValueError, match="more memory than there is"):
        read_npz(zipped(tmp_path / "a.npz", content))


@pytest.mark.parametrize(("at", "value"), [(6, 1), (8, 99)])  # encrypted; an unknown compression
def test_archives_that_cannot_be_read(at: int, value: int, tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    path = zipped(tmp_path / "a.npz", file.getvalue())
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[at] = content[central + at + 2] = value
    path.write_bytes(content)
    with pytest.raises(ValueError, match="."):
        read_npz(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", np.arange(9).tobytes()])
def test_other_files(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="not a zip archive"):
        read_npz(tmp_path / "a.npz")
    with pytest.raises(OSError, match="No such file"):
        read_npz(tmp_path / "b.npz")
