"""What only a GPU can show; skipped without PYLRM_TEST_GPU=1, which `make test-gpu` sets."""

from __future__ import annotations

import os

import numpy as np
import pytest

import pylrm
from tests.detector import nets

pytestmark = pytest.mark.skipif(
    os.environ.get("PYLRM_TEST_GPU") != "1", reason="PYLRM_TEST_GPU=1: wants a GPU"
)

BATCH, SIDE, CLASSES = 8, 13, 20


def test_most_selections_agree_from_end_to_end(capsys):
    """From the same logits the losses differ in their last bits, and with them some ranks."""
    rng = np.random.default_rng(0)
    x = nets.logits(rng, BATCH, 3, CLASSES, SIDE, SIDE)
    truth = nets.truths(rng, BATCH, 6, CLASSES)
    kept = []
    for kernels in ("fast", "cuda"):
        text = [nets.region(classes=CLASSES, softmax=1), nets.lrm(k=128)]
        with nets.network(text, SIDE, SIDE, x.shape[1], BATCH, kernels=kernels) as net:
            net.forward(x, truth, train=True)
            kept.append(np.array(net[1].selected))
    share = (kept[0] & kept[1]).sum() / kept[0].sum()
    with capsys.disabled():
        print(f"\nselections that CPU and GPU share from end to end: {share:.2%}")
    assert share > 0.99


def scene(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright square of one of two colours each, and its box."""
    x = rng.uniform(0, 0.2, (count, 3, 64, 64)).astype(np.float32)
    truth = np.zeros((count, 2, 5), np.float32)
    for image in range(count):
        side, kind = int(rng.integers(12, 28)), image % 2
        left, top = rng.integers(0, 64 - side, 2)
        x[image, kind, top : top + side, left : left + side] = 0.9
        truth[image, 0] = [
            (left + side / 2) / 64,
            (top + side / 2) / 64,
            side / 64,
            side / 64,
            kind,
        ]
    return x, truth


CFG = """[net]
batch=8
width=64
height=64
channels=3
learning_rate=0.003
momentum=0.9
decay=0.0005
"""
BODY = (
    "[convolutional]\nbatch_normalize=1\nsize=3\nstride=2\npad=1\nactivation=leaky\nfilters=16\n"
    "[convolutional]\nbatch_normalize=1\nsize=3\npad=1\ngroups=16\nactivation=relu\nfilters=16\n"
    "[maxpool]\nsize=2\nstride=2\n"
    "[convolutional]\nbatch_normalize=1\nsize=3\nstride=2\npad=1\nactivation=leaky\nfilters=32\n"
    "[convolutional]\nfilters=14\nactivation=linear\n"
    "[region]\nanchors=2,2, 3.5,3.5\nclasses=2\nnum=2\nsoftmax=1\nrescore=1\nobject_scale=5\n"
    "anchor_warmup=0\n[lrm]\nk=32\n"
)


def test_a_training_takes_the_cpus_course(capsys):
    curves = []
    for kernels in ("fast", "cuda"):
        rng = np.random.default_rng(5)
        with pylrm.Network(CFG + BODY, kernels=kernels, seed=3) as net:
            curves.append(np.array([net.train_batch(*scene(rng, 8)) for _ in range(200)]))
    windows = [curve.reshape(10, 20).mean(1) for curve in curves]
    apart = np.abs(windows[1] - windows[0]) / windows[0]
    with capsys.disabled():
        print("\nmean loss of 20 steps, CPU and GPU:")
        for cpu, gpu in zip(*windows, strict=True):
            print(f"  {cpu:8.4f} {gpu:8.4f}")
    assert windows[1][-1] < windows[1][0] / 2
    assert apart[0] < 0.02
    assert apart.max() < 0.25


def test_passes_are_the_same_bit_by_bit():
    rng = np.random.default_rng(6)
    x, truth = scene(rng, 8)
    found = []
    for _ in range(2):
        with pylrm.Network(CFG + BODY, kernels="cuda", seed=3) as net:
            found.append([net.train_batch(x, truth) for _ in range(20)])
    assert found[0] == found[1]
