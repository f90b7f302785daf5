"""What all figures have in common: colours, fonts, the forms they are saved in."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from pylrm.errors import PylrmError
from pylrm.files.writing import write_whole

# Okabe and Ito's colours, which colour-blind eyes tell apart (but for yellow, faint on paper).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Beside them, line styles and markers tell runs apart in grey print.
LINE_STYLES = (
    "-",
    (0, (5, 1.6)),
    (0, (1, 1.2)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (8, 2, 1, 1.5, 1, 1.5)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

FORMATS = (".png", ".pdf", ".svg")
DPI = 200

RC_PARAMS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


def check_ending(out: Path) -> None:
    """Refuse a figure's name before any work is done for it.

    Raises
    ------
    PylrmError
        Its ending is none of FORMATS.
    """
    if out.suffix.lower() not in FORMATS:
        raise PylrmError(f"{out}: a figure ends in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def save(figure: Figure, out: Path) -> None:
    """Write a figure in the form that its name ends in, whole or not at all.

    Raises
    ------
    PylrmError
        It cannot be written.
    """
    image = io.BytesIO()
    with rc_context(RC_PARAMS):
        figure.savefig(image, format=out.suffix.lower()[1:], dpi=DPI)
    write_whole(out, image.getvalue())


def line_style(index: int, *, marker: bool) -> dict[str, Any]:
    """Return the colour, line style and marker of a run, by its number."""
    shape = MARKERS[index % len(MARKERS)]
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": LINE_STYLES[index % len(LINE_STYLES)],
        "linewidth": 1.9,
        "marker": shape if marker else None,
        "markersize": 5.5,
        "markeredgecolor": "white",
        "markeredgewidth": 0.7,
    }
