"""Cfg files as sections, and where they are found."""

from __future__ import annotations

import difflib
import os
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from pylrm import shipped
from pylrm.engine.network import cfg_source
from pylrm.errors import CfgError, CfgWarning

_SPACE = " \t\r\v\f"
_COMMENT = re.compile(r"(?:^|(?<=[ \t\r\v\f]))[#;].*")


@dataclass(frozen=True)
class Section:
    """A section of a cfg.

    Attributes
    ----------
    name : str
        Between the brackets.
    line : int
        Of its heading, from 1.
    options : dict
        Values by key, as text; of a key that stands twice, the first.
    lines : dict
        The line of each option.
    """

    name: str
    line: int
    options: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def read_cfg(cfg: str | os.PathLike[str]) -> list[Section]:
    """Read a cfg's sections. What they mean is the engine's to judge.

    A key that stands twice in a section counts where it stands first, with a CfgWarning.

    Parameters
    ----------
    cfg : str or path
        Path of a cfg, or its text (which holds a line break or starts with "[").

    Returns
    -------
    list of Section
        In the order of the text; at least one.

    Raises
    ------
    CfgError
        The file cannot be read; a line is neither a section nor key=value; there is no section.
    """
    data, source = cfg_source(cfg)
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    sections: list[Section] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = _COMMENT.sub("", raw).strip(_SPACE)
        if not line:
            continue
        where = f"{source}:{number}: '{line:.60}'"
        key, equals, value = (part.strip(_SPACE) for part in line.partition("="))
        if line.startswith("["):
            if line.find("]") != len(line) - 1:
                raise CfgError(f"{where} is no section: it must be [name]")
            sections.append(Section(line[1:-1].strip(_SPACE), number))
        elif not equals or not key:
            raise CfgError(f"{where} is neither [section] nor key=value")
        elif not sections:
            raise CfgError(f"{where} stands before the first section, which must be [net]")
        elif key in (last := sections[-1]).options:
            warnings.warn(
                f"{source}:{number}: [{last.name}] second key '{key:.60}' is ignored; "
                f"the first, in line {last.lines[key]}, counts",
                CfgWarning,
                stacklevel=2,
            )
        else:
            last.options[key] = value
            last.lines[key] = number
    if not sections:
        raise CfgError(f"{source}:1: no section: a cfg starts with [net]")
    return sections


def resolve(name: str | os.PathLike[str]) -> Path:
    """Find a cfg file: from the working folder, else among the shipped ones.

    Parameters
    ----------
    name : str or path
        A path; NAME.cfg and cfg/NAME.cfg name shipped files too.

    Raises
    ------
    CfgError
        There is none; the message has the shipped ones of a similar name.
    """
    path = Path(name)
    if path.is_dir():
        raise CfgError(f"{path}: a folder, not a cfg file")
    if path.exists():
        return path
    if path.parent in (Path(), Path("cfg")):
        found = shipped.find("cfg", path.name)
        if found is not None:
            return found
    known = shipped.names("cfg")
    near = difflib.get_close_matches(path.name, known, n=3, cutoff=0.7) or known
    raise CfgError(f"{path}: no such file, nor a shipped one of that name; there is {_join(near)}")


def _join(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "none"
