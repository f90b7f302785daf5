"""What backbones cost and come to, as in the paper's Table I."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

from pylrm.cfg.file import Cfg
from pylrm.engine import Network
from pylrm.errors import CfgWarning
from pylrm.runs.folder import Run
from pylrm.runs.log import read_log
from pylrm.study.arms import BASELINE
from pylrm.study.figures import read_figures
from pylrm.study.folder import StudyFolder
from pylrm.study.table import number

HEAD = ("network", "parameters", "multiply-adds (Bn)", "multiplies and adds (Bn)", "mAP")


def backbones_table(sources: Sequence[str]) -> str:
    """Return a Markdown table of networks.

    Operations are those of convolutional and connected layers, an image, in both ways to count.

    Parameters
    ----------
    sources : sequence of str
        Of each a cfg; or a run folder, with its last validation's mAP; or a study's folder, with
        its baseline's mean.

    Raises
    ------
    PylrmError
        One that is none of these.
    """
    rows: list[tuple[str, ...]] = [HEAD, tuple("---" for _ in HEAD)]
    for source in sources:
        cfg, found = cfg_and_map(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CfgWarning)
            with Network(cfg, outline=True) as net:
                work = sum(layer.multiply_adds for layer in net) / 1e9
                parameters = sum(layer.parameters for layer in net)
        rows.append(
            (Path(source).name, f"{parameters:,}", f"{work:.2f}", f"{2 * work:.2f}", number(found))
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cfg_and_map(source: str) -> tuple[Cfg, float]:
    """Return a network and its mAP in percent; NaN where none was measured."""
    folder = Path(source)
    study = StudyFolder(folder)
    if study.request.is_file():
        return Cfg.read(study.cfg(BASELINE)), float(read_figures(folder).means[0, 0])
    run = Run(folder)
    if not run.cfg.is_file():
        return Cfg.read(source), math.nan
    log = read_log(folder)
    measured = log["map"][~(log["map"] != log["map"])]
    return Cfg.read(run.cfg), 100 * float(measured[-1]) if len(measured) else math.nan
