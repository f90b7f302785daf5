"""Twenty real images are learnt by heart, by four networks; needs PYLRM_REALDATA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm import models, train
from pylrm.convert import convert
from pylrm.data.darknet import DataFile, read_data, read_list

IMAGES = 20
PLAIN = {"hue": 0, "saturation": 1, "exposure": 1, "flip": 0, "decay": 0}
# Of platelets, red and white cells, in pixels of a 224x224 input.
SIZES = [(13, 12), (31, 31), (38, 37), (75, 65), (90, 80), (110, 100)]
HEAD = {"jitter": 0, "prior": 0.01}


@pytest.fixture
def twenty(tmp_path: Path, real_data: Callable[[str], Path]) -> DataFile:
    convert("voc", real_data("bccd"), tmp_path / "bccd", name="bccd")
    whole = read_data(tmp_path / "bccd" / "bccd.data")
    assert whole.train is not None
    lines = "".join(f"{image}\n" for image in read_list(whole.train)[:IMAGES])
    (tmp_path / "bccd" / "twenty.txt").write_text(lines)
    data = tmp_path / "bccd" / "twenty.data"
    data.write_text("classes=3\ntrain=twenty.txt\nvalid=twenty.txt\nnames=bccd.names\n")
    return read_data(data)


NETWORKS: dict[str, dict[str, Any]] = {
    "yolov2-tiny": {"stride": 16, "anchors": np.array(SIZES) / 16, "region": HEAD, "updates": 1200},
    "yolov3-tiny": {"anchors": np.array(SIZES), "yolo": HEAD, "updates": 600},
    "yolov4-tiny": {"anchors": np.array(SIZES), "yolo": HEAD, "updates": 600},
    # Most updates are at a small rate: batch norm's rolling averages take hundreds to catch up.
    "yolov4": {
        "multiplier": 0.5,
        "size": 128,
        "batch": 5,
        "anchors": np.array(SIZES) * 128 / 224,
        "yolo": HEAD,
        "net": {**PLAIN, "adam": 1, "B2": 0.99, "burn_in": 30, "steps": "180,255"},
        "updates": 450,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_few_images_are_learnt_by_heart(tmp_path: Path, twenty: DataFile, name: str) -> None:
    options = NETWORKS[name]
    cfg = tmp_path / f"{name}.cfg"
    shared: dict[str, Any] = {
        "classes": 3,
        "size": 224,
        "multiplier": 0.25,
        "batch": 10,
        "net": PLAIN,
    }
    anchors = options["anchors"].tolist()
    cfg.write_text(models.build(name, **{**shared, **options, "anchors": anchors}))
    every = options["updates"] // 3
    result = train(cfg, twenty, out=tmp_path / "run", map_every=every, quiet=True)
    print(f"\n{name}: mAP {result.map:.4f} of {IMAGES} images after {result.updates} updates")
    assert result.map is not None and result.map > 0.9
