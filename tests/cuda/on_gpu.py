"""make test-gpu: the CUDA backend on this machine's GPU; without one, a line that says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pylrm
from pylrm.errors import PylrmError

ROOT = Path(__file__).parents[2]
CFG = "[net]\nwidth=4\nheight=4\nchannels=1\n[avgpool]\n"
TESTS = ["tests/cuda", "tests/test_golden.py", "tests/detector", "tests/layers"]


def reason() -> str | None:
    """Why no network can be on a GPU here; None: it can."""
    try:
        with pylrm.Network(CFG, device="cuda") as net:
            return None if net.kernels == "cuda" else f"the kernels are {net.kernels}"
    except PylrmError as error:
        return str(error)


def main() -> int:
    """Run the tests, those of the plain loops left out."""
    if why := reason():
        print(f"SKIPPED: no GPU to test on: {why}")
        return 0
    environment = {**os.environ, "PYLRM_TEST_GPU": "1", "PYLRM_TEST_KERNELS": "cuda"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    command += ["-k", "not reference"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
