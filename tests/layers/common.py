"""Tiny networks around one layer, and what checks them: float64 twins and their derivatives.

A twin is `twin(x, params, train) -> out`, float64 (batch, c, h, w); params as in `layer.params`.
Networks start with an [activation] that changes nothing, whose delta is what the layer under test
hands back, and end in [cost] type=sse, so that the gradient that comes in is truth - output.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import pylrm

Array = npt.NDArray[Any]
Params = dict[str, Array]
Twin = Callable[[Array, Params, bool], Array]

# PYLRM_TEST_KERNELS: what stands in for "fast" (tests/cuda)
KERNELS = ("reference", os.environ.get("PYLRM_TEST_KERNELS", "fast"))
BATCH = 3
IDENTITY = "[activation]\nactivation=linear\n"


def section(name: str, **keys: object) -> str:
    return "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in keys.items()), ""])


def cfg(sections: str, shape: tuple[int, int, int], batch: int = BATCH) -> str:
    c, h, w = shape
    return section("net", batch=batch, channels=c, height=h, width=w) + sections


def network(
    sections: str, shape: tuple[int, int, int], batch: int = BATCH, **options: Any
) -> pylrm.Network:
    return pylrm.Network(cfg(sections, shape, batch), **options)


def images(shape: tuple[int, int, int], batch: int = BATCH, seed: int = 0) -> Array:
    """Values of about one, no two alike."""
    return np.random.default_rng(seed).normal(size=(batch, *shape)).astype(np.float32)


def randomize(layer: pylrm.Layer, seed: int = 0) -> Params:
    """Random parameters (variances positive), and a float64 copy of them."""
    rng = np.random.default_rng(seed + 100)
    for name, value in layer.params.items():
        drawn = rng.normal(size=value.shape)
        if name == "weights":
            drawn /= np.sqrt(max(1, value[0].size))
        elif name == "rolling_variance":
            drawn = rng.uniform(0.5, 2, value.shape)
        value[...] = drawn
    return {name: value.astype(np.float64) for name, value in layer.params.items()}


def derivative(f: Callable[[Array], Array], at: Array, upstream: Array, places: Array) -> Array:
    """d sum(upstream*f)/d at, at flat `places`, by central differences."""
    step = 1e-6
    found = np.empty(len(places))
    for i, place in enumerate(places):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved.flat[place] += sign * step
            ends.append(f(moved))
        found[i] = np.sum(upstream * (ends[0] - ends[1])) / (2 * step)
    return found


def close(ours: npt.ArrayLike, theirs: npt.ArrayLike, tolerance: float = 1e-4) -> None:
    """Each value to `tolerance` of the array's largest."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1e-3, np.abs(b).max(initial=0)))


def some(size: int, rng: np.random.Generator, most: int = 60) -> Array:
    return np.arange(size) if size <= most else rng.choice(size, most, replace=False)


def check(
    layer: str,
    twin: Twin,
    shape: tuple[int, int, int],
    kernels: str,
    *,
    before: str = "",
    batch: int = BATCH,
    seed: int = 0,
    unstored: tuple[str, ...] = (),
) -> None:
    """Hold a layer to its twin: shapes, all passes, all gradients, and gradients that add up.

    `before`: sections between the image and the layer; the twin includes them. `unstored`:
    parameters that are not in weights files.
    """
    options = {"kernels": kernels}
    rng = np.random.default_rng(seed + 50)
    x = images(shape, batch, seed)
    x64 = x.astype(np.float64)
    place = 1 + before.count("[")
    text = IDENTITY + before + layer + section("cost")
    with network(text, shape, batch, keep=True, **options) as net:
        under = net[place]
        params = randomize(under, seed)
        expected = twin(x64, params, False)
        assert under.shape == expected.shape[1:]
        close(net.forward(x), expected)
        one = net.forward(x[:1])
        close(one, expected[:1])
        with network(text, shape, batch, inference=True, **options) as folded:
            copy_weights(net, folded)
            lost = {name: np.zeros_like(params[name]) for name in unstored}
            close(folded.forward(x), twin(x64, {**params, **lost}, False))
        expected = twin(x64, params, True)
        truth = rng.normal(size=expected.shape).astype(np.float32)
        net.forward(x, truth.reshape(batch, -1), train=True)
        close(under.output, expected)
        upstream = truth - under.output.astype(np.float64)
        net.backward()
        places = some(x.size, rng)
        handed = derivative(lambda v: twin(v, params, True), x64, upstream, places)
        close(np.ravel(net[0].delta)[places], handed)
        for name, grad in under.grads.items():
            places = some(grad.size, rng)
            wanted = derivative(
                lambda v, n=name: twin(x64, {**params, n: v}, True), params[name], upstream, places
            )
            close(np.ravel(grad)[places], wanted)
            assert np.isfinite(grad).all()
    check_sum(layer, twin, shape, kernels, before, x, seed)


def copy_weights(net: pylrm.Network, other: pylrm.Network) -> None:
    """Through a weights file, as parameters of inference networks are read-only."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.weights"
        net.save_weights(file)
        other.load_weights(file)


def check_sum(
    layer: str,
    twin: Twin,
    shape: tuple[int, int, int],
    kernels: str,
    before: str,
    x: Array,
    seed: int,
) -> None:
    """Two readers of one layer: what they hand back adds up."""
    place = 1 + before.count("[")
    text = IDENTITY + before + layer + section("route", layers=0) + before + layer
    text += section("route", layers=f"{place},{2 * place + 1}") + section("cost")
    with network(text, shape, len(x), keep=True, kernels=kernels) as net:
        pairs = [randomize(net[place], seed), randomize(net[2 * place + 1], seed + 1)]

        def both(v: Array) -> Array:
            return np.concatenate([twin(v, params, True) for params in pairs], axis=1)

        expected = both(x.astype(np.float64))
        rng = np.random.default_rng(seed + 60)
        truth = rng.normal(size=expected.shape).astype(np.float32)
        net.forward(x, truth.reshape(len(x), -1), train=True)
        upstream = truth - expected
        net.backward()
        places = some(x.size, rng, 20)
        wanted = derivative(both, x.astype(np.float64), upstream, places)
        close(np.ravel(net[0].delta)[places], wanted, 2e-4)


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def stair(x: Array) -> Array:
    n = np.floor(x)
    return np.where(n % 2 == 0, np.floor(x / 2), (x - n) + np.floor(x / 2))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "relie": lambda x: np.where(x > 0, x, 0.01 * x),
    "logistic": logistic,
    "loggy": lambda x: 2 * logistic(x) - 1,
    "tanh": np.tanh,
    "elu": lambda x: np.where(x >= 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.0507 * np.where(x >= 0, x, 1.6732 * np.expm1(np.minimum(x, 0))),
    "ramp": lambda x: x * (x > 0) + 0.1 * x,
    "plse": lambda x: np.where(
        x < -4, 0.01 * (x + 4), np.where(x > 4, 0.01 * (x - 4) + 1, 0.125 * x + 0.5)
    ),
    "stair": stair,
    "hardtan": lambda x: np.clip(x, -1, 1),
    "lhtan": lambda x: np.where(x < 0, 0.001 * x, np.where(x > 1, 0.001 * (x - 1) + 1, x)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "swish": lambda x: x * logistic(x),
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "hard_mish": lambda x: np.where(x > 0, x, np.where(x > -2, x**2 / 2 + x, 0)),
}


def convolve(x: Array, weights: Array, stride: int, padding: int, groups: int) -> Array:
    """(b, c, h, w) with (filters, c/groups, size, size) -> (b, filters, h', w')."""
    size = weights.shape[2]
    framed = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(framed, (size, size), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    parts = [
        np.einsum("bchwyx,fcyx->bfhw", part, kernel)
        for part, kernel in zip(
            np.split(windows, groups, axis=1), np.split(weights, groups), strict=True
        )
    ]
    return np.concatenate(parts, axis=1)


def per_channel(values: Array) -> Array:
    return values[None, :, None, None]


def normalize(x: Array, params: Params, train: bool) -> Array:
    """Batch norm and bias; the variance is divided by n-1."""
    mean, variance = params["rolling_mean"], params["rolling_variance"]
    if train:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), ddof=1)
    scaled = (x - per_channel(mean)) / np.sqrt(per_channel(variance) + 1e-5)
    return per_channel(params["scales"]) * scaled + per_channel(params["biases"])


def finish(sums: Array, params: Params, train: bool, activation: str) -> Array:
    """Batch norm where there are scales, else bias; the activation."""
    if "scales" in params:
        return ACTIVATIONS[activation](normalize(sums, params, train))
    return ACTIVATIONS[activation](sums + per_channel(params["biases"]))
