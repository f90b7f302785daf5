"""Where cuBLAS, and with --cudnn cuDNN, are: the compiler's and linker's flags, in one line.

They are looked for in $CUDA_HOME, in the toolkit that nvcc belongs to, and in Nvidia's packages
(`pip install nvidia-cublas nvidia-cudnn-cu13`) beside this Python. Ends with 1 and a line that says
what is missing.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

HEADERS = {"cublas": "cublas_v2.h", "cudnn": "cudnn.h"}
WHEELS = {"cublas": "nvidia-cublas", "cudnn": "nvidia-cudnn-cu13"}


def roots() -> Iterator[Path]:
    """Folders that may hold include/ and a folder of libraries."""
    if home := os.environ.get("CUDA_HOME"):
        yield Path(home)
    if nvcc := shutil.which(os.environ.get("NVCC", "nvcc")):
        yield Path(nvcc).resolve().parents[1]
    yield Path("/usr/local/cuda")
    yield Path("/usr")
    # a virtual environment's packages, then those of the Python below it
    for folder in dict.fromkeys([sysconfig.get_path("purelib"), *sys.path]):
        for name in ("cu13", "cublas", "cudnn"):
            yield Path(folder) / "nvidia" / name


def find(library: str) -> tuple[Path, Path] | None:
    """The folder of the library's header, and the file to link; None: it is nowhere."""
    for root in roots():
        for include in (root / "include", root / "include" / "x86_64-linux-gnu"):
            if not (include / HEADERS[library]).is_file():
                continue
            for folder in ("lib64", "lib", "lib/x86_64-linux-gnu"):
                files = sorted((root / folder).glob(f"lib{library}.so*"))
                if files:
                    return include, files[0]
    return None


def main() -> int:
    """Print the flags."""
    flags = []
    for library in ["cublas"] + ["cudnn"] * ("--cudnn" in sys.argv):
        found = find(library)
        if not found:
            print(
                f"{HEADERS[library]} and lib{library}.so are not found: CUDA_HOME=… names the "
                f"folder above include/, or pip install {WHEELS[library]}",
                file=sys.stderr,
            )
            return 1
        include, file = found
        flags += [f"-I{include}", f"-Xlinker {file}", f"-Xlinker -rpath={file.parent}"]
    compiling = "--compile" in sys.argv
    print(" ".join(flag for flag in flags if flag.startswith("-I") == compiling))
    return 0


if __name__ == "__main__":
    sys.exit(main())
