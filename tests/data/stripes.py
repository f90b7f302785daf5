"""Images of stripes that lie, stand or are missing, in folders of classes; and a small network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

CLASSES = ("lying", "plain", "standing")
CFG = """[net]
width=32
height=32
channels=3
batch=12
subdivisions={passes}
learning_rate=.02
momentum=.9
policy=steps
steps=60
scales=.1
max_batches={updates}
{keys}
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=3
size=1
stride=1
activation=linear

[avgpool]

[softmax]
groups=1
"""


def network(updates: int = 80, keys: str = "flip=1\naspect=1.2\n", passes: int = 1) -> str:
    return CFG.format(updates=updates, keys=keys, passes=passes)


def picture(kind: str, random: np.random.Generator) -> np.ndarray:
    """48 pixels high, 40 to 64 wide; stripes of 4 pixels under noise."""
    width = int(random.integers(40, 64))
    rows, columns = np.mgrid[:48, :width]
    where = {"lying": rows, "standing": columns, "plain": np.zeros_like(rows)}[kind]
    light = np.where((where + random.integers(8)) % 8 < 4, 60, 190)[..., None]
    return np.clip(light + random.normal(0, 20, (48, width, 3)), 0, 255).astype(np.uint8)


def write_tree(root: Path, train: int = 12, valid: int = 4, seed: int = 0) -> Path:
    """root/train/CLASS/N.png and root/valid/CLASS/N.png."""
    random = np.random.default_rng(seed)
    for part, count in (("train", train), ("valid", valid)):
        for kind in CLASSES:
            folder = root / part / kind
            folder.mkdir(parents=True)
            for number in range(count):
                content = cv2.imencode(".png", picture(kind, random))[1].tobytes()
                (folder / f"{number}.png").write_bytes(content)
    return root
