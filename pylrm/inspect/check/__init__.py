"""Checking a data set: its lists, images, labels and truths, and how they fit a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pylrm.cfg.file import Cfg, CfgLike
from pylrm.data.darknet import (
    DataFile,
    DataLike,
    Truth,
    inspect_truth,
    read_data,
    read_images,
    summarise,
)
from pylrm.engine import Network
from pylrm.errors import CfgError
from pylrm.inspect.check.images import check_duplicates, check_files, examine_images
from pylrm.inspect.check.kinds import Findings
from pylrm.inspect.check.labels import check_balance, check_truth, check_truth_file
from pylrm.inspect.check.network import Fit, Reader, check_fit
from pylrm.inspect.check.report import Report
from pylrm.inspect.heads import read_heads
from pylrm.runs.inputs import letterboxes
from pylrm.training.checks import check_classes


def check(
    data: DataLike,
    *,
    cfg: CfgLike | None = None,
    letterbox: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """ImageFacts at all that a data set consists of.

    Parameters
    ----------
    data
        The .data file; a list that it does not name is not looked at.
    cfg
        A network to compare the boxes with.
    letterbox
        How that network gets its images; None: as `pylrm.runs.inputs.letterboxes` says.
    progress
        Called with the images done and all images.

    Raises
    ------
    PylrmError
        The .data file, a list or the cfg cannot be read, or the cfg is for other classes: there is
        nothing to check then. All else is in the report.
    """
    dataset = read_data(data)
    reader = None if cfg is None else _read_network(Cfg.read(cfg), dataset, letterbox)
    lists = {"train": read_images(dataset, "train")}
    if dataset.valid is not None:
        lists["valid"] = read_images(dataset, "valid")
    facts = examine_images([image for images in lists.values() for image in images], progress)
    findings = Findings()
    check_files(facts, findings)
    truths: dict[str, list[Truth]] = {}
    known: dict[Path, Truth] = {}
    measured = dataset.truth is None
    for name, images in lists.items():
        truths[name] = []
        for image in images:
            if image not in known:
                known[image] = inspect_truth(image, dataset.classes, dataset.path)
                check_truth(known[image], findings)
                if known[image].label is None and (name == "train" or measured):
                    findings.add("label-missing", str(image), image)
            truths[name].append(known[image])
    summaries = {name: summarise(own, dataset.classes) for name, own in truths.items()}
    check_balance(dataset, summaries, findings, measured)
    check_duplicates(truths, facts, findings)
    if dataset.truth is not None and "valid" in truths:
        check_truth_file(dataset, truths["valid"], facts, findings)
    fit: Fit | None = None
    if reader is not None:
        fit = check_fit(reader, truths["train"], facts, findings)
    return Report(dataset, summaries, findings, fit, known)


def _read_network(cfg: Cfg, data: DataFile, letterbox: bool | None) -> Reader:
    with Network(cfg, batch=1, inference=True, outline=True) as net:
        if not net.detectors:
            raise CfgError(f"{cfg}: no [region] or [yolo]: boxes are for detectors")
        check_classes(net, cfg, data)
        return Reader(
            cfg,
            (net.width, net.height),
            read_heads(net),
            net.max_truths,
            letterboxes(cfg, letterbox),
        )
