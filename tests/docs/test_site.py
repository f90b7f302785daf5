"""The docs as a site: built without a warning, every page reached, every link in it held."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow  # a build takes 20 seconds

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """The links and the ids of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where a tag leads to, and what it is called."""
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.links.append(value)
            elif value and name in ("id", "name"):
                self.ids.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from the tree."""
    for module in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(module, reason="pip install '.[docs]' brings what builds the site")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return folder


def test_all_links_hold(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    assert {path.stem for path in pages} >= {path.stem for path in (ROOT / "docs").glob("*.md")}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            held = target.is_file()
            if held and parts.fragment and target in pages:
                held = unquote(parts.fragment) in pages[target].ids
            if not held:
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    text = (site / "index.html").read_text("utf-8")
    assert "fonts.googleapis" not in text and "cdn." not in text


def test_every_command_is_there(site: Path) -> None:
    from pylrm.cli.main import SECTIONS

    text = (site / "commands.html").read_text("utf-8")
    for name in [name for names in SECTIONS.values() for name in names]:
        assert f">pylrm {name}<" in text
    for inner in ("cfg deploy", "weights import", "study grid", "convert voc"):
        assert f">pylrm {inner}<" in text


def test_every_public_name_is_there(site: Path) -> None:
    import pylrm

    ids = Page(site / "python.html").ids
    assert {f"pylrm.{name}" for name in pylrm.__all__} <= ids
