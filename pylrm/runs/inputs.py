"""What a cfg is used with, where the user does not say: its data set, and how images are fitted in.

For the cfg in a run folder: as in that run. Else as the cfg's [net] says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataFile, DataLike, read_data
from pylrm.errors import CfgError, DataError
from pylrm.files.jsonfile import read_json
from pylrm.runs.folder import Run


def run_options(cfg: Cfg) -> dict[str, Any] | None:
    """Read the options that a run folder keeps beside its cfg; None: the cfg is not in one.

    Raises
    ------
    DataError
        The options cannot be read, or are not a run's.
    """
    if cfg.path is None:
        return None
    run = Run(cfg.path.parent)
    if cfg.path != run.cfg or not run.options.is_file():
        return None
    options = read_json(run.options)
    if not isinstance(options, dict) or not isinstance(options.get("data"), str):
        raise DataError(f'{run.options}: not a run\'s options: no "data" in it')
    return options


def letterboxes(cfg: Cfg, asked: bool | None = None) -> bool:
    """Tell whether images keep their aspect in a network's input, or are stretched to it.

    As asked; else as in the run of a run folder's cfg; else as [net] letter_box= says, a key of
    newer forks; without it they keep it, as in the original Darknet.

    Raises
    ------
    CfgError
        letter_box is neither 0 nor 1.
    DataError
        The run's options cannot be read.
    """
    if asked is not None:
        return asked
    options = run_options(cfg)
    if options is not None:
        return bool(options.get("letterbox", True))
    value = cfg.net.options.get("letter_box", "1")
    if value not in ("0", "1"):
        line = cfg.net.lines["letter_box"]
        raise CfgError(f"{cfg}:{line}: [net] letter_box={value}: it must be 0 or 1")
    return value == "1"


def choose_data(cfg: Cfg, data: DataLike | None = None) -> DataFile:
    """Read a .data file: the one asked for, else the one that the cfg goes with.

    That is, for the cfg in a run folder, the one it was trained with; else [net] data=, looked up
    from the working folder, then beside the cfg, then among the shipped files.

    Raises
    ------
    CfgError, DataError
        None is named; it is nowhere, or wrong.
    """
    if data is not None:
        return read_data(data)
    options = run_options(cfg)
    if options is not None:
        return read_data(options["data"])
    if "data" not in cfg.net.options:
        raise CfgError(
            f"{cfg}:{cfg.net.line}: [net] names no data set (data=); give one with --data"
        )
    name = Path(cfg.net.options["data"])
    beside = None if cfg.path is None else cfg.path.parent / name
    there = beside is not None and beside.is_file() and not name.is_file()
    return read_data(beside if beside is not None and there else name)
