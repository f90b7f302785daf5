"""Time PyTorch's training step (forward, backward, SGD with momentum): prints one JSON line.

    python benchmarks/peers/torch_train.py FOLDER --layout channels_last     (see prepare.py)

Its forward pass with batch statistics is first held against ours.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch_network import Net

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layout", choices=LAYOUTS, default="channels_last")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    layout = LAYOUTS[args.layout]
    net = Net(args.folder).to(memory_format=layout).train()

    x = torch.from_numpy(np.load(args.folder / "input.npy"))
    ours = torch.from_numpy(np.load(args.folder / "batch_output.npy"))
    with torch.no_grad():
        error = float(
            (net(x.contiguous(memory_format=layout)) - ours).abs().max() / ours.abs().max()
        )
    if error > 1e-2:  # Darknet divides a batch's variance by n - 1, PyTorch by n, some hundreds
        raise SystemExit(f"{args.folder}: the networks differ by {error:.2g} of the largest output")

    solver = torch.optim.SGD(net.parameters(), lr=1e-5, momentum=0.9, weight_decay=5e-4)
    x = torch.rand(args.batch, *x.shape[1:]).contiguous(memory_format=layout)
    with torch.no_grad():
        delta = torch.randn_like(net(x)) * 1e-3
    times = []
    for _ in range(args.rounds + 2):
        began = time.perf_counter()
        solver.zero_grad(set_to_none=True)
        net(x).backward(delta)
        solver.step()
        times.append(time.perf_counter() - began)
    print(
        json.dumps(
            {
                "seconds": statistics.median(times[2:]),
                "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "version": torch.__version__,
                "error": error,
            }
        )
    )
