"""What checkpoints and guards cost beside training; prints one JSON line a network."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pylrm import Network
from pylrm.runs.checkpoint import Checkpoint, write_checkpoint
from pylrm.training.checkpoints import SECONDS, arrays_of

NETWORKS = ("yolov2-mobilenet-lrm.cfg", "yolov2-darknet19.cfg")
BATCH, ROUNDS = 8, 3


def best(function: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the seconds of the shortest of some calls."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def measure(cfg: str, folder: Path) -> dict[str, object]:
    random = np.random.default_rng(0)
    with Network(cfg, batch=BATCH) as net:
        x = random.random((BATCH, 3, net.height, net.width), np.float32)
        truth = np.zeros((BATCH, 1, 5), np.float32)
        truth[:, 0] = [0.5, 0.5, 0.2, 0.2, 1]
        update = best(lambda: net.train_batch(x, truth), 2)
        arrays, path = arrays_of(net), folder / "1.checkpoint"
        look = best(lambda: net.find_not_finite(values_only=True))
        look_at_all = best(net.find_not_finite)
        write = best(lambda: write_checkpoint(path, {}, arrays))
        read = best(lambda: Checkpoint.read(path).fill(arrays))
        return {
            "cfg": cfg,
            "update_s": round(update, 2),
            "guard_ms": round(1e3 * look, 2),
            "guard_share": f"{look / update:.4%}",
            "MiB": round(path.stat().st_size / 2**20, 1),
            "check_all_ms": round(1e3 * look_at_all, 1),
            "write_s": round(write, 2),
            "read_s": round(read, 2),
            "checkpoints_share": f"{(write + look_at_all) / SECONDS:.2%}",
        }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for cfg in sys.argv[1:] or NETWORKS:
            print(json.dumps(measure(cfg, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
