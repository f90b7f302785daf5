"""Figures of training runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from pylrm.pictures.style import RC_PARAMS, check_ending, line_style, save
from pylrm.runs.log import Log, read_log

Floats = npt.NDArray[np.float64]

SMOOTH = 40  # parts of a run's length; the mean is taken over one of them


def plot_runs(
    runs: Sequence[str | Path | Log], out: str | Path, *, title: str | None = None
) -> None:
    """Draw the loss and mAP curves of runs into one figure.

    Parameters
    ----------
    runs : sequence of path or Log
        Run folders, log.csv files or Darknet's text logs.
    out : str or Path
        The figure: .png, .pdf or .svg; appears whole or not at all.
    title : str or None
        Above the figure; None: the runs' names.

    Raises
    ------
    DataError
        A log cannot be read.
    PylrmError
        The figure has another ending or cannot be written.
    """
    out = Path(out)
    check_ending(out)
    save(runs_figure([run if isinstance(run, Log) else read_log(run) for run in runs], title), out)


def runs_figure(logs: Sequence[Log], title: str | None = None) -> Figure:
    """Draw the loss and, where a run has been validated, the mAP (of classifiers top-1) of runs.

    Parameters
    ----------
    logs : sequence of Log
        The runs, at least one.
    title : str or None
        Above the figure; None: the runs' names.
    """
    if not logs:
        raise ValueError("no runs to draw")
    names = run_names(logs)
    validated = any(np.isfinite(log.validations).any() for log in logs)
    panels = 1 + validated
    labels = [label(log, name) for log, name in zip(logs, names, strict=True)]
    columns = legend_columns(labels, panels)
    rows = -(-len(labels) // columns)
    with rc_context(RC_PARAMS):
        figure = Figure(figsize=(4.9 * panels + 0.4, 4.2 + 0.22 * rows), layout=page_layout())
        figure.suptitle(title or heading(names), x=0.012, ha="left", fontsize=13, weight="bold")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        draw_loss(axes[0], logs, labels)
        if validated:
            draw_map(axes[1], logs)
        show_updates(axes, logs)
        handles = [
            Line2D(
                [],
                [],
                label=text,
                **line_style(index, marker=bool(np.isfinite(log.validations).any())),
            )
            for index, (log, text) in enumerate(zip(logs, labels, strict=True))
        ]
        figure.legend(handles=handles, loc="outside lower left", ncols=columns, handlelength=4.5)
    return figure


def page_layout() -> ConstrainedLayoutEngine:
    """Return the margins of a figure of runs."""
    return ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08, wspace=0.03)


def legend_columns(labels: Sequence[str], panels: int) -> int:
    """Return how many of a legend's labels fit beside each other below so many panels."""
    return max(min(len(labels), int(62 * panels / (max(map(len, labels)) + 10))), 1)


def show_updates(axes: Iterable[Axes], logs: Sequence[Log]) -> None:
    """Let all panels show the same updates."""
    updates = np.concatenate([log["update"] for log in logs])
    low, high = float(updates.min()), float(updates.max())
    margin = 0.02 * (high - low) or 0.5
    for panel in axes:
        panel.set_xlim(low - margin, high + margin)
        panel.set_xlabel("update")
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def label(log: Log, name: str) -> str:
    """Return what the legend says of a run: its name, and its best and last mAP."""
    values = 100 * log.validations[np.isfinite(log.validations)]
    if not len(values):
        return name
    return f"{name}  ({log.figure} best {values.max():.1f}, last {values[-1]:.1f})"


def run_names(logs: Sequence[Log]) -> list[str]:
    """Return the runs' names, with as many folders before them as tell them apart."""
    names = [log.name for log in logs]
    whole = [
        (log.path.parent if log.path.resolve().parent.name == log.name else log.path).absolute()
        for log in logs
    ]
    for count in range(2, max(len(path.parts) for path in whole) + 1):
        if len(set(names)) == len(names):
            break
        names = [str(Path(*path.parts[-count:])) for path in whole]
    return names


def heading(names: Sequence[str]) -> str:
    """Return a figure's title from its runs' names."""
    if len(names) <= 3 and sum(map(len, names)) <= 50:
        return f"Training of {' and '.join(', '.join(names).rsplit(', ', 1))}"
    return f"Training of {len(names)} runs"


def draw_loss(axes: Axes, logs: Sequence[Log], labels: Sequence[str]) -> None:
    """Draw the losses: smoothed over what was logged."""
    axes.set_title("Training loss")
    axes.set_ylabel("loss per image (log scale)")
    axes.set_yscale("log")
    window = smoothing(logs)
    for index, (log, text) in enumerate(zip(logs, labels, strict=True)):
        loss = np.where(log["loss"] > 0, log["loss"], np.nan)
        style = line_style(index, marker=False)
        if window > 1:
            axes.plot(
                log["update"], loss, color=style["color"], alpha=0.2, linewidth=0.6, rasterized=True
            )
        axes.plot(log["update"], smoothed(loss, window), label=text, **style)
    show_decades(axes)
    if window > 1:
        note(axes, f"thin: each update; thick: mean of {window}")


def show_decades(axes: Axes) -> None:
    """Give a panel's logarithmic y axis as many numbers as it has room for."""
    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    subs = (1, 2, 5) if decades < 1.5 else (1, 3) if decades < 3 else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def note(axes: Axes, text: str) -> None:
    """Write a remark into the upper right corner of a panel."""
    axes.annotate(
        text,
        (0.99, 0.98),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=8.5,
        color="#4d4d4d",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def draw_map(axes: Axes, logs: Sequence[Log]) -> None:
    """Draw what validations measured."""
    axes.set_title("Validation")
    axes.set_ylabel(f"{', '.join(sorted({log.figure for log in logs}))} (%)")
    highest = 0.0
    for index, log in enumerate(logs):
        there = np.isfinite(log.validations)
        if there.any():
            values = 100 * log.validations[there]
            highest = max(highest, float(values.max()))
            axes.plot(log["update"][there], values, **line_style(index, marker=True))
    axes.set_ylim(0, min(103.0, 1.1 * highest) if highest else 1)


def smoothing(logs: Sequence[Log]) -> int:
    """Return over how many updates the curves of runs are averaged."""
    return max(max(len(log) for log in logs) // SMOOTH, 1)


def smoothed(values: Floats, window: int) -> Floats:
    """Return the geometric mean around each value, which suits a log scale.

    Parameters
    ----------
    values : array (n,)
        Positive; NaN is passed over.
    window : int
        How many around a value count; at the ends those that are there.
    """
    return np.exp(rolling_mean(np.log(values), window))


def rolling_mean(values: Floats, window: int) -> Floats:
    """Return the arithmetic mean around each value; parameters as of `smoothed`, of any sign."""
    there = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(there, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(there)])
    at = np.arange(len(values))
    low = np.maximum(at - window // 2, 0)
    high = np.minimum(at + window // 2 + 1, len(values))
    number = count[high] - count[low]
    mean: Floats = np.where(there, (total[high] - total[low]) / np.maximum(number, 1), np.nan)
    return mean
