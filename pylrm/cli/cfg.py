"""pylrm cfg: write a network; pylrm cfg deploy: rewrite one for inference alone."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import click

from pylrm.models import NAMES, build
from pylrm.models.options import ACTIVATIONS, LRM_NMS, STRIDES


def read_size(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Read N or WxH as width and height."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and len(part) < 7 for part in parts):
        raise click.BadParameter(f"'{value}' is no size: N for a square, or WxH")
    return int(parts[0]), int(parts[-1])


def read_keys(_ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Read KEY=VALUE, several, of the section that the option is named for."""
    from pylrm.engine import keys

    known = [entry.name for entry in keys() if entry.section == param.name]
    settings = {}
    for text in values:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise click.BadParameter(f"'{text}' is not KEY=VALUE")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise click.BadParameter(f"[{param.name}] has no key '{key}'{hint}")
        settings[key] = value
    return settings


@click.command(name="deploy")
@click.argument("cfg", metavar="CFG")
def deploy_command(cfg: str) -> None:
    """Write the cfg of a trained network for inference alone to standard output.

    It has no [lrm], no keys of training and none that only pylrm knows, and takes one image a pass:
    other programs read it together with the same weights file.

    \b
    Example:
      pylrm cfg deploy runs/lrm/net.cfg > deploy.cfg
    """
    from pylrm.export import deploy

    click.echo(deploy(cfg), nl=False)


class WithDeploy(click.Command):
    """A command whose first word may be `deploy`, a command of its own."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Start the command that the first word asks for."""
        if args[:1] == ["deploy"]:
            return deploy_command.make_context(f"{info_name} deploy", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(name="cfg", cls=WithDeploy)
@click.argument("name", type=click.Choice(NAMES), metavar="NAME")
@click.option("--classes", type=click.IntRange(1), help="Classes.  [default: --data's]")
@click.option("--data", metavar="FILE", help="Data set that the cfg names, for train.")
@click.option(
    "--anchors",
    help="voc, kitti, coco, coco9, or W,H,W,H… in cells of the output; YOLOv3 and v4: in pixels of "
    "the input.  [default: voc; of tiny YOLOv3 and v4 coco; of YOLOv4 coco9]",
)
@click.option("--lrm-k", type=click.IntRange(0), help="Add [lrm]: hard examples kept an image.")
@click.option(
    "--lrm-nms",
    type=click.FloatRange(0, 1),
    help=f"IoU at which [lrm] drops the easier prediction; 0: none.  [default: {LRM_NMS}]",
)
@click.option(
    "--size", callback=read_size, help="Input, N or WxH.  [default: 416; classifiers 224]"
)
@click.option(
    "--multiplier",
    type=click.FloatRange(0, 4, min_open=True),
    default=1,
    show_default=True,
    help="Of the filters of all convolutions but the last, to multiples of 8.",
)
@click.option(
    "--stride",
    type=click.Choice([str(stride) for stride in STRIDES]),
    help="YOLOv2: pixels to a cell of the output.  [default: 32]",
)
@click.option(
    "--activation",
    type=click.Choice(ACTIVATIONS),
    help="[default: relu for MobileNet, mish for YOLOv4's backbone, else leaky]",
)
@click.option(
    "--backbone-rate",
    type=click.FloatRange(0, 1e6),
    help="Factor on the learning rate of a detector's backbone, for a pretrained one.",
)
@click.option(
    "--batch", type=click.IntRange(1), default=64, show_default=True, help="Images an update."
)
@click.option(
    "--updates",
    type=click.IntRange(1),
    help="Of the training.  [default: 45000; classifiers 450000]",
)
@click.option(
    "--net",
    metavar="KEY=VALUE",
    callback=read_keys,
    multiple=True,
    help="Set a key of [net]; repeatable.",
)
@click.option(
    "--region",
    metavar="KEY=VALUE",
    callback=read_keys,
    multiple=True,
    help="Set a key of [region] (YOLOv2); repeatable.",
)
@click.option(
    "--yolo",
    metavar="KEY=VALUE",
    callback=read_keys,
    multiple=True,
    help="Set a key of [yolo] (YOLOv3 and v4); repeatable.",
)
def command(
    name: str,
    classes: int | None,
    lrm_k: int | None,
    lrm_nms: float | None,
    stride: str | None,
    **options: Any,
) -> None:
    """Write a network's cfg to standard output.

    NAME is yolov2-mobilenet, yolov2-darknet19, yolov2-tiny, yolov3-tiny, yolov4-tiny, yolov4, or
    a classifier: mobilenet, darknet19. `pylrm cfg deploy CFG` rewrites the cfg of a trained network
    for other programs.

    \b
    Examples:
      pylrm cfg yolov2-mobilenet --classes 3 --size 320 --multiplier 0.5 --lrm-k 128 > my.cfg
      pylrm cfg deploy runs/lrm/net.cfg > deploy.cfg
    """
    lrm = {key: value for key, value in (("k", lrm_k), ("nms", lrm_nms)) if value is not None}
    if lrm_nms is not None and lrm_k is None:
        raise click.UsageError("--lrm-nms needs --lrm-k")
    try:
        text = build(
            name,
            classes=_classes(classes, options["data"]),
            lrm=lrm or None,
            stride=None if stride is None else int(stride),
            **options,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    from pylrm.engine import Network
    from pylrm.errors import CfgError

    try:
        Network(text, outline=True).close()
    except CfgError as error:
        raise click.UsageError(str(error)) from error
    click.echo(text, nl=False)


def _classes(classes: int | None, data: str | None) -> int:
    if classes is not None:
        return classes
    if data is None:
        raise click.UsageError("--classes is missing: how many classes to tell apart")
    from pylrm.data.darknet import read_data

    return read_data(data).classes
