"""Writing files: whole or not at all, and errors in one line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pylrm.errors import PylrmError

PART = ".part"  # ends the name of a file that is being written


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


@contextmanager
def whole_file(path: Path, *, durable: bool = True, suffix: str = "") -> Iterator[Path]:
    """Give the path of a file to write, which then takes the place of another in one step.

    Whatever happens meanwhile (a full disk, a killed process), `path` is as it was before, or
    whole.

    Parameters
    ----------
    path : Path
        The file that it will be; an older one is replaced.
    durable : bool
        Whether it is on the disk at the end: then it is there after a power failure too.
    suffix : str
        Ends the name of the file to write, for a writer that takes the format from it.

    Raises
    ------
    PylrmError
        It cannot be written.
    """
    part = path.with_name(path.name + PART + suffix)
    try:
        with writing(path):
            part.unlink(missing_ok=True)  # it might be a link to a file elsewhere
            yield part
            if durable:
                sync(part)
            part.replace(path)
            if durable:
                sync(path.parent)
    finally:
        with suppress(OSError):  # of a folder that is gone, say; the error before it counts
            part.unlink()


def refuse_links_out(folder: Path, paths: Iterable[Path], what: str) -> None:
    """Refuse links in a folder through which files elsewhere would be written.

    Parameters
    ----------
    folder : Path
        The folder.
    paths : iterable of Path
        What is in it.
    what : str
        Whose folder it is, as a message says it: "run".

    Raises
    ------
    PylrmError
        One is a link that leads out of the folder.
    """
    for path in paths:
        if path.is_symlink() and folder.resolve() not in path.resolve().parents:
            raise PylrmError(
                f"{path}: a link out of the {what} folder, to {path.readlink()}: what a {what} "
                "writes stays in its folder"
            )


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def whole_binary(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file to write bytes to; see `whole_file`."""
    with whole_file(path, durable=durable) as part, part.open("wb") as file:
        yield file


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file so that it is there as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file; an older one is replaced.
    content : bytes
        What will be in it.
    durable : bool
        As `whole_file` takes it.
    """
    with whole_binary(path, durable=durable) as file:
        file.write(content)
