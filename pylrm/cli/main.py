"""The command `pylrm`: its subcommands, and what becomes of errors."""

from __future__ import annotations

import difflib
import importlib
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

import pylrm
from pylrm.errors import CfgWarning, PylrmError
from pylrm.terminal import complain, speaks, warn

SECTIONS = {
    "Train": ["train", "study", "plot", "report", "explain", "demo"],
    "Use": ["detect", "map", "classify"],
    "Models": ["cfg", "info", "weights", "export", "bench"],
    "Data": ["convert", "check", "preview", "hardest", "anchors"],
    "Help": ["doctor"],
}

# What click raises, from 8.2 on, for a group without a command: its message is the whole help.
NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())

MISTAKE, FAULT, INTERRUPTED = 2, 1, 130  # exit codes


class Group(click.Group):
    """Commands that are modules of pylrm.cli, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names in the order of the help."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"pylrm.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments start with.

        Raises
        ------
        click.UsageError
            There is none; the message has the nearest one.
        """
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
            ctx.fail(f"no command '{args[0]}'; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their sections' headings."""
        width = max(map(len, self.list_commands(ctx)))
        for title, names in SECTIONS.items():
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                assert command is not None
                rows.append((name.ljust(width), command.get_short_help_str(limit=80)))
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(pylrm.__version__, prog_name="pylrm", message="%(prog)s %(version)s")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Object detectors with Loss Rank Mining, compatible with Darknet's files.

    Without a command: what to do next with the files of this folder.
    """
    if ctx.invoked_subcommand is None:
        from pylrm.inspect.here.advice import overview

        click.echo(overview(Path()))


def main() -> None:
    """Run the command line and exit.

    0: done; 2: a mistake of the user's, in one line on stderr; 1: a fault of the program, in one
    line, with a traceback where PYLRM_DEBUG=1, or what `check` found wrong; 130: interrupted.
    """
    sys.exit(run())


def run() -> int:
    """Run the command line; returns the exit code."""
    return guarded("pylrm", lambda: command.main(prog_name="pylrm", standalone_mode=False))


def guarded(program: str, action: Callable[[], Any]) -> int:
    """Do what a command line asks for, errors becoming a line on stderr and an exit code.

    Parameters
    ----------
    program : str
        Begins the lines.
    action : callable
        What is done; where it returns a number, that is the exit code.
    """
    debug = os.environ.get("PYLRM_DEBUG") == "1"

    def say(message: str) -> None:
        if speaks():
            complain(message, program)

    try:
        with _plain_warnings(program):
            result = action()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except click.UsageError as error:
        if isinstance(error, NO_ARGUMENTS) and error.ctx:
            click.echo(error.ctx.get_help(), err=True)
            return MISTAKE
        path = error.ctx.command_path if error.ctx else program
        say(f"{_one_line(error.format_message())} (see {path} --help)")
        return MISTAKE
    except click.ClickException as error:
        say(_one_line(error.format_message()))
        return MISTAKE
    except PylrmError as error:
        if debug:
            traceback.print_exc()
        say(_one_line(str(error)))
        return MISTAKE
    except Exception as error:
        if debug:
            traceback.print_exc()
        hint = "" if debug else " (PYLRM_DEBUG=1 shows where)"
        say(f"{_one_line(f'{type(error).__name__}: {error}')}{hint}")
        return FAULT


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip())


@contextmanager
def _plain_warnings(program: str) -> Iterator[None]:
    """Show each warning about a cfg once, as one line."""
    said: set[str] = set()
    with warnings.catch_warnings():
        show = warnings.showwarning

        def showwarning(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, CfgWarning):
                show(message, category, filename, lineno, file, line)
            elif str(message) not in said:
                said.add(str(message))
                warn(_one_line(str(message)), program)

        warnings.showwarning = showwarning
        warnings.simplefilter("always", CfgWarning)
        yield


if __name__ == "__main__":
    main()
