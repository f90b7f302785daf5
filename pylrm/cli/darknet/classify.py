"""darknet classifier valid and predict: how many images are named rightly; what one is."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from pylrm.cli.darknet.flags import Line
from pylrm.cli.darknet.test import asked_for
from pylrm.terminal import complain, warn_skipped

BATCH = 8  # images a pass
TOP = 5


def valid(line: Line) -> None:
    """Measure top-1 and top-N on valid=."""
    from pylrm.cfg.file import Cfg
    from pylrm.data.darknet import read_data
    from pylrm.engine import Network
    from pylrm.evaluate.classifier import check_classifier, evaluate_classifier
    from pylrm.terminal import counter

    data_name, cfg_name, weights = line.words
    cfg, data = Cfg.read(cfg_name), read_data(data_name)
    click.echo(command_of("valid", line.words))
    with Network(cfg, Path(weights), batch=BATCH, inference=True) as net:
        check_classifier(net, cfg, data)
        done = evaluate_classifier(net, data, progress=counter())
    warn_skipped(done.skipped)
    click.echo(f"{len(done.images)}: top 1: {done.top1:f}, top {data.top}: {done.top(data.top):f}")


def predict(line: Line) -> None:
    """Name images: the one given, or those whose paths come from standard input."""
    from pylrm.cfg.file import Cfg
    from pylrm.data.darknet import read_data
    from pylrm.engine import Network
    from pylrm.evaluate.classifier import check_classifier, classify

    data_name, cfg_name, weights, *given = line.words
    cfg, data = Cfg.read(cfg_name), read_data(data_name)
    click.echo(
        command_of("predict", [*line.words[:3], shlex.quote(given[0]) if given else "IMAGE…"])
    )
    skipped: list[Path] = []
    with Network(cfg, Path(weights), batch=1, inference=True) as net:
        check_classifier(net, cfg, data)
        for asked in given or asked_for():
            for path, scores in classify(net, [Path(asked)], skipped):
                click.echo(f"{path}:")
                for i in (-scores).argsort(kind="stable")[: line.get("t", TOP)]:
                    click.echo(f"{100 * scores[i]:5.2f}%: {data.names[i]}")
            if skipped and skipped[-1] == Path(asked):
                complain(f"Cannot load image: {asked}", "darknet")
    if skipped:
        raise SystemExit(2)


def command_of(name: str, words: list[str]) -> str:
    """Return pylrm's own command."""
    data, cfg, weights, *image = words
    found = ["pylrm", "classify", name, "--cfg", cfg, "--data", data, "--weights", weights]
    return " ".join(
        [shlex.join(found), *(each if each == "IMAGE…" else shlex.quote(each) for each in image)]
    )
