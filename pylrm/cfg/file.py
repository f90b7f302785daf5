"""Cfg files as sections, and where they are found."""

from __future__ import annotations

import difflib
import os
import re
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pylrm.errors import CfgError, CfgWarning
from pylrm.files import shipped
from pylrm.files.text import SAVE_AS_UTF8, utf16_hint

# Detectors whose heads share anchors in pixels of the input, some by mask= for each.
MASKED = ("yolo", "Gaussian_yolo")
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


@dataclass(frozen=True)
class Cfg:
    """A cfg as it was read: its text, where it came from, its sections when they are asked for.

    It is read once and handed on, so that a run sees one state of the file.

    Attributes
    ----------
    name : str
        For messages: the path, or "cfg" for a text.
    text : bytes
        As in the file.
    path : Path or None
        The file; None: the cfg was given as a text.
    """

    name: str
    text: bytes
    path: Path | None = None

    @classmethod
    def read(cls, cfg: CfgLike) -> Cfg:
        """Read a cfg file, or take a text.

        Parameters
        ----------
        cfg : Cfg, str or path
            A path, or the name of a shipped cfg (see `find_cfg`); or the text itself, which holds
            a line break or starts with "[". A Cfg is returned as it is.

        Raises
        ------
        CfgError
            The file is nowhere, cannot be read, or is no text.
        """
        if isinstance(cfg, Cfg):
            return cfg
        if isinstance(cfg, str) and ("\n" in cfg or cfg.lstrip().startswith("[")):
            found = cls("cfg", cfg.encode("utf-8", "surrogateescape"))
        else:
            path = Path(cfg)
            try:
                path = find_cfg(path)
                found = cls(str(path), path.read_bytes(), path)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise CfgError(f"{path}: cannot be read: {reason}") from error
        if b"\0" in found.text:
            line = found.text[: found.text.index(b"\0")].count(b"\n") + 1
            hint = utf16_hint(found.text)
            hint = f"{hint}; {SAVE_AS_UTF8}" if hint else ""
            raise CfgError(f"{found.name}:{line}: a zero byte: this is no cfg text{hint}")
        return found

    def __str__(self) -> str:
        return self.name

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.name if self.path is None else self.path.stem

    @cached_property
    def sections(self) -> list[Section]:
        """The sections in the order of the text, at least one; their meaning is the engine's.

        Raises
        ------
        CfgError
            A line is neither a section nor key=value; there is no section.
        """
        return parse(self)

    @property
    def net(self) -> Section:
        """The first section, [net]."""
        return self.sections[0]

    def line_of(self, heading: int, key: str) -> int:
        """Return the line of a key in the section that starts in a line, else that line."""
        section = next(section for section in self.sections if section.line == heading)
        return section.lines.get(key, heading)


CfgLike = Cfg | str | os.PathLike[str]


def read_cfg(cfg: CfgLike) -> list[Section]:
    """Read a cfg's sections. What they mean is the engine's to judge.

    A key that stands twice in a section counts where it stands first, with a CfgWarning.

    Parameters
    ----------
    cfg : Cfg, str or path
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
    return Cfg.read(cfg).sections


def parse(cfg: Cfg) -> list[Section]:
    """Parse a cfg's text into its sections; see `Cfg.sections`."""
    text = cfg.text.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    sections: list[Section] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = _COMMENT.sub("", raw).strip(_SPACE)
        if not line:
            continue
        where = f"{cfg.name}:{number}: '{line:.60}'"
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
                f"{cfg.name}:{number}: [{last.name}] second key '{key:.60}' is ignored; "
                f"the first, in line {last.lines[key]}, counts",
                CfgWarning,
                stacklevel=2,
            )
        else:
            last.options[key] = value
            last.lines[key] = number
    if not sections:
        raise CfgError(f"{cfg.name}:1: no section: a cfg starts with [net]")
    return sections


def find_cfg(name: str | os.PathLike[str]) -> Path:
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
