"""Writing files: whole or not at all, and errors in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pylrm.errors import PylrmError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or a folder that refuses into one line that names the file.

    Parameters
    ----------
    path : Path
        What is being written.

    Raises
    ------
    PylrmError
        In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        file = error.filename or path
        raise PylrmError(f"{file}: cannot be written: {error.strerror or error}") from error


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file so that it is there as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file; an older one is replaced.
    content : bytes
        What will be in it.
    durable : bool
        Whether it is on the disk before this returns: then it is there after a power failure too.
    """
    part = path.with_name(path.name + ".part")
    try:
        with writing(path):
            with part.open("wb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            part.replace(path)
            if durable:
                _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
