"""The sdist has what a build needs, and nothing that a build makes."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADDED = {"PKG-INFO", "setup.cfg"}  # by setuptools
SOURCES = {
    "darknet": {".c", ".cu", ".h", ".inc"},
    "pylrm": {".py", ".pyi", ".typed", ".css", ".js"},
    "cfg": {".cfg"},
    "data": {".data", ".names"},
}
BESIDE = {
    "setup.py",
    "pyproject.toml",
    "MANIFEST.in",
    "Makefile",
    "LICENSE",
    "release/find_cuda.py",
}
TEXTS = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md"}


def test_the_files_of_an_sdist(tmp_path: Path) -> None:
    command = ["setup.py", "-q", "egg_info", "--egg-base", str(tmp_path), "sdist", "-d"]
    subprocess.run(
        [sys.executable, "-W", "ignore", *command, str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    (archive,) = tmp_path.glob("pylrm-*.tar.gz")
    with tarfile.open(archive) as tar:
        names = [Path(member.name) for member in tar.getmembers() if member.isfile()]
    found = {str(Path(*name.parts[1:])) for name in names if ".egg-info" not in str(name)}
    wanted = BESIDE | TEXTS
    for folder, endings in SOURCES.items():
        made = {ROOT / "pylrm" / "_shipped"}
        wanted |= {
            str(path.relative_to(ROOT))
            for path in (ROOT / folder).rglob("*")
            if path.suffix in endings and not made & set(path.parents)
        }
    assert found - ADDED == wanted
