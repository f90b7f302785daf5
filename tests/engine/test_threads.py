"""Networks in different threads don't touch each other; one network takes turns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pylrm

CFG = """[net]
batch=2
width=32
height=32
channels=3
learning_rate=.01

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=8
size=3
pad=1
groups=8
activation=relu

[convolutional]
filters=14
activation=linear

[region]
anchors=1,1, 2,2
num=2
classes=2

[lrm]
k=9
nms=.6
"""


def batch(k: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(k)
    truth = np.zeros((2, 2, 5), np.float32)
    truth[:, 0, :4] = 0.2 + 0.5 * random.random((2, 4))
    return random.random((2, 3, 32, 32), dtype=np.float32), truth


def run(kernels: str, seed: int) -> tuple[list[float], list[bytes]]:
    with pylrm.Network(CFG, seed=seed, kernels=kernels, threads=2) as net:
        losses = []
        for k in range(12):
            if k == 6:
                net.resize(32, 32)
            losses.append(net.train_batch(*batch(k)))
        return losses, [array.tobytes() for layer in net for array in layer.params.values()]


@pytest.mark.parametrize("kernels", ["reference", "fast"])
def test_networks_in_threads_compute_what_they_do_alone(kernels: str) -> None:
    alone = [run(kernels, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: run(kernels, seed), range(4)))
    assert together == alone


def test_one_network_in_many_threads_takes_turns() -> None:
    with pylrm.Network(CFG) as net:
        inputs = [batch(k)[0] for k in range(8)]
        expected = [net.forward(x) for x in inputs]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(net.forward, inputs))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_closing_while_others_use_it_is_an_error_and_no_crash() -> None:
    net = pylrm.Network(CFG)
    x = batch(0)[0]

    def forward(_: int) -> bool:
        try:
            return net.forward(x).shape == (2, 14, 16, 16)
        except pylrm.PylrmError:
            return False

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(forward, k) for k in range(20)]
        pool.submit(net.close).result()
        results = [future.result() for future in futures]
    assert not forward(0)
    assert len(results) == 20
