"""Regions to ignore do what they are for: mining does not take what lies in them for background.

Shown on blood cells of which a third of the boxes became regions, or were merely deleted.
The figures stand in docs/ignore.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SIZE, K = 160, 64
HIDDEN = 1 / 3  # of the boxes


def hide(labels: Path, seed: int) -> tuple[int, int]:
    """Move a random third of all boxes from NAME.txt to NAME.ignore.txt: how many, of how many."""
    random = np.random.default_rng(seed)
    hidden = total = 0
    for path in sorted(labels.glob("*.txt")):
        lines = path.read_text().splitlines()
        chosen = random.random(len(lines)) < HIDDEN
        shown = [line for line, hide in zip(lines, chosen, strict=True) if not hide]
        regions = [
            line.split(maxsplit=1)[1] for line, hide in zip(lines, chosen, strict=True) if hide
        ]
        path.write_text("".join(f"{line}\n" for line in shown))
        path.with_suffix(".ignore.txt").write_text("".join(f"{line}\n" for line in regions))
        hidden, total = hidden + len(regions), total + len(lines)
    return hidden, total


def network(updates: int) -> str:
    from pylrm import models

    return models.build(
        "yolov2-mobilenet",
        classes=3,
        multiplier=0.25,
        size=SIZE,
        stride=16,
        anchors="0.6,0.6, 2.1,2.0, 3.5,3.4",
        batch=4,
        updates=updates,
        activation="leaky",
        lrm={"k": K, "nms": 0.7},
        net={
            "subdivisions": 1,
            "adam": 1,
            "B2": 0.99,
            "decay": 0,
            "learning_rate": 0.006,
            "burn_in": 20,
            "hue": 0,
            "saturation": 1,
            "exposure": 1,
        },
        region={"rescore": 0, "thresh": 0.5, "jitter": 0, "anchor_warmup": 0, "max": 100},
    )


def inside(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Which of (n, 4) boxes have more than half of their area in one of (m, 4) regions."""
    a, b = boxes.astype(np.float64)[:, None], regions.astype(np.float64)[None]
    low = np.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = np.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    common = np.maximum(high - low, 0).prod(axis=-1)
    return (common > boxes[:, None, 2:].astype(np.float64).prod(axis=-1) / 2).any(axis=1)


def kept_background(
    cfg: Path, weights: Path | None, images: list[Path], *, use: bool
) -> tuple[int, int, float]:
    """Of the predictions that [lrm] keeps as background: how many, how many in a hidden box.

    With these a share of the loss of all. `use`: the hidden boxes are regions to ignore; else the
    network is told nothing about them.
    """
    from pylrm.data.loader import evaluation_batches
    from pylrm.engine import Network

    kept = within = 0
    loss = loss_within = 0.0
    with Network(cfg, weights, seed=1) as net:
        (region,), (lrm,) = net.find("region"), net.find("lrm")
        for batch in evaluation_batches(
            images, classes=3, width=SIZE, height=SIZE, batch=net.batch, max_boxes=net.max_truths
        ):
            truth = batch.truth.copy()
            if not use:
                truth[truth[..., 4] < 0] = 0  # they stand behind the objects
            net.forward(batch.x, truth, train=True)
            background = np.array(lrm.selected) & (np.array(region.assigned) == 0)
            for i, rows in enumerate(batch.truth):
                mine = background[i]
                hidden = inside(np.array(lrm.boxes[i])[mine], rows[rows[:, 4] < 0, :4])
                losses = np.array(lrm.loss[i])[mine]
                kept, within = kept + len(hidden), within + int(hidden.sum())
                loss += float(losses.sum())
                loss_within += float(losses[hidden].sum())
    return kept, within, loss_within / loss


@pytest.mark.parametrize("updates", [100, pytest.param(600, marks=pytest.mark.slow)])
def test_mining_keeps_nothing_of_a_region_to_ignore(
    tmp_path: Path, real_data: Callable[[str], Path], updates: int
) -> None:
    from pylrm import train
    from pylrm.convert import convert
    from pylrm.data.darknet import read_data, read_list

    convert("voc", real_data("bccd"), tmp_path / "bccd", name="bccd")
    data = read_data(tmp_path / "bccd" / "bccd.data")
    assert data.train is not None
    hidden, total = hide(tmp_path / "bccd" / "labels", seed=0)
    cfg = tmp_path / "blood.cfg"
    cfg.write_text(network(updates))
    images = read_list(data.train)[:288]  # whole batches
    result = train(cfg, data.path, out=tmp_path / "run", map_every=0, quiet=True)
    print(f"\n{hidden} of {total} boxes hidden; {len(images)} images, k={K}, N=300")
    for weights in (None, result.folder / "weights" / "last.weights"):
        name = "untrained" if weights is None else f"after {updates} updates"
        kept, within, _ = kept_background(cfg, weights, images, use=True)
        assert within == 0 and kept > 10000
        print(f"{name}: regions: {within} of {kept} kept as background lie in a hidden box")
        kept, within, share = kept_background(cfg, weights, images, use=False)
        print(f"{name}: deleted: {within} of {kept}, {share:.1%} of their loss")
        assert within > (300 if weights is None else 1000)
