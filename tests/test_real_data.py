"""Real images, from a VOC tree to mAP: the main job in miniature."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

UPDATES = 90


def test_blood_cells_are_learnt_from_random_weights(
    tmp_path: Path, real_data: Callable[[str], Path]
) -> None:
    from pylrm import models
    from pylrm.data import voc
    from pylrm.train import train

    voc.convert(real_data("bccd"), tmp_path / "bccd", name="bccd")
    text = models.build("yolov2-mobilenet", classes=3, multiplier=0.25, size=160)
    cfg = tmp_path / "blood.cfg"
    cfg.write_text(text)
    result = train(
        cfg,
        tmp_path / "bccd" / "bccd.data",
        out=tmp_path / "run",
        updates=UPDATES,
        map_every=UPDATES,
        quiet=True,
    )
    with (result.folder / "log.csv").open() as file:
        loss = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(loss) == UPDATES
    assert np.mean(loss[-10:]) < 0.5 * np.mean(loss[:10])
    assert result.map is not None and result.map > 0.02
