"""The C library: its errors as exceptions, its arrays as numpy views, its tables as Python data.

`ffi` and `lib` are cffi's handles; what they declare is documented in darknet/include/darknet.h.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# OpenMP reads these when the library is loaded. Without them its threads would spin between passes
# and take the processors from the threads that prepare images. With them they sleep, after a short
# spin: most waits are shorter than falling asleep and waking up.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from pylrm.binding._darknet import ffi, lib
from pylrm.errors import CfgError, DataError, PylrmError, WeightsError

__all__ = [
    "FloatArray",
    "Key",
    "call",
    "check_range",
    "cpu_features",
    "cpu_peak",
    "ffi",
    "fields",
    "floats",
    "has_threads",
    "key_type",
    "keys",
    "lib",
    "text",
    "version",
    "view",
]

FloatArray = npt.NDArray[np.float32]

_EXCEPTIONS: dict[int, type[PylrmError]] = {
    lib.DN_BAD_CFG: CfgError,
    lib.DN_BAD_WEIGHTS: WeightsError,
    lib.DN_BAD_ARGUMENT: PylrmError,
    lib.DN_BAD_FILE: DataError,
    lib.DN_NO_MEMORY: PylrmError,
    lib.DN_NO_DEVICE: PylrmError,
}

_DTYPES: dict[int, npt.DTypeLike] = {
    lib.DN_FLOAT32: np.float32,
    lib.DN_INT32: np.int32,
    lib.DN_INT8: np.int8,
    lib.DN_BOOL: np.bool_,
}


def text(pointer: Any) -> str | None:
    """Return a C string, None for NULL."""
    if not pointer:
        return None
    raw: bytes = ffi.string(pointer)
    return raw.decode("utf-8", "surrogateescape")


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Call a function of the library whose last parameter is a dn_error.

    Raises
    ------
    PylrmError
        The call failed; the subclass depends on the status, the message is the library's.
    """
    error = ffi.new("dn_error *")
    status = function(*arguments, error)
    if status != lib.DN_OK:
        raise _EXCEPTIONS[status](text(error.message))


def check_range(name: str, value: int, most: int = 2**31 - 1, least: int = 0) -> None:
    """Refuse a whole number that C's argument cannot be.

    Parameters
    ----------
    name : str
        What it is, for the message.
    value : int
        The number.
    most, least : int
        Its range.

    Raises
    ------
    ValueError
        It is out of range.
    """
    if not least <= value <= most:
        raise ValueError(f"{name}={value}: from {least} to {most}")


def view(array: Any) -> npt.NDArray[Any]:
    """Return a numpy view of a dn_array, and take over its hold on the memory.

    The hold is released when the last array that looks at this memory is gone.
    """
    memory = array.memory
    owner = ffi.gc(array.data, lambda _: lib.dn_memory_release(memory))
    dtype = np.dtype(_DTYPES[array.type])
    flat = np.frombuffer(ffi.buffer(owner, array.count * dtype.itemsize), dtype)
    flat.setflags(write=array.writable)
    return flat.reshape([array.shape[i] for i in range(array.rank)])


def floats(array: FloatArray) -> Any:
    """Return a C pointer to a contiguous float32 array, which has to outlive it."""
    return ffi.from_buffer("float[]", array)


def fields(struct: Any) -> dict[str, Any]:
    """Return a C struct of numbers as a dict."""
    return {name: getattr(struct, name) for name, _ in ffi.typeof(struct).fields}


def version() -> str:
    """Return the engine's version."""
    return str(text(lib.dn_version()))


def cpu_features() -> str:
    """Return what the fast kernels use on this CPU: "avx512", "avx2" or "baseline"."""
    return str(text(lib.dn_cpu_features()))


def has_threads() -> bool:
    """Tell whether a network can have more than one thread: False for a build without OpenMP."""
    return bool(lib.dn_has_threads())


def cpu_peak(threads: int) -> float:
    """Measure the CPU's peak rate in some threads; takes a fraction of a second.

    Parameters
    ----------
    threads : int
        How many compute at once.

    Returns
    -------
    float
        Single-precision operations per second (a fused multiply-add is two) on its widest vectors,
        without any access to memory.
    """
    return float(lib.dn_cpu_peak(threads))


class Key(NamedTuple):
    """A key of the cfg language.

    Attributes
    ----------
    section, name : str
        Where it stands ("net", a layer type, or "any layer"), and its name.
    type : str
        int, float, text, choice, ints or floats.
    default : float, str or None
        Its value where a cfg does not say; None: empty.
    least, most : float
        Bounds of a number.
    doc : str
        One line.
    choices : tuple of str
        What a choice may be; empty for other types.
    summaries : tuple of str
        A line about each of them.
    """

    section: str
    name: str
    type: str
    default: float | str | None
    least: float
    most: float
    doc: str
    choices: tuple[str, ...] = ()
    summaries: tuple[str, ...] = ()


def _choices(section: int, index: int) -> Iterator[tuple[str, str]]:
    """Yield what a key may be, each with its line."""
    name, summary = ffi.new("const char **"), ffi.new("const char **")
    for which in itertools.count():
        if not lib.dn_key_choice(section, index, which, name, summary):
            return
        yield str(text(name[0])), str(text(summary[0]))


@functools.cache
def keys() -> tuple[Key, ...]:
    """Return all keys of the cfg language, section by section."""
    found = []
    key = ffi.new("dn_key *")
    section = index = 0
    while lib.dn_key_at(section, index, key):
        if not key.name:
            section, index = section + 1, 0
            continue
        kind = str(text(key.type))
        default: float | str | None = text(key.fallback_text)
        if kind in ("int", "float"):
            default = int(key.fallback) if kind == "int" else float(key.fallback)
        rows = tuple(_choices(section, index))
        found.append(
            Key(
                section=str(text(key.section)),
                name=str(text(key.name)),
                type=kind,
                default=default,
                least=key.least,
                most=key.most,
                doc=str(text(key.doc)),
                choices=tuple(name for name, _ in rows),
                summaries=tuple(summary for _, summary in rows),
            )
        )
        index += 1
    return tuple(found)


@functools.cache
def key_type(section: str, name: str) -> str | None:
    """Return the type of a section's key; None where there is no such key."""
    for wanted in (section, "any layer"):
        for key in keys():
            if (key.section, key.name) == (wanted, name):
                return key.type
    return None
