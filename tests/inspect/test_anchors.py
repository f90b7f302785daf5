"""Anchors: clusters of box sizes, headers of images, and cfg files that get other anchors."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm import models
from pylrm.engine import boxes
from pylrm.errors import CfgError, DataError
from pylrm.inspect.anchors import clusters
from pylrm.inspect.anchors.cfg import read_target
from pylrm.inspect.anchors.search import find_anchors
from pylrm.inspect.heads import lost, read_heads
from pylrm.models.anchors import DEFAULTS

WriteCfg = Callable[..., Path]


def naive_average(sizes: np.ndarray, anchors: np.ndarray) -> float:
    """Average IoU by the boxes' own IoU, all on one centre."""
    total = 0.0
    for size in sizes:
        total += max(boxes.iou([[0, 0, *size]], [[0, 0, *anchor]])[0, 0] for anchor in anchors)
    return total / len(sizes)


@st.composite
def points(draw: st.DrawFn) -> np.ndarray:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return np.exp(random.uniform(-6, 0, (draw(st.integers(12, 60)), 2)))


@settings(max_examples=15, deadline=None)
@given(points(), st.integers(1, 8))
def test_average_iou_is_the_naive_one_and_no_worse_than_the_seeds(sizes, num):
    anchors, iou = clusters.cluster(sizes, num, seed=3, restarts=2)
    assert iou == pytest.approx(naive_average(sizes, anchors), abs=1e-12)
    assert (np.diff(anchors.prod(axis=1)) >= 0).all()
    clusters.cv2().setRNGSeed(3)
    for _ in range(2):
        assert iou >= naive_average(sizes, clusters.seeds(sizes, num)) - 1e-12


def test_known_clusters_are_recovered():
    centres = np.array([[0.05, 0.1], [0.3, 0.1], [0.2, 0.5], [0.6, 0.7]])
    random = np.random.default_rng(0)
    sizes = np.repeat(centres, 50, axis=0) * random.uniform(0.95, 1.05, (200, 2))
    random.shuffle(sizes)
    anchors, iou = clusters.cluster(sizes, 4)
    np.testing.assert_allclose(anchors, centres, rtol=0.03)
    assert iou > 0.93
    exact, iou = clusters.cluster(np.repeat(centres, 3, axis=0), 4)
    assert iou == 1
    np.testing.assert_array_equal(exact, centres)


def test_a_seed_repeats_and_many_small_boxes_do_not_leave_an_anchor_empty():
    random = np.random.default_rng(1)
    sizes = np.concatenate([random.uniform(0.01, 0.0101, (500, 2)), random.uniform(0.1, 1, (9, 2))])
    first, iou = clusters.cluster(sizes, 8, seed=5)
    clusters.cv2().randu(np.empty((9, 9), np.uint8), 0, 255)  # another use of OpenCV's numbers
    again, iou_again = clusters.cluster(sizes, 8, seed=5)
    np.testing.assert_array_equal(first, again)
    assert iou == iou_again
    assert len(np.unique(clusters.ious(sizes, first).argmax(axis=1))) == 8


def test_of_many_sizes_a_choice_starts_and_all_count():
    random = np.random.default_rng(2)
    sizes = np.exp(random.normal(-2, 0.7, (12000, 2))).clip(0.01, 1)
    anchors, iou = clusters.cluster(sizes, 4, restarts=2)
    assert iou == pytest.approx(clusters.average_iou(sizes, anchors), abs=1e-12)
    few, _ = clusters.cluster(sizes[:3000], 4, restarts=2)
    assert iou > clusters.average_iou(sizes, few) - 0.002
    repeated, most = clusters.cluster(np.repeat(sizes[:4], 4000, axis=0), 4, restarts=1)
    assert most == 1 and len(np.unique(repeated, axis=0)) == 4


def test_fewer_sizes_than_anchors():
    with pytest.raises(DataError, match="4 boxes of 2 different sizes: too few for 3 anchors"):
        clusters.cluster([[1, 2], [1, 2], [2, 2], [1, 2]], 3)


def test_a_single_box_is_its_anchor():
    anchors, iou = clusters.cluster([[20, 30]], 1)
    assert anchors.tolist() == [[20, 30]] and iou == 1


def test_boxes_are_measured_as_the_network_sees_them(tmp_path):
    import cv2

    for name, (width, height) in (
        ("a.png", (200, 100)),
        ("b.bmp", (100, 400)),
        ("c.jpg", (60, 60)),
    ):
        assert cv2.imwrite(str(tmp_path / name), np.zeros((height, width, 3), np.uint8))
    (tmp_path / "a.txt").write_text("0 .5 .5 .5 .5\n0 .5 .5 0 .5\n")
    (tmp_path / "b.txt").write_text("0 .5 .5 .2 .3\n")
    (tmp_path / "c.txt").write_text("0 1 .5 .5 .25\n")  # its right half is outside
    (tmp_path / "d.txt").write_text("0 .5 .5 .9 .9\n")  # no image
    (tmp_path / "train.txt").write_text("a.png\nb.bmp\nc.jpg\nd.jpg\n")
    data = tmp_path / "d.data"
    data.write_text("classes=1\ntrain=train.txt\n")
    found = find_anchors(data, num=3, size=(400, 400), stride=16)
    assert found.boxes.left_out == 1 and found.boxes.images == 3
    assert [path.name for path in found.boxes.unreadable] == ["d.jpg"]
    assert sorted(found.in_pixels()) == [(20, 120), (100, 100), (200, 100)]
    assert sorted(found.in_cells()) == [(1.25, 7.5), (6.25, 6.25), (12.5, 6.25)]
    assert found.iou == pytest.approx(1, abs=1e-6) and found.counts() == [1, 1, 1]
    found = find_anchors(data, num=3, size=(400, 400), letterbox=False)
    assert sorted(found.in_pixels()) == [(80, 120), (100, 100), (200, 200)]
    assert "2 " not in "".join(found.warnings()) and len(list(found.warnings())) == 2
    with pytest.raises(DataError, match="train.txt: 3 boxes of 3 different sizes"):
        find_anchors(data, num=4)


TWO_HEADS = """# two heads
[net]
width=64
height=32
channels=3

[convolutional]
filters=4
size=3
stride=8
pad=1
activation=leaky

[convolutional]
filters=12
size=1
activation=linear

[yolo]
mask = 0,1
anchors = 4,4, 8,8, 16,16, 30,30
classes=1
num=4

[route]
layers=0

[convolutional]
filters=12
size=3
stride=2
pad=1
activation=linear

[yolo]
mask = 2,3
anchors = 4,4, 8,8, 16,16, 30,30
classes=1
num=4
"""


def changed(before: bytes, after: bytes) -> list[bytes]:
    """The lines that differ, as they are now."""
    old, new = before.split(b"\n"), after.split(b"\n")
    assert len(old) == len(new)
    return [now for was, now in zip(old, new, strict=True) if was != now]


def test_writing_changes_only_the_anchors(tmp_path, tiny_data, tiny_cfg: WriteCfg):
    cfg = tiny_cfg()
    text = "\ufeff# Größe ; anchors=9,9\r\n" + cfg.read_text().replace(
        "anchors=2,2, 3.5,3.5", " anchors =\t2,2, 3.5,3.5  # anchors=7,7\r"
    )
    before = text.encode() + b"# no \xff text, and no line's end"
    cfg.write_bytes(before)
    found = find_anchors(tiny_data, cfg=cfg, write=True)
    (line,) = changed(before, cfg.read_bytes())
    assert line == f" anchors =\t{found.text('region')}  # anchors=7,7\r".encode()
    again = find_anchors(tiny_data, cfg=cfg)
    assert again.present == pytest.approx(found.iou, abs=1e-6)
    assert again.iou == found.iou > found.present
    np.testing.assert_allclose(again.target.present, found.anchors, rtol=1e-6)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_another_number_needs_filters_and_then_num_changes_too(tmp_path, tiny_data, tiny_cfg):
    cfg = tiny_cfg()
    before = cfg.read_bytes()
    line = cfg.read_text().split("\n").index("filters=14") + 1
    found = find_anchors(tiny_data, cfg=cfg, num=3)
    where = re.escape(f"{cfg}:{line}: filters=14") + ".*set filters=21"
    assert re.search(where, found.table()) and not found.written
    with pytest.raises(CfgError, match=where):
        find_anchors(tiny_data, cfg=cfg, num=3, write=True)
    assert cfg.read_bytes() == before
    cfg.write_text(cfg.read_text().replace("filters=14", "filters=21"))
    before = cfg.read_bytes()
    found = find_anchors(tiny_data, cfg=cfg, num=3, write=True)
    assert changed(before, cfg.read_bytes()) == [
        f"anchors={found.text('region')}".encode(),
        b"num=3",
    ]
    assert read_target(cfg, None).num == 3


def test_heads_share_their_anchors_small_ones_at_the_fine_grid(tmp_path, tiny_data):
    cfg = tmp_path / "two.cfg"
    turned = TWO_HEADS.replace("mask = 0,1", "mask=3,0").replace("mask = 2,3", "mask=1,2")
    for text in (TWO_HEADS, turned):
        cfg.write_text(text)
        target = read_target(cfg, None)
        assert target.unit == (64, 32) and target.kind == "yolo" and target.obstacle is None
        order = target.order(np.arange(4.0).repeat(2).reshape(4, 2))[:, 0]
        assert [sorted(order[head.own >= 0]) for head in target.heads] == [[0, 1], [2, 3]]
        found = find_anchors(tiny_data, cfg=cfg, write=True)
        lines = changed(text.encode(), cfg.read_bytes())
        assert len(lines) == 2 and all(found.text("yolo").encode() in line for line in lines)
        assert read_target(cfg, None).present == pytest.approx(found.anchors)
    with pytest.raises(CfgError, match=r"two.cfg: the masks are not of 6 anchors"):
        find_anchors(tiny_data, cfg=cfg, num=6, write=True)
    cfg.write_text(TWO_HEADS.replace("30,30", "31,31", 1))
    with pytest.raises(CfgError, match=r"two.cfg:35: \[yolo\] does not share the anchors="):
        read_target(cfg, None)


def test_what_has_no_anchors_or_is_not_to_be_changed(tmp_path, tiny_data):
    cfg = tmp_path / "c.cfg"
    cfg.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n\n[connected]\noutput=2\n")
    with pytest.raises(CfgError, match="only detectors have anchors"):
        read_target(cfg, None)
    with pytest.raises(CfgError, match="a shipped cfg"):
        find_anchors(tiny_data, cfg="yolov2-tiny.cfg", write=True)
    cfg.write_text(TWO_HEADS.replace("filters=12", "filters=13"))
    with pytest.raises(CfgError, match="c.cfg:.*13"):
        read_target(cfg, None)


def test_truths_that_share_a_prediction(tmp_path):
    from pylrm import Network

    cfg = tmp_path / "two.cfg"
    cfg.write_text(TWO_HEADS)
    with Network(cfg, batch=1) as net:
        heads = read_heads(net)
        truths = np.array(
            [
                [0.50, 0.50, 4 / 64, 4 / 32],
                [0.51, 0.51, 5 / 64, 4 / 32],  # the first one's cell and anchor
                [0.51, 0.51, 9 / 64, 8 / 32],  # another anchor
                [0.51, 0.51, 30 / 64, 30 / 32],  # the coarse grid's
                [0.90, 0.50, 4 / 64, 4 / 32],  # another cell
                [1.00, 1.00, 4 / 64, 4 / 32],  # the last cell
            ]
        )
        assert lost(heads, truths).tolist() == [True, False, False, False, False, False]
        assert lost(heads, truths[:0]).tolist() == []
        # The engine agrees on which predictions are claimed.
        image = np.zeros((1, 3, 32, 64), np.float32)
        rows = np.hstack([truths, np.zeros((6, 1))]).astype(np.float32)
        net.train_batch(image, rows[None])
        for head, layer in zip(heads, net.detectors, strict=True):
            claimed = set(np.flatnonzero(layer.assigned[0] == 1).tolist())
            assert claimed == set(head.claims(truths).tolist()) - {-1}


def test_real_boxes_fit_better_than_the_default_anchors(
    tmp_path: Path, real_data: Callable[[str], Path]
) -> None:
    from pylrm.convert import convert

    convert("voc", real_data("raccoon"), tmp_path / "raccoon")
    cfg = tmp_path / "raccoon.cfg"
    cfg.write_text(models.build("yolov2-tiny", classes=1))
    found = find_anchors(tmp_path / "raccoon" / "raccoon.data", cfg=cfg, write=True)
    default = np.array(DEFAULTS["voc"]) / 13
    assert found.present == pytest.approx(
        clusters.average_iou(found.boxes.sizes, default), abs=1e-4
    )
    assert found.iou > found.present + 0.05
    assert f"anchors={found.text('region')}\n" in cfg.read_text()
