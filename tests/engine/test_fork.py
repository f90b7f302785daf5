"""A child made by fork() has none of its parent's threads, and computes what the parent does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal
import numpy as np
import pylrm

layer = "[convolutional]\\nbatch_normalize=1\\nfilters=32\\nsize=3\\npad=1\\nactivation=leaky\\n"
head = "[convolutional]\\nfilters=14\\n[region]\\nanchors=1,1, 2,2\\nnum=2\\nclasses=2\\n"
net = "[net]\\nbatch=2\\nwidth=64\\nheight=64\\nchannels=3\\n"
with pylrm.Network(net + layer + layer + head, threads=2) as net:
    x = np.random.default_rng(1).random((2, 3, 64, 64), dtype=np.float32)
    truth = np.full((2, 1, 5), 0.5, np.float32)
    expected = net.forward(x).tobytes()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        same = net.forward(x).tobytes() == expected
        net.train_batch(x, truth)
        os._exit(0 if same else 3)
    assert os.waitpid(child, 0)[1] == 0
    assert net.forward(x).tobytes() == expected
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() here")
def test_a_forked_child_computes() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
