"""How the C engine becomes the module `pylrm.engine._darknet`.

cffi reads what to declare from the public header, between its two markers; the Makefile compiles
the sources; setup.py puts both together. As a program it tells the Makefile how to use the BLAS:
`python build.py cflags`, `libs` or `files`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from cffi import FFI

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "darknet" / "include" / "darknet.h"
WHEEL = "scipy_openblas32"


class Blas(NamedTuple):
    """How to compile and link against an OpenBLAS.

    Attributes
    ----------
    cflags, libs : list of str
        For the compiler and the linker.
    files : list of Path
        What has to travel with the program: the library and its licence; a system's stays put.
    """

    cflags: list[str]
    libs: list[str]
    files: list[Path]


def declarations() -> str:
    """Return the part of the public header that cffi is to read."""
    _, _, rest = HEADER.read_text(encoding="utf-8").partition("/* cffi: begin */")
    part, end, _ = rest.partition("/* cffi: end */")
    if not end:
        raise SystemExit(f"{HEADER}: the markers 'cffi: begin' and 'cffi: end' are not both there")
    return part


def wheel_blas() -> Blas | None:
    """Find the OpenBLAS of the wheel scipy-openblas32; None without it."""
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    library = next((folder / "lib").glob("libscipy_openblas.*"))
    licences = [
        Path(str(file.locate()))
        for file in importlib.metadata.files(WHEEL.replace("_", "-")) or []
        if file.name == "LICENSE.txt"
    ]
    return Blas(
        ["-isystem", str(folder / "include"), "-DDN_BLAS_PREFIX=scipy_"],
        [str(library)],
        [library, *licences],
    )


def system_blas() -> Blas | None:
    """Find an OpenBLAS by pkg-config; None without one."""

    def ask(option: str) -> list[str]:
        return subprocess.run(
            ["pkg-config", option, "openblas"], check=True, capture_output=True, text=True
        ).stdout.split()

    try:
        return Blas([*ask("--cflags"), "-DDN_BLAS_PREFIX="], ask("--libs"), [])
    except (OSError, subprocess.CalledProcessError):
        return None


def find_blas() -> Blas:
    """Find an OpenBLAS: the wheel's, else the system's; PYLRM_BLAS=system leaves the wheel out.

    Raises
    ------
    SystemExit
        There is none; the message says how to get one.
    """
    blas = None if os.environ.get("PYLRM_BLAS") == "system" else wheel_blas()
    blas = blas or system_blas()
    if blas is None:
        raise SystemExit(
            "no OpenBLAS: pip install scipy-openblas32, or install the system's (its development "
            "package) so that `pkg-config openblas` finds it"
        )
    return blas


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source(
    "pylrm.engine._darknet",
    '#include "darknet.h"',
    include_dirs=[os.path.relpath(HEADER.parent, ROOT)],
)

if __name__ == "__main__":
    print(*getattr(find_blas(), sys.argv[1]))
