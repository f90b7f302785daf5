"""Memory: what a run needs, and what there is, with the limits of a container or a batch queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pylrm.data.loader import AHEAD
from pylrm.engine import Network
from pylrm.errors import PylrmError
from pylrm.training.schedule import Sizes

GIB = 2**30
FLOAT = 4  # bytes
PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Room:
    """Memory of the machine or of the group of processes that this one is in.

    Attributes
    ----------
    available : int
        Bytes that can be had now without swapping.
    total : int
        Bytes, with swap, that can be had if nobody else had any.
    """

    available: int
    total: int


def room(proc: Path = PROC, cgroups: Path = CGROUPS) -> Room:
    """Return what there is: the least of the machine's and of all enclosing groups' memory.

    Parameters
    ----------
    proc, cgroups : Path
        Where Linux tells; elsewhere nothing limits.
    """
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        kib = {name: int(rest.split()[0]) for name, _, rest in (s.partition(":") for s in lines)}
        available, total = kib["MemAvailable"] * 1024, kib["MemTotal"] * 1024
        swap = kib["SwapTotal"] * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return Room(2**62, 2**62)
    for limit, used in _groups(proc, cgroups):
        total, available = min(total, limit), min(available, limit - used)
    return Room(max(0, available), total + swap)


def available() -> int:
    """Return the bytes that can be had now."""
    return room().available


def _groups(proc: Path, cgroups: Path) -> Iterator[tuple[int, int]]:
    """Yield limit and use of each control group around this process that limits memory."""
    for folder, limit_file, use_file, cache in _folders(proc, cgroups):
        limit, used = _number(folder / limit_file), _number(folder / use_file)
        if limit is not None and used is not None:
            yield limit, max(0, used - _statistic(folder / "memory.stat", cache))


def _folders(proc: Path, cgroups: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Yield folders of groups, versions 2 and 1, with the names of what stands in them."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names = cgroups, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = cgroups / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        below = Path(path.lstrip("/"))
        for each in [below, *below.parents]:
            yield root / each, *names


def _number(file: Path) -> int | None:
    """Return the number in a file; None: there is none, or it is "max"."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _statistic(file: Path, name: str) -> int:
    """Return a named number of a file of lines "name number"; 0 where there is none."""
    try:
        pairs = dict(line.split(maxsplit=1) for line in file.read_text().splitlines())
        return int(pairs[name])
    except (OSError, ValueError, KeyError):
        return 0


@dataclass(frozen=True)
class Need:
    """Bytes that a run needs: fixed ones, and those that shrink with the images a pass."""

    fixed: int
    by_pass: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.fixed + self.by_pass


def need(net: Network, sizes: Sizes) -> Need:
    """Return what a run needs at its largest input size.

    Parameters
    ----------
    net : Network
        A network for training, before its first pass.
    sizes : Sizes
        The run's input sizes.
    """
    size = net.width, net.height
    largest = sizes.choices[-1]
    if largest != size:
        net.resize(*largest)
    parameters, activations = net.memory()
    batches = AHEAD * net.batch * net.channels * net.width * net.height * FLOAT
    if largest != size:
        net.resize(*size)
    return Need(parameters, activations + batches)


def check(net: Network, sizes: Sizes, there: Room, besides: int = 0) -> str | None:
    """Return a warning where a run needs more than is available; None where all is well.

    Parameters
    ----------
    net, sizes
        As `need` takes them.
    there : Room
        What there is.
    besides : int
        Bytes that are needed for other things.

    Raises
    ------
    PylrmError
        It needs more than there would be with nothing else running: it cannot but fail.
    """
    wanted = need(net, sizes)
    wanted = Need(wanted.fixed + besides, wanted.by_pass)
    if wanted.total <= there.available:
        return None
    certain = wanted.total > there.total
    limit = there.total if certain else there.available
    line = (
        f"{net.cfg}: training needs {wanted.total / GIB:.1f} GiB, {limit / GIB:.1f} "
        f"{'are there with swap' if certain else 'available'}: try {advice(net, wanted, limit)}"
    )
    if certain:
        raise PylrmError(line)
    return line


def advice(net: Network, wanted: Need, limit: int) -> str:
    """Return what would fit: the least subdivisions, else a smaller input."""
    an_update = net.batch * net.subdivisions
    for passes in range(net.subdivisions + 1, an_update + 1):
        share = an_update // passes / net.batch
        if an_update % passes == 0 and wanted.fixed + wanted.by_pass * share <= limit:
            return f"subdivisions={passes}"
    return "a smaller input"
