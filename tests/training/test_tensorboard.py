"""What TensorBoard reads of a run is what its log.csv has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pylrm
from pylrm.errors import PylrmError
from pylrm.runs.log import read_log
from tests.training.runs import Crash, CrashAfter

WriteCfg = Callable[..., Path]


def shown(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Tags to (step, value), as TensorBoard's own reader shows them."""
    pytest.importorskip("tensorboardX")
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reader.EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    found.Reload()
    return {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def test_curves_are_the_logs(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    pytest.importorskip("tensorboardX")
    cfg, run = tiny_cfg(max_batches=6, lrm="[lrm]\nk=32\n"), tmp_path / "run"
    with pytest.raises(Crash):
        pylrm.train(
            cfg, tiny_data, out=run, map_every=3, quiet=True, tensorboard=True,
            checkpoint_every=2, callbacks=[CrashAfter(5)],
        )  # fmt: skip
    pylrm.resume(run, quiet=True)
    curves, log = shown(run), read_log(run)
    for tag, column in [("loss/loss", "loss"), ("mining/kept", "kept"), ("loss/rate", "rate")]:
        assert [step for step, _ in curves[tag]] == [1, 2, 3, 4, 5, 6]
        np.testing.assert_allclose([value for _, value in curves[tag]], log[column], rtol=1e-4)
    assert [step for step, _ in curves["validation/map"]] == [3, 6]
    assert {tag.split("/")[0] for tag in curves} == {
        *("loss", "mining", "predictions", "speed", "validation"),
    }
    beside = {tag.split("/")[1] for tag in curves if tag.startswith("loss/")}
    assert beside == {"loss", "avg", "rate", "grad_norm"}


def test_it_is_said_before_the_first_update_that_it_is_not_installed(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(PylrmError, match="pip install 'pylrm.tensorboard.'"):
        pylrm.train(tiny_cfg(), tiny_data, out=tmp_path / "run", quiet=True, tensorboard=True)
    assert not (tmp_path / "run").exists()
