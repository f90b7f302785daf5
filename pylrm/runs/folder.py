"""The folder of a training run: what went in, what came out.

net.cfg                 copy of the cfg
options.json            what the run resolved its options to
log.csv, train.log      one row an update; the same in Darknet's words
skipped.txt             images that could not be read, if any
weights/last.weights    the newest
weights/best.weights    the best by validation mAP
weights/N.weights       those of update N
checkpoint/N.checkpoint all that training goes on from exactly, after update N; the last two
nonfinite-batch.npz     the images on which training left the finite range, if it did
lock                    held by the process that trains here
"""

from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from pylrm.cfg.file import Cfg
from pylrm.errors import PylrmError
from pylrm.files.writing import PART, refuse_links_out, whole_file, write_whole, writing

try:
    import fcntl
except ImportError:  # not on Windows, where runs go unlocked
    fcntl = None  # type: ignore[assignment]

CSV_NAME, TEXT_NAME = "log.csv", "train.log"
CHECKPOINT = ".checkpoint"


class Saves(Protocol):
    """A network, as far as a run folder is concerned."""

    def save_weights(self, path: Path) -> None:
        """Write a weights file."""


def is_taken(folder: Path) -> bool:
    """Tell whether a path holds something that a new run would overwrite."""
    return folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None)


def _numbered(parent: Path, name: str) -> Path:
    """Make parent/name, or name-2, name-3, …: the first that nobody else has."""
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError


class Run:
    """A run's folder and the paths in it.

    Parameters
    ----------
    folder : Path
        An existing run folder; `create` makes a new one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cfg = folder / "net.cfg"
        self.options = folder / "options.json"
        self.skipped = folder / "skipped.txt"
        self.last = folder / "weights" / "last.weights"
        self.best = folder / "weights" / "best.weights"
        self.checkpoints = folder / "checkpoint"
        self.nonfinite = folder / "nonfinite-batch.npz"
        self.lock_file = folder / "lock"

    @staticmethod
    def check(out: Path | None) -> None:
        """Refuse a folder that holds something already: a run never overwrites another.

        Parameters
        ----------
        out : Path or None
            The folder asked for; None: a free one will be found.

        Raises
        ------
        PylrmError
            The folder is not empty, or no folder.
        """
        if out is not None and is_taken(out):
            what = "holds files already" if out.is_dir() else "is no folder"
            raise PylrmError(f"{out}: {what}; name a new or empty folder with --out")

    @classmethod
    def create(cls, out: Path | None, name: str, *, parent: Path = Path("runs")) -> Run:
        """Make the folder of a new run.

        Parameters
        ----------
        out : Path or None
            The folder, new or empty; None: parent/name, numbered -2, -3, … when taken.
        name : str
            Name of the run, for `out=None`.
        parent : Path
            Where runs are put, for `out=None`.

        Raises
        ------
        PylrmError
            The folder is taken, or cannot be made.
        """
        cls.check(out)
        with writing(out or parent):
            folder = out or _numbered(parent, name)
            (folder / "weights").mkdir(parents=True)
            (folder / "checkpoint").mkdir()
        return cls(folder)

    @classmethod
    def existing(cls, folder: Path) -> Run:
        """Return the run in a folder.

        Raises
        ------
        PylrmError
            There is none; a file or folder in it is a link that leads out of it.
        """
        run = cls(folder)
        if not folder.is_dir():
            raise PylrmError(f"{folder}: no such run folder")
        for needed in (run.cfg, run.options):
            if not needed.is_file():
                raise PylrmError(f"{folder}: no run folder: there is no {needed.name} in it")
        refuse_links_out(folder, folder.iterdir(), "run")
        return run

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training here; a process that died does not.

        Raises
        ------
        PylrmError
            Another process trains here; the folder cannot be written.
        """
        with writing(self.lock_file):
            descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return  # a file system without locks
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            process = f" ({holder})" if holder else ""
            raise PylrmError(
                f"{self.folder}: another process{process} is training in this folder"
            ) from error
        with writing(self.lock_file):
            os.truncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())

    def is_locked(self) -> bool:
        """Tell whether a process trains here; False where nobody can know."""
        if fcntl is None or not self.lock_file.is_file():
            return False
        with self.lock_file.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError as error:
                return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
        return False

    def numbered(self, update: int) -> Path:
        """Return where the weights of an update are kept."""
        return self.last.with_name(f"{update}.weights")

    def checkpoint(self, update: int) -> Path:
        """Return where the checkpoint after an update is kept."""
        return self.checkpoints / f"{update}{CHECKPOINT}"

    def list_checkpoints(self) -> list[Path]:
        """Return the checkpoints, newest first."""
        found = [
            path
            for path in self.checkpoints.glob(f"*{CHECKPOINT}")
            if path.name.removesuffix(CHECKPOINT).isdigit()
        ]
        return sorted(found, key=lambda path: int(path.name.removesuffix(CHECKPOINT)), reverse=True)

    def remove_parts(self) -> None:
        """Remove what a process that was killed left half written."""
        for folder in (self.folder, self.last.parent, self.checkpoints):
            for path in folder.glob(f"*{PART}"):
                path.unlink(missing_ok=True)

    def describe(self, cfg: Cfg, options: Mapping[str, object]) -> None:
        """Keep what the run is made of: a copy of the cfg, and the resolved options.

        Parameters
        ----------
        cfg : Cfg
            The network's.
        options : mapping
            Names to values that JSON holds.
        """
        write_whole(self.cfg, cfg.text)
        write_whole(self.options, json.dumps(options, indent=4).encode() + b"\n")

    def save(self, net: Saves, path: Path) -> None:
        """Write weights so that a file of that name is always whole, whatever happens meanwhile.

        Parameters
        ----------
        net : Network
            Whose weights.
        path : Path
            `last`, `best` or `numbered(update)`.
        """
        with whole_file(path) as part:
            net.save_weights(part)
