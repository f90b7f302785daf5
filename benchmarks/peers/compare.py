"""Ours beside the others: every program in a process of its own, in turn; tables in Markdown.

In training a turn is a new process, that times some steps. In inference all processes are there at
once, and a turn is some passes of one of them, a fraction of a second: what else happens on the
machine meets them all alike.

    make bench-peers                                   all of it (makes the others' environment)
    python benchmarks/peers/compare.py training yolov2-mobilenet.cfg --rounds 3 --batch 8
    python benchmarks/peers/compare.py inference yolov2-tiny.cfg --only openvino

Run it with pylrm's python. All get the same network with the same weights (ours has the loss layer
in training too), and each is held against our output before it is timed. A program's time is the
median over its turns; the ratio is the median of the rounds' ratios: above 1, ours is the
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
import time
from pathlib import Path
from typing import Any

from pylrm.engine import cpu_features, cpu_peak

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAUSE = 0.03  # seconds before a turn: the others' threads fall asleep
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


class Steps:
    """Training: a turn is a process."""

    def __init__(self, program: str, cfg: str, folder: Path, args: Any) -> None:
        ending = ["--batch", args.batch, "--threads", args.threads, "--rounds", args.passes]
        self.command: list[object] = [args.python, HERE / "torch_train.py", folder]
        self.command += ["--layout", program]
        if program == "pylrm":
            self.command = [sys.executable, "-m", "pylrm", "bench", cfg, "--json"]
        self.command += ending

    def turn(self) -> dict[str, Any]:
        output = call(self.command)
        found: dict[str, Any] = json.loads(output[output.index("{") :])
        return {"version": found.get("kernels"), **found}

    def close(self) -> None:
        """Nothing is left running."""


class Passes:
    """Inference: a process that waits for its turns."""

    def __init__(self, program: str, cfg: str, folder: Path, args: Any) -> None:
        python = sys.executable if program == "pylrm" else args.python
        command = [python, HERE / "infer.py", program, folder, "--threads", args.threads]
        self.passes = args.passes
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.about = self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout and self.process.stderr
        for line in self.process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise RunError(self.process.stderr.read().strip().rpartition("\n")[2])

    def turn(self) -> dict[str, Any]:
        assert self.process.stdin
        time.sleep(PAUSE)
        print(self.passes, file=self.process.stdin, flush=True)
        return {**self.about, **self.answer()}

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def runs(
    what: str, cfg: str, folder: Path, programs: list[str], args: Any
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, RunError]]:
    """What each program found in its turns, and why some have none."""
    results: dict[str, list[dict[str, Any]]] = {}
    failures: dict[str, RunError] = {}
    running: dict[str, Steps | Passes] = {}
    try:
        for program in programs:
            try:
                running[program] = (Steps if what == "training" else Passes)(
                    program, cfg, folder, args
                )
                results[program] = []
            except RunError as failure:
                if program == "pylrm":
                    raise
                failures[program] = failure
        for number in range(args.rounds):
            for program, found in results.items():
                if sys.stderr.isatty():
                    print(
                        f"\r{cfg} {number + 1}/{args.rounds} {program:15}", end="", file=sys.stderr
                    )
                found.append(running[program].turn())
    finally:
        for each in running.values():
            each.close()
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return results, failures


def compare(what: str, cfg: str, programs: list[str], args: Any) -> None:
    """Print the table of one network."""
    folder = ROOT / "build" / "peers" / Path(cfg).stem
    call([sys.executable, HERE / "prepare.py", cfg, folder])
    if {"onnxruntime", "openvino"} & set(programs):
        call([args.python, HERE / "infer.py", "onnx", folder])
    results, failures = runs(what, cfg, folder, programs, args)
    batch = args.batch if what == "training" else 1
    print(f"\n{cfg}, {what}, batch {batch}\n")
    print("| program | version | ms | img/s | pylrm is … times as fast | process, MiB |")
    print("|---|---|---|---|---|---|")
    for program, found in results.items():
        seconds = statistics.median(result["seconds"] for result in found)
        ratio = statistics.median(
            theirs["seconds"] / ours["seconds"]
            for theirs, ours in zip(found, results["pylrm"], strict=True)
        )
        memory = statistics.median(result["resident"] for result in found) / 2**20
        cells = [NAMES[program], found[0]["version"], f"{1000 * seconds:.1f}"]
        cells += [f"{batch / seconds:.2f}", "" if program == "pylrm" else f"{ratio:.2f}"]
        print("|", " | ".join([*cells, f"{memory:.0f}"]), "|", flush=True)
    for program, failure in failures.items():
        print(f"| {NAMES[program]} | failed: {failure} | | | | |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=OTHERS)
    parser.add_argument("cfg", nargs="*", default=NETWORKS)
    parser.add_argument("--only", nargs="+", help="of the others, these")
    parser.add_argument("--python", default=ROOT / ".venv-peers/bin/python", help="the others'")
    parser.add_argument("--rounds", type=int, help="turns of each  [default: 5; inference: 40]")
    parser.add_argument("--passes", type=int, help="timed in a turn  [default: 5]", default=5)
    parser.add_argument("--batch", type=int, default=8, help="of training")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_intermixed_args()
    args.rounds = args.rounds or (5 if args.what == "training" else 40)
    others = [name for name in OTHERS[args.what] if args.only is None or name in args.only]
    print(
        f"{processor()}, {os.cpu_count()} processors, {cpu_features()}, "
        f"peak {cpu_peak(args.threads) / 1e9:.0f} GFLOP/s with {args.threads} threads\n"
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"{args.rounds} rounds in turn, {args.passes} passes in each"
    )
    for cfg in args.cfg:
        compare(args.what, cfg, ["pylrm", *others], args)
