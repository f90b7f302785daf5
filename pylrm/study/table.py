"""The table of a study, as the paper has it: the baseline, then an arm a row."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pylrm.study.arms import Mining
from pylrm.study.figures import Figures, is_of_grid
from pylrm.study.statistics import ENOUGH, Differences, Floats
from pylrm.terminal import count_of

Format = Literal["markdown", "latex", "csv"]
FORMATS: tuple[Format, ...] = ("markdown", "latex", "csv")

CSV_HEAD = (
    "study", "arm", "K", "NMS", "column", "pairs", "mean", "difference", "low", "high", "p",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A cell's text, and how it is set.

    Attributes
    ----------
    text : str
        What it says.
    significant, largest : bool
        Bold; underlined.
    """

    text: str
    significant: bool = False
    largest: bool = False


def table(figures: Sequence[Figures], form: Format, labels: dict[str, str] | None = None) -> str:
    """Return the tables of studies.

    Parameters
    ----------
    figures : sequence of Figures
        A table each.
    form : str
        "markdown", "latex", or "csv": one table, a row for each study, arm and column.
    labels : dict of str to str
        What arms are called in the table.
    """
    if form == "csv":
        return _csv(figures)
    draw = _markdown if form == "markdown" else _latex
    return "\n\n".join(draw(each, _rows(each, labels or {})) for each in figures)


def notes(figures: Figures) -> list[str]:
    """Return what must be known to read a table."""
    pairs = max(figures.runs)
    family = "the arms together, and all cells of the classes together"
    if figures.folds:
        test = (
            f"corrected resampled t-test of {count_of(len(figures.pairs), 'paired run')} "
            f"({figures.folds} folds) with Holm's correction over {family}"
        )
    else:
        test = f"sign-flip permutation test of the largest |t| over {family}"
    what = figures.metric if len(figures.columns) == 1 else f"{figures.metric} and AP"
    lines = [
        f"{what} in percent, with the final weights, means of "
        f"{count_of(pairs, 'run')}; difference: paired, with its 95% interval.",
        f"Bold: another than the baseline, p at most .05 ({test}). Underlined: the largest.",
    ]
    if len(figures.columns) == 1:
        lines[1] = lines[1].replace(f" over {family}", " over the arms together")
    if not figures.folds and pairs < ENOUGH:
        lines.append(
            f"Fewer than {ENOUGH} pairs: the test cannot reach p = .05, whatever the figures; "
            "add seeds."
        )
    return lines + figures.notes


def _rows(figures: Figures, labels: dict[str, str]) -> list[list[Cell]]:
    """The head, then a row an arm."""
    named = any(not is_of_grid(*arm) for arm in list(figures.arms.items())[1:]) or bool(labels)
    head = ["K", "NMS", "runs", figures.metric, "difference", "p", *figures.columns[1:]]
    rows = [[Cell(text) for text in (["arm", *head] if named else head)]]
    best, gains = _largest(figures.means), all_gains(figures)
    for row, (arm, mining) in enumerate(figures.arms.items()):
        k, nms = words(mining) if row or named else ("baseline", "-")
        cells = [Cell(k), Cell(nms), Cell(str(figures.runs[row]))]
        if named:
            cells.insert(0, Cell(labels.get(arm, arm)))
        for column, mean in enumerate(figures.means[row]):
            bold = bool(row) and bool(gains[column].significant[row - 1])
            cells.append(Cell(number(mean), bold, bool(best[row, column])))
            if column == 0:
                texts = _difference(figures.gains, row - 1) if row else ("", "")
                cells += map(Cell, texts)
        rows.append(cells)
    return rows


def _largest(means: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        shown = np.round(means, 2)
        found: Floats = shown == np.nanmax(np.where(np.isnan(shown), -1.0, shown), axis=0)
    return found


def words(mining: Mining) -> tuple[str, str]:
    """Return K and the threshold of NMS as a table shows them."""
    if mining is None:
        return "-", "-"
    k, nms = mining
    return str(k) if k else "all", f"{nms:g}" if nms else "none"


def number(value: float, sign: str = "") -> str:
    """Return a percentage with two digits; "-" for NaN."""
    return "-" if math.isnan(value) else f"{value:{sign}.2f}"


def probability(p: float) -> str:
    """Return p as text; "-" for NaN."""
    return "-" if math.isnan(p) else "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _difference(gains: Differences, arm: int) -> tuple[str, str]:
    mean, low, high = (float(each[arm]) for each in (gains.mean, gains.low, gains.high))
    text = number(mean, "+")
    if not math.isnan(low):
        text += f" ({number(low, '+')} to {number(high, '+')})"
    return text, probability(float(gains.p[arm]))


def _markdown(figures: Figures, rows: list[list[Cell]]) -> str:
    def shown(cell: Cell) -> str:
        text = cell.text.replace("|", "\\|")
        text = f"<u>{text}</u>" if cell.largest else text
        return f"**{text}**" if cell.significant else text

    head, *body = [[shown(cell) for cell in row] for row in rows]
    lines = [f"### {figures.name}", "", *map(_line, [head, ["---"] * len(head), *body]), ""]
    return "\n".join(lines + [f"- {note}" for note in notes(figures)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _latex(figures: Figures, rows: list[list[Cell]]) -> str:
    def shown(cell: Cell) -> str:
        text = escaped(cell.text)
        text = rf"\underline{{{text}}}" if cell.largest else text
        return rf"\textbf{{{text}}}" if cell.significant else text

    head, *body = [" & ".join(map(shown, row)) + r" \\" for row in rows]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{ll{'r' * (len(rows[0]) - 2)}}}",
            r"\hline",
            head,
            r"\hline",
            *body,
            r"\hline",
            r"\end{tabular}",
            *(f"% {note}" for note in [figures.name, *notes(figures)]),
        ]
    )


def escaped(text: str) -> str:
    """Return text for LaTeX."""
    return "".join(f"\\{letter}" if letter in "#$%&_{}" else letter for letter in text)


def _csv(studies: Sequence[Figures]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for figures in studies:
        gains = all_gains(figures)
        for row, (arm, mining) in enumerate(figures.arms.items()):
            for column, name in enumerate(figures.columns):
                lead = [figures.name, arm, *words(mining), name]
                writer.writerow(lead + _csv_figures(figures, gains, row, column))
    return text.getvalue().rstrip("\n")


def _csv_figures(
    figures: Figures, gains: Sequence[Differences], row: int, column: int
) -> list[str]:
    mean = _plain(float(figures.means[row, column]))
    if not row:
        return [str(figures.runs[row]), mean, "", "", "", ""]
    own = gains[column]
    values = (own.mean, own.low, own.high, own.p)
    return [str(own.pairs[row - 1]), mean, *(_plain(float(each[row - 1])) for each in values)]


def all_gains(figures: Figures) -> list[Differences]:
    """Return the differences to the baseline, a column each; none without another arm."""
    return [figures.gains, *figures.class_gains] if len(figures.arms) > 1 else []


def _plain(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
