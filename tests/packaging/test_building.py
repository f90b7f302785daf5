"""The engine's part of the build, called as makes call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_make_with_several_jobs_around_the_build(tmp_path: Path) -> None:
    """Its notes about jobs that it shares with nobody once went to the linker."""
    for name in ("Makefile", "setup.py", "pyproject.toml", "README.md", "LICENSE", "darknet"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "pylrm" / "binding").mkdir(parents=True)
    for name in ("__init__.py", "binding/__init__.py", "binding/build.py"):
        (tmp_path / "pylrm" / name).symlink_to(ROOT / "pylrm" / name)
    command = f"{sys.executable} -W ignore setup.py -q build_ext --build-lib built"
    (tmp_path / "outer.mk").write_text(f"all: engine\nengine:\n\t{command}\n")
    build = {"PYLRM_BUILD": str(ROOT / os.environ.get("PYLRM_BUILD", "build/release"))}
    subprocess.run(
        ["make", "-w", "-j2", "-f", "outer.mk"],
        cwd=tmp_path,
        check=True,
        env={**os.environ, **build},
        stdout=subprocess.DEVNULL,
    )
    assert list(tmp_path.glob("built/pylrm/binding/_darknet*.so"))
