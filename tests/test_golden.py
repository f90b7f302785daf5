"""Networks compute what the original Darknet does: tests/golden, within its README's tolerances."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pylrm

GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "index.json").read_text())
RATES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "misc" / "lr.json").read_text())
KERNELS = ("reference", os.environ.get("PYLRM_TEST_KERNELS", "fast"))  # see tests/cuda
GRADS = {"wgrad": "weights", "bgrad": "biases", "sgrad": "scales"}
IMAGE = (640, 480)

Arrays = dict[str, npt.NDArray[np.float32]]

pytestmark = pytest.mark.filterwarnings("ignore::pylrm.errors.CfgWarning")


class Case:
    """A folder of golden data."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = GOLDEN / name
        self.batch: int = CASES[name]["batch"]
        self.subdivisions: int = CASES[name]["subdivisions"]
        self.steps: int = CASES[name]["steps"]
        self.seen: int = CASES[name]["seen"]
        with np.load(self.folder / "golden.npz") as data:
            self.arrays: Arrays = dict(data)

    def network(self, weights: str = "init", **options: Any) -> pylrm.Network:
        net = pylrm.Network(self.folder / "net.cfg", self.folder / f"{weights}.weights", **options)
        net.seen = self.seen
        return net

    def inputs(self, net: pylrm.Network, k: int) -> tuple[Any, Any]:
        """Images and truths of pass k."""
        rows = slice(k * self.batch, (k + 1) * self.batch)
        shape = (self.batch, net.channels, net.height, net.width)
        x = (self.arrays["input_u8"][rows].astype(np.float32) / 255).reshape(shape)
        truth = self.arrays["truth"][rows]
        if net.find("detection"):
            return x, cell_truths(truth, net)
        return x, truth.reshape(self.batch, -1, 5) if net.max_truths else truth

    def named(self, kind: str) -> dict[int, npt.NDArray[np.float32]]:
        """Arrays KIND_NN by layer."""
        return {
            int(name.rpartition("_")[2]): array
            for name, array in self.arrays.items()
            if name.rpartition("_")[0] == kind
        }


def cell_truths(cells: npt.NDArray[np.float32], net: pylrm.Network) -> npt.NDArray[np.float32]:
    """[detection]'s truths (object, one-hot class, x, y in the cell, w, h) as rows of boxes."""
    side, classes = net.find("detection")[0].option("side"), net.classes
    rows = cells.reshape(len(cells), side * side, 5 + classes)
    most = int(rows[:, :, 0].sum(axis=1).max())
    truth = np.zeros((len(cells), most, 5), np.float32)
    for boxes, image in zip(truth, rows, strict=True):
        for box, cell in zip(boxes, np.flatnonzero(image[:, 0]), strict=False):
            _, *kind, x, y, w, h = image[cell]
            box[:] = (x + cell % side) / side, (y + cell // side) / side, w, h, np.argmax(kind)
    return truth


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def distance(ours: npt.ArrayLike, theirs: npt.NDArray[np.float32]) -> float:
    """The relative difference ||a-b|| / ||b||."""
    a, b = np.asarray(ours, np.float64).ravel(), theirs.astype(np.float64).ravel()
    assert a.shape == b.shape
    norm = float(np.linalg.norm(b))
    return float(np.linalg.norm(a - b)) / norm if norm else float(np.linalg.norm(a))


def agree(ours: dict[int, Any], theirs: dict[int, npt.NDArray[np.float32]]) -> None:
    """Every layer's array to 1e-4."""
    far = {i: d for i in theirs if not (d := distance(ours[i], theirs[i])) <= 1e-4}
    assert not far


def boxes_agree(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> None:
    """As sets, rows agree per element to 1e-4: each row has a partner of its own."""
    assert ours.shape == theirs.shape
    apart = np.abs(ours[:, None] - theirs[None]) / (np.abs(theirs)[None] + 1e-3)
    partner = apart.max(axis=2).argmin(axis=0)
    assert apart.max(axis=2).min(axis=0).max() <= 1e-4
    assert len(set(partner.tolist())) == len(theirs)


def parameters(net: pylrm.Network) -> dict[str, npt.NDArray[np.float32]]:
    return {f"{layer.index} {k}": v.copy() for layer in net for k, v in layer.params.items()}


def weights_agree(case: Case, net: pylrm.Network, weights: str) -> None:
    """The change from init.weights to 1e-3, array by array."""
    with case.network("init") as before, case.network(weights) as after:
        start, end = parameters(before), parameters(after)
    ours = parameters(net)
    far = {}
    for name, theirs in end.items():
        moved = np.linalg.norm(theirs - start[name])
        off = float(np.linalg.norm(ours[name].astype(np.float64) - theirs))
        if not off <= 1e-3 * moved:
            far[name] = off / moved if moved else off
    assert not far


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("mode", ["train", "keep", "inference"])
def test_inference(case: Case, kernels: str, mode: str) -> None:
    options = {} if mode == "train" else {mode: True}
    with case.network(kernels=kernels, **options) as net:
        x, _ = case.inputs(net, 0)
        out = net.forward(x)
        (expected,) = case.named("infer").values()
        assert distance(out, expected) <= 1e-4
        if "boxes_raw" in case.arrays:
            width = 5 + net.classes
            raw = net.boxes(0, image_size=IMAGE, thresh=0.05)
            boxes_agree(raw, case.arrays["boxes_raw"].reshape(-1, width))
            kept = net.boxes(0, image_size=IMAGE, thresh=0.05, nms=0.45)
            boxes_agree(kept, case.arrays["boxes_nms"].reshape(-1, width))


@pytest.mark.parametrize("kernels", KERNELS)
def test_first_training_pass(case: Case, kernels: str) -> None:
    with case.network(kernels=kernels, keep=True) as net:
        assert (net.batch, net.subdivisions) == (case.batch, case.subdivisions)
        shapes = [(r["c"], r["h"], r["w"]) for r in CASES[case.name]["layers"]]
        for layer, shape in zip(net, shapes, strict=False):
            length = CASES[case.name]["layers"][layer.index]["outputs"]
            assert layer.shape == (shape if all(shape) else (length, 1, 1))
        net.seen += net.batch
        net.forward(*case.inputs(net, 0), train=True)
        agree({i: net[i].output for i in case.named("train_out")}, case.named("train_out"))
        agree({i: net[i].delta for i in case.named("loss_delta")}, case.named("loss_delta"))
        if not case.steps:  # forward passes alone are golden: the original's backward is another
            return
        assert net.cost == pytest.approx(case.arrays["costs"][0], rel=1e-4)
        net.backward()
        agree({i: net[i].delta for i in case.named("delta")}, case.named("delta"))
        for kind, name in GRADS.items():
            agree({i: net[i].grads[name] for i in case.named(kind)}, case.named(kind))


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("keep", [False, True])
def test_training(case: Case, kernels: str, keep: bool) -> None:
    if not case.steps:
        pytest.skip("the original's gradients are others here")
    with case.network(kernels=kernels, keep=keep) as net:
        costs, rates = [], []
        for k in range(case.steps * case.subdivisions):
            if k % case.subdivisions == 0:
                rates.append(net.learning_rate)
            loss = net.train_batch(*case.inputs(net, k))
            costs.append(net.cost)
            assert loss == pytest.approx(net.cost / net.batch)
            if k + 1 == case.subdivisions:
                weights_agree(case, net, "after1")
        weights_agree(case, net, "final")
        np.testing.assert_allclose(costs, case.arrays["costs"], rtol=1e-4)
        np.testing.assert_allclose(rates, case.arrays["rates"], rtol=1e-6)


@pytest.mark.parametrize("kernels", KERNELS)
def test_every_plan_computes_the_same(case: Case, kernels: str) -> None:
    """Memory that is used again changes no bit; folded batch norm changes 1e-5."""
    with case.network(kernels=kernels, keep=True) as kept, case.network(kernels=kernels) as net:
        for k in range(case.subdivisions):
            x, truth = case.inputs(net, k)
            assert net.train_batch(x, truth) == kept.train_batch(x, truth)
        ours, theirs = parameters(net), parameters(kept)
        assert [n for n in theirs if ours[n].tobytes() != theirs[n].tobytes()] == []
        x, _ = case.inputs(net, 0)
        assert net.forward(x).tobytes() == kept.forward(x).tobytes()
    with (
        case.network(kernels=kernels, keep=True) as kept,
        case.network(kernels=kernels, inference=True) as net,
    ):
        expected, out = kept.forward(x), net.forward(x)
        if any("scales" in layer.params for layer in net):
            assert distance(out, expected) <= 1e-5
        else:
            assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("policy", sorted(RATES))
def test_rates(policy: str) -> None:
    with pylrm.Network(RATES[policy]["cfg"]) as net:
        expected = RATES[policy]["rate"]
        rates = [net.rate_at(n) for n in range(1, len(expected))]
        np.testing.assert_allclose(rates, expected[1:], rtol=1e-6)
