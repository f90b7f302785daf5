"""What is checked before the first update, so that a run does not fail for it hours later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pylrm.cfgfile import Section, read_cfg
from pylrm.data.darknet import DataFile, LabelSummary, check_labels, read_data, read_list
from pylrm.engine import Layer, Network
from pylrm.errors import CfgError, DataError, PylrmError
from pylrm.evaluate.truths import CocoTruth
from pylrm.runs import run_options

HOW_TO_GET = {
    "voc": "fetch PASCAL VOC and run `pylrm convert voc VOCdevkit --out data/voc --metric 11point`",
    "kitti": "fetch KITTI's object benchmark and run `pylrm convert kitti KITTI --out data/kitti`",
    "demo": "run `pylrm demo`, which draws it",
}


def choose_data(cfg: Path, data: str | Path | None) -> DataFile:
    """Read the .data file of a run: the one asked for, else the one that the cfg goes with.

    That is, for the cfg in a run folder, the one it was trained with; else [net] data=, looked up
    from the working folder, then beside the cfg, then among the shipped files.

    Parameters
    ----------
    cfg : Path
        The cfg file.
    data : str, Path or None
        The .data file asked for.

    Raises
    ------
    CfgError, DataError
        None is named; it is nowhere, or wrong.
    """
    if data is not None:
        return read_data(data)
    options = run_options(cfg)
    if options is not None:
        return read_data(options["data"])
    net = read_cfg(cfg)[0]
    if "data" not in net.options:
        raise CfgError(f"{cfg}:{net.line}: [net] names no data set (data=); give one with --data")
    name = Path(net.options["data"])
    beside = cfg.parent / name
    return read_data(beside if beside.is_file() and not name.is_file() else name)


def read_images(data: DataFile, kind: Literal["train", "valid"]) -> list[Path]:
    """Read one of a data set's lists of images.

    Parameters
    ----------
    data : DataFile
        The data set.
    kind : str
        Which list.

    Raises
    ------
    DataError
        The list is not named, missing or empty.
    """
    path = data.train if kind == "train" else data.valid
    if path is None:
        raise DataError(f"{data.path}: {kind}= is missing: the file that lists the images")
    if not path.is_file():
        how = HOW_TO_GET.get(data.path.stem, "it should list one image path a line")
        raise DataError(f"{data.path} names {path}, which is not there: {how}")
    return read_list(path)


def check_boxes(images: list[Path], data: DataFile) -> LabelSummary:
    """Read all labels of the training images; the first bad line ends it.

    Parameters
    ----------
    images : list of Path
        The training images.
    data : DataFile
        Their data set.

    Raises
    ------
    DataError
        A bad label, naming file and line, or not one box in all images.
    """
    summary = check_labels(images, data.classes, data.path)
    if not summary.boxes:
        raise DataError(
            f"{data.train}: not one labelled box in {len(images)} images; the labels of "
            "images/NAME.jpg are looked for in labels/NAME.txt, then in images/NAME.txt"
        )
    return summary


def check_validation(data: DataFile) -> None:
    """Look at all that measuring mAP will need.

    Raises
    ------
    DataError
        A missing file, a bad label, truths without one of the validation images, or not one
        object in all of them.
    """
    images = read_images(data, "valid")
    objects = check_labels(images, data.classes, data.path).boxes
    if data.truth is not None:
        if not data.truth.is_file():
            raise DataError(f"{data.path} names truth={data.truth}, which is not there")
        truth = CocoTruth(data.truth, data.names)
        records = [truth.record(image) for image in images]
        objects = sum(int((~record["difficult"] & ~record["ignore"]).sum()) for record in records)
    if not objects:
        raise DataError(
            f"{data.valid}: not one object in {len(images)} images: no mAP (--map-every 0 trains "
            "without)"
        )


def label_warnings(summary: LabelSummary, data: DataFile, most: int) -> Iterator[str]:
    """Yield what is odd about labels, though training can go on.

    Parameters
    ----------
    summary : LabelSummary
        What the check found.
    data : DataFile
        Their data set.
    most : int
        Boxes an image that the network reads.
    """
    if summary.absent:
        yield (
            f"{data.train}: {len(summary.absent)} of {summary.images} images are not there and are "
            f"passed over ({summary.absent[0]} is the first)"
        )
    if summary.missing:
        yield (
            f"{data.train}: {len(summary.missing)} of {summary.images} images have no label file "
            f"and count as background ({summary.missing[0]} is the first)"
        )
    without = [
        name for name, boxes in zip(data.names, summary.boxes_per_class, strict=True) if not boxes
    ]
    if without:
        first = ", ".join(without[:3]) + (", …" if len(without) > 3 else "")
        yield f"{data.train}: {len(without)} of {data.classes} classes have no box: {first}"
    if summary.small:
        yield f"{data.train}: {summary.small} boxes are under .001 of the image and are left out"
    if summary.most > most:
        yield (
            f"{data.train}: an image has {summary.most} boxes, the network reads {most}, chosen at "
            f"random: max={summary.most} in the detection layer reads all"
        )


def detectors(net: Network, cfg: Path) -> list[Layer]:
    """Return the network's detection layers.

    Raises
    ------
    CfgError
        There is none.
    """
    heads = [layer for layer in net if layer.is_detector]
    if not heads:
        raise CfgError(f"{cfg}: no [region] or [yolo]: training is for detectors, not classifiers")
    return heads


def check_classes(heads: list[Layer], cfg: Path, data: DataFile) -> None:
    """Hold the classes of each detection layer against the data set's.

    Raises
    ------
    CfgError
        They differ in number.
    """
    sections = read_cfg(cfg)
    for head in heads:
        classes = int(head.option("classes"))
        if classes != data.classes:
            raise CfgError(
                f"{cfg}:{_line(sections, head.line, 'classes')}: [{head.type}] has {classes} "
                f"classes, {data.path} has {data.classes}: set classes={data.classes}, and "
                "filters= before it to num*(5+classes)"
            )


def check_images(net: Network, heads: list[Layer], cfg: Path) -> None:
    """Look at what the cfg asks of the images that go in.

    Raises
    ------
    CfgError
        They cannot be made so.
    """
    sections = read_cfg(cfg)
    if net.channels not in (1, 3):
        raise CfgError(
            f"{cfg}:{_line(sections, sections[0].line, 'channels')}: channels={net.channels}: "
            "training reads images with 3 channels, or grey ones with 1"
        )
    for head in heads:
        if head.option("jitter") >= 1:
            raise CfgError(
                f"{cfg}:{_line(sections, head.line, 'jitter')}: [{head.type}] "
                f"jitter={head.option('jitter'):g}: it must be below 1, or images shrink to nothing"
            )


def _line(sections: list[Section], heading: int, key: str) -> int:
    """Return the line of a key in the section that starts at a line, else that line."""
    section = next(section for section in sections if section.line == heading)
    return section.lines.get(key, heading)


def stride(net: Network, heads: list[Layer]) -> int:
    """Return the pixels of a cell of the network's coarsest output grid."""
    return max(net.width // head.shape[2] for head in heads)


def predictions(layer: Layer) -> int:
    """Return how many predictions a detector makes of an image."""
    _, height, width = layer.shape
    return layer.anchors * height * width


@dataclass(frozen=True)
class Mining:
    """What [lrm] keeps of an image: at most k of its n predictions; k = 0: no limit."""

    k: int
    n: int

    @property
    def line(self) -> str:
        """One line for the screen."""
        if self.k == 0:
            return f"lrm keeps up to all N={self.n} predictions an image (k=0)"
        return f"lrm keeps at most k={self.k} of N={self.n} predictions (K/N {self.k / self.n:.1%})"

    @property
    def warning(self) -> str | None:
        """One line where the limit cannot act."""
        if self.k < self.n:
            return None
        return (
            f"[lrm] k={self.k} is no limit: an image has only N={self.n} predictions at this input "
            "size; the paper's K/N is 8 to 30%"
        )


def mining(net: Network) -> Mining | None:
    """Return what [lrm] keeps at the network's present input size; None without [lrm]."""
    layers = net.find("lrm")
    if not layers:
        return None
    n = sum(predictions(net[index]) for index in layers[0].inputs)
    return Mining(int(layers[0].option("k")), n)


def first_and_last(
    net: Network, cfg: Path, weights: Path | None, updates: int | None
) -> tuple[int, int]:
    """Return the first and the last update to do, counted from 1.

    Parameters
    ----------
    net : Network
        Its `seen` says where the run starts.
    cfg : Path
        The cfg file, for messages.
    weights : Path or None
        The weights that were loaded, for messages.
    updates : int or None
        The last update; None: the cfg's max_batches.

    Raises
    ------
    PylrmError
        The schedule has no end, or ends before the first update.
    """
    last = int(net.option("max_batches")) if updates is None else updates
    if last <= 0:
        raise CfgError(f"{cfg}: max_batches is 0, so training has no end: set it or give --updates")
    done = net.seen // (net.batch * net.subdivisions)
    if done >= last:
        end = "max_batches" if updates is None else "--updates"
        raise PylrmError(
            f"{weights}: has seen {net.seen} images, which is update {done}, and {end}={last} ends "
            "the run there: raise it, or leave out --keep-seen"
        )
    return done + 1, last
