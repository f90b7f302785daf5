"""Several processes, each on a GPU: a pass's gradient comes to the host and is shared there."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

from pylrm import train
from pylrm.errors import PylrmError
from pylrm.training.parallel import choose_gpu
from tests.engine import test_passes as passes
from tests.training.runs import assert_same
from tests.training.test_parallel import LRM, needs_mpi, run

pytestmark = pytest.mark.usefixtures("emulated")


def test_passes_apart_come_to_the_same_bits():
    passes.assert_the_same_bits("cuda", "clip_norm=.05", passes=2, updates=1)


def test_layers_that_learn_nothing_add_nothing():
    [[batch]] = passes.batches(1, 1)
    with passes.make(1, "cuda", "") as net:
        cfg = net.cfg.text.decode().replace(
            "filters=40\nsize=1", "stopbackward=1\nfilters=40\nsize=1"
        )
    with passes.pylrm.Network(cfg, kernels="cuda") as net:
        gradient = np.empty_like(net.gradients)
        net.train_pass(*batch, gradient)
        own = gradient[: net[0].grads["weights"].size]
        assert not own.any() and np.signbit(own).all()
        assert gradient.any()


def test_a_loss_that_is_not_finite_leaves_the_gradient():
    [[(x, truth)]] = passes.batches(1, 1)
    with passes.make(1, "cuda", "") as net:
        gradient = np.zeros_like(net.gradients)
        x[1, 1, 1, 1] = np.nan
        assert np.isnan(net.train_pass(x, truth, gradient))
        assert not gradient.any()


@needs_mpi
def test_two_processes_come_to_the_bits_of_one(tmp_path, tiny_data, tiny_cfg):
    cfg = tiny_cfg(max_batches=4, subdivisions=2, clip_norm=0.5, lrm=LRM)
    one = train(cfg, tiny_data, out=tmp_path / "one", quiet=True, device="cuda", map_every=0).folder
    out = tmp_path / "two"
    code, said, err = run(
        2, "--cfg", cfg, "--data", tiny_data, "--out", out, "--map-every", 0, "--device", "cuda"
    )
    assert code == 0, err
    assert " by 2 processes" in said
    assert_same(one, out)


def communicator(rank, size):
    """MPI, as a process sees it that has this number on its machine."""
    here = SimpleNamespace(Get_rank=lambda: rank, Get_size=lambda: size)
    world = SimpleNamespace(Get_rank=lambda: 10 + rank, Split_type=lambda kind, key: here)
    return SimpleNamespace(COMM_WORLD=world, COMM_TYPE_SHARED="shared")


@pytest.mark.parametrize(
    ("shown", "rank", "chosen"), [(None, 2, "2"), ("4,6", 1, "6"), ("GPU-a, GPU-b", 0, "GPU-a")]
)
def test_each_process_has_a_gpu_of_its_own(monkeypatch, shown, rank, chosen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown or "")
    if shown is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    choose_gpu(communicator(rank, 3))
    assert os.environ["CUDA_VISIBLE_DEVICES"].strip() == chosen


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(PylrmError, match="3 processes on .* shows 2 GPUs: each needs one"):
        choose_gpu(communicator(2, 3))
