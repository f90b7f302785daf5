"""Training on a GPU: images a second at batch 64, beside PyTorch, and what [lrm] takes of a step.

    make bench-gpu                     after make GPU=1; without a GPU it ends with a line

PyTorch, where it is installed, trains the same layers without a loss layer: forward, gradient of
half the sum of squares of the output, backward, SGD; float32, TF32 off, as it is here.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pylrm
from pylrm.cfg.file import find_cfg
from pylrm.inspect.bench import random_truth

HERE = Path(__file__).parent
BATCH, SIDE, STEPS = 64, 416, 12
NETWORKS = ["yolov2-mobilenet", "yolov2-darknet19"]


def seconds_a_step(step: Callable[[], Any]) -> float:
    """The median, after three steps that do not count."""
    taken = []
    for _ in range(3 + STEPS):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[3:])


def ours(cfg: str) -> float:
    """Seconds a step."""
    with pylrm.Network(cfg, batch=BATCH, device="cuda") as net:
        net.resize(SIDE, SIDE)
        random = np.random.default_rng(0)
        x = random.random((BATCH, 3, SIDE, SIDE), np.float32)
        truth = random_truth(net, random)
        return seconds_a_step(lambda: net.train_batch(x, truth))


def torchs(cfg: str) -> float:
    """Seconds a step."""
    import torch
    from prepare import cut
    from torch_network import Net

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = cut(find_cfg(cfg))
        (folder / "net.cfg").write_text(text)
        with pylrm.Network(text, batch=1) as source:
            source.save_weights(folder / "net.weights")
        net = Net(folder).cuda().train()
    solver = torch.optim.SGD(net.parameters(), lr=1e-9, momentum=0.9)
    x = torch.rand(BATCH, 3, SIDE, SIDE)

    def step() -> None:
        solver.zero_grad()
        (net(x.cuda()) ** 2).sum().mul(0.5).backward()
        solver.step()
        torch.cuda.synchronize()

    return seconds_a_step(step)


def main() -> None:
    """Print a table."""
    sys.path[:0] = [str(HERE.parent), str(HERE / "peers")]
    from tests.cuda.on_gpu import reason

    if why := reason():
        print(f"SKIPPED: no GPU to measure: {why}")
        return
    peer = importlib.util.find_spec("torch") is not None
    print(
        f"training at {SIDE}x{SIDE}, batch {BATCH}, float32 without TF32, median of {STEPS} steps"
    )
    for name in NETWORKS:
        plain, mined = ours(f"{name}.cfg"), ours(f"{name}-lrm.cfg")
        line = f"{name}: {BATCH / plain:.1f} img/s, with [lrm] {BATCH / mined:.1f}"
        line += f" ({(mined - plain) / mined:.1%} of the step)"
        if peer:
            line += f"; PyTorch {BATCH / torchs(f'{name}.cfg'):.1f} img/s"
        print(line, flush=True)


if __name__ == "__main__":
    main()
