"""The tables of a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from pylrm.evaluate.figures import mean
from pylrm.evaluate.report import SIZES, Report
from pylrm.pictures.mining_curves import PANELS
from pylrm.report.charts import measured_of, mining_values
from pylrm.report.markup import Child, Node, tag
from pylrm.report.subjects import Measured, Subject

MOST_NUMBERS = 26  # classes up to which the matrix of confusions is legible
END = 10  # one of so many parts of a run is its end


def figure(value: float, form: str = ".4f") -> str:
    """Return a number as text; a dash where there is none."""
    return "–" if math.isnan(value) else format(value, form)


def scrolled(table: Node, label: str) -> Node:
    """Return a table that a narrow screen scrolls, by keys too."""
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


def rows_of(head: Sequence[Child], body: Iterable[Sequence[Child]], *, total: bool = False) -> Node:
    """Return a table of a heading and rows; the first cell of each names it. The last: a total?"""
    lines = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]))
        for row in body
    ]
    if total:
        lines[-1].set("class", "total")
    top = tag("tr", *(tag("th", cell, scope="col") for cell in head))
    return tag("table", tag("thead", top), tag("tbody", *lines))


def run_label(number: int, name: str) -> Node:
    """Return a run's name after a sample of its colour."""
    return tag("span", swatch(number), name, class_="run")


def swatch(number: int) -> Node:
    """Return a sample of a run's line."""
    line = tag("line", x1="1", y1="5", x2="21", y2="5", class_="main")
    return tag("svg", line, class_=f"swatch run-{number}", viewBox="0 0 22 10", aria_hidden="true")


def summary(subjects: Sequence[Subject]) -> Node:
    """Return a row a run: how far it came, and how good it is."""
    head = ["run", "updates", "images", "loss", "best mAP, training", "mAP measured", "weights"]
    body = []
    for number, one in enumerate(subjects):
        log, measured = one.log, one.measured
        best, there = "–", np.flatnonzero(np.isfinite(log["map"]))
        if len(there):
            top = there[log["map"][there].argmax()]
            best = f"{log['map'][top]:.4f} (update {log['update'][top]:,.0f})"
        found = figure(measured.evaluation.map) if measured else one.unmeasured
        weights = measured.weights.name if measured else "–"
        row: list[Child] = [
            run_label(number, one.name),
            figure(log["update"][-1], ",.0f"),
            figure(log["images"][-1], ",.0f"),
            figure(log["avg"][-1], ".4g"),
            best,
            found,
            weights,
        ]
        body.append(row)
    return scrolled(rows_of(head, body), "The runs")


def precisions(subjects: Sequence[Subject]) -> Node:
    """Return the average precision of each class in each run, with bars."""
    runs = measured_of(subjects)
    objects: dict[str, int] = {}
    for _, measured in runs:
        for name, curve in measured.counts.curves.items():
            objects[name] = max(curve.objects, objects.get(name, 0))
    head: list[Child] = ["class", "objects"]
    head += [run_label(number, subjects[number].name) for number, _ in runs]
    body: list[list[Child]] = [
        [name, str(count), *(bar(n, one.evaluation.ap.get(name, math.nan)) for n, one in runs)]
        for name, count in objects.items()
    ]
    means = [bar(number, one.evaluation.map) for number, one in runs]
    body.append([titles(runs), str(sum(objects.values())), *means])
    return scrolled(rows_of(head, body, total=True), "Average precision of each class")


def titles(runs: Sequence[tuple[int, Measured]]) -> str:
    """Return what the mean over the classes is called."""
    return ", ".join(dict.fromkeys(one.evaluation.result.title for _, one in runs))


def bar(number: int, value: float) -> Node:
    """Return a share as a number beside a bar."""
    if math.isnan(value):
        return tag("span", "–")
    width = f"{100 * value:.1f}"
    back = tag("rect", width="100", height="8", class_="back")
    front = tag("rect", width=width, height="8", class_=f"front run-{number}")
    drawn = tag("svg", back, front, class_="bar", viewBox="0 0 100 8", aria_hidden="true")
    drawn.set("preserveAspectRatio", "none")
    return tag("span", f"{value:.4f}", drawn, class_="barred")


def errors(counts: Report, name: str) -> Node:
    """Return what a run got right and wrong of each class."""
    head = ["class", "TP", "FP", "FN", "precision", "recall", "F1", "IoU"]
    head += [f"AP {size}" for size in SIZES]
    body = []
    for kind, row in [*counts.rows.items(), ("all", counts.total)]:
        shares = (row.precision, row.recall, row.f1, row.iou, *row.by_size.values())
        numbers = (row.hits, row.false, row.missed)
        body.append([kind, *map(str, numbers), *(figure(share, ".3f") for share in shares)])
    return scrolled(rows_of(head, body, total=True), f"Errors of {name} by class")


def confusion(counts: Report, name: str) -> Node:
    """Return which class the objects of each class were taken for; shades are shares of a row."""
    names = [*counts.rows, "background"]
    many = len(counts.rows) > MOST_NUMBERS
    head = tag("tr", tag("th", "truth \\ detected", scope="col"))
    head.extend(tag("th", tag("span", one), scope="col") for one in names)
    lines = []
    for row, (kind, values) in enumerate(zip(names, counts.confusion.tolist(), strict=True)):
        line = tag("tr", tag("th", kind, scope="row"))
        total = sum(values)
        for column, value in enumerate(values):
            level = math.ceil(10 * value / total) if value else 0
            look = "right" if row == column else "wrong"
            text = str(value) if value or not many else ""
            line.append(tag("td", text, class_=f"{look} level-{level}" if level else None))
        lines.append(line)
    table = tag("table", tag("thead", head), tag("tbody", *lines))
    table.set("class", "confusion many" if many else "confusion")
    return scrolled(table, f"Confusions of {name}")


def mining(subjects: Sequence[Subject]) -> Node:
    """Return what mining kept at the end of each run that has [lrm]."""
    head = ["run", *(panel.title for panel in PANELS)]
    body = []
    for number, one in enumerate(subjects):
        if not np.isfinite(one.log["kept"]).any():
            continue
        cells: list[Child] = [run_label(number, one.name)]
        last = slice(-max(len(one.log) // END, 1), None)
        for panel in PANELS:
            before, after = mining_values(panel, one.log)
            unit = " per image" if panel.after == "kept" else " %"
            text = figure(mean(after[last].tolist()), ".3g") + unit
            if before is not None:
                text = f"{figure(mean(before[last].tolist()), '.3g')} → {text}"
            cells.append(text)
        body.append(cells)
    return scrolled(rows_of(head, body), "What mining kept")
