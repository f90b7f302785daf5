"""pylrm bench: where a network's time goes."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli import options
from pylrm.cli.options import PATH


@click.command(name="bench")
@click.argument("cfg", metavar="CFG")
@click.option("--inference", is_flag=True, help="Time inference, not training steps.")
@click.option(
    "--batch",
    type=click.IntRange(1, 65536),
    help="Images a pass.  [default: as the cfg's passes; in inference 1]",
)
@click.option(
    "--size", type=click.IntRange(1, 65536), help="Side of a square input.  [default: the cfg's]"
)
@click.option("--threads", type=click.IntRange(1, 1024), help="[default: all cores]")
@options.device
@click.option(
    "--rounds",
    type=click.IntRange(1),
    help="Passes that count, after two that do not.  [default: for 8 seconds, at least 3]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-o", "--out", type=PATH, help="Bar chart: .png, .pdf, .svg.")
def command(
    cfg: str,
    inference: bool,
    batch: int | None,
    size: int | None,
    threads: int | None,
    device: str,
    rounds: int | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Time a network's layers, in training or inference, on random images.

    CFG is a file, or the name of a shipped cfg. A multiplication with its addition counts as two
    operations; backward counts those for the gradients of weights and input. The peak is what the
    processor's multiply-add units reach in as many threads, without memory in their way.

    \b
    Example:
      pylrm bench yolov2-mobilenet-lrm.cfg -o layers.png
      pylrm bench yolov2-tiny.cfg --inference --threads 1
    """
    import json

    from pylrm.inspect.bench import chart, layer_table, measure, summary

    if out is not None:
        from pylrm.pictures.style import check_ending

        check_ending(out)
    timing = measure(
        cfg,
        inference=inference,
        batch=batch,
        size=size,
        threads=threads,
        device=device,
        rounds=rounds,
    )
    if out is not None:
        chart(timing, out)
    if as_json:
        click.echo(json.dumps(timing.record(), indent=2))
        return
    click.echo(f"{layer_table(timing)}\n\n{summary(timing)}")
    if out is not None:
        click.echo(f"chart: {out}")
