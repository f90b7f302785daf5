"""Text files that people wrote."""

from __future__ import annotations

import codecs
from pathlib import Path

from pylrm.errors import DataError

SAVE_AS_UTF8 = "save it as UTF-8"


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises
    ------
    DataError
        Where it can't be read, or is in another encoding.
    """
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"not UTF-8 text (byte {error.start}){utf16_hint(content)}"
        raise DataError(f"{path}: {what}; {SAVE_AS_UTF8}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def utf16_hint(content: bytes) -> str:
    """Say of text in UTF-16, as some of Windows' programs write it, that it is; else ""."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ": it is UTF-16 (which Windows' Notepad calls Unicode)"
    return ""
