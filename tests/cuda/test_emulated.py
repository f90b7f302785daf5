"""The CUDA backend's own kernels, run by the CPU, against the plain loops.

tests/cuda/shim stands in for CUDA, cuBLAS is a plain loop there: nothing here has seen a GPU.
`make test-gpu` runs the same on one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pylrm
from pylrm import mining
from pylrm.errors import PylrmError
from tests.detector import nets
from tests.detector.test_losses import REGION_KEYS, YOLO_KEYS
from tests.layers.common import ACTIVATIONS, copy_weights, images, network, randomize, section

pytestmark = pytest.mark.usefixtures("emulated")

SHAPE = (6, 9, 11)
PAIR = ("reference", "cuda")
ON_GPU = os.environ.get("PYLRM_TEST_GPU") == "1"
of_the_shim = pytest.mark.skipif(ON_GPU, reason="of the shim")


def conv(**keys):
    return section("convolutional", **keys)


LAYERS = [
    *(section("activation", activation=name) for name in ACTIVATIONS),
    section("maxpool", size=2, stride=2),
    section("maxpool", size=5, stride=3, padding=2),
    section("maxpool", size=3, stride=1),
    section("avgpool"),
    section("upsample", stride=2, scale=0.5),
    section("crop", crop_height=5, crop_width=7, flip=1),
    section("crop", crop_height=8, crop_width=10, noadjust=1),
    section("batchnorm"),
    section("dropout", probability=0.3),
    section("route", layers="-1,0"),
    section("route", layers="0", groups=3, group_id=1),
    section("shortcut", **{"from": 0, "alpha": 2, "activation": "leaky"}),
    section("connected", output=7, activation="leaky", batch_normalize=1),
    section("connected", output=5, activation="mish"),
    section("softmax", spatial=1, groups=2, noloss=1),
    section("normalization", size=3, alpha=0.2, beta=0.7, kappa=1.5),
    section("l2norm"),
    section("local", filters=3, size=3, stride=2, pad=1, activation="leaky"),
    section("deconvolutional", filters=3, size=3, stride=2, padding=1, activation="relu"),
    section("deconvolutional", filters=2, size=2, stride=2, batch_normalize=1, activation="tanh"),
    section("sam", **{"from": 0}),
    conv(filters=5, size=3, pad=1, activation="leaky", batch_normalize=1),
    conv(filters=4, size=3, stride=2, pad=1, activation="mish"),
    conv(filters=7, activation="linear", batch_normalize=1),
    conv(filters=4, size=2, stride=3, padding=1, activation="swish", batch_normalize=1),
    conv(filters=6, groups=6, size=3, pad=1, batch_normalize=1, activation="relu6"),
    conv(filters=6, groups=6, size=3, stride=2, pad=1, activation="relu"),
    conv(filters=4, groups=2, size=3, stride=2, pad=1, activation="gelu"),
]
EVEN = [  # these want a map of even sides
    section("upsample", stride=-2),
    section("maxpool", size=2, stride=2) + section("shortcut", **{"from": 0, "beta": 0.1}),
    section("reorg", stride=2),
    section("reorg", stride=2, reverse=1),
    section("reorg", stride=2, flatten=1),
    section("avgpool") + section("scale_channels", **{"from": 0, "activation": "logistic"}),
]


def passes(layer, kernels, shape=SHAPE, **options):
    """A pass without training, then two with: outputs, and all that backward leaves."""
    text = section("activation", activation="linear") + layer + section("cost", type="smooth")
    found = []
    with network(text, shape, kernels=kernels, keep=True, seed=5, **options) as net:
        for number, each in enumerate(net):
            randomize(each, number)
        found.append(net.forward(images(shape)[:2]))
        truth = images(net[-2].shape, seed=1).reshape(3, -1)
        for turn in range(2):
            found.append(net.forward(images(shape, seed=turn), truth, train=True))
            net.backward()
            found.append(net[0].delta.copy())
        found += [array.copy() for each in net for array in each.grads.values()]
        found += [array.copy() for each in net for array in each.params.values()]
        found.append(np.float64([net[-1].cost]))
    return found


def alike(ours, theirs, tolerance=2e-6):
    """Each array to a share of its length; on a GPU sums are float32's, of another order."""
    if ON_GPU:
        tolerance = 1e-4
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert np.linalg.norm(a - b) <= tolerance * (np.linalg.norm(b) + 1e-3)


@pytest.mark.parametrize("layer", LAYERS)
def test_layers(layer):
    reference, cuda = (passes(layer, kernels) for kernels in PAIR)
    alike(cuda, reference)


@pytest.mark.parametrize("layer", EVEN)
def test_layers_of_even_sides(layer):
    shape = (4, 6, 8)
    reference, cuda = (passes(layer, kernels, shape) for kernels in PAIR)
    alike(cuda, reference)


def test_depthwise_layers_of_more_channels_than_teams():
    layer = conv(filters=2500, groups=2500, size=3, pad=1)
    alike(passes(layer, "cuda", (2500, 2, 3)), passes(layer, "reference", (2500, 2, 3)))


def test_statistics_in_several_parts():
    shape = (3, 54, 66)  # 3 images: 10692 values a channel, more than a part
    layer = section("batchnorm") + conv(filters=2, activation="linear")
    reference, cuda = (passes(layer, kernels, shape) for kernels in PAIR)
    alike(cuda, reference)


@pytest.mark.parametrize("kind", ["sse", "L1", "smooth", "masked"])
def test_costs(kind):
    text = section("activation", activation="linear") + section("cost", type=kind, scale=2)
    truth = images(SHAPE, seed=3).reshape(3, -1)
    truth[:, ::5] = -1234
    found = []
    for kernels in PAIR:
        with network(text, SHAPE, kernels=kernels, keep=True) as net:
            net.forward(images(SHAPE), truth, train=True)
            net.backward()
            found.append([net[0].delta.copy(), net[1].output.copy(), np.float64([net[1].cost])])
    alike(found[1], found[0])


@pytest.mark.parametrize("head", ["softmax", "logistic"])
def test_losses_of_classes(head):
    truth = np.eye(6, dtype=np.float32)[[1, 5, 0]]
    found = []
    for kernels in PAIR:
        with network(section(head), (6, 1, 1), kernels=kernels, keep=True) as net:
            net.forward(images((6, 1, 1)), truth, train=True)
            found.append([net[0].output.copy(), net[0].delta.copy(), np.float64([net[0].cost])])
    alike(found[1], found[0])


def judged(head, x, truth, kernels, more=(), seen=10**6):
    """A detector's arrays after a training pass."""
    with nets.network([head, *more], 5, 4, x.shape[1], len(x), seen, kernels=kernels) as net:
        net.forward(x, truth, train=True)
        layer = net[0]
        found = [layer.output.copy(), layer.delta.copy(), np.asarray(layer.overlap).copy()]
        numbers = [layer.cost, *(float(value) for value in layer.stats.values())]
        net.backward()
        return [*found, layer.delta.copy(), np.float64(numbers)], np.array(layer.assigned)


REGIONS = [
    *REGION_KEYS,
    {"loss": "joint", "background": 1, "focal_gamma": 2, "focal_alpha": 0.25},
    {"loss": "joint", "background": 1},
    {"loss": "sigmoids", "softmax": 0, "focal_gamma": 2, "focal_alpha": 0.25},
    {"focal_loss": 1, "softmax": 1},
]


@pytest.mark.parametrize(
    "head",
    [
        *(nets.region(**keys) for keys in REGIONS),
        *(nets.yolo(**keys) for keys in YOLO_KEYS),
        nets.yolo(mask=[0, 2]),
    ],
)
def test_detectors(head):
    rng = np.random.default_rng(7)
    anchors = 2 if "mask=0,2" in head else 3
    x = nets.logits(rng, 3, anchors, 3, 4, 5)
    if "new_coords" in head:
        x = rng.uniform(0.05, 0.95, x.shape).astype(np.float32)
    truth = nets.truths(rng, 3, 5, 3, ignored=1)
    truth[1, 1] = truth[1, 0]  # two truths of one place
    truth[2, 0, 2] = np.nan
    seen = 0 if "anchor_warmup=2" in head else 10**6
    (reference, which), (cuda, ours) = (judged(head, x, truth, k, seen=seen) for k in PAIR)
    np.testing.assert_array_equal(ours, which)
    alike(cuda, reference, 1e-6)


def mined(keys, x, truth, kernels, region=None):
    with nets.network(
        [nets.region(**{"softmax": 1, **(region or {})}), nets.lrm(**keys)],
        5,
        4,
        x.shape[1],
        len(x),
        kernels=kernels,
    ) as net:
        net.forward(x, truth, train=True)
        arrays = {
            name: np.array(getattr(net[1], name))
            for name in ("loss", "boxes", "classes", "selected")
        }
        return {**arrays, "delta": net[0].delta.copy(), "stats": net[1].mining}


def inputs(seed, spread=1.0):
    rng = np.random.default_rng(seed)
    x = nets.logits(rng, 3, 3, 3, 4, 5, spread)
    return np.round(x * 2) / 2, nets.truths(rng, 3, 4, 3, ignored=1)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**16),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0, 1, 7, 59, 60, 200]),
    st.sampled_from([0.0, 0.25, 0.5, 0.7, 1.0]),
)
def test_mining_selects_exactly_what_the_rule_does(seed, spread, k, nms):
    """On the kernels' own arrays, with many equal losses: spread 0 makes all predictions alike."""
    x, truth = inputs(seed, spread)
    got = mined({"k": k, "nms": nms}, x, truth, "cuda")
    for i in range(len(x)):
        arrays = (got[name][i] for name in ("loss", "boxes", "classes"))
        wanted = np.zeros(got["selected"].shape[1], bool)
        wanted[mining.select(*arrays, k, nms)] = True
        np.testing.assert_array_equal(got["selected"][i], wanted)


# Binary fractions of a 4x4 grid: many boxes coincide, or overlap by exactly 1/4, 1/3 or 1/2.
EXACT = st.sampled_from([0.25, 1 / 3, 0.5])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 20), EXACT)
def test_boxes_that_overlap_by_just_the_limit(seed, k, nms):
    rng = np.random.default_rng(seed)
    x = rng.choice(np.float32([0, 0.5, 1]), (2, 2, 6, 4, 4))
    x[:, :, 2:4] = rng.choice(np.float32([0.25, 0.5]), (2, 2, 2, 4, 4))
    head = nets.yolo(1, [(2, 2), (4, 2)], new_coords=1)
    x = x.reshape(2, 12, 4, 4)
    with nets.network([head, nets.lrm(k=k, nms=nms)], 4, 4, 12, 2, kernels="cuda") as net:
        net.forward(x, nets.truths(rng, 2, 2, 1), train=True)
        for i in range(2):
            loss, boxes, classes = (
                np.array(array[i]) for array in (net[1].loss, net[1].boxes, net[1].classes)
            )
            wanted = np.zeros(len(loss), bool)
            wanted[mining.select(loss, boxes, classes, k, nms)] = True
            np.testing.assert_array_equal(net[1].selected[i], wanted)


@pytest.mark.parametrize(
    "keys",
    [
        {"k": 9, "nms": 0.5},
        {"k": 9, "nms": 0.5, "easy": 0.25},
        {"k": 9, "nms": 0.3, "easy": 0.25, "easy_nms": 0.5},
        {"k": 20, "nms": 0.5, "mass": 0.7, "k_min": 3},
        {"k": 0, "nms": 0, "mass": 0.4},
        {"k": 12, "rank": "true"},
        {"mode": "negatives"},
        {"mode": "random", "k": 11},
        {"mode": "ghm"},
        {"mode": "prime"},
    ],
)
@pytest.mark.parametrize("region", [{}, {"background": 1, "loss": "joint"}])
def test_mining_is_the_plain_one(keys, region):
    rng = np.random.default_rng(3)
    x, truth = nets.logits(rng, 3, 3, 3, 4, 5), nets.truths(rng, 3, 4, 3, ignored=1)
    reference, cuda = (mined(keys, x, truth, kernels, region) for kernels in PAIR)
    for name in ("classes", "selected"):
        np.testing.assert_array_equal(cuda[name], reference[name])
    alike(*([run[n] for n in ("loss", "boxes", "delta")] for run in (cuda, reference)))
    assert cuda["stats"] == pytest.approx(reference["stats"], rel=1e-4 if ON_GPU else 1e-6)


def test_mining_ranks_several_heads_together():
    heads = [nets.yolo(mask=[0]), section("route", layers=0), nets.yolo(mask=[1])]
    text = [section("activation", activation="linear"), *heads, nets.lrm(k=6, layers="1,3")]
    rng = np.random.default_rng(4)
    x, truth = nets.logits(rng, 2, 1, 3, 4, 5), nets.truths(rng, 2, 3, 3)
    found = []
    for kernels in PAIR:
        with nets.network(text, 5, 4, 8, 2, kernels=kernels) as net:
            net.forward(x, truth, train=True)
            found.append((np.array(net[4].selected), net[1].delta.copy(), net[3].delta.copy()))
    np.testing.assert_array_equal(found[1][0], found[0][0])
    alike(found[1][1:], found[0][1:])


def test_boxes_with_uncertainties():
    """[Gaussian_yolo]: the host's loss, then mining by these kernels in its other layout."""
    size = {"mask": "0,1", "anchors": "1.3,1.7, 3.2,4", "classes": 3, "num": 2}
    text = [section("Gaussian_yolo", **size), nets.lrm(k=9, nms=0.5)]
    rng = np.random.default_rng(8)
    x = rng.normal(size=(2, 2 * 12, 4, 5)).astype(np.float32)
    truth = nets.truths(rng, 2, 3, 3)
    found = []
    for kernels in PAIR:
        with nets.network(text, 5, 4, 24, 2, kernels=kernels) as net:
            net.forward(x, truth, train=True)
            found.append([np.array(net[1].selected), np.array(net[1].classes)])
            found.append([net[0].delta.copy(), np.array(net[1].loss), np.array(net[1].boxes)])
    for ours, plain in zip(found[2], found[0], strict=True):
        np.testing.assert_array_equal(ours, plain)
    alike(found[3], found[1])


STEPS = [
    {"momentum": 0.9, "decay": 0.01},
    {"adam": 1, "decay": 0.01},
    {"clip_norm": 0.05, "momentum": 0.9},
    {"clip": 0.2},
    {"ema_alpha": 0.9, "max_batches": 6},
    {"subdivisions": 3},
]


@pytest.mark.parametrize("keys", STEPS)
def test_trainings_follow_each_other(keys):
    body = (
        conv(filters=6, size=3, pad=1, batch_normalize=1, activation="leaky")
        + section("maxpool", size=2, stride=2)
        + section("dropout", probability=0.2)
        + conv(filters=24, activation="linear")
        + nets.region(softmax=1)
        + nets.lrm(k=12)
    )
    head = {"batch": 3, "channels": 4, "height": 8, "width": 10, "learning_rate": 0.01}
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 4, 8, 10)).astype(np.float32)
    truth = nets.truths(rng, 3, 3, 3)
    found = []
    size = 3 // keys.get("subdivisions", 1)
    for kernels in PAIR:
        with pylrm.Network(section("net", **head, **keys) + body, kernels=kernels, seed=1) as net:
            losses = [
                net.train_batch(x[i : i + size], truth[i : i + size])
                for _ in range(5)
                for i in range(0, 3, size)
            ]
            found.append([np.float64(losses), *(a for each in net for a in each.params.values())])
            found[-1] = [array.copy() for array in found[-1]]
    alike(found[1], found[0], 1e-5)


def test_inference_and_another_size():
    text = conv(filters=5, size=3, pad=1, batch_normalize=1, activation="leaky")
    text += conv(filters=5, size=3, pad=1, groups=5, batch_normalize=1, activation="mish")
    found = []
    for kernels in PAIR:
        with (
            network(text, SHAPE, kernels=kernels) as net,
            network(text, SHAPE, kernels=kernels, inference=True) as ours,
        ):
            for number, each in enumerate(net):
                randomize(each, number)
            copy_weights(net, ours)
            small = ours.forward(images(SHAPE))
            ours.resize(16, 13)
            found.append([small, ours.forward(images((6, 13, 16)))])
    alike(found[1], found[0])


def test_networks_in_threads_compute_what_they_do_alone():
    def alone(seed):
        with network(LAYERS[-4], SHAPE, kernels="cuda", seed=seed) as net:
            return net.forward(images(SHAPE, seed=seed)).tobytes()

    one_by_one = [alone(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(alone, range(4))) == one_by_one


@of_the_shim
def test_the_backend_says_what_it_is():
    with network(LAYERS[0], SHAPE, device="cuda") as net:
        assert net.kernels == "cuda-emulated"


@of_the_shim
def test_a_network_that_does_not_fit_is_refused():
    with pytest.raises(PylrmError, match="no memory for"):
        network(conv(filters=128, size=3, pad=1), (4, 1024, 1024), kernels="cuda")
    with pytest.raises(PylrmError, match="no memory for .* of parameters"):
        network(section("connected", output=200_000), (16, 32, 32), kernels="cuda")


SCRIPT = """
import pylrm
try:
    net = pylrm.Network("[net]\\nwidth=4\\nheight=4\\nchannels=1\\n[avgpool]\\n", device="cuda")
    net.forward([[[[0] * 4] * 4]])
except pylrm.errors.PylrmError as error:
    print(error)
"""


def told(**environment: str) -> str:
    """What a process of its own says, in one line."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("\n") == 1, done.stdout
    return done.stdout


@of_the_shim
def test_no_gpu_is_one_line():
    assert "CUDA is not there: no GPU is found" in told(CUDA_SHIM_GPUS="0")


def test_no_library_is_one_line():
    said = told(PYLRM_CUDA_LIBRARY="/nowhere/libdarknet_cuda.so")
    assert said.startswith("CUDA is not there: /nowhere/libdarknet_cuda.so: ")


@of_the_shim
def test_a_failing_gpu_ends_the_pass_with_a_line():
    assert "the GPU failed in this pass: a failure that" in told(CUDA_SHIM_FAILS="1")


@of_the_shim
@pytest.mark.slow
@pytest.mark.parametrize("folder", ["tests/layers", "tests/detector", "tests/test_golden.py"])
def test_the_sweeps_of_all_layers_and_detectors(folder):
    """Their tests once more, with these kernels in the place of the fast ones."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder],
        env={**os.environ, "PYLRM_TEST_KERNELS": "cuda"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
