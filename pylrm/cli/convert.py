"""`pylrm convert`: other data sets to Darknet's files."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylrm.cli.options import PATH
from pylrm.data.metric_names import METRICS
from pylrm.terminal import counter, warn

if TYPE_CHECKING:
    from pylrm.convert import Summary
    from pylrm.convert.formats import Format, Option


class Formats(click.Group):
    """A command for each row of `pylrm.convert.formats`, imported when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the formats' names."""
        self._fill()
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a format's command; None where there is no such format."""
        self._fill()
        return self.commands.get(cmd_name)

    def _fill(self) -> None:
        if not self.commands:
            from pylrm.convert import FORMATS

            self.commands.update({name: subcommand(row) for name, row in FORMATS.items()})


@click.command(cls=Formats)
def command() -> None:
    """Turn a data set into Darknet's lists and labels."""


def subcommand(row: Format) -> click.Command:
    """Make the command that converts a format."""

    def run(source: Path, as_json: bool, **options: Any) -> None:
        from pylrm.convert import convert

        shown = counter()
        progress = shown.named if shown else None
        summary = convert(row.name, source, progress=progress, **options)
        show(summary, as_json)

    parameters = [
        click.Argument(["source"], metavar=row.source, type=PATH),
        *map(own_option, row.options),
        *shared_options(row.metric),
    ]
    return click.Command(row.name, params=parameters, callback=run, help=inspect.cleandoc(row.help))


def own_option(option: Option) -> click.Option:
    """Make an option that a format has of its own."""
    if option.choices:
        return click.Option(
            [option.flag],
            type=click.Choice(option.choices),
            default=option.choices[0],
            show_default=True,
            help=option.help,
        )
    return click.Option(
        [option.flag],
        type=PATH if option.path else str,
        metavar=option.metavar,
        multiple=option.several,
        callback=parted if option.several else None,
        help=option.help,
    )


def parted(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> list[str] | None:
    """Part names at commas, in all values of an option; None where there are none."""
    return [name for value in values for name in value.split(",")] or None


def shared_options(metric: str) -> list[click.Parameter]:
    """Make the options that all formats have; `metric` is the usual one."""
    return [
        click.Option(["--out"], type=PATH, required=True, help="Folder to write."),
        click.Option(
            ["--name"], help="Of the data set: NAME.data, NAME.names.  [default: --out's]"
        ),
        click.Option(
            ["--split"],
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.9,
            show_default=True,
            help="Share to train on where no list says; the same images on every machine.",
        ),
        click.Option(
            ["--seed"], type=click.IntRange(0), default=0, show_default=True, help="Of the split."
        ),
        click.Option(["--copy"], is_flag=True, help="Copy the images; without it they are linked."),
        click.Option(
            ["--metric"],
            type=click.Choice(METRICS),
            default=metric,
            show_default=True,
            help="What map measures: VOC's, at 11 points (2007) or the area; COCO's; KITTI's.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the summary as JSON."),
    ]


def show(summary: Summary, as_json: bool) -> None:
    """Print what was written, and warnings."""
    for warning in summary.warnings:
        warn(warning)
    if as_json:
        click.echo(json.dumps(summary.record(), indent=2, ensure_ascii=False))
        return
    from pylrm.convert.summary import from_here

    click.echo(summary.table())
    click.echo(f"wrote {from_here(summary.data)}")
