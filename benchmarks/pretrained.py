"""How near an imported MobileNet is to the original, by the padding of its strided convolutions.

    PYTHONPATH=. python benchmarks/pretrained.py mobilenet_v1_0.25_128.npz \\
        --multiplier 0.25 --data my.data

The original is computed by plain numpy, padded as it was trained: to the right and below, with the
grey that 0 stood for. Printed for some layers: the root of the mean squared difference of the
outputs, divided by that of the original's. `scale` is the exact padding, computed by numpy with
the pixels' new scale: what the black borders alone change. `import` is the imported network beside
its numpy twin: rounding.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from pylrm import Network
from pylrm.cfg.file import Cfg
from pylrm.weights import import_start
from pylrm.weights.readers import read_source
from pylrm.weights.start import read_pixels
from tests.weights import naive

LAYERS = [0, 6, 12, 22, 26]


def imported(source: Path, cfg: str, data: Path, padding: str, x: naive.Array) -> list[naive.Array]:
    """The outputs of the network that `pylrm weights import` makes."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "start.weights"
        last = import_start(source, cfg, data, weights, padding=padding)
        with Network(cfg, weights, batch=len(x), keep=True) as net:
            net.forward(x)
            return [np.array(layer.output) for layer in list(net)[:last]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--multiplier", type=float, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=8)
    given = parser.parse_args()

    cfgs = {
        padding: naive.mobilenet_cfg(given.multiplier, given.size, exact=padding == "exact")
        for padding in ("shift", "exact")
    }
    with Network(Cfg.read(cfgs["shift"]), outline=True) as net:
        x = read_pixels(net, given.data, given.images, seed=1)
    source = read_source(given.source)
    strides = [convolution.stride for convolution in source.convolutions]
    plain = source.for_plain_pixels()
    original = naive.outputs(2 * x - 1, source.convolutions, strides, symmetric=False)
    twin = naive.outputs(x, plain, strides, symmetric=True)
    shift = imported(given.source, cfgs["shift"], given.data, "shift", x)
    compared = {
        "shift": (shift, original),
        "exact": (imported(given.source, cfgs["exact"], given.data, "exact", x), original),
        "scale": (naive.outputs(x, plain, strides, symmetric=False), original),
        "import": (shift, twin),
    }
    print(f"{given.images} images of {given.data} at {given.size}x{given.size}")
    print("layer   " + "".join(f"{layer:>10}" for layer in LAYERS))
    for name, (found, expected) in compared.items():
        figures = [naive.distance(found[layer], expected[layer]) for layer in LAYERS]
        print(f"{name:8}" + "".join(f"{figure:10.2g}" for figure in figures))


if __name__ == "__main__":
    main()
