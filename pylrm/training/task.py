"""What a network learns: boxes (detecting.py) or classes (classifying.py)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataFile
from pylrm.data.loader import Loader
from pylrm.engine import Network
from pylrm.training.schedule import Sizes


class Task(ABC):
    """A network and the data set that it is trained on, after the checks of both.

    Parameters
    ----------
    net : Network
        What learns.
    cfg : Cfg
        Its cfg.
    data : DataFile
        What from.

    Attributes
    ----------
    figure : str
        What a validation measures, 0 to 1, as people call it.
    command : str
        The command that measures weights.
    column : str
        Where the figure stands in log.csv.
    images : list of Path
        The training images.

    Raises
    ------
    PylrmError
        They do not go together; a file is missing or wrong.
    """

    figure: ClassVar[str]
    command: ClassVar[str]
    column: ClassVar[str]
    images: list[Path]

    def __init__(self, net: Network, cfg: Cfg, data: DataFile) -> None:
        self.net, self.cfg, self.data = net, cfg, data

    @abstractmethod
    def check_validation(self) -> None:
        """Look at all that a validation will need.

        Raises
        ------
        DataError
            Something is missing or wrong.
        """

    @abstractmethod
    def batches(
        self, *, sizes: Sizes, seed: int, workers: int, letterbox: bool, skipped: Sequence[Path]
    ) -> Loader:
        """Return the batches to train on, from the images that the network has seen on."""

    @abstractmethod
    def validate(
        self, letterbox: bool, progress: Callable[[int, int], None]
    ) -> Mapping[str, float | None]:
        """Measure the network on the validation images.

        Returns
        -------
        mapping of str to (float or None)
            The figure and what goes with it, by log.csv's columns.
        """

    @abstractmethod
    def introduction(self) -> Iterator[str]:
        """Yield lines that say what is about to be learnt."""

    @abstractmethod
    def warnings(self) -> Iterator[str]:
        """Yield lines that say what is odd about it."""
