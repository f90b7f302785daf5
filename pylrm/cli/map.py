"""pylrm map: measure a detector."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import click

BATCH = 8  # images a pass


@click.command(name="map")
@click.option("--cfg", required=True, help="Network; a file, or the name of a shipped cfg.")
@click.option("--data", help=".data file.  [default: the one that the cfg goes with]")
@click.option("--weights", required=True, type=click.Path(path_type=Path), help="Trained weights.")
@click.option(
    "--metric",
    type=click.Choice(["area", "11point"]),
    help="How precision is integrated over recall.  [default: the .data file's metric=, or area]",
)
@click.option(
    "--letterbox/--no-letterbox",
    default=None,
    help="Keep the aspect of images, or stretch them.  [default: as in training for the cfg of a "
    "run folder; as the cfg's letter_box= says; else keep it]",
)
@click.option(
    "--thresh", type=click.FloatRange(0, 1), default=0.005, show_default=True, help="Lowest score."
)
@click.option(
    "--nms",
    type=click.FloatRange(0, 1),
    default=0.45,
    show_default=True,
    help="IoU above which the lower of two boxes of a class goes; 0: none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]")
def command(
    cfg: str,
    data: str | None,
    weights: Path,
    metric: Any,
    letterbox: bool | None,
    thresh: float,
    nms: float,
    as_json: bool,
    threads: int | None,
) -> None:
    """Measure a detector's average precision at IoU .5 on the validation images.

    VOC's rules: objects marked difficult (in the .data file's truth=) and regions to ignore count
    neither way.

    \b
    Example:
      pylrm map --cfg runs/lrm/net.cfg --weights runs/lrm/weights/best.weights
    """
    from pylrm import preflight
    from pylrm.cfgfile import resolve
    from pylrm.engine import Network
    from pylrm.errors import CfgError, DataError
    from pylrm.evaluate.network import evaluate
    from pylrm.runs import letterboxes

    source = resolve(cfg)
    if letterbox is None:
        letterbox = letterboxes(source)
    with Network(source, weights, batch=BATCH, threads=threads, inference=True) as net:
        if not any(layer.is_detector for layer in net):
            raise CfgError(f"{source}: no [region] or [yolo]: mAP is of detectors")
        dataset = preflight.choose_data(source, data)
        preflight.check_classes(preflight.detectors(net, source), source, dataset)
        preflight.check_validation(dataset)
        result = evaluate(
            net,
            dataset,
            letterbox=letterbox,
            thresh=thresh,
            nms=nms,
            metric=metric,
            progress=show_progress if sys.stderr.isatty() else None,
        )
    skipped, images = result.detected.skipped, len(result.detected.truth)
    if skipped:
        shown = ", ".join(map(str, skipped[:5])) + (", …" if len(skipped) > 5 else "")
        count = len(skipped)
        click.echo(f"pylrm: warning: {count} images could not be read: {shown}", err=True)
    if math.isnan(result.map):
        raise DataError(f"{dataset.valid}: not one object in {images} images: no mAP")
    if as_json:
        figures = {name: None if math.isnan(ap) else ap for name, ap in result.ap.items()}
        record = {
            "metric": result.metric,
            "iou": result.result.iou,
            "map": result.map,
            "ap": figures,
            "images": images,
            "letterbox": letterbox,
            "thresh": thresh,
            "nms": nms,
        }
        click.echo(json.dumps(record, indent=2, ensure_ascii=False))
        return
    way = "letterboxed" if letterbox else "stretched"
    click.echo(f"{dataset.valid}: {images} images, {way}, scores above {thresh:g}")
    click.echo(result.result.table())


def show_progress(done: int, total: int) -> None:
    """Renew the line on the terminal that counts images."""
    click.echo(f"\r{done:{len(str(total))}}/{total} images", nl=done == total, err=True)
