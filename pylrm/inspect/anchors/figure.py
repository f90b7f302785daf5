"""A figure of box sizes and the anchors found for them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pylrm.errors import PylrmError
from pylrm.files.writing import write_whole
from pylrm.inspect.anchors.clusters import Floats, ious
from pylrm.pictures.style import COLOURS, DPI, FORMATS, RC_PARAMS

_POINTS = 20000  # more are not drawn: a random choice stands for all


def plot_anchors(
    sizes: Floats, anchors: Floats, out: Path, *, title: str, present: Floats | None = None
) -> None:
    """Draw box sizes in the colours of their anchors, and the anchors' outlines.

    Parameters
    ----------
    sizes, anchors
        (n, 2) and (num, 2) widths and heights in pixels of the input.
    out
        The figure: .png, .pdf or .svg; appears whole or not at all.
    title
        Above it.
    present
        (m, 2) other anchors to compare with, the cfg's own.

    Raises
    ------
    PylrmError
        The figure has another ending or cannot be written.
    """
    check_figure(out)
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08, wspace=0.03)
    image = io.BytesIO()
    with rc_context(RC_PARAMS):
        figure = Figure(figsize=(10.2, 5.2), layout=layout)
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, weight="bold")
        left, right = figure.subplots(1, 2)
        _draw_sizes(left, sizes, anchors, present)
        _draw_outlines(right, anchors, present)
        figure.savefig(image, format=out.suffix.lower()[1:], dpi=DPI)
    write_whole(out, image.getvalue())


def check_figure(out: Path) -> None:
    """Refuse a figure of an unknown format.

    Raises
    ------
    PylrmError
        The name ends in none of FORMATS.
    """
    if out.suffix.lower() not in FORMATS:
        raise PylrmError(f"{out}: a figure ends in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def _draw_sizes(axes: Axes, sizes: Floats, anchors: Floats, present: Floats | None) -> None:
    axes.set_title("Boxes, in the colour of their best anchor")
    chosen = sizes
    if len(sizes) > _POINTS:
        chosen = np.random.default_rng(0).choice(sizes, _POINTS, replace=False)
    nearest = ious(chosen, anchors).argmax(axis=1)
    for index, anchor in enumerate(anchors):
        own = chosen[nearest == index]
        axes.scatter(
            own[:, 0],
            own[:, 1],
            s=9,
            color=_colour(index),
            alpha=0.35,
            linewidths=0,
            rasterized=True,
        )
        axes.scatter(
            anchor[0],
            anchor[1],
            s=120,
            marker="X",
            color=_colour(index),
            edgecolors="white",
            zorder=4,
        )
        axes.annotate(
            str(index + 1),
            anchor,
            (9, 7),
            textcoords="offset points",
            weight="bold",
            zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
        )
    if present is not None:
        axes.scatter(
            present[:, 0],
            present[:, 1],
            s=70,
            marker="s",
            facecolors="none",
            edgecolors="black",
            zorder=3,
            label="the cfg's",
        )
    axes.scatter([], [], s=120, marker="X", color="#4d4d4d", edgecolors="white", label="found")
    axes.legend(loc="upper left")
    everything = np.concatenate([chosen, anchors, *([] if present is None else [present])])
    low, high = everything.min() / 1.25, everything.max() * 1.25
    for axis, name in ((axes.xaxis, "width"), (axes.yaxis, "height")):
        axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
        axis.set_label_text(f"{name}, pixels of the input (log scale)")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_aspect("equal")


def _draw_outlines(axes: Axes, anchors: Floats, present: Floats | None) -> None:
    axes.set_title(f"Anchors' outlines{' (dashed: as in the cfg)' if present is not None else ''}")
    for size in [] if present is None else present:
        _outline(axes, size, {"edgecolor": "black", "linewidth": 0.8, "linestyle": "--"})
    for index, size in enumerate(anchors):
        _outline(axes, size, {"edgecolor": _colour(index), "linewidth": 2})
        axes.annotate(
            str(index + 1),
            (size[0] / 2, size[1] / 2),
            (-3, -3),
            textcoords="offset points",
            ha="right",
            va="top",
            weight="bold",
            color=_colour(index),
        )
    reach = 0.55 * max(float(sizes.max()) for sizes in (anchors, present) if sizes is not None)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    axes.set_xlabel("pixels of the input")
    axes.set_aspect("equal")


def _outline(axes: Axes, size: Floats, style: dict[str, Any]) -> None:
    axes.add_patch(Rectangle((-size[0] / 2, -size[1] / 2), *size, fill=False, **style))


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]
