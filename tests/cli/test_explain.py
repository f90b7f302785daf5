"""pylrm explain: what is kept is what a training pass of the engine keeps; pictures; mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.collections import PatchCollection

from pylrm import Network, train
from pylrm.inspect.explain.figure import figure, loss_norm
from pylrm.inspect.explain.selection import Explained, Rule, explain, selection
from pylrm.inspect.hardest.ranking import Predictions, predictions
from tests.detector import nets

WriteCfg = Callable[..., Path]
Outcome = tuple[int, str, str]
LRM = "\n[lrm]\nk=20\nnms=.5\n"


@pytest.fixture
def trained(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> Callable[[str], Path]:
    def make(lrm: str) -> Path:
        cfg = tiny_cfg(lrm=lrm, max_batches=3)
        return train(cfg, tiny_data, out=tmp_path / "run", quiet=True, map_every=0).folder

    return make


@pytest.mark.parametrize(
    "sections",
    [
        [nets.region(3), nets.lrm(k=9, nms=0.4)],
        [nets.region(3), nets.yolo(3), nets.lrm(k=9, nms=0.4, layers="-2,-1")],
        [nets.yolo(3), nets.region(3), nets.lrm(k=5, nms=0.7)],  # the first head is not mined
    ],
)
def test_the_selection_is_the_layers(sections: list[str]) -> None:
    """Without batch normalisation, a training pass sees what another one sees."""
    random = np.random.default_rng(3)
    x, truth = nets.logits(random, 1, 3, 3, 4, 5), nets.truths(random, 1, 3, 3)
    with nets.network(sections, 5, 4, 24) as net:
        (miner,) = net.find("lrm")
        rule = Rule(miner.inputs, int(miner.option("k")), miner.option("nms"))
        net.forward(x, truth)
        kept = selection(net, [rule], predictions(net, 0, (5, 4), letterbox=False))
        net.forward(x, truth, train=True)
        mined = miner.selected[0].astype(bool)
        own = slice(None) if len(mined) == len(kept) else slice(len(mined), None)
        np.testing.assert_array_equal(kept[own], mined)
        assert kept[: len(kept) - len(mined)].all()


def test_a_run_with_lrm(trained: Callable[[str], Path], tiny_data: Path) -> None:
    folder, image = trained(LRM), tiny_data.parent / "images" / "3.png"
    found = explain(folder, image)
    assert [str(rule) for rule in found.rules] == ["k=20, nms=0.5"]
    assert found.kept.shape == (128,) and 0 < found.kept.sum() <= 20
    assert found.truths.shape == (1, 4) and found.claimed.sum() == 1
    everything = explain(folder, image, k=0, nms=0)
    assert everything.kept.all() and everything.share(everything.kept) == 1
    np.testing.assert_array_equal(found.found.loss, everything.found.loss)
    hardest = explain(folder, image, k=7, nms=0)
    np.testing.assert_array_equal(
        np.flatnonzero(hardest.kept), np.sort(np.argsort(-found.found.loss, kind="stable")[:7])
    )
    with Network(folder / "net.cfg", folder / "weights" / "last.weights", batch=1) as net:
        assert [layer.index for layer in net.detectors] == list(found.rules[0].heads)


def shown(path: Path, loss: list[float], kept: list[bool]) -> Explained:
    boxes = np.float32([[0.5, 0.5, 0.2 + 0.01 * i, 0.3] for i in range(len(loss))])
    assigned = np.zeros(len(loss), np.int8)
    assigned[0] = 1
    scores = np.zeros((len(loss), 1), np.float32)
    found = Predictions(np.float32(loss), assigned, boxes, scores)
    return Explained(path, [Rule([0], 3, 0.5)], found, np.array(kept), boxes[:1])


def test_what_the_picture_says(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    assert cv2.imwrite(str(path), np.full((30, 40), 90, np.uint8))
    page = figure(shown(path, [6, 1, 2, 1], [True, False, True, True]))
    axes = page.axes[0]
    assert axes.get_title(loc="left") == (
        "grey.png: k=3, nms=0.5\n3 of 4 predictions kept, with 90.0% of the loss"
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "kept, claimed by a truth: 1 (60.0% of the loss)",
        "kept, background: 2 (30.0% of the loss)",
        "filtered, claimed by a truth: 0 (0.0% of the loss)",
        "filtered, background: 1 (10.0% of the loss)",
        "truth: 1",
    ]
    groups = [one for one in axes.collections if isinstance(one, PatchCollection)]
    counts = [len(one.get_paths()) for one in groups]
    assert counts == [1, 2, 1, 1, 1]  # filtered, background, claimed, the truth with its casing
    easy, hard = groups[1].get_edgecolor()  # the hardest on top
    assert easy[1] > hard[1] > groups[2].get_edgecolor()[0][1]  # from yellow to red
    page.draw_without_rendering()


@pytest.mark.parametrize("loss", [[], [0.0, 0.0], [3.0], [1e-9, 5.0], [2.0, 2.0]])
def test_any_losses_have_colours(loss: list[float]) -> None:
    norm = loss_norm(np.float32(loss))
    assert 0 < norm.vmin < norm.vmax
    assert np.isfinite(np.ma.filled(norm(np.float32([0.0, *loss])), 0)).all()


def test_the_command(
    trained: Callable[[str], Path], tiny_data: Path, tmp_path: Path, run: Callable[..., Outcome]
) -> None:
    folder, image = trained(""), tiny_data.parent / "images" / "3.png"
    out = tmp_path / "e.png"
    code, printed, err = run("explain", folder, image, "-o", out, "--k", 10, "--nms", 0.6)
    assert (code, printed, err) == (0, f"{out}\n", "")
    assert out.read_bytes().startswith(b"\x89PNG")
    out.unlink()
    for arguments, message in (
        ((folder, image, "-o", out), r"net\.cfg: no \[lrm\]; say how many .* with --k$"),
        ((folder, image, "-o", tmp_path / "e.bmp", "--k", 9), r"e\.bmp: a figure ends in"),
        ((tmp_path, image, "-o", out, "--k", 9), r"no run folder"),
        ((folder, tmp_path / "no.png", "-o", out, "--k", 9), r"no\.png"),
        (
            (folder, image, "-o", out, "--k", 9, "--weights", "77"),
            r"77\.weights: no such weights in the run; there is last$",
        ),
    ):
        code, printed, err = run("explain", *arguments)
        assert (code, printed) == (2, "") and re.search(message, err.strip()), err
        assert err.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize("key", ["mode=random", "mass=.5"])
def test_a_selection_by_more_than_k_and_nms_is_refused(
    trained: Callable[[str], Path], tiny_data: Path, tmp_path: Path, key: str,
    run: Callable[..., Outcome],
) -> None:  # fmt: skip
    folder, image = trained(f"{LRM}{key}\n"), tiny_data.parent / "images" / "3.png"
    code, _, err = run("explain", folder, image, "-o", tmp_path / "e.png")
    assert code == 2 and re.search(rf"net\.cfg:\d+: \[lrm\] {key.split('=')[0]}=", err), err
    assert run("explain", folder, image, "-o", tmp_path / "e.png", "--k", 5)[0] == 0
