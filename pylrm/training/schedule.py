"""When things happen in a run, and at which input size: functions of update and seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Size = tuple[int, int]  # width, height

SAVE_EVERY = 100  # updates between two writings of last.weights
SIZE_EVERY = 10  # updates with one input size
LARGEST_AT_END = 200  # updates at the end with the largest size
VALIDATIONS = 10  # in a run, unless told otherwise


@dataclass(frozen=True)
class Schedule:
    """The updates of a run, numbered from 1 as in the rate's schedule.

    Attributes
    ----------
    first, last : int
        The first and the last update to do.
    map_every, save_every : int
        Updates between validations and between numbered weights; 0: none.
    """

    first: int
    last: int
    map_every: int
    save_every: int

    def validates(self, update: int) -> bool:
        """Tell whether mAP is measured after an update; always after the last one."""
        return self.map_every > 0 and (update % self.map_every == 0 or update == self.last)

    def saves(self, update: int) -> bool:
        """Tell whether last.weights is written after an update."""
        return update % SAVE_EVERY == 0 or update == self.last or self.validates(update)

    def numbers(self, update: int) -> bool:
        """Tell whether N.weights is written after an update."""
        return self.save_every > 0 and update % self.save_every == 0


def usual_map_every(first: int, last: int) -> int:
    """Return the updates between validations that give a run about ten of them."""
    return max(1, round((last - first + 1) / VALIDATIONS))


def multi_scale_sizes(width: int, height: int, stride: int) -> list[Size]:
    """Return the input sizes of multi-scale training (random=1), ascending.

    Darknet's for a square cfg of 320 to 608: 320, 352, …, 608. Around another cfg's size: the same
    ten proportions, 10/13 (320 to 416) to 19/13 of it, rounded to multiples of the stride.

    Parameters
    ----------
    width, height : int
        The cfg's input size, multiples of the stride.
    stride : int
        Pixels of a cell of the coarsest output grid.
    """
    steps = range(10, 20)
    if width == height and 320 <= width <= 608 and 32 % stride == 0:
        return [(32 * step, 32 * step) for step in steps]

    def scaled(side: int, step: int) -> int:
        return max(1, round(side * step / (13 * stride))) * stride

    return [(scaled(width, step), scaled(height, step)) for step in steps]


@dataclass(frozen=True)
class Sizes:
    """The input size of every pass.

    Attributes
    ----------
    choices : list of (int, int)
        Widths and heights, ascending; a single one: no multi-scale training.
    subdivisions : int
        Passes an update; the size never changes within one.
    last : int
        The last update of the run.
    seed : int
        The run's.
    """

    choices: list[Size]
    subdivisions: int
    last: int
    seed: int

    def at(self, batch: int) -> Size:
        """Return the width and height of a pass.

        Parameters
        ----------
        batch : int
            Number of the pass, 0 for the one that starts at seen = 0.
        """
        update = batch // self.subdivisions + 1
        if update > self.last - LARGEST_AT_END:
            return self.choices[-1]
        generator = np.random.default_rng((self.seed, (update - 1) // SIZE_EVERY))
        return self.choices[int(generator.integers(len(self.choices)))]
