"""Training on a GPU: images a second at batch 64, beside PyTorch, and what [lrm] takes of a step.

    make bench-gpu                     after make GPU=1; without a GPU it ends with a line

Twice: in float32, and with products in TF32 (PYLRM_TF32=1, which PyTorch follows here). PyTorch,
where it is installed, trains the same layers without a loss layer: forward, gradient of half the
sum of squares of the output, backward, SGD; also with channels last, in bfloat16 (autocast), and
with --compile compiled.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pylrm
from pylrm.cfg.file import find_cfg
from pylrm.inspect.bench import forward_multiply_adds, layer_table, measure, random_truth

HERE = Path(__file__).parent
BATCH, SIDE, STEPS = 64, 416, 10
NETWORKS = ["yolov2-mobilenet", "yolov2-darknet19"]
TF32 = os.environ.get("PYLRM_TF32") == "1"


def seconds_a_step(step: Callable[[], Any]) -> float:
    """The median, after three steps that do not count."""
    taken = []
    for _ in range(3 + STEPS):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[3:])


def ours(cfg: str) -> tuple[float, int]:
    """Seconds a step, and the operations of one: twice the multiply-adds, three times over."""
    with pylrm.Network(cfg, batch=BATCH, device="cuda") as net:
        net.resize(SIDE, SIDE)
        random = np.random.default_rng(0)
        x = random.random((BATCH, 3, SIDE, SIDE), np.float32)
        truth = random_truth(net, random)
        forward = sum(forward_multiply_adds(net, layer) for layer in net)
        return seconds_a_step(lambda: net.train_batch(x, truth)), 6 * BATCH * forward


def torchs(cfg: str, channels_last: bool, autocast: bool, compiled: bool) -> float:
    """Seconds a step of PyTorch."""
    import torch
    from prepare import cut
    from torch_network import Net

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = TF32
    torch.backends.cudnn.benchmark = True
    layout = torch.channels_last if channels_last else torch.contiguous_format
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = cut(find_cfg(cfg))
        (folder / "net.cfg").write_text(text)
        with pylrm.Network(text, batch=1) as source:
            source.save_weights(folder / "net.weights")
        net = Net(folder).cuda().train().to(memory_format=layout)
    solver = torch.optim.SGD(net.parameters(), lr=1e-9, momentum=0.9)
    forward = torch.compile(net) if compiled else net
    x = torch.rand(BATCH, 3, SIDE, SIDE)

    def step() -> None:
        solver.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
            out = forward(x.cuda().to(memory_format=layout))
        (out.float() ** 2).sum().mul(0.5).backward()
        solver.step()
        torch.cuda.synchronize()

    return seconds_a_step(step)


def rows(name: str, compiled: bool) -> None:
    """Print a network's."""
    seconds, operations = ours(f"{name}.cfg")
    mined, _ = ours(f"{name}-lrm.cfg")
    print(
        f"{name}: pylrm {BATCH / seconds:.0f} img/s ({operations / seconds / 1e12:.1f} TFLOP/s), "
        f"with [lrm] {BATCH / mined:.0f} ({(mined - seconds) / mined:+.1%} of the step)",
        flush=True,
    )
    if not importlib.util.find_spec("torch"):
        return
    ways = {"": (False, False, False), ", channels last": (True, False, False)}
    if TF32:
        ways[", bfloat16, channels last"] = (True, True, False)
        if compiled:
            ways[", bfloat16, channels last, compiled"] = (True, True, True)
    for way, flags in ways.items():
        print(f"{name}: PyTorch{way} {BATCH / torchs(f'{name}.cfg', *flags):.0f} img/s", flush=True)


def main() -> int:
    """Print the table, or a layer's times."""
    sys.path[:0] = [str(HERE.parent), str(HERE / "peers")]
    from tests.cuda.on_gpu import reason

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compile", action="store_true", help="PyTorch compiled, too")
    parser.add_argument("--layers", action="store_true", help="the time of each layer instead")
    asked = parser.parse_args()
    if why := reason():
        print(f"SKIPPED: no GPU to measure: {why}")
        return 0
    if asked.layers:
        for name in NETWORKS:
            timing = measure(f"{name}-lrm.cfg", size=SIDE, batch=BATCH, device="cuda")
            print(layer_table(timing))
        return 0
    if not TF32:
        print(f"training at {SIDE}x{SIDE}, batch {BATCH}, median of {STEPS} steps; float32:")
    for name in NETWORKS:
        rows(name, asked.compile)
    if TF32:
        return 0
    print("products in TF32:", flush=True)
    again = [sys.executable, *sys.argv]
    return subprocess.run(again, env={**os.environ, "PYLRM_TF32": "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
