"""pylrm map: measure a detector."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pylrm.cli import options
from pylrm.data.metric_names import METRICS
from pylrm.terminal import count_of, counter, warn_skipped

if TYPE_CHECKING:
    from pylrm.cfg.file import Cfg
    from pylrm.data.darknet import DataFile, Metric
    from pylrm.evaluate.measure import Evaluation

BATCH = 8  # images a pass
OF_A_NETWORK = ("cfg", "weights", "letterbox", "thresh", "nms", "threads", "device")


@click.command(name="map")
@click.option("--cfg", help="Network; a file, or the name of a shipped cfg.")
@click.option("--data", help=".data file.  [default: the one that the cfg goes with]")
@click.option("--weights", type=options.PATH, help="Trained weights.")
@click.option(
    "--detections",
    type=options.PATH,
    help="Measure these in place of a network: a file of COCO's results, or a folder of VOC's or "
    "KITTI's, such as --out writes.",
)
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    help="VOC's mAP@.5 as the area below the curve (from 2010 on) or at 11 points (2007); COCO's "
    "mAP@[.5:.95]; KITTI's, moderate.  [default: the .data file's metric=, or area]",
)
@options.letterbox
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
@click.option(
    "--at",
    type=float,
    default=0.25,
    show_default=True,
    help="Lowest score for TP, FP, FN, precision, recall, F1, IoU and confusions.",
)
@click.option(
    "--out",
    type=options.PATH,
    help="New folder for figures, and the detections as VOC's, COCO's and KITTI's files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--threads", type=click.IntRange(1), help="Of the engine.  [default: all cores]")
@options.device
@click.pass_context
def command(
    context: click.Context,
    cfg: str | None,
    data: str | None,
    weights: Path | None,
    detections: Path | None,
    metric: Any,
    letterbox: bool | None,
    thresh: float,
    nms: float,
    at: float,
    out: Path | None,
    as_json: bool,
    threads: int | None,
    device: str,
) -> None:
    """Measure a detector, or its detections, on the validation images.

    Regions to ignore count neither way, nor do objects marked difficult (in the .data file's
    truth=), but for COCO. Counts at a score, AP by size (small: up to 32x32 pixels, large: from
    96x96) and confusions are at IoU .5 by VOC's rules, whatever the metric.

    \b
    Examples:
      pylrm map --cfg runs/lrm/net.cfg --weights runs/lrm/weights/best.weights --out results
      pylrm map --data data/voc/voc.data --detections results/voc --metric 11point
    """
    from pylrm.cfg.file import Cfg
    from pylrm.data.darknet import read_data
    from pylrm.errors import DataError
    from pylrm.evaluate import results
    from pylrm.evaluate.measure import measure
    from pylrm.evaluate.report import report
    from pylrm.runs.inputs import choose_data, letterboxes

    if detections is not None:
        for name in OF_A_NETWORK:
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                raise click.UsageError(f"--{name} is for a network; --detections goes without")
        if data is None:
            raise click.UsageError("--detections needs --data, for the truths")
        dataset = read_data(data)
        if out is not None:
            results.check_target(out, dataset)
        found = results.read(detections, dataset)
        done = measure(found, dataset.names, metric or dataset.metric)
        how: dict[str, Any] = {"detections": str(detections)}
        words = f"detections of {detections}"
    else:
        if cfg is None or weights is None:
            raise click.UsageError("name a network with --cfg and --weights, or give --detections")
        source = Cfg.read(cfg)
        dataset = choose_data(source, data)
        if out is not None:
            results.check_target(out, dataset)
        letterbox = letterboxes(source, letterbox)
        how = {"letterbox": letterbox, "thresh": thresh, "nms": nms}
        words = f"{'letterboxed' if letterbox else 'stretched'}, scores above {thresh:g}"
        done = of_network(
            source, weights, dataset, metric=metric, threads=threads, device=device, **how
        )
    images = len(done.detected.truth)
    warn_skipped(done.detected.skipped)
    where = dataset.valid or dataset.truth
    if math.isnan(done.map):
        raise DataError(f"{where}: not one object in {count_of(images, 'image')}: no mAP")
    counts = report(done.matching(), at)
    if out is not None:
        results.write(out, done.detected, counts)
    if as_json:
        record = {**done.record(), "images": images, **how, "counts": counts.record()}
        click.echo(json.dumps(record, indent=2, ensure_ascii=False))
        return
    click.echo(f"{where}: {count_of(images, 'image')}, {words}")
    click.echo(done.result.table())
    click.echo(f"\nat scores of at least {at:g}, IoU above .5; AP by size of object at all scores")
    click.echo(counts.table())
    if out is not None:
        click.echo(f"wrote {out}")


def of_network(
    cfg: Cfg,
    weights: Path,
    data: DataFile,
    *,
    metric: Metric | None,
    threads: int | None,
    letterbox: bool,
    thresh: float,
    nms: float,
    device: str = "cpu",
) -> Evaluation:
    """Measure a network, all that can be wrong being looked at before."""
    from pylrm.engine import Network
    from pylrm.errors import CfgError
    from pylrm.evaluate.network import evaluate
    from pylrm.training.checks import check_classes, check_validation

    with Network(cfg, weights, batch=BATCH, device=device, threads=threads, inference=True) as net:
        if not net.detectors:
            raise CfgError(f"{cfg}: no [region], [yolo] or [detection]: mAP is of detectors")
        check_classes(net, cfg, data)
        check_validation(data)
        return evaluate(
            net,
            data,
            letterbox=letterbox,
            thresh=thresh,
            nms=nms,
            metric=metric,
            progress=counter(),
        )
