"""Arrays handed out keep the memory behind them alive, whatever becomes of the network."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import pylrm
from pylrm.binding.library import lib

CFG = """[net]
batch=2
width=16
height=16
channels=3
learning_rate=.01

[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=14
size=1
activation=linear

[region]
anchors=1,1, 2,2
num=2
classes=2

[lrm]
k=5
nms=.5
"""


def train_once(net: pylrm.Network) -> None:
    random = np.random.default_rng(1)
    x = random.random((2, 3, net.height, net.width), dtype=np.float32)
    truth = np.zeros((2, 3, 5), np.float32)
    truth[:, 0] = [0.5, 0.4, 0.3, 0.2, 1]
    net.train_batch(x, truth)


def views(net: pylrm.Network) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for layer in net:
        found |= {f"{layer.index} {name}": array for name, array in layer.params.items()}
        found |= {f"{layer.index} grad {name}": array for name, array in layer.grads.items()}
        if layer.type != "lrm":
            found[f"{layer.index} output"] = layer.output
            found[f"{layer.index} delta"] = layer.delta
    (region,), (lrm,) = net.find("region"), net.find("lrm")
    found.update(assigned=region.assigned, overlap=region.overlap)
    found.update(loss=lrm.loss, selected=lrm.selected, boxes=lrm.boxes, classes=lrm.classes)
    return found


@pytest.mark.parametrize("end", ["close", "drop", "resize", "with"])
def test_views_outlive_everything(end: str) -> None:
    gc.collect()
    before = lib.dn_live_allocations()
    net = pylrm.Network(CFG, keep=True)
    train_once(net)
    arrays = views(net)
    copies = {name: array.copy() for name, array in arrays.items()}
    if end == "close":
        net.close()
    elif end == "with":
        with net:
            pass
    elif end == "resize":
        net.resize(32, 48)
    gone = weakref.ref(net)
    if end != "resize":
        del net
        gc.collect()
        assert gone() is None
    for name, array in arrays.items():
        assert array.tobytes() == copies[name].tobytes(), name
        if array.flags.writeable:
            array[...] = 1
    if end == "resize":
        train_once(net)
        del net
    slices = [array.ravel()[-1:] for array in arrays.values()]
    arrays.clear()
    gc.collect()
    assert all(part.tobytes() for part in slices)
    slices.clear()
    del array
    gc.collect()
    assert lib.dn_live_allocations() == before


def test_parameters_are_live_across_a_resize() -> None:
    with pylrm.Network(CFG) as net:
        weights, grads = net[0].params["weights"], net[0].grads["weights"]
        net.resize(32, 32)
        train_once(net)
        assert weights.tobytes() == net[0].params["weights"].tobytes()
        assert grads.tobytes() == net[0].grads["weights"].tobytes() and grads.any()
        weights[...] = 0
        assert not net[0].params["weights"].any()


def test_stale_outputs_are_not_written_again() -> None:
    with pylrm.Network(CFG) as net:
        train_once(net)
        old = net.find("region")[0].output
        copy = old.copy()
        net.resize(32, 32)
        train_once(net)
        assert net.find("region")[0].output.shape == (2, 14, 16, 16)
        np.testing.assert_array_equal(old, copy)


def test_forward_returns_a_copy() -> None:
    with pylrm.Network(CFG) as net:
        x = np.zeros((2, 3, 16, 16), np.float32)
        out = net.forward(x)
        copy = out.copy()
        net.forward(x + 1)
        np.testing.assert_array_equal(out, copy)


def test_backward_keeps_the_images_it_reads() -> None:
    """The first convolution's gradient needs the pass's images, which nobody else may hold."""
    with pylrm.Network(CFG) as net, pylrm.Network(CFG) as twin:
        x = np.random.default_rng(2).random((2, 3, 16, 16))
        truth = np.zeros((2, 1, 5), np.float32)
        truth[:, 0] = [0.5, 0.5, 0.2, 0.2, 0]
        held = x.astype(np.float32)
        twin.forward(held, truth, train=True)
        twin.backward()
        net.forward(x, truth, train=True)  # converted: a temporary
        gc.collect()
        np.full((2, 3, 16, 16), np.nan, np.float32)
        net.backward()
        assert net[0].grads["weights"].tobytes() == twin[0].grads["weights"].tobytes()


def test_views_are_typed_and_shaped() -> None:
    with pylrm.Network(CFG, keep=True) as net:
        train_once(net)
        arrays = views(net)
        predictions = 2 * 8 * 8
        expected = {
            "0 weights": ((4, 3, 3, 3), np.float32),
            "0 biases": ((4,), np.float32),
            "0 rolling_mean": ((4,), np.float32),
            "2 weights": ((14, 4, 1, 1), np.float32),
            "2 output": ((2, 14, 8, 8), np.float32),
            "assigned": ((2, predictions), np.int8),
            "overlap": ((2, predictions), np.float32),
            "loss": ((2, predictions), np.float32),
            "selected": ((2, predictions), np.bool_),
            "boxes": ((2, predictions, 4), np.float32),
            "classes": ((2, predictions), np.int32),
        }
        for name, (shape, dtype) in expected.items():
            assert (arrays[name].shape, arrays[name].dtype) == (shape, dtype), name
