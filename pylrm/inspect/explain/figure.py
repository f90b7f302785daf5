"""What mining keeps of an image's predictions, drawn: kept ones by loss, filtered ones faint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pylrm.data.images import read_image
from pylrm.inspect.explain.selection import Explained, Flags
from pylrm.inspect.hardest.ranking import edges
from pylrm.pictures.style import COLOURS, RC_PARAMS, check_ending, save

Style = dict[str, Any]

WIDE, HIGHEST = 8.6, 12.0  # inches
PALEST = 0.6  # of the image: what is black in it
LOSSES = ListedColormap(colormaps["YlOrRd"](np.linspace(0.35, 1, 256)))
SPAN = 1000  # the largest loss by the smallest that the colours tell apart
TRUTH: Style = {"color": COLOURS[0], "linewidth": 1.5}
CASING: Style = {
    "color": "white",
    "linewidth": 3.0,
}  # around a truth's outline, to stand out anywhere
FILTERED: Style = {"color": "#808080", "linewidth": 0.5, "alpha": 0.2}
CLAIMED, BACKGROUND = 2.2, 0.8  # widths of the kept ones' lines


def draw(explained: Explained, out: str | Path) -> None:
    """Draw what was explained: a .png, .pdf or .svg, which appears whole or not at all.

    Raises
    ------
    PylrmError
        The figure has another ending, or a file cannot be read or written.
    """
    out = Path(out)
    check_ending(out)
    save(figure(explained), out)


def figure(explained: Explained) -> Figure:
    """Draw on the image, in pale grey, the filtered predictions, the kept ones and the truths.

    Kept predictions are coloured by loss, the hardest on top; the lines of those that a truth
    claims are thicker.
    """
    image = read_image(explained.image, 1)
    height, width = image.shape[:2]
    found, kept, claimed = explained.found, explained.kept, explained.claimed
    norm = loss_norm(found.loss[kept])
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    with rc_context({**RC_PARAMS, "axes.grid": False}):
        page = Figure(
            figsize=(WIDE, min(0.88 * WIDE * height / width + 1.3, HIGHEST)), layout=layout
        )
        axes = page.subplots()
        pale = PALEST + (1 - PALEST) * image.reshape(height, width) / 255
        axes.imshow(pale, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
        axes.set_axis_off()
        axes.set_title(heading(explained))
        add_boxes(axes, found.boxes[~kept], (width, height), **FILTERED)
        ranked = np.argsort(found.loss, kind="stable")
        for group, line in ((kept & ~claimed, BACKGROUND), (kept & claimed, CLAIMED)):
            rows = ranked[group[ranked]]
            colours = LOSSES(norm(found.loss[rows]))
            add_boxes(axes, found.boxes[rows], (width, height), color=colours, linewidth=line)
        for style in (CASING, TRUTH):
            add_boxes(axes, explained.truths, (width, height), **style)
        axes.legend(handles=legend(explained), loc="upper left", bbox_to_anchor=(0, 0), ncols=2)
        add_bar(page, axes, norm)
    return page


def add_boxes(
    axes: Axes, boxes: npt.NDArray[np.float32], size: tuple[int, int], **style: Any
) -> None:
    """Outline relative boxes on an image of a size, clipped to it."""
    corners = [edges(box, size) for box in boxes.tolist()]
    outlines = [Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False) for x0, y0, x1, y1 in corners]
    colour = style.pop("color")
    axes.add_collection(
        PatchCollection(outlines, facecolor="none", edgecolor=colour, **style), autolim=False
    )


def loss_norm(loss: npt.NDArray[np.float32]) -> LogNorm:
    """Return the scale of the colours for the losses of what is kept."""
    high = float(loss.max(initial=0)) or 1.0
    positive = loss[loss > high / SPAN]
    low = float(positive.min(initial=high))
    return LogNorm(low if low < high else high / 10, high, clip=True)


def add_bar(page: Figure, axes: Axes, norm: LogNorm) -> None:
    """Add the bar that tells which colour is which loss."""
    bar = page.colorbar(
        ScalarMappable(norm, LOSSES), ax=axes, shrink=0.8, pad=0.01, label="loss, kept predictions"
    )
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())


def heading(explained: Explained) -> str:
    """Return what was kept, and by which rule."""
    rule = "; ".join(map(str, explained.rules))
    kept, n = int(explained.kept.sum()), len(explained.kept)
    share = explained.share(explained.kept)
    return (
        f"{explained.image.name}: {rule}\n"
        f"{kept} of {n} predictions kept, with {share:.1%} of the loss"
    )


def legend(explained: Explained) -> Sequence[Line2D]:
    """Return the legend's lines, with how many there are and their share of the loss."""
    kept, claimed = explained.kept, explained.claimed
    shown = {**FILTERED, "alpha": 1}  # one faint line alone is hard to see
    lines: list[tuple[Flags, str, Style]] = [
        (kept & claimed, "kept, claimed by a truth", {"color": LOSSES(0.7), "linewidth": CLAIMED}),
        (kept & ~claimed, "kept, background", {"color": LOSSES(0.7), "linewidth": BACKGROUND}),
        (~kept & claimed, "filtered, claimed by a truth", shown),
        (~kept & ~claimed, "filtered, background", shown),
    ]
    handles = [
        Line2D(
            [], [], label=f"{text}: {chosen.sum()} ({explained.share(chosen):.1%} of the loss)",
            **style,
        )
        for chosen, text, style in lines
    ]  # fmt: skip
    return [*handles, Line2D([], [], label=f"truth: {len(explained.truths)}", **TRUTH)]
