"""Reading what Darknet and its forks print in training, and a run's train.log.

An update is a line of its own, in one of two forms:

    1000: 1.250000, 1.500000 avg loss, 0.001000 rate, 2.5 seconds, 64000 images, 3.2 hours left
    1000: loss=1.250, avg loss=1.500, rate=0.001000, 64.4 milliseconds, 64000 images, …

Before it stand the lines about the wait for images, the gradient's norm, [lrm], a classifier's
validation and detectors; those of detectors once per pass and head. After it comes that of a
detector's validation. The newer forks repeat its mAP ("Last accuracy …") at every update; some logs
have nothing else of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\))")  # colours, titles
NUMBER = r"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|nan|inf))(?:\(ind\))?"
UPDATES = (
    re.compile(
        rf"(?<![\d.])(\d+): {NUMBER}, {NUMBER} avg(?: loss)?, {NUMBER} rate, {NUMBER} (seconds), "
        r"(\d+) images"
    ),
    re.compile(
        rf"(?<![\d.])(\d+): loss={NUMBER}, avg loss={NUMBER}, rate={NUMBER}, {NUMBER} "
        r"((?:milli|micro)?seconds), (\d+) images"
    ),
)
UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6}
DETECTOR = re.compile(
    rf"Region (?:\d+ )?Avg \(?IOU: {NUMBER}"
    rf"(?:.*? Obj: {NUMBER}, No Obj: .*?(?:Avg Recall|\.5R): {NUMBER},)?"
    r".*? count: (\d+)"
)
FOUND = ("iou", "obj", "recall")
BESIDE = (  # other lines before an update's own, and the columns that they give
    (re.compile(rf"Loaded: {NUMBER} seconds"), ("stall",)),
    (
        re.compile(rf"LRM Kept: {NUMBER}, Claimed: {NUMBER}, Loss: {NUMBER}"),
        ("kept", "kept_claimed", "kept_loss"),
    ),
    (
        re.compile(rf"LRM Foreground: {NUMBER}, Loss: {NUMBER}, Kept loss: {NUMBER}"),
        ("fg", "fg_loss", "fg_kept_loss"),
    ),
    (re.compile(rf"Gradient norm: {NUMBER}"), ("grad_norm",)),
    (re.compile(rf"Validation: top 1 {NUMBER}, top 5 {NUMBER}"), ("top1", "top5")),
)
MAP = re.compile(rf"mean[ _]average[ _]precision \(mAP(?:@[\d.]+)?\) ?= ?{NUMBER}(%?)")
LAST_MAP = re.compile(rf"[Ll]ast accuracy mAP@[\d.]+ ?= ?{NUMBER} ?%")
SAME = 0.011  # percent: what two roundings of a mAP to hundredths are apart at most

TextRow = dict[str, float]


@dataclass
class _Reader:
    """The update that was read last, and what was said since of the next one."""

    row: TextRow = field(default_factory=dict)
    beside: TextRow = field(default_factory=dict)
    sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    told: float | None = None  # the mAP of the last validation, in percent

    def update(self, match: re.Match[str]) -> None:
        """Begin the row of an update's line."""
        update, loss, avg, rate, time, unit, images = match.groups()
        seconds = float(time) * UNITS[unit]
        self.row = {
            "update": float(update),
            "loss": float(loss),
            "avg": float(avg),
            "rate": float(rate),
            "seconds": seconds,
            "images": float(images),
            **{name: self.sums[name] / count for name, count in self.counts.items() if count},
            **self.beside,
        }
        if self.row["update"] and seconds:
            self.row["img_s"] = self.row["images"] / self.row["update"] / seconds
        self.sums.clear()
        self.counts.clear()
        self.beside = {}

    def detector(self, match: re.Match[str]) -> None:
        """Add a detector's means, weighted by the truths that it counted."""
        count = int(match[4])
        for name, value in zip(FOUND, match.groups(), strict=False):
            if value is not None and count:
                self.sums[name] += count * float(value)
                self.counts[name] += count

    def validation(self, percent: float, value: float) -> None:
        """Give the row a validation's mAP."""
        self.told = percent
        if self.row:
            self.row["map"] = value

    def repeated(self, percent: float) -> None:
        """Take note of a repeated mAP: if it is another one, there was a validation."""
        known = self.told
        self.told = percent
        if self.row and (known is None or abs(known - percent) > SAME):
            self.row.setdefault("map", percent / 100)

    def other(self, line: str) -> None:
        """Look for columns in a line that is none of the others."""
        for pattern, names in BESIDE:
            if match := pattern.search(line):
                self.beside.update(zip(names, map(float, match.groups()), strict=True))


def text_rows(text: str) -> Iterator[TextRow]:
    """Yield the updates of a text log: what it says of them, by the columns of a log."""
    reader = _Reader()
    for line in re.split(r"[\r\n]+", ESCAPES.sub("", text)):
        if match := DETECTOR.search(line):
            reader.detector(match)
        elif match := UPDATES[0].search(line) or UPDATES[1].search(line):
            if reader.row:
                yield reader.row
            reader.update(match)
        elif match := MAP.search(line):
            value = float(match[1])
            percent = value if match[2] else 100 * value
            reader.validation(percent, percent / 100 if match[2] else value)
        elif match := LAST_MAP.search(line):
            reader.repeated(float(match[1]))
        else:
            reader.other(line)
    if reader.row:
        yield reader.row
