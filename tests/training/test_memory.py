"""What a run needs, and what a machine, a container or a batch queue gives."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pylrm import errors, train
from pylrm.binding._darknet import lib
from pylrm.engine import Network
from pylrm.training import memory
from pylrm.training.batches import input_sizes
from pylrm.training.callbacks import Callback
from pylrm.training.memory import GIB, Need, Room
from pylrm.training.run import Training

WriteCfg = Callable[..., Path]
MEMINFO = "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 6291456 kB\nSwapTotal: 1048576 kB\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def room(root: Path, cgroup: str, files: dict[str, str]) -> Room:
    write(root / "proc", {"meminfo": MEMINFO, "self/cgroup": cgroup})
    write(root / "groups", files)
    return memory.room(root / "proc", root / "groups")


def test_the_machine_alone(tmp_path: Path) -> None:
    assert room(tmp_path, "0::/\n", {}) == Room(6 * GIB, 9 * GIB)
    assert memory.room(tmp_path / "none") == Room(2**62, 2**62)
    here = memory.room()
    assert 0 < here.available <= here.total


def test_groups_of_version_2(tmp_path: Path) -> None:
    files = {
        "job/memory.max": "max\n",
        "job/memory.current": "1\n",
        "job/step/memory.max": f"{4 * GIB}\n",
        "job/step/memory.current": f"{3 * GIB}\n",
        "job/step/memory.stat": f"anon 5\ninactive_file {2 * GIB}\n",
    }
    assert room(tmp_path, "0::/job/step/task\n", files) == Room(3 * GIB, 5 * GIB)


def test_groups_of_version_1(tmp_path: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": f"{2**63 - 4096}\n",
        "memory/memory.usage_in_bytes": "1\n",
        "memory/docker/x/memory.limit_in_bytes": f"{2 * GIB}\n",
        "memory/docker/x/memory.usage_in_bytes": f"{GIB}\n",
    }
    cgroup = "3:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n"
    assert room(tmp_path, cgroup, files) == Room(GIB, 3 * GIB)


def test_what_is_needed_and_what_would_fit(tiny_cfg: WriteCfg) -> None:
    with Network(tiny_cfg(region="random=1", batch=8)) as net:
        sizes = input_sizes(net, 10, 0)
        wanted = memory.need(net, sizes)
        assert (net.width, net.height) == (64, 64)
        net.resize(*sizes.choices[-1])
        parameters, activations = net.memory()
        images = memory.AHEAD * 8 * 3 * net.width * net.height * 4
        assert wanted == Need(parameters, activations + images)
        net.resize(64, 64)
        assert memory.check(net, sizes, Room(wanted.total, wanted.total)) is None
        half = wanted.fixed + wanted.by_pass // 2
        line = memory.check(net, sizes, Room(half, wanted.total))
        assert line is not None and "available: try subdivisions=2" in line
        with pytest.raises(errors.PylrmError, match="with swap: try subdivisions=4"):
            memory.check(net, sizes, Room(half, half - 1))
        with pytest.raises(errors.PylrmError, match="try a smaller input"):
            memory.check(net, sizes, Room(1, 1))


def test_a_run_that_cannot_fit_makes_no_folder(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(memory, "room", lambda: Room(2**16, 2**40))
    train(tiny_cfg(), tiny_data, out=tmp_path / "tight", map_every=0, quiet=True)
    assert "tiny.cfg: training needs 0.0 GiB" in capsys.readouterr().err
    monkeypatch.setattr(memory, "room", lambda: Room(2**16, 2**16))
    with pytest.raises(errors.PylrmError, match="tiny.cfg: training needs"):
        train(tiny_cfg(), tiny_data, out=tmp_path / "run", map_every=0, quiet=True)
    assert not (tmp_path / "run").exists()


def test_memory_of_a_long_training_is_flat(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    """Nothing is kept of an update: one object each would show among 100 updates."""
    blocks, live = [], []

    class Counts(Callback):
        def update_done(self, run: Training) -> None:
            if run.state.update % 50 == 0:
                gc.collect()
                blocks.append(sys.getallocatedblocks())
                live.append(lib.dn_live_allocations())

    cfg = tiny_cfg(max_batches=200, subdivisions=2, region="random=1")
    train(cfg, tiny_data, out=tmp_path / "run", map_every=50, checkpoint_every=20, workers=1,
          quiet=True, callbacks=[Counts()])  # fmt: skip
    assert len(set(live)) == 1
    assert blocks[3] - blocks[1] < 80, blocks
