"""Try the cfg files of a folder: does each load, infer, train and export? A table in Markdown.

    python -m tests.compatibility.try_cfgs FOLDER [--seconds 300] [--memory 4] …

Each file is tried in a process of its own, from the folder above FOLDER, as `darknet` runs:

- loads: its sections and shapes are taken, at its own size and batch. Warnings are counted.
- trains: the parameters stay finite in updates on one batch of noise, with random truths. This and
  what follows is done at a small size and batch, and a constant rate.
- learns: the loss of the last update is below that of the first.
- infers: an inference network with what was learnt, if that is finite, has a finite output.
  Training is tried at smaller rates, then at larger sizes, until all of this holds.
- exports: as an ONNX file, with random weights like trained ones; the largest difference of an
  output in ONNX Runtime, relative where values are above 1. At a side of 192 or above: batch norm
  of the two values that a map of one pixel has in two images would make 1e-2 of a rounding error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.cfg.edit import set_keys
from pylrm.cfg.file import Cfg
from pylrm.engine import Network
from pylrm.errors import CfgError, PylrmError
from tests.export.nets import distances
from tests.export.runtimes import onnxruntime

ROOT = Path(__file__).parents[2]
COLUMNS = {
    "loads": "loads",
    "infers": "infers",
    "trains": "trains",
    "learns": "learns",
    "exports": "exports",
    "at": "at",
    "why": "why not",
}
SIDES = (64, 128, 256)
EXPORT_SIDES = (192, 256)
RATES = (0.001, 0.0001, 0.00001)
STAYS = {"burn_in": "0", "policy": "constant", "subdivisions": "1", "max_batches": "1000"}


def shrunk(cfg: Cfg, batch: int, sides: tuple[int, ...]) -> Cfg:
    """Return the network at the smallest of the sides that fits it, at most its own size."""
    small = {**STAYS, "batch": str(batch)}
    with Network(cfg, outline=True) as net:
        own = min(net.width, net.height)
    for side in [side for side in sides if side < own]:
        trial = set_keys(cfg, cfg.net, {**small, "width": str(side), "height": str(side)})
        try:
            Network(trial, outline=True).close()
        except CfgError:
            continue
        return trial
    return set_keys(cfg, cfg.net, small)


def images(net: Network, seed: int) -> npt.NDArray[np.float32]:
    """Return a batch of noise."""
    shape = net.batch, net.channels, net.height, net.width
    return np.random.default_rng(seed).random(shape, np.float32)


def truths(net: Network, seed: int) -> npt.NDArray[np.float32]:
    """Return truths at random, of the kind that the loss layers want."""
    rng = np.random.default_rng(seed)
    if net.max_truths:
        truth = np.empty((net.batch, 3, 5), np.float32)
        truth[..., :2] = rng.uniform(0.1, 0.9, truth[..., :2].shape)
        truth[..., 2:4] = rng.uniform(0.1, 0.5, truth[..., 2:4].shape)
        truth[..., 4] = rng.integers(0, net.classes, truth.shape[:2])
        return truth
    values = next(layer for layer in reversed(list(net)) if layer.is_loss)
    count = int(np.prod(net[values.inputs[0]].shape))
    return np.eye(count, dtype=np.float32)[rng.integers(0, count, net.batch)]


def finite(net: Network) -> bool:
    """Whether all parameters are finite numbers."""
    return all(np.isfinite(value).all() for layer in net for value in layer.params.values())


def losses_at(cfg: Cfg, rate: float, updates: int, weights: Path) -> list[float]:
    """Train on one batch of noise; keep the weights. Return the losses until one is not finite."""
    with Network(set_keys(cfg, cfg.net, {"learning_rate": str(rate)})) as net:
        x, truth = images(net, 0), truths(net, 0)
        losses = [net.train_batch(x, truth)]
        while len(losses) < updates and np.isfinite(losses[-1]) and finite(net):
            losses.append(net.train_batch(x, truth))
        net.save_weights(weights)
        return losses if finite(net) else [*losses, float("nan")]


def infer(cfg: Cfg, weights: Path | None) -> str:
    """Return whether the output for noise is finite."""
    with Network(cfg, weights, inference=True) as net:
        out = net.forward(images(net, 1))
    return "yes" if np.isfinite(out).all() else "no: the output is not finite"


def train(cfg: Cfg, updates: int, weights: Path) -> dict[str, str]:
    """Return what training showed, at the first rate at which all is well, else at the last."""
    for rate in RATES:
        losses = losses_at(cfg, rate, updates, weights)
        learns = f"{losses[0]:.4g} to {losses[-1]:.4g}, rate {rate:g}"
        if not np.isfinite(losses).all():
            row = {"trains": "no", "learns": f"no: {learns}", "infers": infer(cfg, None)}
        else:
            row = {"trains": "yes", "learns": learns, "infers": infer(cfg, weights)}
            if losses[-1] >= losses[0]:
                row["learns"] = f"no: {learns}"
            elif row["infers"] == "yes":
                break
    return row


def is_well(row: dict[str, str]) -> bool:
    """Whether nothing that training shows could be better at another size."""
    return row["trains"] == row["infers"] == "yes" and not row["learns"].startswith("no")


def brief(error: Exception, path: str | Path) -> str:
    """Return an error's text on one line, without the folder of the cfg file."""
    return " ".join(str(error).replace(f"{Path(path).parent}{os.sep}", "").split())


def export(cfg: Cfg, folder: Path) -> str:
    """Return how far ONNX Runtime's outputs are from the engine's, or why there are none."""
    try:
        found = distances(cfg, folder, {"found": onnxruntime})["found"]
    except PylrmError as error:
        found = error
    return f"no: {brief(found, cfg.name):.150}" if isinstance(found, Exception) else f"{found:.0e}"


def attempt(path: Path, options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Yield what is known of one file, after each step."""
    row: dict[str, str] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cfg = Cfg.read(path)
        Network(cfg, outline=True).close()
        row["loads"] = f"yes, {len(caught)} warnings" if caught else "yes"
    yield row
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for first in range(len(SIDES)):
            small = shrunk(cfg, options.batch, SIDES[first:])
            with Network(small, outline=True) as net:
                row["at"] = f"{net.width}x{net.height}x{net.channels}"
                yield row
                gigabytes = sum(net.memory("train")) / 2**30
                judged = any(layer.is_loss for layer in net)
            if gigabytes > options.memory:
                why = f"training needs {gigabytes:.2f} GiB, the limit is {options.memory:g}"
                yield {**row, "why": why}
                return
            if not judged:
                row["why"] = "no loss layer: nothing to train"
                row["infers"] = infer(small, None)
                break
            row.update(train(small, options.updates, Path(folder) / "tried.weights"))
            yield row
            if is_well(row):
                break
        row["exports"] = export(shrunk(cfg, options.batch, EXPORT_SIDES), Path(folder))
    yield row


def read_row(output: str | bytes | None) -> dict[str, str]:
    """Return the last row that an attempt has printed."""
    lines = (output.decode() if isinstance(output, bytes) else output or "").splitlines()
    return json.loads(lines[-1]) if lines else {}


def guarded(path: Path, options: argparse.Namespace) -> dict[str, str]:
    """Try one file in a process of its own."""
    own = [sys.executable, __file__, str(path.resolve()), "--one"]
    for name in ("batch", "updates", "memory"):
        own += [f"--{name}", str(getattr(options, name))]
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    try:
        done = subprocess.run(
            own, cwd=path.resolve().parents[1], timeout=options.seconds, capture_output=True,
            text=True, check=False, env={**os.environ, **paths},
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return {**read_row(late.stdout), "why": f"took longer than {options.seconds:g} seconds"}
    if done.returncode:
        why = f"ended with {done.returncode}: {done.stderr.strip()[-200:]}"
        return {**read_row(done.stdout), "why": why}
    return read_row(done.stdout)


def line(name: str, row: dict[str, str]) -> str:
    """Return a row of the table."""
    return "| " + " | ".join([name, *(row.get(key, "") for key in COLUMNS)]) + " |"


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of cfg files")
    parser.add_argument("--batch", type=int, default=2, help="images an update")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--memory", type=float, default=4, help="GiB that training may need")
    parser.add_argument("--seconds", type=float, default=300, help="that a file may take")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        row: dict[str, str] = {"loads": "no"}
        try:
            for row in attempt(options.folder, options):
                print(json.dumps(row), flush=True)
        except PylrmError as error:
            print(json.dumps({**row, "why": brief(error, options.folder)}))
        return
    print("| cfg | " + " | ".join(COLUMNS.values()) + " |")
    print("|---" * (1 + len(COLUMNS)) + "|", flush=True)
    for path in sorted(options.folder.glob("*.cfg")):
        print(line(path.name, guarded(path, options)), flush=True)


if __name__ == "__main__":
    main()
