"""Loss Rank Mining beside focal loss, as in the paper's Table IV: arms of these names."""

from __future__ import annotations

from pathlib import Path

from pylrm.errors import PylrmError
from pylrm.study.arms import BASELINE
from pylrm.study.figures import read_figures
from pylrm.study.table import Format, table

LOSS2 = "Loss2"  # YOLOv2's own, the baseline
OTHERS = ("Loss1", "Loss1+focal", "Loss2+LRM")


def focal_table(folder: Path, form: Format) -> str:
    """Return the table of those of the four that the study has.

    Raises
    ------
    PylrmError
        It has none but the baseline.
    """
    figures = read_figures(folder)
    there = [name for name in OTHERS if name in figures.arms]
    if not there:
        raise PylrmError(f"{folder}: no arm named {', '.join(OTHERS[:-1])} or {OTHERS[-1]} in it")
    return table([figures.only([BASELINE, *there])], form, {BASELINE: LOSS2})
