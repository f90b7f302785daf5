"""What to do next with what lies in a folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pylrm.inspect.here.found import CfgFile, Found, RunState, Source, look

NETWORK = "yolov2-mobilenet"  # what `pylrm cfg` is asked for
SHOWN = 3  # of a kind
CONVERTIBLE = "voc, kitti, coco, yolo, labelme, csv, cvat"


@dataclass(frozen=True)
class Step:
    """A command, and in a few words what it does."""

    command: str
    what: str


def overview(top: Path) -> str:
    """Return what lies in a folder and what to do next, as lines for the screen."""
    found = look(top)
    there = list(describe(found))
    lines = there or ["There is no data set, network or run in this folder yet."]
    lines += ["", "What you can do next:"]
    for step in steps(found):
        lines += ["", f"  {step.what}", f"    {step.command}"]
    return "\n".join([*lines, "", "pylrm --help shows all commands."])


def describe(found: Found) -> Iterator[str]:
    """Yield a line for each kind of thing that lies there."""
    rows = {
        "to convert": [f"{shown(source.path)} ({source.format})" for source in found.sources],
        "data set": [shown(path) for path in found.data],
        "network": [shown(cfg.path) for cfg in found.cfgs],
        "run": [f"{shown(run.path)} ({state(run)})" for run in found.runs],
    }
    if found.data:  # what they were made of is of no interest any more
        del rows["to convert"]
    for what, names in rows.items():
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield f"{what + ':':12}{', '.join(names[:SHOWN])}{more}"


def state(run: RunState) -> str:
    """Say where a run stands."""
    if run.running:
        return f"running, update {run.update} of {run.last}"
    return "complete" if run.complete else f"stopped after update {run.update} of {run.last}"


def steps(found: Found) -> Iterator[Step]:
    """Yield what to do next: with the newest run, else with a network, a data set, or nothing."""
    going_on = list(after_run(found.runs[0])) if found.runs else []
    if going_on:
        yield from going_on
        yield from resumed(found.runs[1:SHOWN])
    elif found.cfgs and (found.data or found.cfgs[0].names_data):
        yield from with_network(found.cfgs[0], found.data)
    elif found.data:
        yield from with_data(found.data[0])
    elif found.sources:
        yield from with_source(found.sources[0])
    else:
        yield from with_nothing()


def resumed(runs: Sequence[RunState]) -> Iterator[Step]:
    """Yield how to go on with older runs that stopped."""
    for run in runs:
        if not (run.running or run.complete) and run.resumable:
            yield Step(
                f"pylrm train --resume {shown(run.path)}", "Go on with a run that stopped before:"
            )


def with_nothing() -> Iterator[Step]:
    """Yield how to begin."""
    yield Step("pylrm demo", "See it work on drawn scenes, without a data set:")
    yield Step(
        "pylrm convert FORMAT DATASET --out FOLDER",
        f"Turn your data set into Darknet's files (FORMAT is one of {CONVERTIBLE}):",
    )


def with_source(source: Source) -> Iterator[Step]:
    """Yield how to go on with a data set that is to be converted."""
    name = named(source.path)
    valid = f" --valid {shown(source.valid)}" if source.valid else ""
    out = f"data/{name}"
    yield Step(
        f"pylrm convert {source.format} {shown(source.path)}{valid} --out {shlex.quote(out)}",
        "Turn the data set into Darknet's files:",
    )
    yield from with_data(Path(out) / f"{name}.data")


def with_data(data: Path) -> Iterator[Step]:
    """Yield how to go on with a data set."""
    cfg = CfgFile(Path(f"{named(data)}.cfg"), detects=True, names_data=True)
    yield Step(f"pylrm check {shown(data)}", "Look for mistakes in its images and labels:")
    yield Step(
        f"pylrm cfg {NETWORK} --data {shown(data)} > {shown(cfg.path)}",
        "Write a network for its classes (--multiplier, --size, --updates: smaller, quicker):",
    )
    yield from with_network(cfg, [data])


def with_network(cfg: CfgFile, data: list[Path]) -> Iterator[Step]:
    """Yield how to go on with a network and, where the cfg names none, a data set."""
    path = shown(cfg.path)
    if cfg.detects and data:
        yield Step(
            f"pylrm anchors {shown(data[0])} --cfg {path} --write",
            "Fit its anchors to the boxes of the data set:",
        )
    train = "train" if cfg.detects else "classify train"
    chosen = "" if cfg.names_data else f" --data {shown(data[0])}"
    yield Step(f"pylrm {train} --cfg {path}{chosen}", "Train it:")


def after_run(run: RunState) -> Iterator[Step]:
    """Yield how to go on with a run: while it is trained, after it stopped, when it is complete."""
    path = shown(run.path)
    if run.running:
        yield Step(f"pylrm plot --follow {path} -o curves.png", "Draw its curves while it learns:")
    elif not run.complete and run.resumable:
        yield Step(f"pylrm train --resume {path}", "Go on with it where it stopped:")
    if run.weights is not None:
        yield from with_weights(run, run.weights)
    if run.update and not run.running:
        yield Step(f"pylrm plot {path} -o curves.png", "Draw its curves:")
        yield Step(f"pylrm report {path} -o report.html", "Write a page about it:")


def with_weights(run: RunState, weights: Path) -> Iterator[Step]:
    """Yield what can be done with what a run has learnt so far."""
    network = f"--cfg {shown(run.path / 'net.cfg')} --weights {shown(weights)}"
    if run.detects:
        yield Step(f"pylrm map {network}", "Measure it on the validation images:")
        yield Step(f"pylrm detect {network} IMAGE", "Find objects in images, folders or videos:")
    else:
        yield Step(f"pylrm classify valid {network}", "Measure it on the validation images:")
        yield Step(f"pylrm classify predict {network} IMAGE", "Name images:")


def shown(path: Path) -> str:
    """Return a path as a shell takes it."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def named(path: Path) -> str:
    """Return a name for what is made of a file or folder: its own, in letters that need no quotes.

    Of a file that has a usual name, its folder's.
    """
    usual = ("data", "dataset", "annotations", "instances")
    name = path.stem
    if path.suffix and name.lower().lstrip("_").startswith(usual):
        name = path.absolute().parent.name
        name = path.absolute().parents[1].name if name.lower() in usual else name
    plain = re.sub(r"[^\w.-]+", "-", name or path.absolute().name).strip("-.")
    return plain or "mine"
