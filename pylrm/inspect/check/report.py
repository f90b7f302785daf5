"""What a check found, as text and for JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pylrm.data.darknet import DataFile, LabelSummary, Truth
from pylrm.inspect.check.kinds import KINDS, Findings
from pylrm.inspect.check.network import Fit
from pylrm.inspect.describe import table
from pylrm.terminal import count_of

SHOWN = 3  # examples of a kind
_WIDE = 100  # columns of the text


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    data
        The data set.
    summaries
        Counts of the lists, "train" and "valid".
    findings
        What is wrong or odd.
    fit
        How the boxes fit a network; None: without one.
    truths
        The labels of every image.
    """

    data: DataFile
    summaries: Mapping[str, LabelSummary]
    findings: Findings
    fit: Fit | None
    truths: Mapping[Path, Truth]

    @property
    def failed(self) -> bool:
        """Whether anything is wrong, remarks apart."""
        return self.findings.failed

    def text(self, shown: int | None = SHOWN) -> str:
        """Return the report for a screen.

        Parameters
        ----------
        shown
            Examples of each kind; None: all.
        """
        blocks = [f"{self.data.path}: {count_of(self.data.classes, 'class')}", self._counts()]
        if self.fit is not None:
            blocks.append("\n".join(self.fit.lines()))
        found = self.findings.found()
        blocks += [self._kind(kind, shown) for kind in found]
        errors = sum(KINDS[kind].error for kind in found)
        remarks = len(found) - errors
        blocks.append(
            f"{count_of(errors, 'kind')} of error, {count_of(remarks, 'remark')}"
            if found
            else "nothing wrong"
        )
        return "\n\n".join(blocks)

    def record(self) -> dict[str, Any]:
        """Return all that is known, for JSON."""
        return {
            "data": str(self.data.path),
            "failed": self.failed,
            "findings": [
                {
                    "kind": kind,
                    "error": KINDS[kind].error,
                    "count": self.findings.count(kind),
                    "what": KINDS[kind].what,
                    "todo": KINDS[kind].todo,
                    "examples": [example.text for example in examples],
                }
                for kind, examples in self.findings.found().items()
            ],
            "lists": {
                name: {
                    "images": summary.images,
                    "boxes": summary.boxes,
                    "ignored": summary.ignored,
                    "most": summary.most,
                    "boxes_per_class": dict(
                        zip(self.data.names, summary.boxes_per_class, strict=True)
                    ),
                    "images_per_class": dict(
                        zip(self.data.names, summary.images_per_class, strict=True)
                    ),
                }
                for name, summary in self.summaries.items()
            },
            "network": None if self.fit is None else self._network(self.fit),
        }

    def _network(self, fit: Fit) -> dict[str, Any]:
        record = asdict(fit)
        record["cfg"] = str(fit.reader.cfg)
        record["letterbox"] = fit.reader.letterbox
        record["iou"] = None if np.isnan(fit.iou) else fit.iou
        del record["reader"]
        return record

    def _counts(self) -> str:
        """Images and boxes of each class in each list."""
        rows = [["", *(word for name in self.summaries for word in (name, ""))]]
        rows.append(["class", *["boxes", "images"] * len(self.summaries)])
        for index, name in enumerate(self.data.names):
            row = [name]
            for summary in self.summaries.values():
                row += [
                    str(summary.boxes_per_class[index]),
                    str(summary.images_per_class[index]),
                ]
            rows.append(row)
        everything = ["all"]
        for summary in self.summaries.values():
            everything += [str(summary.boxes), str(summary.images)]
        return table([*rows, everything], left={0})

    def _kind(self, kind: str, shown: int | None) -> str:
        examples = self.findings.examples[kind]
        what = KINDS[kind]
        head = f"{'error' if what.error else 'remark'}: {what.what}: {self.findings.count(kind)}"
        lines = textwrap.wrap(head, _WIDE, subsequent_indent="  ")
        lines += [f"    {example.text}" for example in examples[:shown]]
        left = len(examples) - len(examples[:shown])
        if left:
            lines.append(f"    and {left} more (--all shows them)")
        lines += textwrap.wrap(
            f"-> {what.todo}", _WIDE, initial_indent="  ", subsequent_indent="     "
        )
        return "\n".join(lines)
