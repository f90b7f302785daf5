"""Training in several processes (mpirun) against one process with as many passes an update."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pylrm import train
from pylrm.runs.checkpoint import Checkpoint
from pylrm.runs.folder import Run
from pylrm.training.parallel import passes_of
from tests.training.runs import COMMAND, assert_same, rows, table

WriteCfg = Callable[..., Path]
MPIRUN = shutil.which("mpirun")
needs_mpi = pytest.mark.skipif(
    MPIRUN is None or importlib.util.find_spec("mpi4py") is None,
    reason="needs mpirun and mpi4py (pip install 'pylrm[mpi]'; apt-get install openmpi-bin)",
)


def environment() -> dict[str, str]:
    settings = {
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    }
    return {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(sys.path)}


def start(processes: int, *arguments: object, code: str = COMMAND) -> subprocess.Popen[str]:
    """Start `mpirun -n processes pylrm train`."""
    assert MPIRUN
    version = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True).stdout
    flags = ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
    return subprocess.Popen(
        [MPIRUN, *(flags if "Open MPI" in version or "OpenRTE" in version else []),
         "-n", str(processes), sys.executable, "-c", code, "train", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )  # fmt: skip


def options_of(options: dict[str, Any]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]


def run(processes: int, *arguments: object, code: str = COMMAND) -> tuple[int, str, str]:
    process = start(processes, *arguments, "--threads", 1, code=code)
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def our(lines: str) -> list[str]:
    """What pylrm says of what mpirun shows."""
    return [line for line in lines.splitlines() if line.startswith("pylrm:")]


LRM = "[lrm]\nk=20\nnms=.5\n"
CASES: Sequence[tuple[int, dict[str, Any], dict[str, Any]]] = [
    (2, {"subdivisions": 2, "clip_norm": 0.5, "lrm": LRM}, {"map_every": 4}),
    (3, {"batch": 6, "subdivisions": 3, "adam": 1, "region": "random=1"}, {"map_every": 0}),
    # rounds of two passes, and more samples than images
    (2, {"batch": 8, "subdivisions": 4, "lrm": LRM, "mosaic": 1}, {"freeze": 1, "ema": 0.9}),
]


@needs_mpi
@pytest.mark.parametrize(("processes", "keys", "options"), CASES, ids=["sgd", "adam", "rounds"])
def test_processes_come_to_the_bits_of_one(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    processes: int,
    keys: dict[str, Any],
    options: dict[str, Any],
) -> None:
    cfg = tiny_cfg(max_batches=8, **keys)
    one = train(cfg, tiny_data, out=tmp_path / "one", quiet=True, threads=1, **options).folder
    out = tmp_path / "several"
    code, said, err = run(
        processes, "--cfg", cfg, "--data", tiny_data, "--out", out, *options_of(options)
    )
    assert code == 0, err
    assert said.count("run folder:") == 1 and f" by {processes} processes" in said
    assert_same(one, out)


@needs_mpi
def test_a_run_goes_on_in_other_numbers_of_processes(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg = tiny_cfg(batch=12, subdivisions=6, max_batches=9)
    options: dict[str, Any] = {"map_every": 0, "save_every": 3}
    one = train(cfg, tiny_data, out=tmp_path / "one", quiet=True, **options).folder
    out = tmp_path / "several"
    arguments = ["--cfg", cfg, "--data", tiny_data, "--out", out, *options_of(options)]
    for processes, until in ((2, 3), (1, 5), (3, 9)):
        code, _, err = run(processes, *arguments, "--updates", until)
        assert code == 0, err
        arguments = ["--resume", out]
    assert_same_but_end(one, out)


def assert_same_but_end(one: Path, other: Path) -> None:
    """As `assert_same`; last.weights was written after other updates too."""
    assert_same(one, other)
    assert len(table(other)) == 9


def lose(process: subprocess.Popen[str], rank: int) -> None:
    """Kill the process of a rank."""
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit():
                continue
            variables = (folder / "environ").read_bytes().split(b"\0")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, ValueError):
            continue
        if f"OMPI_COMM_WORLD_RANK={rank}".encode() in variables and parent == str(process.pid):
            os.kill(int(folder.name), signal.SIGKILL)
            return
    raise AssertionError("no such process")


@needs_mpi
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
@pytest.mark.skipif(
    MPIRUN is not None and "mpich" in os.path.realpath(MPIRUN), reason="finds Open MPI's processes"
)
def test_a_lost_process_ends_all_and_leaves_a_checkpoint(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg, out = tiny_cfg(subdivisions=2, max_batches=4000), tmp_path / "several"
    options: dict[str, Any] = {"map_every": 0, "checkpoint_every": 2}
    arguments = ["--cfg", cfg, "--data", tiny_data, "--out", out, *options_of(options)]
    process = start(2, *arguments, "--threads", 1)
    while process.poll() is None and rows(out) < 5:
        time.sleep(0.01)
    lose(process, 1)
    _, err = process.communicate(timeout=60)
    assert process.returncode
    kept = Run(out).list_checkpoints()
    assert [
        line
        for line in our(err)
        if re.search(rf"go on from {out}/\S+\.checkpoint: `pylrm train --resume {out}`", line)
    ], err
    assert Checkpoint.read(kept[0])  # whole
    last = int(kept[0].stem) + 4
    code, _, err = run(2, "--resume", out, "--updates", last)
    assert code == 0, err
    one = train(cfg, tiny_data, out=tmp_path / "one", quiet=True, updates=last, **options).folder
    assert table(one) == table(out)
    assert Run(one).last.read_bytes() == Run(out).last.read_bytes()


FAILING = """
import pylrm.training.parallel as parallel
from pylrm.errors import DataError
do, count = parallel.Share.do, 0
def fails(self, batch):
    global count
    count += 1
    if count == 4 and self.rank == 1:
        raise DataError("images/7.png: gone")
    return do(self, batch)
parallel.Share.do = fails
"""


@needs_mpi
def test_a_process_that_fails_says_why_and_the_run_is_saved(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg, out = tiny_cfg(subdivisions=2, max_batches=6), tmp_path / "several"
    arguments = ["--cfg", cfg, "--data", tiny_data, "--out", out, "--map-every", 0]
    code, said, err = run(2, *arguments, code=FAILING + COMMAND)
    assert code
    [line] = our(err)
    assert re.fullmatch(r"pylrm: process 1 of 2 \(\S+\): images/7.png: gone", line)
    assert f"`pylrm train --resume {out}` goes on after update 3" in said
    code, _, err = run(2, "--resume", out)
    assert code == 0, err
    one = train(cfg, tiny_data, out=tmp_path / "one", quiet=True, map_every=0).folder
    assert_same(one, out)


@needs_mpi
def test_a_leader_that_fails_before_the_first_pass_ends_all(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    """The others wait for the state that it hands out."""
    code = (
        "import pylrm.training.parallel as parallel\n"
        "from pylrm.errors import PylrmError\n"
        "def fails(self):\n"
        "    if self.rank == 0:\n"
        "        raise PylrmError('no state')\n"
        "    self.gradient, self.normalised = None, []\n"
        "parallel.Share.__post_init__ = fails\n"
    )
    cfg, out = tiny_cfg(subdivisions=2, max_batches=6), tmp_path / "several"
    arguments = ["--cfg", cfg, "--data", tiny_data, "--out", out, "--map-every", 0]
    status, _, _ = run(2, *arguments, code=code + COMMAND)
    assert status


@needs_mpi
def test_a_loss_that_is_not_finite_is_told_as_in_one_process(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg = tiny_cfg(subdivisions=2, max_batches=30, learning_rate=1e5)
    arguments = ["--cfg", cfg, "--data", tiny_data, "--map-every", 0, "--on-nan", "rollback"]
    told = []
    for processes in (1, 2):
        out = tmp_path / f"{processes}"
        code, _, err = run(processes, *arguments, "--out", out)
        assert code
        told.append(our(err.replace(str(out), "OUT")))
        assert (out / "nonfinite-batch.npz").exists()
    assert told[0] == told[1] and "5 rollbacks did not help" in told[0][-1]


@needs_mpi
def test_an_interrupted_run_is_saved(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    """A signal to one process, as a batch queue may send it."""
    code = (
        "import os, signal\n"
        "from pylrm.training.parallel import Share\n"
        "do, count = Share.do, 0\n"
        "def signalled(self, batch):\n"
        "    global count\n"
        "    count += 1\n"
        "    if count == 3 and self.rank == 1:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return do(self, batch)\n"
        "Share.do = signalled\n"
    )
    cfg, out = tiny_cfg(subdivisions=2, max_batches=6), tmp_path / "several"
    arguments = ["--cfg", cfg, "--data", tiny_data, "--out", out, "--map-every", 0]
    status, said, err = run(2, *arguments, code=code + COMMAND)
    assert status and "interrupted after update 3" in said, err
    status, _, err = run(2, "--resume", out)
    assert status == 0, err
    one = train(cfg, tiny_data, out=tmp_path / "one", quiet=True, map_every=0).folder
    assert_same(one, out)


@needs_mpi
def test_mistakes_are_said_once(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    cfg, out = tiny_cfg(subdivisions=4), tmp_path / "several"
    code, _, err = run(3, "--cfg", cfg, "--data", tiny_data, "--out", out)
    assert code
    assert our(err) == [
        f"pylrm: {cfg}:3: [net] subdivisions=4: 3 processes cannot share 4 passes an update "
        "evenly; 1, 2, 4 can"
    ]
    assert not out.exists()
    code, _, err = run(2, "--cfg", tmp_path / "none.cfg", "--data", tiny_data, "--out", out)
    assert code and len(our(err)) == 1 and "none.cfg" in our(err)[0]


def said_alone(code: str, **variables: str) -> str:
    """What a process says that thinks mpirun started it."""
    done = subprocess.run(
        [sys.executable, "-c", code + COMMAND, "train", "--cfg", "x.cfg", "--data", "x.data"],
        capture_output=True,
        text=True,
        env={**environment(), **variables},
    )
    assert done.returncode == 2
    return done.stderr


@pytest.mark.parametrize("variable", ["OMPI_COMM_WORLD", "PMI"])
def test_without_mpi4py(variable: str) -> None:
    missing = "import sys; sys.modules['mpi4py'] = None\n"
    variables = {f"{variable}_SIZE": "2", f"{variable}_RANK": "0"}
    assert said_alone(missing, **variables) == (
        "pylrm: started by mpirun as one of 2 processes, which needs mpi4py: "
        "pip install 'pylrm[mpi]'\n"
    )
    assert said_alone(missing, **variables | {f"{variable}_RANK": "1"}) == ""


def test_an_mpi_that_is_not_mpiruns() -> None:
    other = (
        "import sys, types\n"
        "mpi = types.SimpleNamespace(COMM_WORLD=types.SimpleNamespace(Get_size=lambda: 1),"
        " Get_library_version=lambda: 'Another MPI 3')\n"
        "sys.modules['mpi4py'] = types.ModuleType('mpi4py'); sys.modules['mpi4py.MPI'] = mpi\n"
    )
    assert said_alone(other, PMI_SIZE="4", PMI_RANK="0") == (
        "pylrm: mpirun started 4 processes, of which mpi4py sees 1: it uses another MPI "
        "(Another MPI 3) than mpirun\n"
    )


def test_which_passes_a_process_does() -> None:
    def first(rank: int, size: int, start: int, count: int) -> list[int]:
        passes = passes_of(rank, size, start, 6)
        return [next(passes) for _ in range(count)]

    assert first(0, 1, 4, 5) == [4, 5, 6, 7, 8]
    assert first(1, 3, 0, 4) == [1, 4, 7, 10]
    # amid an update, where one process stopped after its first pass: 1 2 3, 4 5 -, 6 7 8
    assert first(0, 3, 1, 4) == [1, 4, 6, 9]
    assert first(2, 3, 1, 4) == [3, 8, 11, 14]
