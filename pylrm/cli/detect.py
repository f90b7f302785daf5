"""pylrm detect: find objects in images."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pylrm.cli import options


@click.command(name="detect")
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True, type=options.PATH)
@click.option("--cfg", required=True, help="Network; a file, or the name of a shipped cfg.")
@click.option("--weights", required=True, type=options.PATH, help="Trained weights.")
@click.option("--data", help=".data file, for the classes' names.  [default: the cfg's data=]")
@click.option("--names", type=options.PATH, help="Names, one a line, instead.")
@click.option("--out", type=options.PATH, help="Folder of the drawings.  [default: predictions]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; draw only where --out says.")
@click.option(
    "--thresh", type=click.FloatRange(0, 1), default=0.25, show_default=True, help="Lowest score."
)
@click.option(
    "--nms",
    type=click.FloatRange(0, 1),
    default=0.45,
    show_default=True,
    help="IoU above which the lower of two boxes of a class goes.",
)
@options.letterbox
@click.option("--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]")
def command(
    images: tuple[Path, ...],
    cfg: str,
    weights: Path,
    data: str | None,
    names: Path | None,
    out: Path | None,
    as_json: bool,
    thresh: float,
    nms: float,
    letterbox: bool | None,
    threads: int | None,
) -> None:
    """Find objects in images: files, folders of images, or lists (.txt) of them.

    Boxes with names and scores are drawn into --out. An image that cannot be read is reported, the
    others are done, and the exit code is 2.

    \b
    Example:
      pylrm detect --cfg runs/lrm/net.cfg --weights runs/lrm/weights/best.weights street.jpg
    """
    from pylrm.cfg.file import Cfg
    from pylrm.data.images import read_image
    from pylrm.detection.inputs import drawings, expand
    from pylrm.detection.results import class_names, record, summary
    from pylrm.engine import Network
    from pylrm.errors import DataError
    from pylrm.files.writing import writing
    from pylrm.pictures.drawing import draw, write_image
    from pylrm.runs.inputs import letterboxes

    source = Cfg.read(cfg)
    letterbox = letterboxes(source, letterbox)
    paths = [path for image in images for path in expand(image)]
    folder = Path("predictions") if out is None and not as_json else out
    targets = drawings(paths, folder) if folder else {}
    records = []
    drawn = failed = False
    with Network(source, weights, batch=1, threads=threads, inference=True) as net:
        known = class_names(source, net.classes, data, names)
        for path in paths:
            try:
                image = read_image(path, net.channels)
            except DataError as error:
                click.echo(f"pylrm: {error}", err=True)
                failed = True
                continue
            found = net.detect(image, thresh=thresh, nms=nms, letterbox=letterbox)
            if as_json:
                records.append(record(path, image, found, known))
            else:
                click.echo(f"{path}  {summary(found, known)}")
            if folder:
                with writing(folder):
                    folder.mkdir(parents=True, exist_ok=True)
                drawn = True
                write_image(targets[path], draw(image, found, known))
    if as_json:
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
    elif drawn:
        click.echo(f"drawings: {folder}")
    if failed:
        raise SystemExit(2)
