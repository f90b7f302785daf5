"""Time a training step (forward, region, lrm, backward, update): prints one JSON line.

`make bench` runs it for yolov2-mobilenet with and without [lrm]; peers/compare.py takes turns with
others.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time

import numpy as np

import pylrm
from pylrm.cfgfile import resolve


def truths(rng: np.random.Generator, batch: int, boxes: int, classes: int, room: int) -> np.ndarray:
    """Random boxes, (batch, room, 5)."""
    truth = np.zeros((batch, room, 5), np.float32)
    truth[:, :boxes, :2] = rng.uniform(0.1, 0.9, (batch, boxes, 2))
    truth[:, :boxes, 2:4] = rng.uniform(0.05, 0.4, (batch, boxes, 2))
    truth[:, :boxes, 4] = rng.integers(0, classes, (batch, boxes))
    return truth


def measure(cfg: str, batch: int, threads: int, steps: int) -> dict[str, object]:
    """Median images a second over `steps` steps, and the process's peak memory."""
    rng = np.random.default_rng(0)
    with pylrm.Network(resolve(cfg), batch=batch, threads=threads) as net:
        x = rng.random((batch, net.channels, net.height, net.width), np.float32)
        truth = truths(rng, batch, 10, net.classes, 30)
        times = []
        for _ in range(steps + 2):
            began = time.perf_counter()
            net.train_batch(x, truth)
            times.append(time.perf_counter() - began)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "images_per_second": batch / statistics.median(times[2:]),
            "peak_mib": peak,
            "kernels": net.kernels,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    both = ["yolov2-mobilenet.cfg", "yolov2-mobilenet-lrm.cfg"]
    parser.add_argument("cfg", nargs="*", default=both)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    args = parser.parse_args()
    for name in args.cfg:
        print(json.dumps({"cfg": name, **measure(name, args.batch, args.threads, args.steps)}))
