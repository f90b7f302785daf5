"""Dispatch: which of Darknet's commands is done by which function."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

import click

import pylrm
from pylrm.cli.darknet.flags import Line, take_apart
from pylrm.cli.main import guarded

HELP = "docs/coming-from-darknet.md says what each command and flag becomes"


@dataclass(frozen=True)
class Command:
    """A command of Darknet's.

    Attributes
    ----------
    words
        What it begins with.
    module, function
        Who does it, in this folder: a function of `Line`.
    usage
        What follows the words.
    least, most
        How many words may follow, flags apart.
    """

    words: tuple[str, ...]
    module: str
    function: str
    usage: str
    least: int
    most: int


def detector(name: str, module: str, usage: str, least: int, most: int) -> Command:
    """Return a row of `darknet detector`."""
    return Command(("detector", name), module, name, usage, least, most)


COMMANDS = (
    detector("train", "train", "D.data C.cfg [W]", 2, 3),
    detector("test", "test", "D.data C.cfg W [IMAGE]", 3, 4),
    detector("valid", "measure", "D.data C.cfg W", 3, 3),
    detector("map", "measure", "D.data C.cfg W", 3, 3),
    detector("recall", "measure", "D.data C.cfg W", 3, 3),
    detector("demo", "demo", "D.data C.cfg W [VIDEO]", 3, 4),
    detector("calc_anchors", "anchors", "D.data [C.cfg]", 1, 3),
    Command(("classifier", "train"), "train", "train", "D.data C.cfg [W]", 2, 3),
    Command(("classifier", "valid"), "classify", "valid", "D.data C.cfg W", 3, 3),
    Command(("classifier", "predict"), "classify", "predict", "D.data C.cfg W [IMAGE]", 3, 4),
    Command(("partial",), "partial", "partial", "C.cfg W.weights OUT.weights N", 4, 4),
)


def main() -> None:
    """Run the command line and exit, with the codes of `pylrm.cli.main.main`."""
    sys.exit(guarded("darknet", lambda: run(sys.argv[1:])))


def run(arguments: list[str]) -> None:
    """Run a command line.

    Raises
    ------
    click.UsageError
        There is no such command or flag, or too few or too many words.
    """
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        click.echo(overview())
        return
    if arguments[0] == "--version":
        click.echo(f"darknet of pylrm {pylrm.__version__}")
        return
    command = find(arguments)
    line = take_apart(command.words[-1], arguments[len(command.words) :])
    if not command.least <= len(line.words) <= command.most:
        raise click.UsageError(f"usage: darknet {' '.join(command.words)} {command.usage} [flags]")
    for remark in line.remarks:
        say(remark)
    module = importlib.import_module(f"pylrm.cli.darknet.{command.module}")
    function: Callable[[Line], None] = getattr(module, command.function)
    function(line)


def find(arguments: list[str]) -> Command:
    """Return the command that a line begins with.

    Raises
    ------
    click.UsageError
        There is none.
    """
    for command in COMMANDS:
        if tuple(arguments[: len(command.words)]) == command.words:
            return command
    asked = " ".join(arguments[:2])
    there = ", ".join(" ".join(command.words) for command in COMMANDS)
    raise click.UsageError(f"no command '{asked:.60}'; there is {there}")


def overview() -> str:
    """Return the help."""
    lines = ["Darknet's command lines, done by pylrm:", ""]
    lines += [f"  darknet {' '.join(each.words)} {each.usage}" for each in COMMANDS]
    return "\n".join([*lines, "", f"{HELP}."])


def say(text: str) -> None:
    """Print a remark."""
    click.echo(f"darknet: {text}", err=True)
