"""What is checked before the first update, so that a run does not fail for it hours later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataFile, LabelSummary, check_labels, read_images, where_instead
from pylrm.engine import Network, keys
from pylrm.errors import CfgError, DataError, PylrmError
from pylrm.evaluate.truths import CocoTruth
from pylrm.runs.folder import Run
from pylrm.terminal import count_of
from pylrm.training.options import TrainOptions
from pylrm.training.run import State

VALUES_BEFORE = {"detection": "output= before it to side*side*(classes+num*5)"}


def check_network(net: Network, cfg: Cfg, data: DataFile) -> None:
    """Hold a network against what a detector's training needs, and its classes against the data's.

    Raises
    ------
    CfgError
        It is no detector; it has another number of classes; images cannot be made as it wants them.
    """
    if not net.detectors:
        raise CfgError(
            f"{cfg}: no [region], [yolo] or [detection]: this is for detectors (for classifiers "
            "there is `pylrm classify`)"
        )
    check_classes(net, cfg, data)
    if net.channels not in (1, 3):
        raise CfgError(
            f"{cfg}:{cfg.line_of(cfg.net.line, 'channels')}: channels={net.channels}: "
            "training reads images with 3 channels, or grey ones with 1"
        )
    cutmix = cfg.net.options.get("cutmix", "0")
    if cutmix.strip() != "0":
        raise CfgError(
            f"{cfg}:{cfg.line_of(cfg.net.line, 'cutmix')}: [net] cutmix={cutmix}: it is for "
            "classifiers; for detectors there are mosaic=1 and mixup=1"
        )
    for head in net.detectors:
        jitter = head.option("jitter")
        if jitter >= 1:
            raise CfgError(
                f"{cfg}:{cfg.line_of(head.line, 'jitter')}: [{head.type}] jitter={jitter:g}: it "
                "must be below 1, or images shrink to nothing"
            )


def check_classes(net: Network, cfg: Cfg, data: DataFile) -> None:
    """Hold the classes of each detection layer against the data set's.

    Raises
    ------
    CfgError
        They differ in number.
    """
    for head in net.detectors:
        classes = int(head.option("classes"))
        if classes != data.classes:
            raise CfgError(
                f"{cfg}:{cfg.line_of(head.line, 'classes')}: [{head.type}] has {classes} "
                f"classes, {data.path} has {data.classes}: set classes={data.classes}, and "
                + VALUES_BEFORE.get(head.type, "filters= before it to num*(5+classes)")
            )


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
        A bad label, naming file and line; not one of the images is there; not one box in them.
    """
    summary = check_labels(images, data.classes, data.path)
    check_some_there(summary.absent, images, data)
    if not summary.boxes:
        raise DataError(
            f"{data.train}: not one labelled box in {count_of(len(images), 'image')}; the labels "
            "of images/NAME.jpg are looked for in labels/NAME.txt, then in images/NAME.txt"
        )
    return summary


def check_some_there(absent: Sequence[Path], images: Sequence[Path], data: DataFile) -> None:
    """Refuse a training list of images that are all absent.

    Raises
    ------
    DataError
        Not one is there.
    """
    if len(absent) == len(images):
        raise DataError(
            f"{data.train}: none of its {count_of(len(images), 'image')} is there; the first is "
            f"{absent[0]}{where_instead(absent[0], data.train)}"
        )


def absence_warning(absent: Sequence[Path], images: int, data: DataFile) -> Iterator[str]:
    """Yield a line where some of a training list's images are not there."""
    if absent:
        yield (
            f"{data.train}: images that are not there, passed over: {len(absent)} of {images} "
            f"({absent[0]} is the first{where_instead(absent[0], data.train)})"
        )


def class_warning(counts: Sequence[int], what: str, data: DataFile) -> Iterator[str]:
    """Yield a line where classes have nothing to train on: no box, or no image."""
    without = [name for name, count in zip(data.names, counts, strict=True) if not count]
    if without:
        first = ", ".join(without[:3]) + (", …" if len(without) > 3 else "")
        count = count_of(data.classes, "class")
        yield f"{data.train}: no {what} for {len(without)} of {count}: {first}"


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
            f"{data.valid}: not one object in {count_of(len(images), 'image')}: no mAP "
            "(--map-every 0 trains without)"
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
    yield from absence_warning(summary.absent, summary.images, data)
    if summary.missing:
        yield (
            f"{data.train}: no label file for {len(summary.missing)} of "
            f"{count_of(summary.images, 'image')}: background alone ({summary.missing[0]} is the "
            "first)"
        )
    yield from class_warning(summary.boxes_per_class, "box", data)
    if summary.small:
        yield f"{data.train}: boxes under .001 of the image, left out: {summary.small}"
    if summary.most > most:
        yield (
            f"{data.train}: an image has {count_of(summary.most, 'box')}, the network reads "
            f"{most}, chosen at random: max={summary.most} in the detection layer reads all"
        )


SPECK = 4  # pixels


def anchor_warnings(net: Network, cfg: Cfg) -> Iterator[str]:
    """Yield a line for each detection layer with anchors that no box can be like.

    Anchors larger than the image are in pixels where [region] wants cells, or were made for another
    input size; those of no more than SPECK pixels are in cells where [yolo] wants pixels.
    """
    for head in net.detectors:
        if head.type == "detection":  # has none
            continue
        width, height = head.grid
        region = head.type == "region"
        whole = (width, height) if region else (net.width, net.height)
        values = head.option("anchors")
        pairs = list(zip(values[::2], values[1::2], strict=True))
        large = [pair for pair in pairs if pair[0] > whole[0] and pair[1] > whole[1]]
        small = [pair for pair in pairs if not region and pair[0] * pair[1] <= SPECK]
        unit = "cells of the output" if region else "pixels of the input"
        findings = {"larger than the whole image": large, "smaller than any object": small}
        for what, odd in findings.items():
            if odd:
                yield (
                    f"{cfg}:{cfg.line_of(head.line, 'anchors')}: [{head.type}] anchors {what}: "
                    f"{len(odd)} of {len(pairs)} ({odd[0][0]:g} x {odd[0][1]:g}; the image has "
                    f"{whole[0]} x {whole[1]} {unit}, the unit of anchors here): `pylrm anchors` "
                    "computes fitting ones"
                )


LIMITED = ("hardest", "random")  # modes of [lrm] that keep at most k


@dataclass(frozen=True)
class MiningLimit:
    """What [lrm] keeps of an image's n predictions: at most k (0: all), or as its mode says."""

    k: int
    n: int
    mode: str = "hardest"
    summary: str = ""  # of the mode, where it is another than the paper's

    @property
    def line(self) -> str:
        """One line for the screen."""
        if self.summary:
            limit = f", k={self.k}" if self.mode in LIMITED else ""
            return (
                f"lrm mode={self.mode}, of N={self.n} predictions an image{limit}: {self.summary}"
            )
        if self.k == 0:
            return f"lrm keeps up to all N={self.n} predictions an image (k=0)"
        return f"lrm keeps at most k={self.k} of N={self.n} predictions (K/N {self.k / self.n:.1%})"

    @property
    def warning(self) -> str | None:
        """One line where the limit cannot act."""
        if self.k < self.n or self.mode not in LIMITED:
            return None
        return (
            f"[lrm] k={self.k} is no limit: an image has only N={self.n} predictions at this input "
            "size; the paper's K/N is 8 to 30%"
        )


def mining_limit(net: Network) -> MiningLimit | None:
    """Return what [lrm] keeps at the network's present input size; None without [lrm]."""
    layers = net.find("lrm")
    if not layers:
        return None
    n = sum(net[index].predictions for index in layers[0].inputs)
    lrm = layers[0]
    key = next(each for each in keys() if (each.section, each.name) == ("lrm", "mode"))
    mode = str(lrm.option("mode"))
    summary = "" if mode == key.default else key.summaries[key.choices.index(mode)]
    return MiningLimit(int(lrm.option("k")), n, mode, summary)


def first_and_last(
    net: Network, cfg: Cfg, weights: Path | None, updates: int | None
) -> tuple[int, int]:
    """Return the first and the last update to do, counted from 1.

    Parameters
    ----------
    net : Network
        Its `seen` says where the run starts.
    cfg : Cfg
        Its cfg, for messages.
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
            f"{weights}: has seen {count_of(net.seen, 'image')}, which is update {done}, and "
            f"{end}={last} ends the run there: raise it, or leave out --keep-seen"
        )
    return done + 1, last


def last_of_resumed(folder: Run, net: Network, state: State, options: TrainOptions) -> int:
    """Return the last update of a run that is gone on with.

    Parameters
    ----------
    folder : Run
        The run's.
    net : Network
        Made of the run's cfg.
    state : State
        Where the run stands.
    options : TrainOptions
        Its options.

    Raises
    ------
    PylrmError
        There is nothing left to do.
    """
    last = int(net.option("max_batches")) if options.updates is None else options.updates
    if state.update >= last and state.told:
        raise PylrmError(
            f"{folder.folder}: update {last}, the last, is done: --updates N trains on to update N"
        )
    if options.patience and state.since_best >= options.patience:
        raise PylrmError(
            f"{folder.folder}: it ended for want of a better mAP in {state.since_best} "
            f"validations: --patience N, above {state.since_best} or 0, goes on"
        )
    return last
