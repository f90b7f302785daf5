"""Reading .npz files of plain arrays."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays; Python objects, whose reading could run code, are refused.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no such file; the text says why.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb"):
            raise ValueError("not a zip archive")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except MemoryError as error:
        raise ValueError("an array in it would take more memory than there is") from error
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error)[:200]
        raise ValueError(
            "it holds Python objects" if "pickle" in reason else f"damaged: {reason}"
        ) from error
    except (NotImplementedError, RuntimeError) as error:  # a compression unknown here; a password
        raise ValueError(str(error)) from error
