"""Write what all programs of a comparison get: one network, cut after its last convolution.

    python benchmarks/peers/prepare.py yolov2-tiny.cfg FOLDER        (in pylrm's environment)

FOLDER then has net.cfg, net.weights with random values in batch norm too, and for a check of
equality input.npy with our output.npy (inference) and batch_output.npy (batch statistics).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pylrm import Network
from pylrm.cfg.file import find_cfg, read_cfg

IMAGES = 2


def cut(cfg: Path) -> str:
    """Return the cfg's text up to its last convolution."""
    sections = read_cfg(cfg)
    last = max(i for i, section in enumerate(sections) if section.name == "convolutional")
    return "\n".join(
        "\n".join([f"[{section.name}]", *(f"{k}={v}" for k, v in section.options.items()), ""])
        for section in sections[: last + 1]
    )


def randomize(net: Network) -> None:
    """Give batch norm values as a trained network might have them; weights are random already."""
    random = np.random.default_rng(1)
    for layer in net:
        params = layer.params
        for name in {"biases", "rolling_mean"} & params.keys():
            params[name][:] = random.normal(0, 0.1, params[name].shape)
        for name in {"scales", "rolling_variance"} & params.keys():
            params[name][:] = random.uniform(0.5, 1.5, params[name].shape)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cfg")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    text = cut(find_cfg(args.cfg))
    (args.folder / "net.cfg").write_text(text)
    with Network(text, batch=IMAGES) as net:
        randomize(net)
        net.save_weights(args.folder / "net.weights")
        shape = (IMAGES, net.channels, net.height, net.width)
        x = np.random.default_rng(2).random(shape, np.float32)
        np.save(args.folder / "input.npy", x)
        np.save(args.folder / "output.npy", net.forward(x))
        np.save(args.folder / "batch_output.npy", net.forward(x, train=True))
