"""Our training step beside PyTorch's, in turn, as separate processes; a table in Markdown.

python benchmarks/peers/compare.py --torch-python PATH    (an environment with torch)
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CFG = HERE.parent.parent / "cfg"


def run(command: list[str]) -> dict[str, float | str]:
    """The JSON that a benchmark prints last."""
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float | str] = json.loads(output.splitlines()[-1])
    return result


def processor() -> str:
    """The CPU's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cfg", nargs="*", default=["yolov2-mobilenet-lrm.cfg"])
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    size = ["--batch", str(args.batch), "--threads", str(args.threads)]
    print(f"{processor()}, {args.threads} threads, batch {args.batch}, {args.rounds} rounds\n")
    print("| cfg | pylrm, img/s | PyTorch, img/s | ratio | pylrm, MiB | PyTorch, MiB |")
    print("|---|---|---|---|---|---|")
    for name in args.cfg:
        path = str(CFG / name)
        ours, theirs, ratios = [], [], []
        for _ in range(args.rounds):
            ours.append(run([sys.executable, str(HERE.parent / "training.py"), path, *size]))
            theirs.append(run([args.torch_python, str(HERE / "torch_train.py"), path, *size]))
            speeds = [float(each[-1]["images_per_second"]) for each in (ours, theirs)]
            ratios.append(speeds[0] / speeds[1])
        ratio = statistics.median(ratios)

        def middle(results: list[dict[str, float | str]], key: str) -> float:
            return statistics.median(float(result[key]) for result in results)

        print(
            f"| {name} ({ours[0]['kernels']}) | {middle(ours, 'images_per_second'):.2f} "
            f"| {middle(theirs, 'images_per_second'):.2f} ({theirs[0]['version']}) | {ratio:.2f} "
            f"| {middle(ours, 'peak_mib'):.0f} | {middle(theirs, 'peak_mib'):.0f} |"
        )
