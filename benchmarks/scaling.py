"""How a training step's time grows with threads, images and pixels.

    python benchmarks/scaling.py                             half a minute
    python benchmarks/scaling.py --rounds 15 -o docs/images/scaling.png

Each round measures every point once, so that what else the machine does falls on all alike; a
point is the median. Printed: the speed-up by a second thread; the straight lines through the times
over images and over pixels, and how far the points are from them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pylrm import Network
from pylrm.inspect.bench import random_truth

BATCHES = [1, 2, 4, 8, 16]
SIDES = [160, 224, 288, 352, 416, 480, 544, 608]
Fit = tuple[float, float, float]  # slope, start, largest relative error
SMALL, FEW = 160, 2  # the side where the batch varies, the batch where the side does


def step(cfg: str, batch: int, side: int, threads: int) -> Callable[[], float]:
    """A training step of a network of its own, which returns its seconds."""
    net = Network(cfg, batch=batch, threads=threads)
    net.resize(side, side)
    random = np.random.default_rng(0)
    x = random.random((batch, net.channels, side, side), np.float32)
    truth = random_truth(net, random)

    def run() -> float:
        began = time.perf_counter()
        net.train_batch(x, truth)
        return time.perf_counter() - began

    run()
    return run


def line(x: np.ndarray, y: np.ndarray) -> Fit:
    """Slope and start of the line with the least relative errors, and the largest of these."""
    slope, start = np.polyfit(x, y, 1, w=1 / y)
    return float(slope), float(start), float(np.abs((slope * x + start) / y - 1).max())


def draw(out: Path, cfg: str, series: list[tuple[str, np.ndarray, np.ndarray, Fit]]) -> None:
    """The two series of times with their lines."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from pylrm.pictures.style import COLOURS, RC_PARAMS, save

    with rc_context(RC_PARAMS):
        figure = Figure(figsize=(9.2, 3.8), layout="constrained")
        figure.suptitle(f"A training step of {cfg}", x=0.012, ha="left", weight="bold")
        for axes, (label, x, y, (slope, start, error)) in zip(
            figure.subplots(1, 2), series, strict=True
        ):
            ends = np.array([0, x.max() * 1.05])
            axes.plot(ends, 1000 * (slope * ends + start), color=COLOURS[1], linewidth=1.4)
            axes.plot(x, 1000 * y, "o", color=COLOURS[0])
            axes.set_title(f"off the line by at most {error:.1%}", fontsize=9.5, weight="normal")
            axes.set_xlabel(label)
            axes.set_ylabel("milliseconds a step")
            axes.set_xlim(0)
            axes.set_ylim(0)
        save(figure, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cfg", nargs="?", default="yolov2-mobilenet-lrm.cfg")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, help="a figure: .png, .pdf, .svg")
    args = parser.parse_args()
    points = {(batch, SMALL, args.threads) for batch in BATCHES}
    points |= {(FEW, side, args.threads) for side in SIDES}
    points |= {(8, SMALL, 1), (8, SMALL, 2), (FEW, 416, 1), (FEW, 416, 2)}
    steps = {point: step(args.cfg, *point) for point in sorted(points)}
    times: dict[tuple[int, int, int], list[float]] = {point: [] for point in steps}
    for _ in range(args.rounds):
        for point, run in steps.items():
            times[point].append(run())
    median = {point: float(np.median(values)) for point, values in times.items()}
    for batch, side in ((8, SMALL), (FEW, 416)):
        one, two = median[batch, side, 1], median[batch, side, 2]
        print(
            f"{args.cfg}, batch {batch}, {side}x{side}: {1000 * one:.1f} ms with 1 thread, "
            f"{1000 * two:.1f} with 2: {one / two:.2f} times as fast"
        )
    series = []
    for label, x, chosen in (
        (f"images a step, {SMALL}x{SMALL}", BATCHES, [(b, SMALL) for b in BATCHES]),
        (f"thousand pixels, batch {FEW}", [s * s / 1000 for s in SIDES], [(FEW, s) for s in SIDES]),
    ):
        y = np.array([median[batch, side, args.threads] for batch, side in chosen])
        fit = line(np.array(x, float), y)
        series.append((label, np.array(x), y, fit))
        shown = ", ".join(f"{v:g}: {1000 * t:.1f}" for v, t in zip(x, y, strict=True))
        print(f"ms over {label}: {shown}")
        print(
            f"    line: {1000 * fit[1]:.2f} ms + {1e6 * fit[0]:.4g} us each; the points are "
            f"at most {fit[2]:.1%} off it"
        )
    if args.out:
        draw(args.out, args.cfg, series)
