"""The cfg that anchors are found for: its input, its detection layers, and writing into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pylrm.cfg.edit import with_value
from pylrm.cfg.file import MASKED, Cfg, CfgLike, Section
from pylrm.engine import Network
from pylrm.errors import CfgError
from pylrm.files import shipped
from pylrm.files.writing import write_whole
from pylrm.inspect.anchors.clusters import Floats
from pylrm.inspect.heads import Head, read_heads
from pylrm.models.anchors import MOST, Anchors, check_anchors, format_anchors
from pylrm.terminal import count_of


@dataclass(frozen=True)
class Target:
    """A cfg that anchors are found for.

    Attributes
    ----------
    cfg
        As it was read.
    num
        How many anchors are to be found.
    size
        Width and height of the input in pixels.
    heads
        The detection layers.
    present
        (n, 2) the cfg's own anchors, relative to the input.
    obstacle
        Why `num` anchors cannot be written into the cfg as it is; None: they can.
    """

    cfg: Cfg
    num: int
    size: tuple[int, int]
    heads: list[Head]
    present: Floats
    obstacle: str | None
    sections: list[Section]

    @property
    def kind(self) -> str:
        """Name of the detection layers' section."""
        return self.heads[0].kind

    @property
    def unit(self) -> tuple[int, int]:
        """What relative widths and heights are multiplied by to be in the cfg's unit."""
        return self.heads[0].unit

    def order(self, sizes: Floats) -> Floats:
        """Put anchors of rising area in the cfg's order: small ones to the layers of fine grids.

        Parameters
        ----------
        sizes
            (num, 2) by rising area.
        """
        slots: list[int] = []
        pairs = sorted(
            zip(self.heads, self.sections, strict=True), key=lambda pair: -np.prod(pair[0].grid)
        )
        for _, section in pairs:
            slots += sorted(_mask(section, self.num))
        if sorted(slots) != list(range(self.num)):
            return sizes
        ordered = np.empty_like(sizes)
        ordered[slots] = sizes
        return ordered

    def write(self, anchors: Anchors) -> None:
        """Put anchors into the cfg file, and their number; nothing else in it changes.

        Parameters
        ----------
        anchors
            In the cfg's unit and order.

        Raises
        ------
        CfgError
            The cfg cannot have that many, or is a shipped file.
        """
        if self.obstacle is not None:
            raise CfgError(self.obstacle)
        check_writable(self.cfg)
        assert self.cfg.path is not None
        write_whole(self.cfg.path.resolve(), edit(self.cfg.text, self.sections, anchors))


def check_writable(cfg: Cfg) -> None:
    """Refuse to change a cfg that comes with pylrm.

    Raises
    ------
    CfgError
        It is one, or a text without a file.
    """
    if cfg.path is None:
        raise CfgError(f"{cfg}: a text, not a file: there is nothing to write to")
    known = shipped.find("cfg", cfg.path.name)
    if known is not None and known.resolve() == cfg.path.resolve():
        raise CfgError(f"{cfg}: a shipped cfg, which stays as it is: copy it and name the copy")


def read_target(source: CfgLike, num: int | None) -> Target:
    """Read a cfg that anchors are to be found for.

    Parameters
    ----------
    source
        A file, or the name of a shipped one.
    num
        How many anchors; None: as many as it has.

    Raises
    ------
    CfgError
        It is wrong, has no detection layers, or such that do not share their anchors.
    """
    cfg = Cfg.read(source)
    sections = [section for section in cfg.sections if section.name in ("region", *MASKED)]
    if not sections:
        raise CfgError(f"{cfg}: no [region] or [yolo]: only detectors have anchors")
    first = sections[0]
    for other in sections[1:]:
        masked = first.name in MASKED and other.name in MASKED
        if not masked or _anchors(first) != _anchors(other):
            raise CfgError(
                f"{cfg}:{other.line}: [{other.name}] does not share the anchors= of "
                f"[{first.name}] in line {first.line}: anchors are found for one list"
            )
    present = _anchors(first)
    num = num or len(present) or 1
    if num > MOST:
        raise CfgError(f"{cfg}: {count_of(num, 'anchor')}; a detector has at most {MOST}")
    obstacle = None
    changed = cfg
    if num != len(present):
        obstacle = _obstacle(cfg, sections, num)
        if obstacle is None:
            changed = Cfg(cfg.name, edit(cfg.text, sections, [(1.0, 1.0)] * num))
    with Network(changed, batch=1, inference=True, outline=True) as net:
        size, heads = (net.width, net.height), read_heads(net)
    relative = np.array(present, np.float64).reshape(-1, 2) / heads[0].unit
    return Target(cfg, num, size, heads, relative, obstacle, sections)


def edit(text: bytes, sections: list[Section], anchors: Anchors) -> bytes:
    """Return a cfg's text with other anchors.

    Parameters
    ----------
    text
        The cfg.
    sections
        Its detection layers' sections, each with anchors= and, unless it stays 1, num=.
    anchors
        What they shall have.
    """
    lines = text.split(b"\n")
    values = {"anchors": format_anchors(anchors), "num": str(len(anchors))}
    for section in sections:
        for key, value in values.items():
            if key in section.lines:
                at = section.lines[key] - 1
                lines[at] = with_value(lines[at], value)
    return b"\n".join(lines)


def _values(section: Section) -> int:
    """How many values a prediction has besides its classes."""
    return 9 if section.name == "Gaussian_yolo" else 5


def _obstacle(cfg: Cfg, sections: list[Section], num: int) -> str | None:
    """Why the number of anchors cannot be changed in a cfg; None: it can."""
    masks = [_mask(section, num) for section in sections]
    masked = any("mask" in section.options for section in sections)
    if masked and sorted(index for mask in masks for index in mask) != list(range(num)):
        return (
            f"{cfg}: the masks are not of {count_of(num, 'anchor')}: first set mask= of each "
            f"[{sections[0].name}], together 0 to {num - 1}, and filters= before it to (anchors of "
            f"its mask)*({_values(sections[0])}+classes)"
        )
    for section, mask in zip(sections, masks, strict=True):
        before = cfg.sections[cfg.sections.index(section) - 1]
        classes, filters = _whole(section, "classes", 20), _whole(before, "filters", 1)
        wanted = len(mask) * (_values(section) + classes)
        if filters != wanted:
            line = before.lines.get("filters", before.line)
            return (
                f"{cfg}:{line}: filters={filters} before [{section.name}] is not for "
                f"{count_of(num, 'anchor')}: first set filters={wanted}"
            )
        if "num" not in section.lines and num != 1:
            return f"{cfg}:{section.line}: [{section.name}] has no num=: first add num={num}"
    return None


def _anchors(section: Section) -> Anchors:
    """A section's anchors; none where it has none, or nonsense, which the engine will name."""
    try:
        return check_anchors(section.options.get("anchors", ""))
    except ValueError:
        return []


def _mask(section: Section, num: int) -> list[int]:
    """Which of the anchors are a section's."""
    words = section.options.get("mask", "").replace(",", " ").split()
    if not words:
        return list(range(num))
    return [int(word) if word.isdecimal() else -1 for word in words]


def _whole(section: Section, key: str, default: int) -> int:
    """A key's whole number; -1 for another text, which the engine will name."""
    text = section.options.get(key, str(default))
    return int(text) if text.isdecimal() else -1
