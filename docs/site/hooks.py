"""What MkDocs does beside reading docs/: pages made at build time, and links that leave docs/.

The files in docs/ stay readable on a code host, where links lead to README.md and folders. On the
site, those files are pages too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]  # MkDocs loads this file alone

from commands import commands  # noqa: E402
from notebook import notebook  # noqa: E402

import pylrm  # noqa: E402

ABOVE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
ABOVE |= {"CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
ITEM = re.compile(r"(?:[-*]|\d+\.) +(?=\S)")
DEEP = 4  # columns: what belongs to an item of a list has to be indented so, for MkDocs


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not files of docs/."""
    pages: dict[str, Callable[[], str]] = {
        target: lambda source=source: as_in_docs((ROOT / source).read_text("utf-8"))  # type: ignore[misc]
        for source, target in ABOVE.items()
    }
    pages |= {"commands.md": commands, "python.md": python, "study/index.md": rows}
    pages["notebook.md"] = lambda: notebook(ROOT / "docs" / "notebook.ipynb")
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links out of docs/, and to folders, lead to pages; indent lists as MkDocs wants them."""
    return LINK.sub(lambda link: link_on_site(link[1]), "\n".join(indented(markdown)))


def indented(markdown: str) -> Iterator[str]:
    """Yield the lines of a text in which code hosts see what belongs to a list's items."""
    column = 0  # where the text of the current item begins; 0: no list
    fenced = blank = loose = False
    for line in markdown.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        item = None if fenced else ITEM.match(line)
        if item:
            if loose and not blank:
                yield ""  # the item before has several paragraphs
            column, loose = len(item[0]), False
            yield line
        elif column and line.startswith(" " * column):
            loose |= blank
            yield " " * (DEEP - column) + line
        else:
            column = 0 if blank and line else column
            yield line
        blank = not line


def as_in_docs(markdown: str) -> str:
    """Return the text of a file beside docs/ with its links as a file in docs/ would have them."""
    return LINK.sub(
        lambda link: link[1].removeprefix("docs/") if "/" in link[1] else f"../{link[1]}", markdown
    )


def link_on_site(link: str) -> str:
    """Return where a link of a file in docs/ leads to on the site."""
    link = ABOVE.get(link.removeprefix("../"), link)
    link = "notebook.md" if link == "notebook.ipynb" else link
    return f"{link}index.md" if link.endswith("/") else link


def python() -> str:
    """Return the page of the Python interface: the public names of `pylrm`, by their docstrings."""
    lines = ["# The Python interface", "", "All names are imported with `import pylrm`.", ""]
    for name in pylrm.__all__:
        lines += [f"::: pylrm.{name}", ""]
    return "\n".join(lines)


def rows() -> str:
    """Return the list of the study's tables."""
    tables = sorted((ROOT / "docs" / "study").glob("*.csv"))
    lines = ["# Rows of the study", "", "A row for each run; see [the protocol](../study.md).", ""]
    return "\n".join([*lines, *(f"- [{table.name}]({table.name})" for table in tables), ""])
