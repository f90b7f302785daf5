"""Where the time of a pass goes: each layer's time and rate, compared with the processor's peak."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import Cfg, CfgLike
from pylrm.engine import Layer, Network, cpu_peak
from pylrm.errors import PylrmError
from pylrm.inspect.describe import MIB, kind, shape_text, table, window
from pylrm.terminal import count_of

Floats = npt.NDArray[np.float32]

WARM_UP = 2  # rounds that do not count: memory is touched for the first time
LEAST, SECONDS = 3, 8.0  # without a given number of rounds: at least LEAST, for about SECONDS
BOXES = 10  # truths an image
WITHIN = "in the next"  # of a layer that the next one computes


@dataclass(frozen=True)
class LayerTime:
    """A layer's part of a round.

    Attributes
    ----------
    index : int
        Place in the network.
    type, window, output : str
        Its kind, size and stride, and the shape of its output, as `pylrm info` names them.
    within : bool
        Computed in the next layer's pass, which has its time and operations.
    forward, backward, update : float
        Seconds.
    forward_operations, backward_operations : int
        Of the whole batch: two for each multiply-add of convolutions and connected layers.
    """

    index: int
    type: str
    window: str
    output: str
    within: bool
    forward: float
    backward: float
    update: float
    forward_operations: int
    backward_operations: int

    @property
    def seconds(self) -> float:
        """Forward, backward and update together."""
        return self.forward + self.backward + self.update

    @property
    def operations(self) -> int:
        """Forward and backward."""
        return self.forward_operations + self.backward_operations


@dataclass(frozen=True)
class Timing:
    """What a network's rounds took; a round is a training step, or an inference pass.

    Times are means over the middle half of the rounds, ranked by how long they took.

    Attributes
    ----------
    cfg : str
        The network.
    inference : bool
        Passes of inference; else forward, backward and update.
    width, height, batch, threads, rounds : int
        How it was measured.
    kernels : str
        See `Network.kernels`.
    seconds : float
        A round, seen from Python.
    layers : list of LayerTime
        The sum of their times is a round without Python and without the work between layers.
    peak : float
        Operations a second that these threads reach at most; see `cpu_peak`. 0: a GPU computes.
    planned, resident : int
        Bytes: of the network by plan, and the process's largest so far.
    """

    cfg: str
    inference: bool
    width: int
    height: int
    batch: int
    threads: int
    rounds: int
    kernels: str
    seconds: float
    layers: list[LayerTime]
    peak: float
    planned: int
    resident: int

    @property
    def images_per_second(self) -> float:
        """Images a second."""
        return self.batch / self.seconds

    @property
    def outside(self) -> float:
        """The share of a round outside all layers, 0 to 1."""
        return 1 - sum(layer.seconds for layer in self.layers) / self.seconds

    @property
    def rate(self) -> float:
        """Operations a second of the whole round."""
        return sum(layer.operations for layer in self.layers) / self.seconds

    def record(self) -> dict[str, Any]:
        """Return all that is known, for JSON."""
        return {
            **asdict(self),
            "images_per_second": self.images_per_second,
            "operations_per_second": self.rate,
            "outside": self.outside,
        }


def measure(
    cfg: CfgLike,
    *,
    inference: bool = False,
    batch: int | None = None,
    size: int | None = None,
    threads: int | None = None,
    device: str = "cpu",
    rounds: int | None = None,
) -> Timing:
    """Time a network on random images, with random truths in training.

    Parameters
    ----------
    cfg : Cfg, str or path
        The network; see `Network`.
    inference : bool
        Passes of inference, up to the last layer's output; else training steps: forward, loss,
        [lrm], backward, update.
    batch : int or None
        Images a round; None: 1 in inference, else those of one of the cfg's passes.
    size : int or None
        Side of the square input in pixels; None: as the cfg says.
    threads : int or None
        Of the engine; None: as many as the process may use.
    device : str
        "cpu" or "cuda"; see `Network`.
    rounds : int or None
        Rounds that count; None: for some seconds, at least three.

    Raises
    ------
    CfgError
        The cfg is missing or wrong.
    PylrmError
        The network cannot have that size, or has no loss layer to train it.
    """
    cfg = Cfg.read(cfg)
    if batch is None:
        batch = 1 if inference else images_a_pass(cfg)
    with Network(cfg, batch=batch, threads=threads, device=device, inference=inference) as net:
        if size is not None:
            net.resize(size, size)
        if not inference and not any(layer.is_loss for layer in net):
            raise PylrmError(f"{net.cfg}: no loss layer to train with; inference can be timed")
        random = np.random.default_rng(0)
        x = random.random((batch, net.channels, net.height, net.width), np.float32)
        truth = None if inference else random_truth(net, random)
        peak = cpu_peak(net.threads) if device == "cpu" else 0
        walls, parts = time_rounds(net, pass_of(net, x, truth), rounds)
        if peak:  # others may have used the processor before
            peak = max(peak, cpu_peak(net.threads))
        chosen = middle(walls)
        layers = [
            LayerTime(
                index=layer.index,
                type=kind(net, layer),
                window=window(layer),
                output=shape_text(layer.shape) if layer.type != "lrm" else "",
                within=layer.is_fused,
                forward=float(seconds[0]),
                backward=float(seconds[1]),
                update=float(seconds[2]),
                forward_operations=2 * batch * forward_multiply_adds(net, layer),
                backward_operations=2 * batch * layer.backward_multiply_adds,
            )
            for layer, seconds in zip(net, parts[chosen].mean(0), strict=True)
        ]
        return Timing(
            cfg=str(cfg),
            inference=inference,
            width=net.width,
            height=net.height,
            batch=batch,
            threads=net.threads,
            rounds=len(walls),
            kernels=net.kernels,
            seconds=float(walls[chosen].mean()),
            layers=layers,
            peak=peak,
            planned=sum(net.memory("infer" if inference else "train")),
            resident=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )


def forward_multiply_adds(net: Network, layer: Layer) -> int:
    """Return a layer's multiply-adds, with those of the layers before that it computes itself."""
    if layer.is_fused:
        return 0
    total = layer.multiply_adds
    while layer.inputs and layer.inputs[0] >= 0 and net[layer.inputs[0]].is_fused:
        layer = net[layer.inputs[0]]
        total += layer.multiply_adds
    return total


def images_a_pass(cfg: Cfg) -> int:
    """Return the images that a training pass of a cfg takes: batch / subdivisions."""
    with Network(cfg, inference=True, outline=True) as net:
        return net.batch


def random_truth(net: Network, random: np.random.Generator) -> Floats:
    """Return what a training pass needs: boxes (batch, n, 5), or (batch, classes) one-hot."""
    if not net.max_truths:
        inputs = next(net[layer.inputs[0]] for layer in net if layer.is_loss).shape
        hot = random.integers(0, np.prod(inputs), net.batch)
        return np.eye(int(np.prod(inputs)), dtype=np.float32)[hot]
    truth = np.zeros((net.batch, net.max_truths, 5), np.float32)
    boxes = truth[:, :BOXES]
    boxes[..., :2] = random.uniform(0.1, 0.9, (*boxes.shape[:2], 2))
    boxes[..., 2:4] = random.uniform(0.05, 0.4, (*boxes.shape[:2], 2))
    boxes[..., 4] = random.integers(0, net.classes, boxes.shape[:2])
    return truth


def pass_of(net: Network, x: Floats, truth: Floats | None) -> Callable[[], object]:
    """Return the round to time: a training step where there is a truth, else inference."""
    return lambda: net.forward(x) if truth is None else net.train_batch(x, truth)


def time_rounds(
    net: Network, run: Callable[[], object], rounds: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Time rounds as a whole, (n,), and their layers' forward, backward, update, (n, layers, 3).

    All in seconds.
    """
    walls: list[float] = []
    parts: list[list[list[int]]] = []
    for _ in range(WARM_UP):
        run()
    start = time.perf_counter()
    while len(walls) < (rounds or LEAST) or (
        rounds is None and time.perf_counter() - start < SECONDS
    ):
        net.time_layers()
        began = time.perf_counter()
        run()
        walls.append(time.perf_counter() - began)
        parts.append([list(layer.times.values()) for layer in net])
    net.time_layers(False)
    return np.array(walls), np.array(parts) / 1e9


def middle(walls: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return which rounds are neither in the fastest nor in the slowest quarter."""
    order = np.argsort(walls, kind="stable")
    return order[len(order) // 4 : len(order) - len(order) // 4]


def layer_table(timing: Timing) -> str:
    """Return the layers with their times, rates and shares of the peak."""
    train = not timing.inference
    head = ["", "layer", "size/stride", "output", "forward ms"]
    head += ["GFLOP/s", "backward ms", "GFLOP/s", "update ms"] if train else []
    head += ["of time", *([] if train else ["GFLOP/s"]), "of peak"]
    rows = [head]
    for layer in timing.layers:
        row = [
            str(layer.index),
            layer.type,
            layer.window,
            layer.output,
            WITHIN if layer.within else milliseconds(layer.forward),
        ]
        if train:
            row += [giga(layer.forward_operations, layer.forward), milliseconds(layer.backward)]
            row += [giga(layer.backward_operations, layer.backward), milliseconds(layer.update)]
        row += ["" if layer.within else f"{layer.seconds / timing.seconds:.1%}"]
        row += [] if train else [giga(layer.operations, layer.seconds)]
        rows.append([*row, percent_of_peak(timing, layer)])
    return table(rows, left={1, 2})


def milliseconds(seconds: float) -> str:
    """Return a time in milliseconds; nothing where there was none."""
    return f"{1000 * seconds:.3f}" if seconds else ""


def giga(operations: int, seconds: float) -> str:
    """Return a rate in 1e9 a second; nothing where there is none."""
    return f"{operations / seconds / 1e9:.1f}" if operations and seconds else ""


def percent_of_peak(timing: Timing, layer: LayerTime) -> str:
    """Return a layer's rate in percent of the peak; nothing of one that has no multiply-adds."""
    seconds = layer.forward + layer.backward
    if not layer.operations or not seconds or not timing.peak:
        return ""
    return f"{layer.operations / seconds / timing.peak:.0%}"


def summary(timing: Timing) -> str:
    """Return the outcome in some lines."""
    what = "inference" if timing.inference else "training"
    turn = "pass" if timing.inference else "step"
    threads = count_of(timing.threads, "thread")
    rounds = count_of(timing.rounds, "round")
    peak = ""
    if timing.peak:
        peak = f", {timing.rate / timing.peak:.0%} of the peak of {timing.peak / 1e9:.0f}"
    return (
        f"{Path(timing.cfg).name}, {what}: {timing.width}x{timing.height}, batch {timing.batch}, "
        f"{threads}, {timing.kernels}, {rounds}\n"
        f"{timing.images_per_second:.2f} img/s   {1000 * timing.seconds:.2f} ms a {turn}, "
        f"{timing.outside:.1%} of it outside the layers\n"
        f"{timing.rate / 1e9:.1f} GFLOP/s{peak}   "
        f"memory {timing.planned / MIB:.0f} MiB by plan, process {timing.resident / MIB:.0f} MiB"
    )


def chart(timing: Timing, out: Path) -> None:
    """Draw the layers' times as bars.

    Parameters
    ----------
    timing : Timing
        What was measured.
    out : Path
        The figure: .png, .pdf or .svg; appears whole or not at all.

    Raises
    ------
    PylrmError
        It has another ending or cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from pylrm.pictures.style import COLOURS, RC_PARAMS, check_ending, save

    check_ending(out)
    layers = timing.layers
    rows = np.arange(len(layers))
    phases = ["forward"] if timing.inference else ["forward", "backward", "update"]
    with rc_context(RC_PARAMS):
        figure = Figure(figsize=(8.5, 1.9 + 0.2 * len(layers)), layout="constrained")
        axes = figure.subplots()
        left = np.zeros(len(layers))
        for phase, colour in zip(phases, COLOURS, strict=False):
            values = np.array([1000 * getattr(layer, phase) for layer in layers])
            axes.barh(rows, values, 0.75, left, color=colour, label=phase)
            left += values
        for row, layer in enumerate(layers):
            axes.annotate(
                WITHIN if layer.within else percent_of_peak(timing, layer),
                (left[row], row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color="#4d4d4d",
            )
        names = [f"{layer.type} {layer.window}".strip() for layer in layers]
        axes.set_yticks(rows, [f"{name}  {row:\u2007>2}" for row, name in enumerate(names)])
        axes.set_ylim(len(layers) - 0.4, -0.6)
        axes.margins(x=0.08)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0, labelsize=8.5)
        axes.set_xlabel("milliseconds   (at the bars: share of the processor's peak rate)")
        title, outcome, _ = summary(timing).splitlines()
        figure.suptitle(title, x=0.012, ha="left", fontsize=10.5, weight="bold")
        axes.set_title(outcome, fontsize=9.5, weight="normal")
        if len(phases) > 1:
            axes.legend(loc="best")
    save(figure, out)
