"""mAP over K, a line for each threshold of NMS, as in the paper's Figures 5 and 6."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pylrm.errors import PylrmError
from pylrm.pictures.style import RC_PARAMS, check_ending, line_style, save
from pylrm.study.arms import grid_name
from pylrm.study.figures import Figures, is_of_grid
from pylrm.terminal import count_of

GREY = "#4d4d4d"
APART = 0.07  # of neighbouring lines, in steps of K


def plot_studies(studies: Sequence[Figures], out: Path) -> None:
    """Draw studies side by side.

    Raises
    ------
    PylrmError
        The file's ending is none of a figure's; it cannot be written; a study has no grid.
    """
    check_ending(out)
    for study in studies:
        if not thresholds(study):
            raise PylrmError(f"{study.name}: no arms of a grid in it (--k and --nms)")
    save(studies_figure(studies), out)


def thresholds(study: Figures) -> dict[float, list[int]]:
    """Return a grid's thresholds of NMS, none first, and the K that have been tried with each."""
    found: dict[float, list[int]] = {}
    for arm, mining in study.arms.items():
        if mining is not None and is_of_grid(arm, mining):
            found.setdefault(mining[1], []).append(mining[0])
    return {nms: sorted(found[nms]) for nms in sorted(found)}


def studies_figure(studies: Sequence[Figures]) -> Figure:
    """Return the figure: a panel a study, one legend."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08, wspace=0.03)
    with rc_context(RC_PARAMS):
        figure = Figure(figsize=(4.9 * len(studies) + 0.6, 4.4), layout=layout)
        panels = figure.subplots(1, len(studies), squeeze=False)[0]
        shown = sorted({nms for study in studies for nms in thresholds(study)})
        for axes, study in zip(panels, studies, strict=True):
            draw(axes, study, shown)
        handles = {
            label: handle
            for axes in panels
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower left", ncols=4, handlelength=3.2
        )
    return figure


def draw(axes: Axes, study: Figures, shown: Sequence[float]) -> None:
    """Draw a study: each line where its threshold stands in `shown`."""
    rows = list(study.arms)
    base = float(study.means[0, 0])
    grid = thresholds(study)
    ks = sorted({k for tried in grid.values() for k in tried})
    axes.set_title(Path(study.name).name, pad=17)
    axes.axhline(base, color=GREY, linestyle=(0, (5, 3)), linewidth=1.4, label="baseline", zorder=1)
    for index, nms in enumerate(shown):
        if nms not in grid:
            continue
        at = [rows.index(grid_name(k, nms)) for k in grid[nms]]
        gains = study.gains
        own = np.array(at) - 1
        x = np.array([ks.index(k) for k in grid[nms]]) + APART * (index - (len(shown) - 1) / 2)
        y = base + gains.mean[own]
        bars = np.array([gains.mean[own] - gains.low[own], gains.high[own] - gains.mean[own]])
        axes.errorbar(
            x,
            y,
            yerr=np.nan_to_num(bars),
            elinewidth=1.1,
            capsize=3,
            label=f"NMS {nms:g}" if nms else "no NMS",
            **line_style(index, marker=True),
        )
    axes.set_xticks(range(len(ks)), [str(k) if k else "all" for k in ks])
    axes.set_xlim(-0.4, len(ks) - 0.6)
    axes.set_xlabel("K, hard examples kept an image")
    axes.set_ylabel(f"{study.metric} (%)")
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.12)
    runs = max(study.runs)
    note = (
        f"means of {count_of(runs, 'paired run')}; bars: 95% interval of the difference to the "
        "baseline"
        if runs > 1
        else "one run of each: no intervals"
    )
    axes.annotate(note, (0, 1.015), xycoords="axes fraction", fontsize=8, color=GREY, va="bottom")
