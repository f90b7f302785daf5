"""Time [lrm] itself: a network of [region] alone, with and without it; prints one JSON line.

The input is what YOLOv2's last convolution gives at 416x416 for VOC: 125 x 13 x 13, so N=845.
"""

from __future__ import annotations

import json
import statistics
import time

import numpy as np
from training import truths

import pylrm

BATCH, CLASSES, ROUNDS = 8, 20, 200
HEAD = f"""
[net]
batch={BATCH}
width=13
height=13
channels=125
[region]
anchors=1.3221,1.73145, 3.19275,4.00944, 5.05587,8.09892, 9.47112,4.84053, 11.2364,10.0071
classes={CLASSES}
num=5
bias_match=1
softmax=1
rescore=1
thresh=.6
object_scale=5
"""
LRM = "[lrm]\nk=256\nnms=0.7\n"


def milliseconds(net: pylrm.Network, x: np.ndarray, truth: np.ndarray) -> float:
    """Of one training pass forward."""
    began = time.perf_counter()
    net.forward(x, truth, train=True)
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, 125, 13, 13), np.float32)
    truth = truths(rng, BATCH, 10, CLASSES, 30)
    with pylrm.Network(HEAD, threads=1) as plain, pylrm.Network(HEAD + LRM, threads=1) as mined:
        extra = [
            milliseconds(mined, x, truth) - milliseconds(plain, x, truth) for _ in range(ROUNDS)
        ]
    print(json.dumps({"lrm_milliseconds_an_image": round(statistics.median(extra) / BATCH, 4)}))
