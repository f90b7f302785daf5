"""Checkpoint files: named arrays, and a record that JSON holds. docs/checkpoint.md has the format.

A file is believed only after its checksum, and every length in it is held against the file's size
before anything is read by it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pylrm.errors import DataError
from pylrm.files.writing import whole_binary

MAGIC = b"pylrm checkpoint 1\n"
LENGTH_DIGITS = 20  # of the header's length, in the line after the magic one
ALIGNMENT = 64  # of the arrays, from the start of the file
DIGEST = 32  # bytes of BLAKE2b at the end, over all before them
PIECE = 1 << 20
DTYPES = ("<f4", "<f8", "<i4", "<i8", "|i1", "|b1")

Arrays = Mapping[str, npt.NDArray[Any]]


def write_checkpoint(path: Path, record: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a checkpoint; an older one of that name stays until the new one is whole.

    Parameters
    ----------
    path : Path
        The file.
    record : mapping
        What JSON holds; without NaN and infinities.
    arrays : mapping
        Contiguous arrays by name.

    Raises
    ------
    PylrmError
        It cannot be written.
    """
    little = {name: array.astype(array.dtype.newbyteorder("<"), copy=False)
              for name, array in arrays.items()}  # fmt: skip
    entries, offset = [], 0
    for name, array in little.items():
        entries.append(
            {"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": offset}
        )
        offset = _aligned(offset + array.nbytes)
    header = json.dumps({**record, "arrays": entries}, allow_nan=False).encode()
    before = len(MAGIC) + LENGTH_DIGITS + 1
    header = header.ljust(_aligned(before + len(header)) - before)
    digest = hashlib.blake2b(digest_size=DIGEST)
    with whole_binary(path) as file:

        def put(content: bytes | memoryview) -> None:
            digest.update(content)
            file.write(content)

        put(MAGIC + b"%0*d\n" % (LENGTH_DIGITS, len(header)))
        put(header)
        for array in little.values():
            put(array.reshape(-1).view(np.uint8).data)
            put(bytes(_aligned(array.nbytes) - array.nbytes))
        file.write(digest.digest())


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class Entry:
    """Where an array stands in a checkpoint, checked: `offset` counts from the file's start."""

    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def nbytes(self) -> int:
        """Its length."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found whole.

    Attributes
    ----------
    path : Path
        The file.
    record : dict
        What was written beside the arrays.
    arrays : dict
        Where each array stands, by name.
    """

    path: Path
    record: dict[str, Any]
    arrays: dict[str, Entry]

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a checkpoint's header, after all of the file was checked.

        Raises
        ------
        DataError
            It cannot be read, is no checkpoint, or is damaged.
        """
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                start, header = _read_header(path, file, size)
                _check_digest(path, file, size)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
        try:
            record = json.loads(header)
            arrays = _check_entries(record.pop("arrays"), start, size - DIGEST)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{path}: no checkpoint of pylrm's: {error}") from error
        return cls(path, record, arrays)

    def fill(self, arrays: Arrays) -> None:
        """Read all arrays into those of the same names.

        Parameters
        ----------
        arrays : mapping
            Contiguous writable arrays, of the checkpoint's shapes and types.

        Raises
        ------
        DataError
            Names, shapes or types differ; the file changed since it was checked.
        """
        for name in [*self.arrays, *arrays]:
            if name not in arrays or name not in self.arrays:
                holder = "the network" if name in arrays else self.path
                raise DataError(f"{self.path}: only {holder} has the array '{name}'")
            entry, array = self.arrays[name], arrays[name]
            if (entry.shape, np.dtype(entry.dtype)) != (array.shape, array.dtype):
                raise DataError(
                    f"{self.path}: '{name}' is {entry.shape}, the network's is {array.shape}"
                )
        try:
            with self.path.open("rb") as file:
                for name, array in arrays.items():
                    file.seek(self.arrays[name].offset)
                    room = array.reshape(-1).view(np.uint8).data
                    if file.readinto(room) != len(room):
                        raise DataError(f"{self.path}: it became shorter while it was read")
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror or error}") from error


def _read_header(path: Path, file: BinaryIO, size: int) -> tuple[int, bytes]:
    """Return where the arrays start, and the header before them."""
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise DataError(f"{path}: it does not start as a checkpoint of this version of pylrm")
    digits = file.read(LENGTH_DIGITS + 1)
    before = len(MAGIC) + LENGTH_DIGITS + 1
    if len(digits) != LENGTH_DIGITS + 1 or not digits[:-1].isdigit() or digits[-1:] != b"\n":
        raise DataError(f"{path}: damaged: the header's length is no number")
    length = int(digits[:-1])
    if before + length + DIGEST > size:
        raise DataError(f"{path}: truncated: it ends in its header")
    return before + length, file.read(length)


def _check_digest(path: Path, file: BinaryIO, size: int) -> None:
    """Raise a DataError where the checksum is not that of what stands before it."""
    digest = hashlib.blake2b(digest_size=DIGEST)
    file.seek(0)
    left = size - DIGEST
    while left > 0:
        piece = file.read(min(PIECE, left))
        if not piece:
            break
        digest.update(piece)
        left -= len(piece)
    if file.read(DIGEST) != digest.digest():
        raise DataError(f"{path}: truncated or damaged: its checksum does not fit")


def _check_entries(entries: Any, start: int, end: int) -> dict[str, Entry]:
    """Return the arrays' places; they stand without gaps from `start` to `end`.

    Raises
    ------
    ValueError, KeyError, TypeError
        Something else stands there.
    """
    found: dict[str, Entry] = {}
    offset = 0
    for each in entries:
        name, dtype, shape = each["name"], each["dtype"], tuple(each["shape"])
        whole = all(isinstance(side, int) and side >= 0 for side in shape)
        if not isinstance(name, str) or name in found or dtype not in DTYPES or not whole:
            raise ValueError(f"a strange array {str(name)[:60]!r}")
        if each["offset"] != offset:
            raise ValueError(f"array {name[:60]!r} is not at offset {offset}")
        found[name] = Entry(dtype, shape, start + offset)
        offset = _aligned(offset + found[name].nbytes)
    if start + offset != end:
        raise ValueError(f"arrays of {offset} bytes in a file that has {end - start} for them")
    return found
