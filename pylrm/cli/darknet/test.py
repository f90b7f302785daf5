"""darknet detector test: objects in an image, or in those whose paths come from standard input."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylrm.cli.darknet import shown
from pylrm.cli.darknet.flags import Line
from pylrm.terminal import complain

if TYPE_CHECKING:
    from pylrm.engine import Result

PREDICTIONS = Path("predictions.jpg")


def test(line: Line) -> None:
    """Detect in images; what was found in the last one is drawn into predictions.jpg."""
    from pylrm.cfg.file import Cfg
    from pylrm.data.frames import read_frames
    from pylrm.data.sources import find_sources
    from pylrm.detection.results import class_names
    from pylrm.engine import Network, Result
    from pylrm.errors import DataError
    from pylrm.files.writing import write_whole
    from pylrm.pictures.drawing import draw, write_image
    from pylrm.runs.inputs import letterboxes

    data, cfg_name, weights, *given = line.words
    cfg = Cfg.read(cfg_name)
    letterbox = letterboxes(cfg, line.letterbox)
    thresh, nms = line.get("thresh", 0.25), line.get("nms", 0.45)
    click.echo(command_of(line, given[0] if given else "IMAGE…"))
    records: list[dict[str, object]] = []
    failed = False
    with Network(cfg, Path(weights), batch=1, inference=True) as net:
        names = class_names(cfg, net.classes, data)
        for asked in given or asked_for():
            try:
                sources = find_sources(asked)
            except DataError as error:
                complain(str(error), "darknet")
                failed = True
                continue
            for frame in read_frames(sources, net.channels):
                if isinstance(frame, DataError):
                    complain(f"Cannot load image: {frame}", "darknet")
                    failed = True
                    continue
                if frame.source.kind != "image":
                    raise click.UsageError(f"{asked}: a video; `darknet detector demo` takes it")
                began = time.perf_counter()
                found = net.detect(frame.image, thresh, nms, letterbox)
                took = 1000 * (time.perf_counter() - began)
                click.echo(f"{frame.source}: Predicted in {took:f} milli-seconds.")
                for each in shown.lines(found, names, "ext_output" in line.flags):
                    click.echo(each)
                write_image(PREDICTIONS, draw(frame.image, found, names))
                result = Result(**vars(frame), detections=found)
                if line.get("save_labels"):
                    save_labels(result)
                size = frame.image.shape[1], frame.image.shape[0]
                number = len(records) + 1
                records.append(shown.record(number, str(frame.source), found, size, names))
    if "out" in line.flags:
        write_whole(Path(line.get("out")), shown.whole(records))
    if failed:
        raise SystemExit(2)


def asked_for() -> Iterator[str]:
    """Yield the paths that come from standard input, until it ends (Ctrl-D)."""
    while True:
        click.echo("Enter Image Path: ", nl=False)
        text = sys.stdin.readline()
        if not text:
            click.echo()
            return
        path = text.strip()
        if path:
            yield path


def save_labels(result: Result) -> None:
    """Write a label file beside an image; one that is there stays."""
    from pylrm.data.darknet import find_label
    from pylrm.detection.outputs import label_text
    from pylrm.files.writing import write_whole

    image = result.source.path
    there = find_label(image)
    if there is not None:
        click.echo(f"darknet: {there}: is there already and stays as it is", err=True)
    else:
        write_whole(image.with_suffix(".txt"), label_text(result).encode())


def command_of(line: Line, source: str) -> str:
    """Return pylrm's own command of a detection."""
    data, cfg, weights = line.words[:3]
    words = ["pylrm", "detect", "--cfg", cfg, "--weights", weights, "--data", data]
    for flag in ("thresh", "nms"):
        words += [f"--{flag}", f"{line.get(flag):g}"] if flag in line.flags else []
    words += ["--letterbox"] if line.letterbox else []
    return f"{shlex.join(words)} {source if source == 'IMAGE…' else shlex.quote(source)}"
