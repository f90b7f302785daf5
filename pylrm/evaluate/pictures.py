"""Figures of a report: precision over recall, and the confusion matrix."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pylrm.evaluate.boxes import Ints
from pylrm.evaluate.figures import Curve, shown
from pylrm.evaluate.report import Report
from pylrm.evaluate.voc import area
from pylrm.pictures.style import COLOURS, DPI, RC_PARAMS

MOST_CURVES = 100  # classes with a curve of their own; more would not be legible
MOST_NUMBERS = 26  # classes up to which the matrix shows its numbers
MOST_PIXELS = 3000  # of a figure's width
DRAWN = 1000  # points of a curve


def write(folder: Path, report: Report) -> None:
    """Write pr.png, confusion.png and confusion.csv.

    Parameters
    ----------
    folder : Path
        Where to; exists.
    report : Report
        What is drawn.
    """
    with rc_context(RC_PARAMS):
        for name, figure in {
            "pr.png": curves_figure(report),
            "confusion.png": confusion_figure(report),
        }.items():
            figure.savefig(folder / name, dpi=min(DPI, MOST_PIXELS / figure.get_figwidth()))
    names = [*report.rows, "background"]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["truth \\ detected", *names])
    lines.writerows(
        [name, *row] for name, row in zip(names, report.confusion.tolist(), strict=True)
    )
    (folder / "confusion.csv").write_text(text.getvalue(), "utf-8", newline="")


def curves_figure(report: Report) -> Figure:
    """Draw precision over recall, a panel for each class that has objects."""
    there = {name: curve for name, curve in report.curves.items() if curve.objects}
    names = sorted(there, key=lambda name: -there[name].objects)[:MOST_CURVES]
    names = [name for name in there if name in names]
    columns = max(min(math.ceil(math.sqrt(1.5 * len(names))), len(names), 10), 1)
    rows = max(math.ceil(len(names) / columns), 1)
    panel, gap = (3.9, 3.2) if columns == 1 else (2.0, 1.8), (0.22, 0.5)
    width = columns * (panel[0] + gap[0]) + 0.6
    height = rows * (panel[1] + gap[1]) + 0.7
    figure = Figure(figsize=(width, height))
    title = "Precision over recall"
    if len(names) < len(there):
        title += f": the {len(names)} classes of most objects, of {len(there)}"
    left = 0.6 / width
    figure.suptitle(title, x=left, y=1 - 0.1 / height, ha="left", fontsize=13, weight="bold")
    for index, name in enumerate(names):  # placed by hand: a layout engine takes seconds for many
        row, column = divmod(index, columns)
        x = 0.6 + column * (panel[0] + gap[0])
        y = height - 0.3 - (row + 1) * (panel[1] + gap[1]) + 0.15
        axes = figure.add_axes((x / width, y / height, panel[0] / width, panel[1] / height))
        draw_curve(axes, name, there[name], report.at)
        lowest = index + columns >= len(names)
        axes.tick_params(labelleft=column == 0, labelbottom=lowest)
    note = f"recall  (IoU above {report.iou:g}; dot: scores of at least {report.at:g})"
    figure.text(left, 0.1 / height, note, fontsize=9.5)
    figure.text(0.1 / width, 0.5, "precision", rotation=90, va="center", fontsize=9.5)
    return figure


def draw_curve(axes: Axes, name: str, curve: Curve, at: float) -> None:
    """Draw a class's curve, and where it is for scores of at least `at`."""
    axes.set_title(f"{_cut(name, 16)}  AP {shown(area(curve))}", fontsize=9.5)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    count = len(curve.score)
    if not count:
        return
    best = np.maximum.accumulate(curve.precision[::-1])[::-1]
    points = np.unique(np.linspace(0, count - 1, min(count, DRAWN)).astype(np.int64))
    recall = np.concatenate([[0.0], curve.recall[points]])
    axes.fill_between(
        recall,
        np.concatenate([best[:1], best[points]]),
        step="pre",
        color=COLOURS[0],
        alpha=0.12,
        linewidth=0,
    )
    axes.plot(curve.recall[points], curve.precision[points], color=COLOURS[0], linewidth=1.4)
    last = int(np.count_nonzero(curve.score >= at)) - 1
    if last >= 0:
        axes.plot(curve.recall[last], curve.precision[last], "o", color=COLOURS[1], markersize=5)


def confusion_figure(report: Report) -> Figure:
    """Draw the confusion matrix, each row as shares of its sum, with the counts."""
    names = [*report.rows, "background"]
    count = len(names)
    side = min(0.52 * count, 16.0)
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=(max(side + 2.6, 5.4), max(side + 1.9, 4.4)), layout=layout)
    axes = figure.subplots()
    sums = np.maximum(report.confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(report.confusion / sums, cmap="Blues", vmin=0, vmax=1)
    axes.set_title("Confusion matrix", fontsize=13)
    axes.grid(visible=False)
    axes.tick_params(length=0, labelsize=min(9, 50 * side / count))
    labels = [_cut(name, 22) for name in names]
    axes.set_xticks(range(count), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), labels)
    axes.set_xlabel(
        "detected as  (background: missed)\n"
        f"scores of at least {report.at:g}, IoU above {report.iou:g}"
    )
    axes.set_ylabel("truth  (background: nothing there)")
    for line in (axes.axhline, axes.axvline):  # the background stands apart
        line(count - 1.5, color="#808080", linewidth=0.8)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("share of the row", fontsize=9)
    bar.outline.set_visible(False)
    if count <= MOST_NUMBERS:
        _write_counts(axes, report.confusion, sums)
    return figure


def _write_counts(axes: Axes, table: Ints, sums: Ints) -> None:
    digits = len(str(int(table.max())))
    for row, column in np.argwhere(table).tolist():
        value = int(table[row, column])
        dark = value > 0.6 * sums[row, 0]
        axes.text(
            column,
            row,
            str(value),
            ha="center",
            va="center",
            fontsize=9 if digits <= 4 else 7,
            color="white" if dark else "#262626",
        )


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"
