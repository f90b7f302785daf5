"""Training in several processes: `mpirun -n 4 pylrm train …`.

The passes of an update, `subdivisions` of them, are shared out in rounds: in each, every process
does one, process r the r-th of the round. Their gradients and batch statistics are then taken into
account in the order of the passes, so that all comes out as in one process, bit by bit.

Process 0 leads: it runs the loop, the callbacks and the supervision, as it does alone, and writes
all files. The others follow its orders:

start   go on from this state, which is broadcast
pass    do a pass, if so many are left, and report what it showed
add     add up the gradients of the round's passes; and update, if it was the last round
batch   hand over the images of your pass
end     training is over

A follower that cannot do its pass reports why. A process that is lost altogether is mpirun's to
notice: it ends the others.
"""

from __future__ import annotations

import importlib
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pylrm.binding.library import FloatArray
from pylrm.cfg.file import Cfg
from pylrm.data.loader import Batch, Loader
from pylrm.engine import Layer, Network
from pylrm.errors import CfgError, PylrmError
from pylrm.extras import extra
from pylrm.terminal import complain, launched_processes
from pylrm.training.batches import data_seed, train_on
from pylrm.training.interruption import Interruption
from pylrm.training.options import TrainOptions
from pylrm.training.schedule import Sizes
from pylrm.training.statistics import Pass
from pylrm.training.task import Task

if TYPE_CHECKING:
    from pylrm.training.run import Training

NAP, LONGEST_NAP = 5e-5, 2e-3  # seconds between two looks for a message
GRACE = 0.4  # seconds between being told to end and saying what is left; mpirun kills after one
Statistics = list[dict[str, FloatArray]]  # of the layers that have any: names to a pass's own


class Team:
    """The processes that train a run, as its loop sees them: one alone.

    Attributes
    ----------
    rank, size : int
        Which of how many processes this is.
    """

    rank, size = 0, 1

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """Do what stands within in all processes or in none.

        Raises
        ------
        PylrmError
            Another process failed.
        SystemExit
            In processes that do not lead, whoever failed.
        """
        yield

    def share(self, value: Any) -> Any:
        """Return what the leading process has; the others hand in anything."""
        return value

    def use_device(self, device: str) -> None:
        """Choose this process' GPU, before a network is made on a device."""

    def memory(self, net: Network) -> int:
        """Return the bytes that a process needs besides the network's and the images'."""
        return 0

    def start(self, run: Training) -> None:
        """Let all processes go on from the run's state."""

    def choose(self, batches: Loader, net: Network) -> None:
        """Restrict batches to those that this process trains on."""

    def passes(self, run: Training, left: int) -> tuple[list[Pass], Batch]:
        """Do a round of passes, with the update after the last one.

        Parameters
        ----------
        run : Training
            Whose.
        left : int
            Passes that the update still needs.

        Returns
        -------
        list of Pass, Batch
            What the passes showed, and the images of this process' own. Nothing is learnt from a
            round with a loss that is not finite.

        Raises
        ------
        PylrmError
            A pass could not be done.
        """
        batch = next(run.batches)
        return [Pass.last(run.net, train_on(run.net, batch))], batch

    def batch_of(self, run: Training, number: int, own: Batch) -> Batch:
        """Return the images of a pass of the last round, and count those before into `seen`."""
        return own

    def end(self, outcome: Any) -> None:
        """Tell the others that it is over; outcome: what they return, None: they end quietly."""


@dataclass
class Share:
    """What one process does in a round.

    Attributes
    ----------
    net : Network
        What is trained, the same in all processes between two rounds.
    rank, size : int
        Which of how many.
    gradient : ndarray
        That of the last pass.
    """

    net: Network
    rank: int
    size: int
    gradient: FloatArray = field(init=False)
    normalised: list[Layer] = field(init=False)

    def __post_init__(self) -> None:
        self.gradient = np.empty_like(self.net.gradients)
        self.normalised = [layer for layer in self.net if rolling(layer)]

    def do(self, batch: Batch) -> tuple[Pass, Statistics]:
        """Do the pass that comes `rank` passes after the network's own; that stays as it was."""
        net, seen = self.net, self.net.seen
        fresh = [layer.fresh for layer in net]
        kept = self._statistics()
        net.seen = seen + self.rank * net.batch
        try:
            for layer in self.normalised:
                layer.fresh = True  # so that the pass leaves its own statistics, not the rolling
            loss = train_on(net, batch, self.gradient)
            return Pass.last(net, loss), self._statistics()
        finally:
            net.seen = seen
            for layer, was in zip(net, fresh, strict=True):
                layer.fresh = was
            for layer, before in zip(self.normalised, kept, strict=True):
                for name, values in before.items():
                    layer.params[name][...] = values

    def roll(self, rounds: list[Statistics]) -> None:
        """Take the passes' statistics into the rolling ones, in their order."""
        for statistics in rounds:
            for layer, own in zip(self.normalised, statistics, strict=True):
                layer.roll(own, layer.fresh)
            for layer in self.net:
                layer.fresh = False

    def add(
        self, comm: Any, mpi: Any, passes: int, update: bool, wait: Callable[[Any], None]
    ) -> None:
        """Add up the round's gradients, in the order of the passes.

        Each process gets its part of all gradients, adds them to its part of the network's, and
        hands the sum on to the others.

        Parameters
        ----------
        comm, mpi
            The communicator, and MPI.
        passes : int
            How many the round had.
        update : bool
            It was the update's last round.
        wait : callable
            Waits for a request of MPI's.
        """
        net, sums = self.net, self.net.gradients
        bounds = [len(sums) * r // self.size for r in range(self.size + 1)]
        counts, starts = np.diff(bounds).tolist(), bounds[:-1]
        mine = counts[self.rank]
        parts = np.empty((self.size, mine), np.float32)
        wait(
            comm.Ialltoallv(
                [self.gradient, counts, starts, mpi.FLOAT],
                [parts, [mine] * self.size, [mine * r for r in range(self.size)], mpi.FLOAT],
            )
        )
        own = sums[bounds[self.rank] : bounds[self.rank + 1]]
        for part in parts[:passes]:
            own += part
        wait(comm.Iallgatherv(mpi.IN_PLACE, [sums, counts, starts, mpi.FLOAT]))
        net.seen += passes * net.batch
        if update:
            net.update()

    def _statistics(self) -> Statistics:
        return [rolling(layer) for layer in self.normalised]


def rolling(layer: Layer) -> dict[str, FloatArray]:
    """Return copies of a layer's rolling statistics."""
    return {n: values.copy() for n, values in layer.params.items() if n.startswith("rolling")}


def passes_of(rank: int, size: int, first: int, subdivisions: int) -> Iterator[int]:
    """Yield the numbers of the passes that a process does, from a round on.

    Parameters
    ----------
    rank, size : int
        Which of how many processes.
    first : int
        The round's first pass.
    subdivisions : int
        Passes an update; a round ends with the update.
    """
    while True:
        end = (first // subdivisions + 1) * subdivisions
        yield from range(first + rank, end, size)
        first = end


@dataclass(frozen=True)
class Report:
    """What a process reports of its pass.

    Attributes
    ----------
    shown : Pass or None
        None: it could not be done.
    statistics : list
        Batch statistics.
    failure : str
        Why not.
    signal : int or None
        What the process was sent.
    skipped : list of Path
        Images that it could not read so far.
    """

    shown: Pass | None
    statistics: Statistics
    failure: str
    signal: int | None
    skipped: list[Path]


class Processes(Team):
    """Several processes, by MPI: what leaders and followers have in common."""

    def __init__(self, mpi: Any) -> None:
        self.mpi, self.comm = mpi, mpi.COMM_WORLD
        self.rank, self.size = self.comm.Get_rank(), self.comm.Get_size()
        self.own: Share | None = None
        self.interruption = Interruption()
        self._batch: Batch | None = None

    @contextmanager
    def agreed(self) -> Iterator[None]:
        error: BaseException | None = None
        try:
            yield
        except BaseException as caught:
            error = caught
        told = self.comm.allgather(None if error is None else self._named(error))
        if self.rank and any(told):
            raise SystemExit(0)  # the leading process says what failed, and exits so
        if error is not None:
            raise error
        for failure in filter(None, told):
            raise PylrmError(failure)

    def share(self, value: Any) -> Any:
        return self.comm.bcast(value)

    def use_device(self, device: str) -> None:
        if device == "cuda":
            choose_gpu(self.mpi)

    def memory(self, net: Network) -> int:
        return 2 * net.gradients.nbytes  # a pass's own gradient; its part of everybody's

    def choose(self, batches: Loader, net: Network) -> None:
        first = net.seen // net.batch
        batches.choose(passes_of(self.rank, self.size, first, net.subdivisions))

    def exchange_state(self, net: Network) -> None:
        """Give all processes the leading one's network: all that training changes."""
        if self.own is None:
            self.own = Share(net, self.rank, self.size)
        fresh = [layer.fresh for layer in net]
        values = self.share((net.seen, net.updates, net.rate_factor, fresh))
        net.seen, net.updates, net.rate_factor, fresh = values
        for layer, is_fresh in zip(net, fresh, strict=True):
            layer.fresh = is_fresh
            for array in layer.state.values():
                self.comm.Bcast(array)

    def _pass(self, batches: Loader) -> Report:
        """Do this process' pass of a round; returns what is to be said of it."""
        assert self.own is not None
        shown: Pass | None = None
        statistics: Statistics = []
        failure = ""
        try:
            self._batch = next(batches)
            shown, statistics = self.own.do(self._batch)
        except Exception as error:
            failure = self._named(error)
        signal = self.interruption.signal
        return Report(shown, statistics, failure, signal, batches.skipped)

    def abort(self, line: str) -> None:
        """End all processes, with a line that says why."""
        complain(line)
        self.comm.Abort(1)

    def _named(self, error: BaseException) -> str:
        text = str(error) if isinstance(error, PylrmError) else f"{type(error).__name__}: {error}"
        return f"process {self.rank} of {self.size} ({platform.node()}): {text}"


class Leader(Processes):
    """Process 0."""

    def __init__(self, mpi: Any) -> None:
        super().__init__(mpi)
        self._amid_round = self._said = False
        self._waiting = 0.0  # since when, after a signal

    def start(self, run: Training) -> None:
        self._amid_round = True
        self._order("start", run.state.rollbacks)
        self.exchange_state(run.net)
        self._amid_round = False

    def passes(self, run: Training, left: int) -> tuple[list[Pass], Batch]:
        self._amid_round = True
        count = min(left, self.size)
        self._order("pass", left)
        reports = [self._pass(run.batches)]
        reports += [self._report(run, rank) for rank in range(1, count)]
        failures = [report.failure for report in reports if report.failure]
        if failures:
            self._amid_round = False
            raise PylrmError(failures[0])
        shown = [report.shown for report in reports if report.shown is not None]
        if all(math.isfinite(each.loss) for each in shown):
            assert self.own is not None
            self._order("add", count, count == left)
            self.own.roll([report.statistics for report in reports])
            self.own.add(self.comm, self.mpi, count, count == left, lambda r: self._wait(run, r))
        self._amid_round = False
        assert self._batch is not None
        return shown, self._batch

    def batch_of(self, run: Training, number: int, own: Batch) -> Batch:
        run.net.seen += number * run.net.batch
        if number == 0:
            return own
        self._order("batch", number)
        batch: Batch = self.comm.recv(source=number)
        return batch

    def end(self, outcome: Any) -> None:
        if self._amid_round:  # the others wait for what will not come
            self.comm.Abort(1)
        self._order("end", outcome)

    def _order(self, *order: Any) -> None:
        for rank in range(1, self.size):
            self.comm.send(order, rank)

    def _report(self, run: Training, rank: int) -> Report:
        nap = NAP
        while not self.comm.iprobe(source=rank):
            self._watch(run)
            time.sleep(nap)
            nap = min(2 * nap, LONGEST_NAP)
        report: Report = self.comm.recv(source=rank)
        for path in report.skipped:
            if path not in run.batches.skipped:
                run.batches.skipped.append(path)
        if report.signal is not None and run.interruption.signal is None:
            run.interruption.signal = report.signal
        return report

    def _wait(self, run: Training, request: Any) -> None:
        while not request.Test():
            self._watch(run)

    def _watch(self, run: Training) -> None:
        """Say what is left if a signal came and the others do not answer: one may be lost."""
        if run.interruption.signal is None or self._said:
            return
        now = time.monotonic()
        self._waiting = self._waiting or now
        if now - self._waiting > GRACE:
            self._said = True
            kept = run.folder.list_checkpoints()[:1]
            complain(
                f"{run.folder.folder}: told to end amid an update; if this is the last line, go on "
                f"from {kept[0] if kept else 'the start'}: `pylrm train --resume "
                f"{run.folder.folder}`"
            )


class Follower(Processes):
    """Any other process.

    It is quiet, writes nothing, and does what it is told.
    """

    def follow(self, task: Task, options: TrainOptions, sizes: Sizes) -> Any:
        """Train until the leading process says that it is over.

        Returns
        -------
        object
            What the leading process came to.

        Raises
        ------
        SystemExit
            It came to nothing.
        """
        batches: Loader | None = None
        try:
            with self.interruption:
                while True:
                    order, *rest = self._order()
                    if order == "start":
                        if batches is not None:
                            batches.close()
                        batches = self._start(task, options, sizes, *rest)
                    elif order == "pass":
                        assert batches is not None
                        if self.rank < rest[0]:
                            self.comm.send(self._pass(batches), 0)
                    elif order == "add":
                        assert self.own is not None
                        passes, update = rest
                        self.own.add(self.comm, self.mpi, passes, update, _until_done)
                    elif order == "batch":
                        if rest[0] == self.rank:
                            self.comm.send(self._batch, 0)
                    else:
                        break
        except Exception as error:
            self.abort(f"{self._named(error)}; the run's last checkpoint is good still")
        finally:
            if batches is not None:
                batches.close()
        if rest[0] is None:
            raise SystemExit(0)  # the leading process says what failed, and exits so
        return rest[0]

    def _order(self) -> tuple[Any, ...]:
        nap = NAP
        while not self.comm.iprobe(source=0):  # without taking a processor from the leader
            time.sleep(nap)
            nap = min(2 * nap, LONGEST_NAP)
        order: tuple[Any, ...] = self.comm.recv(source=0)
        return order

    def _start(self, task: Task, options: TrainOptions, sizes: Sizes, rollbacks: int) -> Loader:
        self.exchange_state(task.net)
        return open_batches(self, task, options, sizes, rollbacks)


def _until_done(request: Any) -> None:
    request.Wait()


def open_batches(
    team: Team,
    task: Task,
    options: TrainOptions,
    sizes: Sizes,
    rollbacks: int,
    skipped: list[Path] | None = None,
) -> Loader:
    """Return the batches of a process from the network's images seen on.

    Parameters
    ----------
    team : Team
        The processes.
    task, options, sizes
        The run's.
    rollbacks : int
        How often the run went back to a checkpoint.
    skipped : list of Path or None
        Images that could not be read before.
    """
    batches = task.batches(
        sizes=sizes,
        seed=data_seed(options.seed, rollbacks),
        workers=options.workers,
        letterbox=bool(options.letterbox),
        skipped=skipped or [],
    )
    team.choose(batches, task.net)
    return batches


def team_of_processes() -> Team:
    """Return the processes that mpirun started, or this one alone.

    Raises
    ------
    PylrmError
        There is no mpi4py, no MPI library, or another one than mpirun's.
    """
    count = launched_processes()
    if count <= 1:
        return Team()
    extra("mpi", f"started by mpirun as one of {count} processes, which needs mpi4py")
    try:
        mpi = importlib.import_module("mpi4py.MPI")
    except (ImportError, RuntimeError) as error:
        raise PylrmError(f"mpi4py finds no MPI library: {error}") from error
    size = mpi.COMM_WORLD.Get_size()
    if size != count:
        raise PylrmError(
            f"mpirun started {count} processes, of which mpi4py sees {size}: it uses another MPI "
            f"({mpi.Get_library_version().splitlines()[0].strip()}) than mpirun"
        )
    return Leader(mpi) if mpi.COMM_WORLD.Get_rank() == 0 else Follower(mpi)


def choose_gpu(mpi: Any) -> None:
    """Let this process see one GPU: of those that its machine shows, that of its number there.

    Raises
    ------
    PylrmError
        More processes than GPUs, as far as CUDA_VISIBLE_DEVICES tells.
    """
    comm = mpi.COMM_WORLD
    here = comm.Split_type(mpi.COMM_TYPE_SHARED, comm.Get_rank())
    own = here.Get_rank()
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = None if shown is None else [name for name in shown.split(",") if name.strip()]
    if names is not None and own >= len(names):
        raise PylrmError(
            f"--device cuda: {here.Get_size()} processes on {platform.node()}, where "
            f"CUDA_VISIBLE_DEVICES={shown} shows {len(names)} GPUs: each needs one of its own"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = str(own) if names is None else names[own]


def check_share(team: Team, net: Network, cfg: Cfg) -> None:
    """Hold the number of processes against the passes of an update.

    Raises
    ------
    CfgError
        They cannot be shared out evenly.
    """
    if net.subdivisions % team.size == 0:
        return
    fitting = [n for n in range(1, net.subdivisions + 1) if net.subdivisions % n == 0]
    raise CfgError(
        f"{cfg}:{cfg.line_of(cfg.net.line, 'subdivisions')}: [net] subdivisions="
        f"{net.subdivisions}: {team.size} processes cannot share {net.subdivisions} passes an "
        f"update evenly; {', '.join(map(str, fitting))} can"
    )
