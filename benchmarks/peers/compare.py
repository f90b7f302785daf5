"""Ours beside the others: every program in a process of its own, in turn; tables in Markdown.

    make bench-peers                                   all of it (makes the others' environment)
    python benchmarks/peers/compare.py training yolov2-mobilenet.cfg --rounds 3 --batch 8
    python benchmarks/peers/compare.py inference yolov2-tiny.cfg --only openvino

Run it with pylrm's python. All get the same network with the same weights (ours has the loss layer
in training too), and each is held against our output before it is timed. A program's time is the
median over its processes; the ratio is the median of the rounds' ratios: above 1, ours is the
faster one. Memory is the largest of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from pylrm.engine import cpu_features, cpu_peak

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NETWORKS = ["yolov2-mobilenet.cfg", "yolov2-tiny.cfg", "yolov2-darknet19.cfg"]
NAMES = {
    "pylrm": "pylrm",
    "contiguous": "PyTorch, contiguous",
    "channels_last": "PyTorch, channels_last",
    "torch-jit": "PyTorch, frozen TorchScript",
    "torch-compile": "PyTorch, torch.compile",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "opencv": "OpenCV DNN",
}
OTHERS = {
    "training": ["contiguous", "channels_last"],
    "inference": ["torch-jit", "torch-compile", "onnxruntime", "openvino", "opencv"],
}


def processor() -> str:
    """The CPU's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


class RunError(Exception):
    """A program that cannot: the last line of its complaints."""


def call(command: list[object]) -> str:
    """What a program prints."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise RunError(done.stderr.strip().rpartition("\n")[2])
    return done.stdout


def command_of(program: str, what: str, cfg: str, folder: Path, args: Any) -> list[object]:
    """The command that times a program."""
    ending = ["--threads", args.threads, "--rounds", args.passes]
    if program == "pylrm" and what == "training":
        bench = [sys.executable, "-m", "pylrm", "bench", cfg, "--json", "--batch", args.batch]
        return [*bench, *ending]
    if what == "training":
        script = [args.python, HERE / "torch_train.py", folder, "--layout", program]
        return [*script, "--batch", args.batch, *ending]
    python = sys.executable if program == "pylrm" else args.python
    return [python, HERE / "infer.py", program, folder, *ending]


def compare(what: str, cfg: str, programs: list[str], args: Any) -> None:
    """Print the table of one network."""
    folder = ROOT / "build" / "peers" / Path(cfg).stem
    call([sys.executable, HERE / "prepare.py", cfg, folder])
    if {"onnxruntime", "openvino"} & set(programs):
        call([args.python, HERE / "infer.py", "onnx", folder])
    results: dict[str, list[dict[str, Any]]] = {program: [] for program in programs}
    failures: dict[str, RunError] = {}
    for number in range(args.rounds):
        for program, found in results.items():
            if program in failures:
                continue
            if sys.stderr.isatty():
                print(f"\r{cfg} {number + 1}/{args.rounds} {program:15}", end="", file=sys.stderr)
            try:
                output = call(command_of(program, what, cfg, folder, args))
            except RunError as failure:
                if program == "pylrm":
                    raise
                failures[program] = failure
                continue
            found.append(json.loads(output[output.index("{") :]))
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    batch = args.batch if what == "training" else 1
    print(f"\n{cfg}, {what}, batch {batch}\n")
    print("| program | version | ms | img/s | pylrm is … times as fast | process, MiB |")
    print("|---|---|---|---|---|---|")
    for program, found in results.items():
        if program in failures:
            print(f"| {NAMES[program]} | failed: {failures[program]} | | | | |")
            continue
        seconds = statistics.median(result["seconds"] for result in found)
        ratio = statistics.median(
            theirs["seconds"] / ours["seconds"]
            for theirs, ours in zip(found, results["pylrm"], strict=True)
        )
        memory = statistics.median(result["resident"] for result in found) / 2**20
        version = found[0].get("version") or found[0]["kernels"]
        print(
            f"| {NAMES[program]} | {version} | {1000 * seconds:.1f} | {batch / seconds:.2f} "
            f"| {f'{ratio:.2f}' if program != 'pylrm' else ''} | {memory:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=OTHERS)
    parser.add_argument("cfg", nargs="*", default=NETWORKS)
    parser.add_argument("--only", nargs="+", help="of the others, these")
    parser.add_argument("--python", default=ROOT / ".venv-peers/bin/python", help="the others'")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each program")
    parser.add_argument("--passes", type=int, help="timed in each  [default: 5; inference: 20]")
    parser.add_argument("--batch", type=int, default=8, help="of training")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    args.passes = args.passes or (5 if args.what == "training" else 20)
    others = [name for name in OTHERS[args.what] if args.only is None or name in args.only]
    print(
        f"{processor()}, {os.cpu_count()} processors, {cpu_features()}, "
        f"peak {cpu_peak(args.threads) / 1e9:.0f} GFLOP/s with {args.threads} threads\n"
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"{args.rounds} rounds in turn, {args.passes} passes in each"
    )
    for cfg in args.cfg:
        compare(args.what, cfg, ["pylrm", *others], args)
