"""The CUDA backend's kernels, run by the CPU under tests/cuda/shim: "emulated"."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ON_GPU = os.environ.get("PYLRM_TEST_GPU") == "1"


def sanitized() -> bool:
    """Does this Python have ASan in it, as under `make sanitize`?"""
    return "libasan" in os.environ.get("LD_PRELOAD", "")


@pytest.fixture(scope="session")
def emulated() -> Path:
    """libdarknet_cuda.so for the CPU, built if need be; networks with kernels="cuda" load it.

    With PYLRM_TEST_GPU=1 they load the one for GPUs (`make test-gpu`).
    """
    if ON_GPU:
        return ROOT / "pylrm/binding/libdarknet_cuda.so"
    folder = Path("build") / ("emulated-sanitized" if sanitized() else "emulated")
    library = folder / "libdarknet_cuda.so"
    flags = ["SANITIZE=-fsanitize=address,undefined -fno-sanitize-recover=all"]
    # without LD_PRELOAD: the compiler itself is not to run under ASan
    plain = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "MAKEFLAGS")}
    with Path(ROOT, "build", "emulated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process builds, the others find it built
        subprocess.run(
            ["make", "-s", f"EMULATED={folder}", *(flags if sanitized() else []), str(library)],
            cwd=ROOT,
            env=plain,
            check=True,
        )
    os.environ["PYLRM_CUDA_LIBRARY"] = str(ROOT / library)
    return ROOT / library
