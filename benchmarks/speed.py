"""Our own speed: training steps and inference passes of shipped networks, as a Markdown table.

    python benchmarks/speed.py                     under a minute
    python benchmarks/speed.py --rounds 30 --batch 8

Each line is one `pylrm bench`, a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

TRAINING = ["yolov2-mobilenet.cfg", "yolov2-mobilenet-lrm.cfg", "yolov2-tiny-lrm.cfg"]
INFERENCE = ["yolov2-mobilenet.cfg", "yolov2-tiny.cfg", "yolov2-darknet19.cfg"]


def bench(cfg: str, *options: object) -> dict[str, Any]:
    """What `pylrm bench` measures."""
    command = [sys.executable, "-m", "pylrm", "bench", cfg, "--json", *map(str, options)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=2, help="of training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    common = ["--threads", args.threads, "--rounds", args.rounds]
    print("| network | what | img/s | ms | GFLOP/s | of peak | outside the layers | process, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    runs = [(cfg, f"training, batch {args.batch}", ["--batch", args.batch]) for cfg in TRAINING]
    runs += [(cfg, "inference, batch 1", ["--inference"]) for cfg in INFERENCE]
    for cfg, what, options in runs:
        found = bench(cfg, *options, *common)
        rate = found["operations_per_second"]
        print(
            f"| {cfg} | {what} | {found['images_per_second']:.2f} | {1000 * found['seconds']:.1f} "
            f"| {rate / 1e9:.1f} | {rate / found['peak']:.0%} | {found['outside']:.2%} "
            f"| {found['resident'] / 2**20:.0f} |",
            flush=True,
        )
