"""Checking a data set: its lists, images, labels and truths, and how they fit a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pylrm import preflight
from pylrm.cfgfile import resolve
from pylrm.data.check.images import check_duplicates, check_files, look_at_all
from pylrm.data.check.kinds import Findings
from pylrm.data.check.labels import check_balance, check_truth, check_truth_file
from pylrm.data.check.network import Fit, Reader, check_fit
from pylrm.data.check.report import Report
from pylrm.data.darknet import DataFile, Truth, inspect_truth, read_data, summarise
from pylrm.engine import Network
from pylrm.heads import read_heads
from pylrm.runs import letterboxes


def check(
    data: str | Path,
    *,
    cfg: str | Path | None = None,
    letterbox: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Look at all that a data set consists of.

    Parameters
    ----------
    data
        The .data file; a list that it does not name is not looked at.
    cfg
        A network to compare the boxes with.
    letterbox
        How that network gets its images; None: as `pylrm.runs.letterboxes` says.
    progress
        Called with the images done and all images.

    Raises
    ------
    PylrmError
        The .data file, a list or the cfg cannot be read, or the cfg is for other classes: there is
        nothing to check then. All else is in the report.
    """
    dataset = read_data(data)
    reader = None if cfg is None else _read_network(resolve(cfg), dataset, letterbox)
    lists = {"train": preflight.read_images(dataset, "train")}
    if dataset.valid is not None:
        lists["valid"] = preflight.read_images(dataset, "valid")
    looks = look_at_all([image for images in lists.values() for image in images], progress)
    findings = Findings()
    check_files(looks, findings)
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
    check_duplicates(truths, looks, findings)
    if dataset.truth is not None and "valid" in truths:
        check_truth_file(dataset, truths["valid"], looks, findings)
    fit: Fit | None = None
    if reader is not None:
        fit = check_fit(reader, truths["train"], looks, findings)
    return Report(dataset, summaries, findings, fit, known)


def _read_network(cfg: Path, data: DataFile, letterbox: bool | None) -> Reader:
    with Network(cfg, batch=1, inference=True) as net:
        preflight.check_classes(preflight.detectors(net, cfg), cfg, data)
        return Reader(
            cfg,
            (net.width, net.height),
            read_heads(net),
            net.max_truths,
            letterboxes(cfg) if letterbox is None else letterbox,
        )
