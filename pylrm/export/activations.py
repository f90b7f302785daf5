"""Activations in ONNX's operations: one function and one row each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pylrm.errors import PylrmError
from pylrm.export.graph import Graph


def _linear(graph: Graph, x: str) -> str:
    return x


def _plain(kind: str, **attributes: float) -> Callable[[Graph, str], str]:
    """Return an activation that ONNX has as one operation."""
    return lambda graph, x: graph.add(kind, x, **attributes)


def _bounded(graph: Graph, x: str, least: float, most: float) -> str:
    return graph.clip(x, least, most)


def _bent(
    graph: Graph, x: str, least: float, most: float, outside: float, slope: float, offset: float
) -> str:
    """slope*x + offset between two bounds, and beyond them on with a slope of `outside`."""
    inside = graph.clip(x, least, most)
    beyond = graph.times(graph.add("Sub", x, inside), outside)
    return graph.add("Add", graph.plus(graph.times(inside, slope), offset), beyond)


def _ramp(graph: Graph, x: str) -> str:
    return graph.times(graph.add("LeakyRelu", x, alpha=0.1 / 1.1), 1.1)


def _loggy(graph: Graph, x: str) -> str:
    return graph.add("Tanh", graph.times(x, 0.5))


def _stair(graph: Graph, x: str) -> str:
    """Flat where the whole part is even, rising where it is odd."""
    floor = graph.add("Floor", x)
    half = graph.add("Floor", graph.times(x, 0.5))
    odd = graph.add("Sub", floor, graph.times(half, 2))
    return graph.add("Add", half, graph.add("Mul", odd, graph.add("Sub", x, floor)))


def _mish(graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Tanh", graph.add("Softplus", x)))


def _swish(graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "logistic": _plain("Sigmoid"),
    "relu": _plain("Relu"),
    "relie": _plain("LeakyRelu", alpha=0.01),
    "linear": _linear,
    "ramp": _ramp,
    "tanh": _plain("Tanh"),
    "plse": partial(_bent, least=-4, most=4, outside=0.01, slope=0.125, offset=0.5),
    "leaky": _plain("LeakyRelu", alpha=0.1),
    "elu": _plain("Elu", alpha=1.0),
    "loggy": _loggy,
    "stair": _stair,
    "hardtan": partial(_bounded, least=-1, most=1),
    "lhtan": partial(_bent, least=0, most=1, outside=0.001, slope=1, offset=0),
    "selu": _plain("Selu", alpha=1.6732, gamma=1.0507),
    "relu6": partial(_bounded, least=0, most=6),
    "mish": _mish,
    "swish": _swish,
}


def activate(graph: Graph, name: str, x: str) -> str:
    """Add an activation by its name in cfg files.

    Raises
    ------
    PylrmError
        There is no row for it.
    """
    if name not in ACTIVATIONS:
        raise PylrmError(f"activation={name} cannot be written as ONNX")
    return ACTIVATIONS[name](graph, x)
