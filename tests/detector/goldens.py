"""Golden detectors alone: their input is worked out from their golden output."""

import json
import re
from pathlib import Path

import numpy as np

from tests.detector import nets

GOLDEN = Path(__file__).parents[1] / "golden"
INDEX = json.loads((GOLDEN / "index.json").read_text())


def sections(name):
    """(name, text) of each section of the case's cfg."""
    text = (GOLDEN / name / "net.cfg").read_text()
    return [(part.split("]")[0][1:], part) for part in re.split(r"\n(?=\[)", text.strip())]


CASES = [
    name
    for name, info in INDEX.items()
    if info["steps"] and {"region", "yolo"} & {s[0] for s in sections(name)}
]


class Head:
    """One detector layer of a case."""

    def __init__(self, case, index, kind, text):
        shape = case.info["layers"][index]
        self.case, self.index, self.kind, self.text = case, index, kind, text
        self.w, self.h, self.channels = shape["w"], shape["h"], shape["c"]

    def option(self, key, default=None):
        found = re.search(rf"^{key}\s*=\s*(.*)$", self.text, re.M)
        return found[1] if found else default

    def network(self, **options):
        """The head behind an image of its input's shape; yolo's anchors in pixels of that."""
        text = self.text
        if self.kind == "yolo":
            listed = self.option("anchors")
            pixels = np.array([float(v) for v in listed.split(",")]).reshape(-1, 2)
            text = text.replace(listed, nets.numbers(pixels * [self.w, self.h] / self.case.size))
        batch = self.case.info["batch"]
        seen = self.case.info["seen"] + batch
        sections = [text, *options.pop("more", [])]
        return nets.network(sections, self.w, self.h, self.channels, batch, seen, **options)

    @property
    def anchors(self):
        return int(self.option("num")) if self.kind == "region" else 3

    def preimage(self, array):
        """Logits (batch, channels, h, w) that the head's activation turns into a golden output."""
        out = nets.heads(
            self.case.arrays[array].reshape(-1, self.channels, self.h, self.w).astype(np.float64),
            self.anchors,
        )
        x = out.copy()
        logistic = [0, 1, 4, *range(5, out.shape[2])]
        if self.option("background", "0") == "1":
            logistic = [0, 1]
            x[:, :, 4:] = np.log(out[:, :, 4:])
        elif self.option("softmax", "0") == "1":
            logistic = [0, 1, 4]
            x[:, :, 5:] = np.log(out[:, :, 5:])
        inner = np.clip(out[:, :, logistic], 1e-30, 1 - 1e-9)
        x[:, :, logistic] = np.log(inner / (1 - inner))
        return x.reshape(-1, self.channels, self.h, self.w)


class Case:
    """A golden case with its arrays and its detector layers."""

    def __init__(self, name):
        self.name, self.info = name, INDEX[name]
        parts = sections(name)
        self.size = np.array(
            [int(re.search(rf"{key}=(\d+)", parts[0][1])[1]) for key in ("width", "height")]
        )
        self.arrays = dict(np.load(GOLDEN / name / "golden.npz"))
        self.heads = [
            Head(self, i, kind, text)
            for i, (kind, text) in enumerate(parts[1:])
            if kind in ("region", "yolo")
        ]
        self.lrm = next((text for kind, text in parts if kind == "lrm"), None)

    @property
    def truth(self):
        """Of the first pass: (batch, boxes, 5)."""
        return self.arrays["truth"][: self.info["batch"]].reshape(self.info["batch"], -1, 5)


def relative(got, expected):
    got, expected = np.ravel(got).astype(np.float64), np.ravel(expected).astype(np.float64)
    return np.linalg.norm(got - expected) / max(np.linalg.norm(expected), 1e-30)
