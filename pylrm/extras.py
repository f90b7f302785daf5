"""Packages that pylrm can do without: `pip install 'pylrm[NAME]'` brings them."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from pylrm.errors import PylrmError

EXTRAS = {  # to the module that each brings
    "cluster": "distributed",
    "mpi": "mpi4py",
    "onnx": "onnx",
    "supervision": "supervision",
    "tensorboard": "tensorboardX",
    "torch": "torch",
    "yaml": "yaml",
}


def extra(name: str, need: str, error: type[PylrmError] = PylrmError) -> Any:
    """Import the module of an extra.

    Parameters
    ----------
    name : str
        One of `EXTRAS`.
    need : str
        What needs which package, as a message begins.
    error : type
        What is raised.

    Raises
    ------
    PylrmError
        It is not installed.
    """
    try:
        return importlib.import_module(EXTRAS[name])
    except ImportError as missing:
        raise error(f"{need}: pip install 'pylrm[{name}]'") from missing


def installed() -> list[str]:
    """Return the extras that are installed."""
    return [name for name, module in EXTRAS.items() if importlib.util.find_spec(module)]
