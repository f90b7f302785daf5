"""Reading JSON that others wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pylrm.errors import DataError
from pylrm.files.text import read_text


def read_json(path: Path) -> Any:
    """Read a JSON file in UTF-8.

    Raises
    ------
    DataError
        It can't be read, is no JSON, or nests deeper or has longer numbers than Python takes.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno})"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path}: not JSON that can be read: nested too deeply") from error
    except ValueError as error:
        raise DataError(f"{path}: not JSON that can be read: a number is too long") from error
