"""The kernels of every CPU type that this CPU has agree, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

# A network with each of the kernels: im2col, pointwise (joined planes too), depthwise at both
# strides, Winograd, batch norm; trained, then in inference.
SCRIPT = """
import sys
import numpy as np
import pylrm

CFG = '''
[net]
batch=2
width=37
height=29
channels=3
learning_rate=.01
[convolutional]
batch_normalize=1
filters=18
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=18
size=3
pad=1
groups=18
activation=relu
[convolutional]
batch_normalize=1
filters=21
activation=relu6
[convolutional]
batch_normalize=1
filters=21
size=3
stride=2
pad=1
groups=21
activation=linear
[convolutional]
batch_normalize=1
filters=33
size=3
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=10
size=5
stride=2
pad=1
activation=leaky
[convolutional]
filters=19
activation=linear
[cost]
'''
rng = np.random.default_rng(0)
with pylrm.Network(CFG, threads=2) as net:
    for _ in range(3):
        x = rng.random((2, 3, 29, 37), np.float32)
        net.train_batch(x, rng.random((2, 19 * 4 * 5), np.float32))
    net.save_weights(sys.argv[1] + ".weights")
    with pylrm.Network(CFG, threads=2, inference=True) as other:
        other.load_weights(sys.argv[1] + ".weights")
        output = other.forward(x)
    np.savez(sys.argv[1], kernels=net.kernels, output=output, **{
        f"{layer.index}_{name}": values for layer in net for name, values in layer.params.items()
    })
"""


def run(kind: str, path: str) -> dict[str, np.ndarray]:
    subprocess.run(
        [sys.executable, "-c", SCRIPT, path], check=True, env={**os.environ, "DN_CPU": kind}
    )
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize("kind", ["baseline", "avx2"])
def test_a_lesser_cpu_learns_the_same(kind, tmp_path):
    best = run("", str(tmp_path / "best.npz"))
    lesser = run(kind, str(tmp_path / "lesser.npz"))
    if best["kernels"] == "baseline":
        pytest.skip("this CPU has the baseline kernels only")
    assert lesser.pop("kernels") == kind
    best.pop("kernels")
    for name, values in best.items():
        most = max(1, np.abs(values).max())
        assert np.allclose(lesser[name], values, rtol=1e-4, atol=1e-5 * most), name
