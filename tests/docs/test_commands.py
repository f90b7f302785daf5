"""Every `pylrm` command in a block of any page is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pylrm.cli.main import command
from tests.pages import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
ENDS = re.compile(r"[|>&;]|\|\||…|2>")  # what follows is the shell's


def commands(page: Path) -> Iterator[str]:
    """Yield the commands in the blocks of a page, each on one line."""
    text = re.sub(r"\s*\\\n\s*", " ", page.read_text("utf-8"))
    yield from re.findall(r"^(?: {4,}(?:\$ )?)(pylrm (?!0\.)[a-z].*)$", text, re.MULTILINE)


def parse(line: str) -> None:
    """Let click take a command's arguments; nothing is run."""
    words = shlex.split(line, comments=True)[1:]
    for place, word in enumerate(words):
        if ENDS.fullmatch(word):
            words = words[:place]
            break
    found: click.Command = command
    context = click.Context(command, info_name="pylrm")
    while isinstance(found, click.Group):
        _, inner, words = found.resolve_command(context, words)
        assert inner is not None
        found, context = inner, click.Context(inner, info_name=inner.name, parent=context)
    found.make_context(found.name, words, parent=context.parent)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_are_taken(page: Path) -> None:
    for line in commands(page):
        try:
            parse(line)
        except click.ClickException as error:
            pytest.fail(f"{line}: {error.format_message()}")


def without_reason(text: str) -> list[str]:
    """Return the commands of a page that are neither run (`$ `) nor say why not in a comment.

    A comment speaks of the block of code that follows it.
    """
    found: list[str] = []
    excused = run = False
    for line in text.splitlines():
        if re.match(r" *<!-- not run: .+ -->$", line):
            excused = True
        elif re.match(r" {4,}\$ ", line):
            run = True  # what comes below is what it prints
        elif re.match(r" {4,}pylrm (?!0\.)[a-z]", line) and not (excused or run):
            found.append(line.strip())
        elif line and not line.startswith("    "):
            excused = run = False
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_not_run_says_why(page: Path) -> None:
    assert without_reason(page.read_text("utf-8")) == []


def test_a_page_with_commands_has_a_test() -> None:
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for page in PAGES:
        if re.search(r"^ {4,}\$ ", page.read_text("utf-8"), re.MULTILINE):
            assert f'"{page.name}"' in tests, page.name


def test_which_commands_need_a_reason() -> None:
    text = "text\n\n    $ pylrm a\n    pylrm b\n\ntext\n\n    pylrm c\n    pylrm 0.1.0\n\n"
    text += "<!-- not run: hours -->\n\n    pylrm d\n\n    pylrm e\n\ntext\n\n    pylrm f\n"
    assert without_reason(text) == ["pylrm c", "pylrm f"]


def test_what_is_read_and_what_is_refused() -> None:
    found = [line for page in PAGES for line in commands(page)]
    assert len(found) > 100
    parse('pylrm study grid --cfg a.cfg --data a.data --arm x="[lrm] k=3" --out s  # a remark')
    parse("pylrm check a.data | tail -n 1")
    with pytest.raises(click.UsageError, match="No such option"):
        parse("pylrm check a.data --nothing")
