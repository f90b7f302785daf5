"""Checkpoints of a run: when they are written, what is in them, and how training goes on from one.

A checkpoint stands after an update, or after a pass of one that an error ended. Its record holds

state       where the run stands, as `State.record` gives it
network     seen, updates, rate_factor, the layers with fresh statistics, the kernels' name
cfg         the text that the network was made of
images      how many there are in the training list, and a digest of their paths
skipped     images that could not be read so far
logs        bytes of the logs, up to the last update that they were told of

and its arrays are those of `Layer.state`, named by layer: "3 weights", "3 grad weights".
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pylrm.engine import Network
from pylrm.errors import DataError
from pylrm.files.writing import writing
from pylrm.runs.checkpoint import Arrays, Checkpoint, write_checkpoint
from pylrm.runs.folder import CSV_NAME, TEXT_NAME, Run
from pylrm.runs.log import log_sizes, sync_logs
from pylrm.training.callbacks import Callback
from pylrm.training.run import State, Training
from pylrm.training.saving import check
from pylrm.version import VERSION

KEPT = 2  # checkpoints in a folder
SECONDS = 300.0  # of work that a crash may cost


class Checkpoints(Callback):
    """Writes checkpoints: at the start, after validations, by number, and by the clock.

    Attributes
    ----------
    slowest : float
        Seconds that the slowest one took.
    """

    def __init__(self) -> None:
        self.slowest = 0.0
        self._begun = False
        self._last: tuple[int, bool] | None = None  # `seen` of the last one, and whether told
        self._logs: dict[str, int] = {}  # their bytes, with the rows of updates that were told
        self._written = self._updated = time.monotonic()

    def run_begins(self, run: Training) -> None:
        """Write the first one, so that trouble shows now; after a rollback one that counts it."""
        self._last, self._logs = None, _log_sizes(run)
        if self._begun or not run.folder.list_checkpoints():
            self.write(run)
        self._begun = True
        self._written = self._updated = time.monotonic()

    def update_done(self, run: Training) -> None:
        """Write one if it is due: the next update's end might be too late."""
        now = time.monotonic()
        took, self._updated = now - self._updated, now
        update, every = run.state.update, run.options.checkpoint_every
        run.state.told = True
        self._logs = _log_sizes(run)
        if (
            now - self._written + took > SECONDS
            or run.schedule.validates(update)
            or update == run.schedule.last
            or (every and update % every == 0)
        ):
            self.write(run)

    def write(self, run: Training) -> None:
        """Write a checkpoint of the present, if there is none yet, and remove old ones.

        Raises
        ------
        NumericsError
            A value that is not finite.
        PylrmError
            It cannot be written.
        """
        now = run.net.seen, run.state.told
        if self._last == now:
            return
        began = time.monotonic()
        check(run)
        with writing(run.folder.folder):
            sync_logs(run.folder.folder)
        record = {**record_of(run), "logs": self._logs}
        write_checkpoint(run.folder.checkpoint(run.state.update), record, arrays_of(run.net))
        with writing(run.folder.checkpoints):
            for path in run.folder.list_checkpoints()[KEPT:]:
                path.unlink(missing_ok=True)
        self._last = now
        self._written = time.monotonic()
        self.slowest = max(self.slowest, self._written - began)

    def is_clean(self, run: Training) -> bool:
        """Tell whether run and network stand after the same pass."""
        passes = len(run.state.passes.losses) if run.state.passes else 0
        return run.net.seen == run.state.update * run.images_an_update + passes * run.net.batch


def _log_sizes(run: Training) -> dict[str, int]:
    with writing(run.folder.folder):
        return log_sizes(run.folder.folder)


def arrays_of(net: Network) -> Arrays:
    """Return all arrays that training changes, by the names that checkpoints have for them."""
    return {
        f"{layer.index} {name}": values for layer in net for name, values in layer.state.items()
    }


def digest_of(images: Sequence[Path]) -> str:
    """Return a digest of a list of images, wherever it is read from: their order depends on it."""
    names = b"\0".join(os.fsencode(path.absolute()) for path in images)
    return hashlib.blake2b(names, digest_size=16).hexdigest()


def record_of(run: Training) -> dict[str, Any]:
    """Return what a checkpoint holds besides arrays and the lengths of the logs."""
    net = run.net
    return {
        "pylrm": VERSION,
        "state": run.state.record(),
        "network": {
            "seen": net.seen,
            "updates": net.updates,
            "rate_factor": net.rate_factor,
            "fresh": [layer.index for layer in net if layer.fresh],
            "kernels": net.kernels,
        },
        "cfg": run.cfg.text.decode("utf-8", "surrogateescape"),
        "images": {"count": len(run.images), "digest": digest_of(run.images)},
        "skipped": [os.fspath(path) for path in run.batches.skipped],
    }


class Kept:
    """What a checkpoint keeps, checked for kind and range.

    Attributes
    ----------
    path : Path
        The file.
    state : State
        Where the run stood.
    cfg : bytes
        The text that its network was made of.
    kernels : str
        Which it was computed with.
    images : (int, str)
        How many images were in the training list, and their digest.
    skipped : list of Path
        Images that could not be read.
    logs : dict
        Bytes of the logs.

    Raises
    ------
    DataError
        Something else stands there.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.path = checkpoint.path
        record = checkpoint.record
        try:
            self.state = State.restore(record["state"])
            self.cfg = str(record["cfg"]).encode("utf-8", "surrogateescape")
            self._network = record["network"]
            self.kernels = str(self._network["kernels"])
            self.images = int(record["images"]["count"]), str(record["images"]["digest"])
            self.skipped = [Path(path) for path in record["skipped"]]
            self.logs = {name: int(record["logs"][name]) for name in (CSV_NAME, TEXT_NAME)}
            if min(self.state.update, self.state.rollbacks, *self.logs.values()) < 0:
                raise ValueError("a count below 0")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{self.path}: no checkpoint of a run: {error!r}") from error

    def restore(self, net: Network) -> None:
        """Give a network the state that it had.

        Raises
        ------
        DataError
            It is another network's.
        """
        self._checkpoint.fill(arrays_of(net))
        try:
            fresh = set(self._network["fresh"])
            for layer in net:
                layer.fresh = layer.index in fresh
            net.seen, net.updates = int(self._network["seen"]), int(self._network["updates"])
            net.rate_factor = float(self._network["rate_factor"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.path}: no checkpoint of a run: {error!r}") from error


def newest(folder: Run) -> tuple[Kept, list[str]]:
    """Return the newest checkpoint that is whole, and what is wrong with newer ones.

    Those are set aside: their names then end in .damaged.

    Raises
    ------
    DataError
        There is none; one cannot be read, which need not be its fault.
    """
    wrong: list[str] = []
    for path in folder.list_checkpoints():
        try:
            found = Kept(Checkpoint.read(path))
        except DataError as error:
            if isinstance(error.__cause__, OSError):
                raise
            wrong.append(str(error))
            continue
        for damaged in folder.list_checkpoints()[: len(wrong)]:
            with writing(damaged):
                damaged.rename(damaged.with_name(damaged.name + ".damaged"))
        return found, wrong
    reason = wrong[0] if wrong else f"{folder.checkpoints}: there is none"
    raise DataError(f"{folder.folder}: no checkpoint to go on from: {reason}")
