"""The page of commands, written from click's own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from pylrm.cli.cfg import deploy_command
from pylrm.cli.main import SECTIONS, command

EXAMPLES = "\b"  # click's mark of lines that stay as they are
INTRODUCTION = """\
# Commands

What `pylrm COMMAND --help` prints, of all commands. Each ends with 0 when it is done, with 2 and
one line where something is wrong with what it was given, with 1 where `check` found mistakes or
pylrm itself failed, and with 130 when it was interrupted.
"""


def commands() -> str:
    """Return the whole page, Markdown."""
    lines = [INTRODUCTION]
    context = click.Context(command, info_name="pylrm")
    for title, names in SECTIONS.items():
        lines += [f"## {title}", ""]
        for name in names:
            found = command.get_command(context, name)
            assert found is not None
            lines += described(found, click.Context(found, info_name=name, parent=context))
            if name == "cfg":  # which has one without being a group
                inner = click.Context(deploy_command, info_name="cfg deploy", parent=context)
                lines += described(deploy_command, inner)
    return "\n".join(lines)


def described(found: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the lines of a command, and of those in it."""
    usage = " ".join(found.collect_usage_pieces(context))
    yield from (f"### {context.command_path}", "", f"    {context.command_path} {usage}", "")
    yield from paragraphs(inspect.cleandoc(found.help or ""))
    for parameter in found.get_params(context):
        record = parameter.get_help_record(context)
        if record and parameter.name != "help":
            yield from (f"`{record[0]}`", f":   {plain(record[1])}", "")
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            inner = found.get_command(context, name)
            assert inner is not None
            yield from described(inner, click.Context(inner, info_name=name, parent=context))


def paragraphs(text: str) -> Iterator[str]:
    """Yield a help text as Markdown: what stays as it is in click's help is code."""
    for part in text.split("\n\n"):
        if part.startswith(EXAMPLES):
            head, *rest = part.removeprefix(EXAMPLES).strip("\n").split("\n")
            yield from (plain(head), "", *(f"    {line.strip()}" for line in rest), "")
        else:
            yield from (plain(" ".join(part.split())), "")


def plain(text: str) -> str:
    """Return a text in which Markdown sees no marks of its own."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)
