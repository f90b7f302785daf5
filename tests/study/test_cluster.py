"""A study on a Dask cluster: the same table, though a worker is lost on the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pylrm.errors import PylrmError
from pylrm.study.cluster import Cluster, keep, remote
from pylrm.study.grid import study
from pylrm.training.options import TrainOptions
from tests.study.studies import rows

WriteCfg = Callable[..., Path]


@pytest.fixture
def distributed() -> Any:
    return pytest.importorskip("distributed", reason="Dask (pylrm[cluster]) is not installed")


def asked(cfg: Path, data: Path, out: Path, **more: Any) -> None:
    options = TrainOptions(updates=200, map_every=0)
    study(
        cfg, data, out, options, ks=[8], thresholds=[0.5], arms=[], seeds=[0, 1], quiet=True, **more
    )


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_lost_worker_costs_nothing_but_time(
    distributed: Any, tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    cfg = tiny_cfg()
    asked(cfg, tiny_data, tmp_path / "here")
    killed = []

    def kill(client: Any) -> None:
        """Kill a worker as soon as it has a child that trains."""
        workers = list(client.run(os.getpid).values())
        while not killed:
            for worker in workers:
                if "pylrm.study.child" in commands_below(worker):
                    os.kill(worker, signal.SIGKILL)
                    killed.append(worker)
                    return
            time.sleep(0.01)

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        killer = threading.Thread(target=kill, args=(client,), daemon=True)
        killer.start()
        asked(cfg, tiny_data, tmp_path / "there", scheduler=cluster.scheduler_address)
        killer.join(10)
    assert killed and rows(tmp_path / "there") == rows(tmp_path / "here")
    own, its = (
        tmp_path / place / "runs/k8-nms0.5/seed-1/weights/last.weights"
        for place in ("here", "there")
    )
    assert own.read_bytes() == its.read_bytes()


def commands_below(parent: int) -> str:
    """The command lines of a process's children."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "stat").read_text().rpartition(")")[2].split()[1] == str(parent):
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return " ".join(found)


def test_no_scheduler_is_one_line(distributed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pylrm.study.cluster.PATIENCE", 1)
    with pytest.raises(PylrmError, match="--scheduler tcp://127.0.0.1:9: no answer"):
        list(Cluster("tcp://127.0.0.1:9", 1).run([]))


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(PylrmError, match=r"pip install 'pylrm\[cluster\]'"):
        Cluster("tcp://127.0.0.1:9", 1)


def test_what_a_worker_sends_is_a_run_folder(
    tiny_cfg: WriteCfg, tiny_data: Path, tmp_path: Path
) -> None:
    task = {
        "arm": "a",
        "seed": 3,
        "fold": None,
        "cfg": tiny_cfg().read_text(),
        "digest": "d",
        "data": str(tiny_data),
        "options": {"updates": 5, "map_every": 0},
    }
    from pylrm.version import VERSION

    files, failure = remote(task, 1, VERSION)
    assert failure == "" and {"net.cfg", "result.json", "weights/last.weights"} <= set(files)
    keep(files, tmp_path / "run")
    assert (tmp_path / "run/weights/last.weights").read_bytes() == files["weights/last.weights"]
    assert remote(task, 1, "0.0.0") == ({}, f"a worker has pylrm {VERSION}, the study 0.0.0")
    task["data"] = "nowhere.data"
    assert remote(task, 1, VERSION)[1].startswith("nowhere.data: no such data file")
