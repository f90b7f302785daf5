"""What training in several processes would cost on a cluster: computed, from parts measured here.

    python benchmarks/processes.py                                   a minute
    python benchmarks/processes.py yolov2-darknet19.cfg --network 25:20

Measured on this machine: a pass of --batch images, an update, and the adding of gradients. Given:
a network's speed (Gbit/s) and latency (microseconds), as --network SPEED:LATENCY, several times.
Computed, on paper, for 1 to 256 nodes with a process each and a pass a process an update: the
seconds of an update, images a second, and which share of n times one node's that is. The formula is
in docs/parallel.md. Nobody has measured such a cluster.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pylrm import Network
from pylrm.inspect.bench import random_truth

NODES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
FLOAT = 4


@dataclass(frozen=True)
class Parts:
    """What was measured: seconds, and sizes in bytes."""

    forward_backward: float
    update: float
    adding: float  # of all gradients once
    gradients: int
    statistics: int  # of batch norm, a pass


@dataclass(frozen=True)
class Link:
    """A node's connection: bytes a second each way, seconds of a message."""

    speed: float
    latency: float

    @classmethod
    def of(cls, text: str) -> Link:
        """Read SPEED:LATENCY, in Gbit/s and microseconds."""
        speed, latency = map(float, text.split(":"))
        if speed <= 0 or latency < 0:
            raise ValueError(text)
        return cls(speed * 1e9 / 8, latency * 1e-6)


def seconds_of_update(parts: Parts, link: Link, nodes: int) -> float:
    """Seconds of an update of `nodes` passes, one a node."""
    alone = parts.forward_backward + parts.update
    if nodes == 1:
        return alone
    share = (nodes - 1) / nodes * parts.gradients / link.speed
    sums = 2 * (share + (nodes - 1) * link.latency)  # to those who add, and back
    led = (nodes - 1) * (3 * link.latency + parts.statistics / link.speed)  # orders and reports
    return alone + sums + parts.adding + led


def timed(action: Callable[[], object], rounds: int) -> float:
    """Return the median of the seconds that something takes."""
    times = []
    for _ in range(rounds + 1):  # the first warms up
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return float(np.median(times[1:]))


def measure(cfg: str, batch: int, threads: int | None, rounds: int) -> Parts:
    """Measure the parts on this machine."""
    with Network(cfg, batch=batch, threads=threads) as net:
        random = np.random.default_rng(0)
        x = random.random((batch, net.channels, net.height, net.width), np.float32)
        truth, gradient = random_truth(net, random), np.empty_like(net.gradients)
        sums = net.gradients
        rolling = sum(
            values.nbytes
            for layer in net
            for name, values in layer.params.items()
            if "rolling" in name
        )
        return Parts(
            timed(lambda: net.train_pass(x, truth, gradient), rounds),
            timed(net.update, rounds),
            timed(lambda: np.add(sums, gradient, out=gradient), rounds),
            sums.nbytes,
            rolling,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cfg", nargs="?", default="yolov2-mobilenet-lrm.cfg")
    parser.add_argument("--batch", type=int, default=8, help="images a pass")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", type=Link.of, action="append", metavar="SPEED:LATENCY")
    args = parser.parse_args()
    links = args.network or [Link.of(text) for text in ("1:50", "10:20", "100:2")]
    parts = measure(args.cfg, args.batch, args.threads, args.rounds)
    print(
        f"{args.cfg}, measured here: a pass of {args.batch} images {parts.forward_backward:.3f} s, "
        f"an update {parts.update:.4f} s, adding {parts.adding:.4f} s; gradients "
        f"{parts.gradients / 1e6:.1f} MB, statistics {parts.statistics / 1e3:.1f} kB"
    )
    print("on paper, not measured: seconds an update, images a second, share of n times one node")
    print("nodes" + "".join(f"{link.speed * 8 / 1e9:>16g} Gbit/s     " for link in links))
    one = args.batch / seconds_of_update(parts, links[0], 1)
    for nodes in NODES:
        cells = []
        for link in links:
            seconds = seconds_of_update(parts, link, nodes)
            pace = nodes * args.batch / seconds
            cells.append(f"{seconds:9.3f} {pace:9.1f} {pace / (nodes * one):6.0%} ")
        print(f"{nodes:5}" + " ".join(cells))
