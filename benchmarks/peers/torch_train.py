"""Time PyTorch's training step (forward, backward, SGD with momentum): prints one JSON line."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time

import torch
from torch_network import Net

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cfg")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    net = Net(args.cfg).to(memory_format=torch.channels_last).train()
    solver = torch.optim.SGD(net.parameters(), lr=1e-5, momentum=0.9, weight_decay=5e-4)
    x = torch.rand(args.batch, 3, *net.size).contiguous(memory_format=torch.channels_last)
    delta = torch.randn_like(net(x)) * 1e-3
    times = []
    for _ in range(args.steps + 2):
        began = time.perf_counter()
        solver.zero_grad(set_to_none=True)
        net(x).backward(delta)
        solver.step()
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    median = statistics.median(times[2:])
    speed = args.batch / median
    result = {"images_per_second": speed, "peak_mib": peak, "version": torch.__version__}
    print(json.dumps(result))
