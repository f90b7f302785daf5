"""Detectors and [lrm] behind a convolution: what comes back, what is stored, what is inferred."""

from itertools import pairwise

import numpy as np
import pytest

import pylrm
from tests.detector import nets

CONVOLUTION = "[convolutional]\nfilters=24\nsize=3\npad=1\nactivation=linear\n"
BATCH = 2


def network(*sections, **options):
    cfg = nets.text([CONVOLUTION, *sections], 6, 4, 3, BATCH)
    return pylrm.Network(cfg, **{"keep": True, "seed": 3, **options})


@pytest.fixture
def data():
    rng = np.random.default_rng(40)
    x = rng.random((BATCH, 3, 4, 6), np.float32)
    return x, nets.truths(rng, BATCH, 3, 3)


def trained(net, data, passes=3):
    for _ in range(passes):
        net.train_batch(*data)
    return net


@pytest.mark.parametrize("head", [nets.region(3, softmax=1), nets.yolo(3)])
def test_the_layer_before_gets_what_the_loss_hands_back(head, data):
    with network(head, nets.lrm(k=5, nms=0.7)) as net:
        net.forward(*data, train=True)
        net.backward()
        np.testing.assert_array_equal(net[0].delta, net[1].delta)
        assert np.any(net[0].delta)


def test_two_heads_behind_one_layer_add_up(data):
    heads = [nets.region(3), "[route]\nlayers=0\n", nets.yolo(3)]
    with network(*heads, nets.lrm(k=9, nms=0.5, layers="-1,1")) as net:
        net.forward(*data, train=True)
        net.backward()
        total = np.array(net[1].delta) + np.array(net[3].delta)
        np.testing.assert_allclose(net[0].delta, total, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("keep", [True, False])
def test_mining_nothing_away_trains_the_same_weights(keep, data, tmp_path):
    head = nets.region(3, softmax=1, rescore=1)
    names = []
    for number, more in enumerate(([], [nets.lrm(k=0, nms=0)], [nets.lrm(k=10**6, nms=1)])):
        with network(head, *more, keep=keep) as net:
            trained(net, data).save_weights(tmp_path / f"{number}.weights")
            names.append(tmp_path / f"{number}.weights")
    for one, other in pairwise(names):
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("inference", [True, False])
@pytest.mark.parametrize("head", [nets.region(3, softmax=1), nets.yolo(3)])
def test_a_mined_model_needs_no_lrm_section(head, inference, data, tmp_path):
    path, again = tmp_path / "mined.weights", tmp_path / "plain.weights"
    with network(head, nets.lrm(k=4, nms=0.7)) as net:
        trained(net, data).save_weights(path)
    options = {"weights": path, "keep": False, "inference": inference}
    with network(head, nets.lrm(k=4, nms=0.7), **options) as mined, network(head, **options) as net:
        assert mined.forward(data[0]).tobytes() == net.forward(data[0]).tobytes()
        rows = [each.boxes(1, image_size=(30, 20), thresh=0.1, nms=0.4) for each in (mined, net)]
        np.testing.assert_array_equal(*rows)
        if not inference:
            net.save_weights(again)
            assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kernels", ["reference", "fast"])
def test_mining_learns(kernels, data):
    """The mined predictions' loss falls: what is kept pulls in the right direction."""
    head = nets.region(3, softmax=1, anchor_warmup=0)
    with network(head, nets.lrm(k=20, nms=0.7), kernels=kernels, keep=False) as net:
        trained(net, data, 1)
        first = net[2].mining["kept_loss"]
        trained(net, data, 60)
        assert net[2].mining["kept_loss"] < first / 2
