"""The cfg and data files that come with pylrm."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["cfg", "data"]

_PACKAGE = Path(__file__).resolve().parents[1]


def folder(kind: Kind) -> Path:
    """Return where the files of a kind are: in the package, or in the source tree around it."""
    packed = _PACKAGE / "_shipped" / kind
    return packed if packed.is_dir() else _PACKAGE.parent / kind


def find(kind: Kind, name: str) -> Path | None:
    """Return a shipped file, or None where there is none of that name.

    Parameters
    ----------
    kind : str
        "cfg" or "data".
    name : str
        The file's name, without a folder.
    """
    return folder(kind) / name if name in names(kind) else None


def names(kind: Kind) -> list[str]:
    """Return the names of the shipped files of a kind, sorted."""
    suffixes = {"cfg": {".cfg"}, "data": {".data", ".names"}}[kind]
    return sorted(path.name for path in folder(kind).glob("*") if path.suffix in suffixes)
