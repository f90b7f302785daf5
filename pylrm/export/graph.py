"""A graph of ONNX while it grows: operations, and the constants that they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BATCH = -1  # in a Reshape, the images of the pass: how many is not known before


class Operation(NamedTuple):
    """An operation of ONNX.

    Attributes
    ----------
    kind : str
        Its name in ONNX, "Conv".
    inputs, outputs : list of str
        Names of values.
    attributes : dict
        By name, as Python's values.
    """

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


@dataclass
class Graph:
    """Operations in the order in which they are computed.

    Attributes
    ----------
    operations : list of Operation
        Each takes only what the ones before it gave.
    constants : dict
        Arrays by the name of their value.
    scope : str
        Begins the names of values that are added: whose part they are.
    """

    operations: list[Operation] = field(default_factory=list)
    constants: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    scope: str = "net"

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation that gives one value; returns the value's name."""
        return self.add_several(1, kind, *inputs, **attributes)[0]

    def add_several(self, count: int, kind: str, *inputs: str, **attributes: Any) -> list[str]:
        """Add an operation that gives several values; returns their names."""
        stem = f"{self.scope}/{kind}_{len(self.operations)}"
        outputs = [stem if count == 1 else f"{stem}.{i}" for i in range(count)]
        self.operations.append(Operation(kind, list(inputs), outputs, attributes))
        return outputs

    def name(self, value: str, name: str) -> None:
        """Give a value a name of its own, as one that the graph gives out."""
        self.operations.append(Operation("Identity", [value], [name], {}))

    def constant(self, values: npt.ArrayLike, kind: npt.DTypeLike = np.float32) -> str:
        """Add an array; returns its value's name."""
        name = f"{self.scope}/constant_{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(np.asarray(values), kind)
        return name

    def numbers(self, values: Sequence[int]) -> str:
        """Add whole numbers, as shapes and axes are given; returns their value's name."""
        return self.constant(values, np.int64)

    def reshape(self, x: str, *shape: int) -> str:
        """See a value's numbers as another shape; one size may be BATCH."""
        return self.add("Reshape", x, self.numbers(shape))

    def times(self, x: str, factor: float) -> str:
        """Multiply by a number; 1 adds nothing."""
        return x if factor == 1 else self.add("Mul", x, self.constant(factor))

    def plus(self, x: str, number: float) -> str:
        """Add a number; 0 adds nothing."""
        return x if number == 0 else self.add("Add", x, self.constant(number))

    def clip(self, x: str, least: float, most: float) -> str:
        """Bound from below and above."""
        return self.add("Clip", x, self.constant(least), self.constant(most))

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Cut along an axis into pieces of these sizes."""
        return self.add_several(len(sizes), "Split", x, self.numbers(sizes), axis=axis)

    def slice(
        self,
        x: str,
        axes: Sequence[int],
        ends: Sequence[int],
        *,
        starts: Sequence[int] = (),
        steps: Sequence[int] = (),
    ) -> str:
        """Take every `steps`-th place of some axes, all from their first on without more said."""
        starts, steps = starts or [0] * len(axes), steps or [1] * len(axes)
        return self.add("Slice", x, *map(self.numbers, (starts, ends, axes, steps)))

    def pad(self, x: str, after: Sequence[int], *, before: Sequence[int] = ()) -> str:
        """Add zeros after the end of each axis, and before its start."""
        before = before or [0] * len(after)
        return self.add("Pad", x, self.numbers([*before, *after]), mode="constant")
