"""Figures of what mining keeps in training runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pylrm.errors import DataError
from pylrm.pictures.curves import (
    heading,
    legend_columns,
    note,
    page_layout,
    rolling_mean,
    run_names,
    show_updates,
    smoothing,
)
from pylrm.pictures.style import RC_PARAMS, check_ending, line_style, save
from pylrm.runs.log import Log, read_log


@dataclass(frozen=True)
class Panel:
    """Columns of the log over the updates: after mining, and where it is logged before it."""

    title: str
    unit: str
    after: str
    before: str | None = None


PANELS = (
    Panel("Kept predictions", "predictions per image", "kept"),
    Panel("Loss of the kept predictions", "% of the loss", "kept_loss"),
    Panel("Foreground among the predictions", "% of the predictions", "kept_claimed", "fg"),
    Panel("Foreground in the gradient", "% of its squared sum", "fg_kept_loss", "fg_loss"),
)


def plot_mining(
    runs: Sequence[str | Path | Log], out: str | Path, *, title: str | None = None
) -> None:
    """Draw over the updates what mining kept, and how much of it is foreground.

    Foreground are the predictions that a truth claims. Of its share, a thin line shows what it is
    among all predictions, and a thick one what it is among the kept ones.

    Parameters
    ----------
    runs : sequence of path or Log
        Run folders, log.csv files or text logs of runs with [lrm].
    out : str or Path
        The figure: .png, .pdf or .svg; appears whole or not at all.
    title : str or None
        Above the figure; None: the runs' names.

    Raises
    ------
    DataError
        A log cannot be read, or has nothing about mining.
    PylrmError
        The figure has another ending or cannot be written.
    """
    out = Path(out)
    check_ending(out)
    logs = [run if isinstance(run, Log) else read_log(run) for run in runs]
    save(mining_figure(logs, title), out)


def mining_figure(logs: Sequence[Log], title: str | None = None) -> Figure:
    """Draw the panels; parameters and errors as of `plot_mining`."""
    for log in logs:
        if not (log["kept"] >= 0).any():
            raise DataError(f"{log.path}: nothing about mining in it: a run with [lrm] logs it")
    names = run_names(logs)
    columns = legend_columns(names, 2)
    rows = -(-len(names) // columns)
    with rc_context(RC_PARAMS):
        figure = Figure(figsize=(10.2, 6.8 + 0.22 * rows), layout=page_layout())
        figure.suptitle(title or heading(names), x=0.012, ha="left", fontsize=13, weight="bold")
        axes = list(figure.subplots(2, 2).flat)
        for at, panel in zip(axes, PANELS, strict=True):
            draw_panel(at, panel, logs)
        show_updates(axes, logs)
        handles = [
            Line2D([], [], label=name, **line_style(index, marker=False))
            for index, name in enumerate(names)
        ]
        figure.legend(handles=handles, loc="outside lower left", ncols=columns, handlelength=4.5)
    return figure


def draw_panel(axes: Axes, panel: Panel, logs: Sequence[Log]) -> None:
    """Draw the curves of a panel, smoothed over the updates."""
    window, scale = smoothing(logs), 1 if panel.after == "kept" else 100
    axes.set_title(panel.title)
    axes.set_ylabel(panel.unit)
    for index, log in enumerate(logs):
        style = line_style(index, marker=False)
        if panel.before is not None:
            before = scale * rolling_mean(log[panel.before], window)
            axes.plot(log["update"], before, **{**style, "linewidth": 0.9})
        axes.plot(log["update"], scale * rolling_mean(log[panel.after], window), **style)
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    if panel.before is not None:
        note(axes, "thin: all predictions; thick: the kept ones")
