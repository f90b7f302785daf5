"""The folder of a training run: what went in, what came out.

net.cfg                 copy of the cfg
options.json            what the run resolved its options to
log.csv, train.log      one row an update; the same in Darknet's words
skipped.txt             images that could not be read, if any
weights/last.weights    the newest
weights/best.weights    the best by validation mAP
weights/N.weights       those of update N
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pylrm.cfg.file import Cfg
from pylrm.errors import PylrmError
from pylrm.files.writing import write_whole, writing


class Saves(Protocol):
    """A network, as far as a run folder is concerned."""

    def save_weights(self, path: Path) -> None:
        """Write a weights file."""


def is_taken(folder: Path) -> bool:
    """Tell whether a path holds something that a new run would overwrite."""
    return folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None)


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
        number = 1
        folder = out or parent / name
        while is_taken(folder):
            number += 1
            folder = parent / f"{name}-{number}"
        with writing(folder):
            (folder / "weights").mkdir(parents=True)
        return cls(folder)

    def numbered(self, update: int) -> Path:
        """Return where the weights of an update are kept."""
        return self.last.with_name(f"{update}.weights")

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
        part = path.with_name(path.name + ".part")
        try:
            with writing(path):
                net.save_weights(part)
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)
