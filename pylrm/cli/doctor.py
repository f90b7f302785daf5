"""pylrm doctor: what there is to work with here, and whether it works."""

from __future__ import annotations

import click


@click.command(name="doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look at this machine: versions, kernels, codecs, a self-test.

    Takes some seconds. Exits with 1 where something does not work. The text is what a report of a
    fault should have in it.

    \b
    Example:
      pylrm doctor
    """
    from pylrm.inspect.doctor import examine, report

    findings = examine()
    for line in report(findings):
        click.echo(line)
    ctx.exit(1 if any(each.wrong for each in findings) else 0)
