"""docs/installing.md and other pages speak of what there is: extras, packages, make's targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pylrm.extras import EXTRAS

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
INSTALLING = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
FOR_DEVELOPERS = {"test", "dev", "docs"}
ROW = re.compile(r"^\| `(\w+)` \| (\S+(?:, \S+)*) \| .+ \|$", re.M)


def name(requirement: str) -> str:
    """The package that a requirement names."""
    return re.split(r"[<>=;\[]", requirement)[0].strip()


def test_the_table_of_extras_is_the_one_of_the_code_and_of_the_project() -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    rows = {extra: packages.split(", ") for extra, packages in ROW.findall(INSTALLING)}
    assert list(rows) == list(EXTRAS)
    assert set(extras) == EXTRAS.keys() | FOR_DEVELOPERS
    assert rows == {extra: [name(each) for each in extras[extra]] for extra in rows}


def test_the_lower_bounds_are_the_project_s() -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = re.findall(r"`([a-z-]+>=[\d.]+)`", INSTALLING)
    assert sorted(bounds) == project["dependencies"]
    assert project["requires-python"] == ">=3.10" and "Python 3.10" in INSTALLING


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_name_extras_and_targets_that_there_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for extras in re.findall(r"pylrm\[([\w,]+)\]", text):
        assert set(extras.split(",")) <= EXTRAS.keys()
    targets = re.findall(r"^([a-z0-9-]+)(?: [a-z-]+)*:(?!=)", (ROOT / "Makefile").read_text(), re.M)
    for target in re.findall(r"(?:^    |`)make ([a-z][a-z0-9-]+)", text, re.M):
        assert target in targets
