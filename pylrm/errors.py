"""What can go wrong, as exceptions. Each message is one line that names the file (and line)."""

from __future__ import annotations


class PylrmError(Exception):
    """The base of all of pylrm's errors."""


class CfgError(PylrmError):
    """A cfg file: syntax, an unknown section, an impossible shape, a value out of range."""


class WeightsError(PylrmError):
    """A weights file: missing, truncated, made for another network, or unwritable."""


class DataError(PylrmError):
    """A data set: a missing file, a malformed label, an unreadable image."""


class NumericsError(PylrmError):
    """A run whose numbers left the finite range."""


class CfgWarning(UserWarning):
    """Something in a cfg file that is passed over: an unknown key, with its nearest known one."""
