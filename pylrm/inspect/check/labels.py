"""What can be wrong with labels, and with the file of truths that map measures by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pylrm.data.darknet import (
    LEAST,
    SLACK,
    DataFile,
    LabelSummary,
    Truth,
    UnknownClassError,
)
from pylrm.engine.boxes import iou
from pylrm.errors import DataError
from pylrm.evaluate.truths import CocoTruth
from pylrm.inspect.check.images import ImageFacts
from pylrm.inspect.check.kinds import Findings
from pylrm.terminal import count_of

_SIDES = ("left", "upper", "right", "lower")
_SAME = 0.5  # IoU from which a label and a truth are taken for one object


def check_truth(truth: Truth, findings: Findings) -> None:
    """Add what is wrong with the lines of an image's label and ignore file."""
    for error in (*truth.objects.wrong, *truth.regions.wrong):
        kind = "class-unknown" if isinstance(error, UnknownClassError) else "label-line"
        findings.add(kind, str(error), truth.image)
    boxes = truth.objects.boxes[:, 1:].astype(np.float64)
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    beyond = np.hstack([-low, high - 1])
    for row, (box, over) in enumerate(zip(boxes, beyond, strict=True)):
        where = f"{truth.label}:{truth.objects.lines[row]}"
        small = box[2:].min()
        if small < LEAST:
            kind = "box-tiny" if small > 0 else "box-empty"
            text = f"{where}: {box[2]:.4g} of the width, {box[3]:.4g} of the height"
            findings.add(kind, text, truth.image, (row,))
        if over.max() > SLACK + 1e-6:
            text = f"{where}: {over.max():.2g} beyond the {_SIDES[int(over.argmax())]} edge"
            findings.add("box-outside", text, truth.image, (row,))


def check_balance(
    data: DataFile, summaries: Mapping[str, LabelSummary], findings: Findings, measured: bool
) -> None:
    """Add lists and classes without boxes.

    Parameters
    ----------
    data
        The data set.
    summaries
        Counts of "train" and "valid".
    findings
        Added to.
    measured
        Validation goes by the labels, not by a file of truths.
    """
    paths = {"train": data.train, "valid": data.valid}
    for name, summary in summaries.items():
        if name == "valid" and not measured:
            continue
        if not summary.boxes:
            findings.add(
                "no-boxes", f"{paths[name]}: not one box in {count_of(summary.images, 'image')}"
            )
            continue
        kind = "class-untrained" if name == "train" else "class-unmeasured"
        for label, boxes in zip(data.names, summary.boxes_per_class, strict=True):
            if not boxes:
                findings.add(kind, f"{paths[name]}: {label}")


def check_truth_file(
    data: DataFile,
    truths: Sequence[Truth],
    facts: Mapping[Path, ImageFacts | None],
    findings: Findings,
) -> None:
    """Compare the validation images and their labels with the truth= file.

    Each class should have objects, and as many labels as it has objects that are neither difficult
    nor ignored. Each label should have an IoU of at least .5 with an object of its class.
    """
    assert data.truth is not None
    if not data.truth.is_file():
        findings.add("truth-file", f"{data.path} names {data.truth}, which is not there")
        return
    try:
        file = CocoTruth(data.truth, data.names)
    except DataError as error:
        findings.add("truth-file", str(error))
        return
    there = set()
    objects = np.zeros(data.classes, np.int64)
    for truth in truths:
        try:
            record = file.record(truth.image)
        except DataError as error:
            findings.add("truth-image", str(error), truth.image)
            continue
        there.add(file.image_id(truth.image))
        counted = ~(record["difficult"] | record["ignore"])
        kinds = record["class"][counted]
        objects += np.bincount(kinds, minlength=data.classes)
        found = facts[truth.image]
        if truth.label is None or found is None or found.size is None:
            continue
        corners = np.stack(
            [record[side][counted] for side in ("left", "top", "right", "bottom")], 1
        )
        difference = _differ(truth, kinds, corners / np.tile(found.size, 2), data.names)
        if difference:
            findings.add("truth-objects", f"{truth.image}: {difference}", truth.image)
    for name, count in zip(data.names, objects, strict=True):
        if there and not count:
            findings.add("class-unmeasured", f"{data.truth}: {name}")
    more = [name for entry, name in file.images.items() if entry not in there]
    if more:
        text = (
            f"{data.truth}: {len(more)} of {count_of(len(file.images), 'image')}, first {more[0]}"
        )
        findings.add("truth-more", text, count=len(more))


def _differ(
    truth: Truth,
    kinds: np.ndarray[tuple[int], np.dtype[np.int64]],
    corners: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    names: Sequence[str],
) -> str:
    """How labels and truths (relative corners) differ; empty: they don't."""
    rows = truth.objects.boxes.astype(np.float64)
    centres = np.hstack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]])
    for kind, name in enumerate(names):
        own, wanted = rows[rows[:, 0] == kind, 1:], centres[kinds == kind]
        if len(own) != len(wanted):
            return f"{count_of(len(own), 'label')} of {name}, {len(wanted)} in the truth= file"
        if len(own) and (iou(own, wanted).max(axis=1) < _SAME).any():
            return f"a label of {name} is elsewhere in the truth= file"
    return ""
