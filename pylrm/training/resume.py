"""What may be otherwise when a run is gone on with: its options, its cfg, its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pylrm.cfg.file import Cfg, Section
from pylrm.engine import Network
from pylrm.errors import CfgError, DataError, PylrmError
from pylrm.files.jsonfile import read_json
from pylrm.runs.folder import Run
from pylrm.training.checkpoints import Kept, digest_of
from pylrm.training.options import TrainOptions

# Keys of [net] that say how long, and how fast, is learnt.
SCHEDULE = {
    "max_batches",
    *("learning_rate", "policy", "burn_in", "power", "gamma", "scale", "step", "steps", "scales"),
    *("learning_rate_min", "sgdr_cycle", "sgdr_mult"),
}


def read_options(folder: Run) -> tuple[dict[str, Any], TrainOptions]:
    """Return what a run folder says of its run, and the options in it.

    Raises
    ------
    DataError
        It cannot be read, or says nothing of the kind.
    """
    recorded = read_json(folder.options)
    try:
        if not isinstance(recorded["data"], str):
            raise TypeError("data")
        names = {field.name for field in fields(TrainOptions)}
        return recorded, TrainOptions(
            **{name: value for name, value in recorded.items() if name in names}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder.options}: not a run's options: {error!r}") from error


def changed_options(folder: Run, options: TrainOptions, changes: Mapping[str, Any]) -> TrainOptions:
    """Return a run's options with changes that leave what was learnt as it is.

    Parameters
    ----------
    folder : Run
        The run's, for messages.
    options : TrainOptions
        Its options.
    changes : mapping
        Other values, by name.

    Raises
    ------
    PylrmError
        A change that contradicts the run.
    """
    resumed = {field.name for field in fields(TrainOptions) if field.metadata["resumed"]}
    wanted = replace(options, **changes)
    for name in changes:
        before, after = getattr(options, name), getattr(wanted, name)
        if name not in resumed and before != after and _resolved(before) != _resolved(after):
            flag = "--" + name.replace("_", "-")
            raise PylrmError(
                f"{folder.folder}: {flag} {after} contradicts the run, which has {name}={before}: "
                f"leave it out, or start a new run"
            )
    return wanted


def _resolved(value: Any) -> Any:
    return value.resolve() if isinstance(value, Path) else value


def changed_cfg(kept: bytes, cfg: Cfg) -> Iterator[str]:
    """Yield a line for each key of the schedule that a run's cfg has otherwise by now.

    Parameters
    ----------
    kept : bytes
        The text that the checkpoint's network was made of.
    cfg : Cfg
        The run folder's cfg.

    Raises
    ------
    CfgError
        Something else is otherwise: it would be another network, or another training.
    """
    before, now = Cfg(cfg.name, kept).sections, cfg.sections
    for old, new in zip(before, now, strict=False):
        if old.name != new.name:
            raise CfgError(f"{cfg}:{new.line}: [{new.name}] was [{old.name}]; {_REFUSED}")
        for key in sorted({*old.options, *new.options}):
            if old.options.get(key) == new.options.get(key):
                continue
            line = f"{cfg}:{new.lines.get(key, new.line)}: {_difference(old, new, key)}"
            if new is not now[0] or key not in SCHEDULE:
                raise CfgError(f"{line}; {_REFUSED}")
            yield line
    if len(before) != len(now):
        number = now[-1].line if len(now) < len(before) else now[len(before)].line
        raise CfgError(f"{cfg}:{number}: {len(now)} sections were {len(before)}; {_REFUSED}")


_REFUSED = "a run goes on with the network that it has: only max_batches and rates may change"


def _difference(old: Section, new: Section, key: str) -> str:
    was = f"was {old.options[key]}" if key in old.options else "was not there"
    if key in new.options:
        return f"[{new.name}] {key}={new.options[key]} {was}"
    return f"[{new.name}] has no {key}=, which {was}"


def differences(kept: Kept, net: Network, images: list[Path]) -> Iterator[str]:
    """Yield what makes the rest of a run another one than it would have been.

    Parameters
    ----------
    kept : Kept
        What is gone on from.
    net : Network
        What goes on.
    images : list of Path
        The training images.
    """
    if kept.kernels != net.kernels:
        yield (
            f"{kept.path}: computed with the kernels for {kept.kernels}, here they are for "
            f"{net.kernels}: sums are rounded otherwise, so the rest is not the same bit by bit"
        )
    if kept.images != (len(images), digest_of(images)):
        yield (
            f"{kept.path}: the training list has other images than before ({kept.images[0]} then, "
            f"{len(images)} now): they come in another order from here on"
        )
