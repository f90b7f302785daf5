"""Reading YAML that others wrote; needs PyYAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pylrm.errors import DataError
from pylrm.extras import extra
from pylrm.files.text import read_text


def read_yaml(path: Path) -> Any:
    """Read a YAML file; all its values are texts, as they stand there.

    So a class called `no` is not False, and 007 is not 7.

    Raises
    ------
    DataError
        It can't be read, or is no YAML.
    PylrmError
        PyYAML is not installed.
    """
    yaml = extra("yaml", f"{path}: YAML needs PyYAML")
    text = read_text(path)
    try:
        return yaml.load(text, yaml.BaseLoader)  # makes nothing but texts, lists and dictionaries
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        hint = ""
        if "escape" in str(error.problem):
            hint = "; in double quotes a backslash begins an escape: write / between folders"
        raise DataError(f"{path}:{line}: not YAML: {error.problem}{hint}") from error
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from error
    except RecursionError as error:
        raise DataError(f"{path}: not YAML that can be read: nested too deeply") from error
