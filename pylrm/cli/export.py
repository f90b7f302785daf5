"""pylrm export: a network for other programs, as ONNX."""

from __future__ import annotations

from pathlib import Path

import click

from pylrm.cli.options import PATH


@click.command(name="export")
@click.argument("cfg", metavar="CFG")
@click.argument("weights", type=PATH, metavar="WEIGHTS")
@click.option("-o", "--out", type=PATH, required=True, help="ONNX file to write.")
@click.option(
    "--decode", is_flag=True, help="Give boxes and scores, not the detectors' own output."
)
@click.option(
    "--nms",
    type=click.FloatRange(0, 1),
    help="Give detections: IoU above which the lower of two boxes of a class goes.",
)
@click.option(
    "--thresh", type=click.FloatRange(0, 1), help="With --nms: lowest score.  [default: 0.25]"
)
@click.option("--data", help=".data file, for the classes' names.  [default: the cfg's data=]")
@click.option("--names", type=PATH, help="Names, one a line, instead.")
def command(
    cfg: str,
    weights: Path,
    out: Path,
    decode: bool,
    nms: float | None,
    thresh: float | None,
    data: str | None,
    names: Path | None,
) -> None:
    """Write a network with its weights as an ONNX file.

    Batch norm is folded into the convolutions, and a pass may have any number of images. What the
    file takes and gives out is in docs/onnx.md. Needs the package onnx: pip install 'pylrm[onnx]'.

    \b
    Examples:
      pylrm export runs/lrm/net.cfg runs/lrm/weights/best.weights -o net.onnx
      pylrm export runs/lrm/net.cfg runs/lrm/weights/best.weights -o net.onnx --nms 0.45
    """
    from pylrm.cfg.file import Cfg
    from pylrm.detection.results import class_names
    from pylrm.engine import Network
    from pylrm.export import export_onnx

    if thresh is not None and nms is None:
        raise click.UsageError("--thresh needs --nms")
    source = Cfg.read(cfg)
    with Network(source, outline=True) as net:
        known = class_names(source, net.classes, data, names)
    threshold = {} if thresh is None else {"thresh": thresh}
    outputs = export_onnx(source, weights, out, decode=decode, nms=nms, names=known, **threshold)
    click.echo(f"wrote {out}, which gives")
    for output in outputs:
        click.echo(f"  {output.name} ({', '.join(map(str, output.shape))})")
