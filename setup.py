"""The parts of the build that pyproject.toml cannot say: the C engine and the shipped files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py


def make(*arguments):
    """A make of its own, on all processors: one around it shares no jobs with Python."""
    flags = re.sub(r"(^| )-+j\S*", "", os.environ.get("MAKEFLAGS", ""))
    command = ["make", "-s", "--no-print-directory", f"-j{os.cpu_count()}", *arguments]
    subprocess.run(command, check=True, env={**os.environ, "MAKEFLAGS": flags})


class build_engine(build_ext):  # noqa: N801
    """The Makefile compiles the engine; the extension is cffi's glue around it."""

    def build_extension(self, ext):
        folder = os.environ.get("PYLRM_BUILD") or os.path.join(self.build_temp, "engine")
        archive = os.path.join(folder, "libdarknet.a")
        flags = os.path.join(folder, "link-flags")
        make(f"BUILD={folder}", archive, flags)
        ext.extra_objects = [archive]
        ext.depends = [archive]
        ext.extra_link_args = Path(flags).read_text().split()
        super().build_extension(ext)
        if os.environ.get("PYLRM_CUDA") == "1":
            self.add_cuda(Path(self.get_ext_fullpath(ext.name)).parent)

    def add_cuda(self, beside):
        """The library that the engine loads for device="cuda" (CUDNN=1: with cuDNN)."""
        folder = os.path.join(self.build_temp, "cuda")
        library = os.path.join(folder, "libdarknet_cuda.so")
        make(f"CUDA_BUILD={folder}", f"CUDNN={os.environ.get('CUDNN', '')}", library)
        beside.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, beside)


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


# One wheel serves all versions of Python, as cffi keeps to the stable part of Python's interface.
# A Python without the global lock has no such part.
STABLE = {} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"py_limited_api": "cp310"}

setup(
    cffi_modules=["pylrm/binding/build.py:ffibuilder"],
    cmdclass={"build_ext": build_engine, "build_py": build_package},
    options={"bdist_wheel": STABLE},
)
