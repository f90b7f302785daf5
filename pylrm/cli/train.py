"""pylrm train: train a detector."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="train")
@click.option("--cfg", required=True, help="Network; a file, or the name of a shipped cfg.")
@click.option("--data", help=".data file.  [default: the one that the cfg's [net] data= names]")
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Start from these.  [default: random]"
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="New run folder.  [default: runs/NAME-OF-CFG]"
)
@click.option("--updates", type=click.IntRange(1), help="Last update.  [default: max_batches]")
@click.option(
    "--map-every",
    type=click.IntRange(0),
    help="Updates between validations; 0: none.  [default: about ten a run]",
)
@click.option(
    "--save-every",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Updates between numbered weights; 0: only last and best.",
)
@click.option("--keep-seen", is_flag=True, help="Go on counting images where --weights stopped.")
@click.option(
    "--letterbox/--no-letterbox",
    default=None,
    help="Keep the aspect of images, or stretch them to the input.  [default: as the cfg's "
    "letter_box= says, else keep it]",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Threads that prepare images; results do not depend on them.",
)
@click.option("--quiet", is_flag=True, help="Show only warnings.")
def command(
    cfg: str,
    data: str | None,
    weights: Path | None,
    out: Path | None,
    updates: int | None,
    map_every: int | None,
    save_every: int,
    keep_seen: bool,
    letterbox: bool | None,
    seed: int,
    threads: int | None,
    workers: int,
    quiet: bool,
) -> None:
    """Train a detector: makes a run folder with weights, log and options.

    \b
    Example:
      pylrm train --cfg yolov2-mobilenet-lrm.cfg --data data/voc.data --out runs/lrm
    """
    from pylrm.train import train

    train(
        cfg,
        data,
        weights=weights,
        out=out,
        threads=threads,
        workers=workers,
        seed=seed,
        keep_seen=keep_seen,
        updates=updates,
        map_every=map_every,
        save_every=save_every,
        letterbox=letterbox,
        quiet=quiet,
    )
