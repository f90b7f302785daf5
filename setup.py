"""The parts of the build that pyproject.toml cannot say: the C engine and the shipped files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

sys.path.insert(0, "pylrm/engine")
from build import find_blas


class build_engine(build_ext):  # noqa: N801
    """The Makefile compiles the engine; the extension is cffi's glue around it.

    The BLAS lies in pylrm/engine/lib beside the extension, which finds it there through $ORIGIN.
    """

    def build_extension(self, ext):
        folder = os.environ.get("PYLRM_BUILD") or os.path.join(self.build_temp, "engine")
        archive = os.path.join(folder, "libdarknet.a")
        jobs = [] if "MAKEFLAGS" in os.environ else [f"-j{os.cpu_count()}"]
        python = os.environ.get("PYLRM_PYTHON") or sys.executable
        subprocess.run(
            ["make", "-s", *jobs, f"PYTHON={python}", f"BUILD={folder}", archive], check=True
        )
        ext.extra_objects = [archive]
        ext.depends = [archive]
        ext.extra_link_args = [
            *find_blas().libs,
            "-lm",
            "-fopenmp",
            "-Wl,-rpath,$ORIGIN/lib",
            "-Wl,--exclude-libs,ALL",
            *os.environ.get("PYLRM_LDFLAGS", "").split(),
        ]
        super().build_extension(ext)

    def run(self):
        super().run()
        for root in [".", self.build_lib] if self.inplace else [self.build_lib]:
            libraries = Path(root, "pylrm", "engine", "lib")
            for file in find_blas().files:
                libraries.mkdir(parents=True, exist_ok=True)
                name = "LICENSE-OpenBLAS.txt" if file.suffix == ".txt" else file.name
                target = libraries / name
                if not target.exists() or target.stat().st_mtime < file.stat().st_mtime:
                    target.unlink(missing_ok=True)  # a process may be using it
                    shutil.copy2(file, target)


class build_package(build_py):  # noqa: N801
    """Wheels carry the shipped cfg and data files in pylrm/_shipped."""

    def run(self):
        super().run()
        if getattr(self, "editable_mode", False):
            return
        for kind in ("cfg", "data"):
            target = Path(self.build_lib, "pylrm", "_shipped", kind)
            target.mkdir(parents=True, exist_ok=True)
            for file in Path(kind).iterdir():
                if file.suffix in (".cfg", ".data", ".names"):
                    shutil.copy2(file, target)


setup(
    cffi_modules=["pylrm/engine/build.py:ffibuilder"],
    cmdclass={"build_ext": build_engine, "build_py": build_package},
)
