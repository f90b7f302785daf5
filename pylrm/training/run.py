"""A run under way: what it is made of, where it stands, and who is told of it.

What goes along with the updates (validation, saving, the log, the screen, a user's own logger) is a
`Callback`; the loop itself only trains.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataFile
from pylrm.data.loader import Loader
from pylrm.engine import Network
from pylrm.errors import NumericsError
from pylrm.runs.folder import Run
from pylrm.training.callbacks import Callback
from pylrm.training.interruption import Interruption
from pylrm.training.options import TrainOptions
from pylrm.training.parallel import Team
from pylrm.training.schedule import Schedule, Sizes
from pylrm.training.statistics import Passes
from pylrm.training.task import Task


@dataclass
class State:
    """Where a run stands, apart from the network: all that changes from update to update.

    Attributes
    ----------
    update : int
        The last update done.
    loss, average : float
        Its loss and the running average, .9 of the former plus .1 of the new.
    map, best_map : float or None
        What the newest validation measured, and the best one: mAP, of classifiers top-1; 0 to 1.
    since_best : int
        Validations since the best one.
    images, seconds, stall : float
        Images trained on in this run, the time that took without validation, and how much of it
        was waited for images.
    rollbacks : int
        How often the run left the finite range and went back to a checkpoint.
    passes : Passes or None
        The passes of an update under way; None: it stands between two.
    row : dict
        The last update by the columns of log.csv (`pylrm.runs.log.COLUMNS`), and for the text log
        seconds, class, noobj and count.
    told : bool
        Whether the update is in the logs. Until it is, a run that goes on from here starts with
        telling the callbacks of it.
    stop : str or None
        Why the run ends after this update; None: it goes on. A callback may set it.
    """

    update: int
    loss: float = math.nan
    average: float = math.nan
    map: float | None = None
    best_map: float | None = None
    since_best: int = 0
    images: int = 0
    seconds: float = 0.0
    stall: float = 0.0
    rollbacks: int = 0
    passes: Passes | None = None
    row: dict[str, float | None] = field(default_factory=dict)
    told: bool = True
    stop: str | None = None

    def record(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as JSON holds it: None for NaN; the row while untold."""
        kept = {name: _plain(value) for name, value in vars(self).items() if name not in _PASSING}
        row = {name: _plain(value) for name, value in self.row.items()}
        passes = None if self.passes is None else asdict(self.passes)
        return {**kept, "passes": passes, "row": None if self.told else row}

    @classmethod
    def restore(cls, record: dict[str, Any]) -> State:
        """Return the state of a record.

        Raises
        ------
        ValueError, KeyError, TypeError
            It is no state's.
        """
        kept = [each for each in fields(cls) if each.name not in _PASSING]
        values = {each.name: _checked(record[each.name], str(each.type)) for each in kept}
        if record["passes"] is not None:
            values["passes"] = Passes.restore(record["passes"])
        if record["row"] is None:
            return cls(**values)
        row = {str(name): _checked(v, "float | None") for name, v in record["row"].items()}
        return cls(**values, row=row, told=False)


_PASSING = {"passes", "row", "told", "stop"}  # parts of a state that are not kept as they are


def _plain(value: Any) -> Any:
    """Return what JSON holds of a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _checked(value: Any, kind: str) -> Any:
    """Return the number of a kind that JSON held."""
    if value is None and kind == "float":
        return math.nan
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole or (kind.startswith("float") and isinstance(value, float)):
        return value
    if value is None and kind == "float | None":
        return None
    raise ValueError(f"{str(value)[:40]!r} is no {kind}")


@dataclass
class Training:
    """A run that has passed all checks. A rollback gives it other `batches` and another `state`.

    Attributes
    ----------
    task : Task
        What is learnt: a network and its data set.
    net : Network
        What is trained.
    cfg : Cfg
        Its cfg.
    data : DataFile
        The data set.
    images : list of Path
        The training images.
    options : TrainOptions
        How it is trained, all resolved.
    folder : Run
        Where everything is written.
    schedule : Schedule
        Which updates, and what happens after which of them.
    sizes : Sizes
        The input size of each pass.
    state : State
        Where the run stands.
    callbacks : sequence of Callback
        Who is told, in this order.
    team : Team
        The processes that do the passes.
    size : (int, int)
        The cfg's width and height, at which mAP is measured.
    batches : Loader
        Images with their truths, from the run's position on.
    interruption : Interruption
        Which signal came, if one did, while the loop runs.
    """

    task: Task
    options: TrainOptions
    folder: Run
    schedule: Schedule
    sizes: Sizes
    state: State
    callbacks: Sequence[Callback]
    team: Team = field(default_factory=Team)
    size: tuple[int, int] = field(init=False)
    interruption: Interruption = field(init=False)
    batches: Loader = field(init=False)
    net: Network = field(init=False)
    cfg: Cfg = field(init=False)
    data: DataFile = field(init=False)
    images: list[Path] = field(init=False)

    def __post_init__(self) -> None:
        task = self.task
        self.net, self.cfg, self.data, self.images = task.net, task.cfg, task.data, task.images
        self.size = self.net.width, self.net.height

    @property
    def letterbox(self) -> bool:
        """Whether images keep their aspect."""
        return bool(self.options.letterbox)

    @property
    def images_an_update(self) -> int:
        """How many images an update is learnt from."""
        return self.net.batch * self.net.subdivisions

    def begin(self) -> None:
        """Tell the callbacks that the first update is about to come."""
        for callback in self.callbacks:
            callback.run_begins(self)

    def update_done(self) -> None:
        """Tell the callbacks that an update is done; `state` says which."""
        for callback in self.callbacks:
            callback.update_done(self)

    def validated(self) -> None:
        """Tell the callbacks that mAP was measured after the update."""
        for callback in self.callbacks:
            callback.validated(self)

    def saved(self, path: Path) -> None:
        """Tell the callbacks that weights were written."""
        for callback in self.callbacks:
            callback.saved(self, path)

    def end(self) -> None:
        """Tell all callbacks that no update follows, whatever the reason.

        The first error of theirs is raised, unless it would hide the one that ended the run.
        """
        under_way = sys.exc_info()[1]
        first: Exception | None = None
        for callback in self.callbacks:
            try:
                callback.run_ends(self)
            except Exception as error:
                first = first or error
        if first is not None and under_way is None:
            raise first

    def diverged(self, what: str) -> NumericsError:
        """Return the error of a run that left the finite range: what, what is left, what helps."""
        kept = [*self.folder.list_checkpoints()[:1], *filter(Path.exists, [self.folder.last])]
        left = f"good still: {' and '.join(map(str, kept))}" if kept else "no weights were saved"
        advice = "try a lower learning_rate, a longer burn_in or --on-nan rollback"
        return NumericsError(f"{self.folder.folder}: {what}; {left}; {advice}")
