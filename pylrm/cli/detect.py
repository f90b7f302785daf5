"""pylrm detect: find objects in images, videos and streams."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylrm.cli import options
from pylrm.terminal import complain

if TYPE_CHECKING:
    from pylrm.data.sources import Source
    from pylrm.detection.outputs import Output
    from pylrm.errors import DataError


@click.command(name="detect")
@click.argument(
    "sources", metavar="SOURCE…", nargs=-1, required=True, type=click.Path(path_type=str)
)
@click.option("--cfg", required=True, help="Network; a file, or the name of a shipped cfg.")
@click.option("--weights", required=True, type=options.PATH, help="Trained weights.")
@click.option("--data", help=".data file, for the classes' names.  [default: the cfg's data=]")
@click.option("--names", type=options.PATH, help="Names, one a line, instead.")
@click.option(
    "-o",
    "--out",
    type=options.PATH,
    help="Folder of the drawings, or one video (.mp4, .mkv, .mov, .avi) of all frames.  "
    "[default: predictions]",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: a list of the images; where a video or stream is among them, a line a frame.",
)
@click.option("--show", is_flag=True, help="Show the drawings in a window; q ends it.")
@click.option(
    "--every",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Of videos and streams, look at every Nth frame.",
)
@click.option(
    "--save-labels",
    type=options.PATH,
    metavar="FOLDER",
    help="Write what is found as labels, with the images: a data set to look through and train on.",
)
@click.option(
    "--save-crops", type=options.PATH, metavar="FOLDER", help="Cut out what is found, by class."
)
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
@options.device
def command(
    sources: tuple[str, ...],
    cfg: str,
    weights: Path,
    data: str | None,
    names: Path | None,
    thresh: float,
    nms: float,
    letterbox: bool | None,
    threads: int | None,
    device: str,
    every: int,
    as_json: bool,
    **asked: Any,
) -> None:
    """Find objects in images, videos and streams.

    SOURCE is a file, a folder, a list (.txt) of images, a pattern ("clips/*.mp4"), a URL
    (rtsp://…, http://…) or a camera (0). What was found is drawn into --out, or only where that is
    said if --json, --show or one of the --save options is given. An image that cannot be read is
    reported, the others are done, and the exit code is 2. Ctrl-C ends a video in good order.

    \b
    Examples:
      pylrm detect --cfg runs/lrm/net.cfg --weights runs/lrm/weights/best.weights street.jpg
      pylrm detect --cfg net.cfg --weights best.weights drive.mp4 -o drawn.mp4
      pylrm detect --cfg net.cfg --weights best.weights 0 --show
    """
    from pylrm.cfg.file import Cfg
    from pylrm.data.sources import find_sources
    from pylrm.detection.results import class_names, line, record
    from pylrm.detection.window import WindowClosedError
    from pylrm.engine import Network
    from pylrm.runs.inputs import letterboxes

    source = Cfg.read(cfg)
    letterbox = letterboxes(source, letterbox)
    found = find_sources(sources)
    # A list is whole at its end only, which a stream may not have.
    as_list = as_json and all(each.kind == "image" for each in found)
    records = []
    failed, most = False, -1  # most: detections in a frame; -1: there is no frame

    def tell(error: DataError) -> None:
        nonlocal failed
        complain(str(error))
        failed = True

    with ExitStack() as stack:
        stack.enter_context(_ended_as_by_ctrl_c())
        net = stack.enter_context(
            Network(source, weights, batch=1, device=device, threads=threads, inference=True)
        )
        known = class_names(source, net.classes, data, names)
        outputs = _outputs(found, known, every, as_json, **asked)
        for output in outputs:
            stack.enter_context(output)
        results = stack.enter_context(
            closing(net.stream(found, thresh, nms, letterbox, every, tell))
        )
        try:
            for result in results:
                if as_list:
                    records.append(record(result, known))
                elif as_json:
                    click.echo(json.dumps(record(result, known), ensure_ascii=False))
                else:
                    click.echo(line(result, known))
                most = max(most, len(result.detections))
                for output in outputs:
                    output.take(result)
        except WindowClosedError:
            pass
    if as_list:
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
    elif not as_json:
        for output in outputs:
            if output.made:
                click.echo(output.made)
        if most == 0:
            click.echo(f"no score reached {thresh:g}: a lower --thresh shows what is less sure")
    if failed:
        raise SystemExit(2)


def _outputs(
    sources: Sequence[Source],
    names: Sequence[str],
    every: int,
    as_json: bool,
    *,
    out: Path | None,
    show: bool,
    save_labels: Path | None,
    save_crops: Path | None,
) -> list[Output]:
    """What is to be done with the frames."""
    from pylrm.data.sources import VIDEOS
    from pylrm.detection.outputs import Crops, Drawings, Film, Labels, painter
    from pylrm.detection.window import Window

    paint = painter(names)
    outputs: list[Output] = []
    if out is None and not (as_json or show or save_labels or save_crops):
        out = Path("predictions")
    if out is not None and out.suffix.lower() in VIDEOS and not out.is_dir():
        outputs.append(Film(out, paint, every, sources))
    elif out is not None:
        outputs.append(Drawings(out, paint, every, sources))
    if save_labels is not None:
        outputs.append(Labels(save_labels, sources))
    if save_crops is not None:
        outputs.append(Crops(save_crops, sources, names))
    if show:
        outputs.append(Window(paint))
    return outputs


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, with which services are stopped, do what Ctrl-C does."""
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
