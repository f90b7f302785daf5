"""The sections of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pylrm.report import tables
from pylrm.report.charts import (
    MOST_CLASSES,
    Chart,
    calibration_chart,
    measured_of,
    mining_charts,
    pr_charts,
    training_charts,
)
from pylrm.report.markup import Child, Node, tag
from pylrm.report.settings import cfg_texts, commands, options_table
from pylrm.report.shots import shot, worst_images
from pylrm.report.subjects import Subject


def section(name: str, title: str, *children: Child) -> Node:
    """Return a part of the page under a heading."""
    return tag("section", tag("h2", title), *children, id=name, aria_label=title)


def note(text: str) -> Node:
    """Return a remark below a heading."""
    return tag("p", text, class_="note")


def grid(charts: Sequence[Chart], known: dict[str, Chart], look: str = "") -> Node:
    """Return small charts side by side, and enter them for the script."""
    known.update((one.name, one) for one in charts)
    return tag("div", *(one.frame() for one in charts), class_=f"charts {look}".strip())


def training(subjects: Sequence[Subject], known: dict[str, Chart]) -> Iterator[Node]:
    """Yield what the logs tell."""
    yield section("runs", "Runs", tables.summary(subjects))
    curves = training_charts(subjects)
    help_ = (
        "Thin lines are what was logged, thick ones means of neighbours. Drag over a chart to see "
        "those updates in all charts, a double click shows all again. With the keys: arrows read "
        "values, + and - zoom, Escape shows all."
    )
    yield section("curves", "Curves", note(help_), grid(curves, known))
    mined = mining_charts(subjects)
    if mined:
        text = (
            "Foreground are the predictions that an object claims. An arrow leads from the share "
            "before mining to that among what was kept; means of the last tenth of each run."
        )
        table = tables.mining(subjects)
        yield section("mining", "Mining", note(text), table, grid(mined, known))


def measurements(
    subjects: Sequence[Subject], known: dict[str, Chart], images: int
) -> Iterator[Node]:
    """Yield what the runs' weights detect."""
    runs = measured_of(subjects)
    if not runs:
        return
    yield section("precision", "Average precision", tables.precisions(subjects))
    charts, there = pr_charts(subjects)
    few = f"The {MOST_CLASSES} classes of most objects, of {there}. " if there > len(charts) else ""
    text = f"{few}Precision over recall at IoU .5, by VOC's rules."
    yield section("pr", "Precision over recall", note(text), grid(charts, known, "small"))
    yield errors(subjects)
    yield calibrations(subjects, known)
    yield from gallery(subjects, images)


def errors(subjects: Sequence[Subject]) -> Node:
    """Return what the runs got right and wrong, class by class."""
    runs = measured_of(subjects)
    text = (
        f"Detections of a score of at least {runs[0][1].counts.at:g}, at IoU .5. Rows are objects, "
        "columns what they were detected as; the last column are missed objects, the last row "
        "detections on the background. Shades are shares of a row."
    )
    parts = []
    for number, one in runs:
        name = subjects[number].name
        both = tables.confusion(one.counts, name), tables.errors(one.counts, name)
        parts.append(tag("h3", tables.run_label(number, name)))
        parts.append(tag("div", *both, class_="pair"))
    return section("errors", "Errors and confusions", note(text), *parts)


def calibrations(subjects: Sequence[Subject], known: dict[str, Chart]) -> Node:
    """Return whether scores are what they seem."""
    runs = measured_of(subjects)
    wrong = "; ".join(
        f"{subjects[number].name} {tables.figure(one.calibration.error, '.3f')}"
        for number, one in runs
    )
    text = (
        "Where scores are what they seem, precision equals score, on the diagonal. Expected "
        f"calibration error of scores from {runs[0][1].counts.at:g}: {wrong}."
    )
    chart = grid([calibration_chart(subjects)], known, "small")
    return section("calibration", "Calibration", note(text), chart)


def gallery(subjects: Sequence[Subject], count: int) -> Iterator[Node]:
    """Yield the images with most errors, with choices of what is drawn on them."""
    paths = worst_images(subjects, count)
    if not paths:
        return
    choices = tag("fieldset", tag("legend", "Shown on the images"), class_="choices")
    for look, text in (("missed", "missed"), ("false", "false"), ("hit", "found")):
        box = tag("input", type="checkbox", checked=True, id=f"show-{look}")
        choices.append(tag("label", box, tag("span", class_="sample"), text, class_=look))
    runs = measured_of(subjects)
    for index, (number, _) in enumerate(runs if len(runs) > 1 else []):
        box = tag("input", type="radio", name="run", checked=not index, id=f"of-run-{number}")
        choices.append(tag("label", box, tables.run_label(number, subjects[number].name)))
    shots = tag("div", *(shot(subjects, path) for path in paths), class_="shots")
    text = (
        "The images in which most objects were missed and most detections are false. Dashed: "
        "missed objects; solid: false detections; thin: objects that were found."
    )
    yield section("images", "Images with most errors", note(text), choices, shots)


def settings(subjects: Sequence[Subject]) -> Iterator[Node]:
    """Yield what went in, and how to do it again."""
    if not any(one.options for one in subjects):
        return
    table = tables.scrolled(options_table(subjects), "Options of the runs")
    what = "How the runs were trained, as in each run's options.json."
    if len(subjects) > 1:
        what += " Options in which they differ come first."
    yield section("settings", "Settings", note(what), table, *cfg_texts(subjects))
    parts = []
    for number, one in enumerate(subjects):
        lines = "\n".join(commands(one))
        if lines:
            parts.append(tag("h3", tables.run_label(number, one.name)))
            parts.append(tag("pre", lines, tabindex="0", class_="command"))
    text = "A run is determined by its seed: the same commands lead to the same weights."
    yield section("repeat", "Repeat the runs", note(text), *parts)
