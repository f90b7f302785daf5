"""darknet detector calc_anchors: anchors for a data set."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from pylrm.cli.darknet.flags import Line
from pylrm.terminal import count_of, counter, warn

NUM = 5
FILE, FIGURE = Path("anchors.txt"), Path("cloud.png")


def calc_anchors(line: Line) -> None:
    """Find anchors and write them to anchors.txt, in pixels of the input."""
    from pylrm.files.writing import write_whole
    from pylrm.inspect.anchors.search import find_anchors

    data, *others = line.words
    cfg = others[0] if others else None
    num, width, height = (line.get(name) for name in ("num_of_clusters", "width", "height"))
    if cfg is None and not (width and height):
        raise click.UsageError("calc_anchors needs -width and -height, or C.cfg after D.data")
    if cfg is not None and (width or height):
        raise click.UsageError("C.cfg has width and height: leave out -width and -height")
    figure = FIGURE if line.get("show") else None
    found_by = ["pylrm", "anchors", data]
    found_by += ["--size", f"{width}x{height}"] if cfg is None else ["--cfg", cfg]
    found_by += ["--num", str(num or NUM)] if num or cfg is None else []
    click.echo(shlex.join(found_by + (["-o", str(figure)] if figure else [])))
    found = find_anchors(
        data,
        cfg=cfg,
        num=num or (NUM if cfg is None else None),
        size=(width or 0, height or 0),  # not looked at where there is a cfg
        figure=figure,
        progress=counter(),
    )
    for warning in found.warnings():
        warn(warning, "darknet")
    text = found.text("yolo" if cfg is None else found.kinds()[0])
    wide, high = found.size
    click.echo(f"\n num_of_clusters = {len(found.anchors)}, width = {wide}, height = {high} ")
    click.echo(f" read labels from {count_of(found.boxes.images, 'image')} ")
    click.echo(f"\n avg IoU = {100 * found.iou:2.2f} % \n\nSaving anchors to the file: {FILE} ")
    click.echo(f"anchors = {text}")
    write_whole(FILE, f"{text}\n".encode())
