"""How the C engine becomes the module `pylrm.binding._darknet`.

cffi reads what to declare from the public header, between its two markers; the Makefile compiles
the sources; setup.py puts both together.
"""

from __future__ import annotations

import os
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "darknet" / "include" / "darknet.h"


def declarations() -> str:
    """Return the part of the public header that cffi is to read."""
    _, _, rest = HEADER.read_text(encoding="utf-8").partition("/* cffi: begin */")
    part, end, _ = rest.partition("/* cffi: end */")
    if not end:
        raise SystemExit(f"{HEADER}: the markers 'cffi: begin' and 'cffi: end' are not both there")
    return part


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source(
    "pylrm.binding._darknet",
    '#include "darknet.h"',
    include_dirs=[os.path.relpath(HEADER.parent, ROOT)],
)
