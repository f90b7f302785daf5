"""The arms of a study: one base cfg, changed in what is to be compared."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pylrm.cfg.edit import add_section, set_keys, without_section
from pylrm.cfg.file import MASKED, Cfg, CfgLike, Section
from pylrm.engine import keys
from pylrm.errors import CfgError, PylrmError

BASELINE = "baseline"
DETECTORS = ("region", *MASKED)
ANY_LAYER = "any layer"  # whose keys every section but [net] has
NAME = re.compile(r"[A-Za-z0-9_+=-][A-Za-z0-9_.+=-]*")

Changes = list[tuple[str, dict[str, str]]]
Mining = tuple[int, float] | None  # K and the threshold of NMS; 0: none


@dataclass(frozen=True)
class Arm:
    """A network that a study trains, several times.

    Attributes
    ----------
    name : str
        Also of its folder.
    cfg : Cfg
        The network.
    """

    name: str
    cfg: Cfg

    @property
    def digest(self) -> str:
        """The SHA-256 of the cfg's sections and values.

        Comments do not count, and neither does [net] data=: a study can be gone on with where the
        data set has another path (its own digest is in the request).
        """
        lines = []
        for section in self.cfg.sections:
            keys = sorted(section.options.items())
            values = [f"{k}={v}" for k, v in keys if (section.name, k) != ("net", "data")]
            lines.append(" ".join([f"[{section.name}]", *values]))
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def baseline(base: Cfg) -> Arm:
    """Return the base cfg without its [lrm], if it has one."""
    for section in reversed(base.sections):
        if section.name == "lrm":
            base = without_section(base, section)
    return Arm(BASELINE, base)


def grid(base: Cfg, ks: Sequence[int], thresholds: Sequence[float]) -> list[Arm]:
    """Return an arm for each K and each threshold of NMS; 0: no NMS."""
    return [
        changed_arm(grid_name(k, nms), base, [("lrm", {"k": str(k), "nms": f"{nms:g}"})])
        for nms in thresholds
        for k in ks
    ]


def grid_name(k: int, nms: float) -> str:
    """Return the name of a cell's arm: k128-nms0.7, or k128 without NMS."""
    return f"k{k}-nms{nms:g}" if nms else f"k{k}"


def read_arm(base: Cfg, text: str) -> Arm:
    """Read an arm as it is asked for.

    Parameters
    ----------
    base : Cfg
        What is changed.
    text : str
        NAME=FILE.cfg, or NAME=[section] key=value … [section] …

    Raises
    ------
    PylrmError
        It is neither; a name that no folder can have; a section or key that there is not.
    """
    name, equals, what = (part.strip() for part in text.partition("="))
    if not equals or not what:
        raise PylrmError(
            f"--arm '{text}': expected NAME=FILE.cfg or NAME=\"[lrm] k=64 nms=.7\", with one or "
            "more sections and their keys"
        )
    if not NAME.fullmatch(name) or name == BASELINE:
        raise PylrmError(
            f"--arm '{text}': '{name}' cannot be an arm's name: letters, digits and . _ + - are "
            f"fine; {BASELINE} is the base cfg without [lrm]"
        )
    if not what.startswith("["):
        return Arm(name, Cfg.read(what))
    return changed_arm(name, base, parse(what, name))


def parse(text: str, name: str) -> Changes:
    """Parse what an arm of that name changes: "[section] key=value … [section] …".

    Raises
    ------
    PylrmError
        Another word in it, or a key that the section does not have.
    """
    changes: Changes = []
    for word in re.sub(r"(\[[^\]]*\])", r" \1 ", text).split():
        key, equals, value = word.partition("=")
        if word.startswith("["):
            changes.append((word[1:-1], {}))
        elif not equals or not key or not value:
            raise PylrmError(f"--arm {name}: '{word}' is neither [section] nor key=value")
        else:
            _check_key(changes[-1][0], key, name)
            changes[-1][1][key] = value
    return changes


def changed_arm(arm: str, base: Cfg, changes: Changes) -> Arm:
    """Return an arm that is the base with other values.

    A section's keys change in each section of that name. [lrm] comes behind the last detection
    layer where the cfg has none, and mines all of them unless layers= says otherwise.

    Raises
    ------
    PylrmError
        The cfg has no such section.
    """
    cfg = base
    for name, values in changes:
        count = sum(section.name == name for section in cfg.sections)
        if name == "lrm" and not count:
            cfg = _with_lrm(cfg, values)
        elif not count:
            near = difflib.get_close_matches(name, {each.name for each in cfg.sections}, n=1)
            hint = f"; the nearest is [{near[0]}]" if near else ""
            raise PylrmError(f"--arm {arm}: {cfg} has no [{name}]{hint}")
        for index in range(count):
            cfg = set_keys(cfg, _named(cfg, name)[index], values)
    return Arm(arm, Cfg(f"{base} (arm {arm})", cfg.text))


def read_arms(
    base: CfgLike, ks: Sequence[int], thresholds: Sequence[float], texts: Iterable[str]
) -> list[Arm]:
    """Return the baseline, the grid's arms and those asked for by name.

    Raises
    ------
    PylrmError
        A cfg or an arm is wrong; two have one name.
    """
    plain = baseline(Cfg.read(base))
    arms = [plain, *grid(plain.cfg, ks, thresholds)]
    arms += [read_arm(plain.cfg, text) for text in texts]
    names = [arm.name for arm in arms]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise PylrmError(f"two arms of the study are named {name}")
    return arms


def mining_of(cfg: Cfg) -> Mining:
    """Return K and the threshold of NMS (0: none) of a cfg's [lrm]; None: it has none."""
    section = next((each for each in cfg.sections if each.name == "lrm"), None)
    if section is None:
        return None
    known = {entry.name: entry.default for entry in keys() if entry.section == "lrm"}
    k, nms = (float(section.options.get(key, str(known[key]))) for key in ("k", "nms"))
    return int(k), 0.0 if nms == 1 else nms


def _named(cfg: Cfg, name: str) -> list[Section]:
    return [section for section in cfg.sections if section.name == name]


def _with_lrm(cfg: Cfg, values: dict[str, str]) -> Cfg:
    indices = [i for i, section in enumerate(cfg.sections) if section.name in DETECTORS]
    if not indices:
        raise CfgError(f"{cfg}: no [region] or [yolo]: a study is of detectors")
    if len(indices) > 1 and "layers" not in values:
        offsets = (str(index - indices[-1] - 1) for index in indices)
        values = {**values, "layers": ",".join(offsets)}
    return add_section(cfg, cfg.sections[indices[-1]], "lrm", values)


def _check_key(section: str, key: str, name: str) -> None:
    also = () if section == "net" else (ANY_LAYER,)
    known = [entry.name for entry in keys() if entry.section in (section, *also)]
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise PylrmError(f"--arm {name}: [{section}] has no key '{key}'{hint}")
