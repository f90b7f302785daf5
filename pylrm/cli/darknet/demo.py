"""darknet detector demo: objects in a video, a stream or a camera."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylrm.cli.darknet import shown
from pylrm.cli.darknet.flags import Line
from pylrm.cli.darknet.test import command_of
from pylrm.terminal import complain

if TYPE_CHECKING:
    from pylrm.data.sources import Source
    from pylrm.detection.outputs import Output, Painter
    from pylrm.errors import DataError


def demo(line: Line) -> None:
    """Detect frame by frame; shows a window unless -dont_show."""
    from pylrm.cfg.file import Cfg
    from pylrm.data.sources import find_sources
    from pylrm.detection.outputs import painter
    from pylrm.detection.results import class_names
    from pylrm.detection.window import WindowClosedError
    from pylrm.engine import Network
    from pylrm.pictures.drawing import write_image
    from pylrm.runs.inputs import letterboxes

    data, cfg_name, weights, *given = line.words
    cfg = Cfg.read(cfg_name)
    letterbox = letterboxes(cfg, line.letterbox)
    source = given[0] if given else str(line.get("c", 0))
    every = line.get("s", 0) + 1
    click.echo(command_of(line, source))
    sources = find_sources(source)
    failed = False

    def tell(error: DataError) -> None:
        nonlocal failed
        complain(str(error), "darknet")
        failed = True

    with ExitStack() as stack:
        net = stack.enter_context(Network(cfg, Path(weights), batch=1, inference=True))
        names = class_names(cfg, net.classes, data)
        paint = painter(names)
        wanted = outputs(line, sources, paint, every)
        for output in wanted:
            stack.enter_context(output)
        results = stack.enter_context(
            closing(
                net.stream(
                    sources,
                    line.get("thresh", 0.25),
                    line.get("nms", 0.45),
                    letterbox,
                    every,
                    tell,
                )
            )
        )
        began = time.perf_counter()
        try:
            for number, result in enumerate(results, 1):
                click.echo(f"\nFPS:{number / (time.perf_counter() - began):.1f}\nObjects:\n")
                for each in shown.lines(result.detections, names, "ext_output" in line.flags):
                    click.echo(each)
                for output in wanted:
                    output.take(result)
                if "prefix" in line.flags:
                    write_image(Path(f"{line.get('prefix')}_{number:08d}.jpg"), paint(result))
        except WindowClosedError:
            pass
    for output in wanted:
        if output.made:
            click.echo(output.made)
    if failed:
        raise SystemExit(2)


def outputs(line: Line, sources: list[Source], paint: Painter, every: int) -> list[Output]:
    """Return what is to be done with the frames.

    Raises
    ------
    PylrmError
        No window can be opened; such a video cannot be written.
    """
    from pylrm.detection.outputs import Film
    from pylrm.detection.window import Window
    from pylrm.errors import PylrmError

    wanted: list[Output] = []
    if "out_filename" in line.flags:
        wanted.append(Film(Path(line.get("out_filename")), paint, every, sources))
    if not line.get("dont_show"):
        try:
            wanted.append(Window(paint))
        except PylrmError as error:
            raise PylrmError(
                "no window can be opened: there is no display, or OpenCV is the headless one; "
                "-dont_show -out_filename FILE.mp4 writes a video in its place"
            ) from error
    return wanted
