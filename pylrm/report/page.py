"""The page: its sections, its style and its script, in one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from pylrm.data.darknet import DataLike
from pylrm.errors import PylrmError
from pylrm.files.writing import write_whole
from pylrm.pictures.curves import heading
from pylrm.report import tables
from pylrm.report.charts import Chart
from pylrm.report.looks import style_sheet
from pylrm.report.markup import Node, data_block, document, tag
from pylrm.report.sections import measurements, settings, training
from pylrm.report.subjects import Subject, read_subjects
from pylrm.version import VERSION

IMAGES = 12  # of those with most errors
AT = 0.25  # the lowest score of detections that count as errors


def write_report(
    runs: Sequence[str | Path],
    out: str | Path,
    *,
    title: str | None = None,
    data: DataLike | None = None,
    measure: bool = True,
    at: float = AT,
    images: int = IMAGES,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a report of training runs: one page of HTML with everything in it.

    Parameters
    ----------
    runs : sequence of path
        Run folders; of a log alone (log.csv, or Darknet's text) the page has the curves.
    out : str or Path
        The page, .html; appears whole or not at all.
    title : str or None
        Of the page; None: the runs' names.
    data : DataFile, str or path
        The data set to measure on; None: each run's own.
    measure : bool
        Measure the runs' best (else last) weights on the validation images: precision, confusions,
        calibration and the images with most errors need it.
    at : float
        The lowest score of the detections that count as errors.
    images : int
        Of those with most errors, how many are shown.
    threads : int or None
        Of the engine; None: as many as the process may use.
    progress : callable or None
        Called with the images done and all there are of a run, after each pass.

    Raises
    ------
    PylrmError
        A run cannot be read or measured; the page cannot be written.
    """
    out = Path(out)
    check_page(out)
    if not runs:
        raise ValueError("no runs to report")
    subjects = read_subjects(
        [Path(run) for run in runs],
        measure=measure,
        data=data,
        at=at,
        threads=threads,
        progress=progress,
    )
    write_whole(out, document(page(subjects, title, images)))


def check_page(out: Path) -> None:
    """Refuse a page's name before any work is done for it.

    Raises
    ------
    PylrmError
        It does not end in .html, or there is no such folder.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise PylrmError(f"{out}: a report ends in .html")
    if not out.parent.is_dir():
        raise PylrmError(f"{out}: there is no folder {out.parent}")


def page(subjects: Sequence[Subject], title: str | None, images: int) -> Node:
    """Return the whole page; parameters as of `write_report`."""
    charts: dict[str, Chart] = {}
    sections = [*training(subjects, charts), *measurements(subjects, charts, images)]
    sections += settings(subjects)
    title = title or heading([one.name for one in subjects])
    names = [one.name for one in subjects]
    data = {"runs": names, "charts": {name: one.record() for name, one in charts.items()}}
    style = style_sheet(len(subjects))
    script = Path(__file__).with_name("page.js").read_text("utf-8")
    links = [tag("a", one.get("aria-label", ""), href=f"#{one.get('id')}") for one in sections]
    header = tag(
        "header", tag("h1", title), tag("nav", *links, aria_label="Sections"), legend(subjects)
    )
    end = tag("footer", f"Written by pylrm {VERSION}. This page loads nothing from elsewhere.")
    body = tag("body", header, tag("main", *sections), end, data_block("data", data))
    body.append(tag("script", script))
    return tag("html", head(title, style, script), body, lang="en")


def head(title: str, style: str, script: str) -> Node:
    """Return the page's head; its policy lets nothing run or load but what is in the page."""
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{digest(style)}'; script-src '{digest(script)}'"
    )
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    )


def digest(text: str) -> str:
    """Return a text's digest as policies write it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def legend(subjects: Sequence[Subject]) -> Node:
    """Return the runs with a box each, to show and hide their curves."""
    boxes = [
        tag(
            "label",
            tag("input", type="checkbox", checked=True, data_run=number),
            tables.run_label(number, one.name),
        )
        for number, one in enumerate(subjects)
    ]
    reset = tag("button", "Show all updates", type="button", id="reset", hidden=True)
    words = tag("legend", "Runs shown in the charts")
    return tag("fieldset", words, *boxes, reset, class_="legend")
