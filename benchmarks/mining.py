"""Time [lrm] itself, after a [region] that stands alone; prints one JSON line.

    python benchmarks/mining.py

The input is what YOLOv2's last convolution gives at 416x416 for VOC: 125 x 13 x 13, so N=845.
"""

from __future__ import annotations

import json
import statistics

import numpy as np

import pylrm
from pylrm.inspect.bench import random_truth

BATCH, ROUNDS = 8, 200
CFG = f"""
[net]
batch={BATCH}
width=13
height=13
channels=125
[region]
anchors=1.3221,1.73145, 3.19275,4.00944, 5.05587,8.09892, 9.47112,4.84053, 11.2364,10.0071
classes=20
num=5
bias_match=1
softmax=1
rescore=1
thresh=.6
object_scale=5
[lrm]
k=256
nms=0.7
"""


if __name__ == "__main__":
    random = np.random.default_rng(0)
    x = random.standard_normal((BATCH, 125, 13, 13), np.float32)
    with pylrm.Network(CFG, threads=1) as net:
        truth = random_truth(net, random)
        times = []
        for _ in range(ROUNDS):
            net.time_layers()
            net.forward(x, truth, train=True)
            times.append(net[1].times["forward"] / 1e6 / BATCH)
    print(json.dumps({"lrm_milliseconds_an_image": round(statistics.median(times), 4)}))
