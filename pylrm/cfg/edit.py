"""Changing a cfg's text: what is not changed stays as it is written, comments and spaces too."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pylrm.cfg.file import Cfg, Section


def with_value(line: bytes, value: str) -> bytes:
    """Return a line key=value with another value; spaces and comment stay."""
    found = re.match(rb"([^=]*=[ \t\r\v\f]*)(.*?)([ \t\r\v\f]*(?:[ \t\r\v\f][#;].*)?)$", line, re.S)
    assert found is not None, line
    if found[2] == value.encode():
        return line
    return found[1] + value.encode() + found[3]


def set_keys(cfg: Cfg, section: Section, values: Mapping[str, str]) -> Cfg:
    """Return a cfg with other values in one of its sections.

    A key that the section lacks comes right below its heading.
    """
    lines = cfg.text.split(b"\n")
    added = []
    for key, value in values.items():
        if key in section.lines:
            at = section.lines[key] - 1
            lines[at] = with_value(lines[at], value)
        else:
            added.append(f"{key}={value}".encode())
    lines[section.line : section.line] = added
    return Cfg(cfg.name, b"\n".join(lines), cfg.path)


def add_section(cfg: Cfg, after: Section, name: str, values: Mapping[str, str]) -> Cfg:
    """Return a cfg with one more section, behind another."""
    lines = cfg.text.rstrip().split(b"\n")
    added = ["", f"[{name}]", *(f"{key}={value}" for key, value in values.items())]
    end = _end(after)
    lines[end:end] = [line.encode() for line in added]
    return Cfg(cfg.name, b"\n".join(lines) + b"\n", cfg.path)


def without_section(cfg: Cfg, section: Section) -> Cfg:
    """Return a cfg without a section: its heading and keys; comments between them go too."""
    lines = cfg.text.split(b"\n")
    del lines[section.line - 1 : _end(section)]
    return Cfg(cfg.name, b"\n".join(lines), cfg.path)


def _end(section: Section) -> int:
    """Return the number of a section's last line."""
    return max([section.line, *section.lines.values()])
