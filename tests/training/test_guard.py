"""Loss and parameters that are not finite: named, kept, and rolled back from if that is asked."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm import errors, resume, train
from pylrm.engine import Network
from pylrm.runs.checkpoint import Checkpoint
from pylrm.runs.folder import Run
from pylrm.training.callbacks import Callback
from pylrm.training.run import Training
from tests.training.runs import Crash, CrashAfter, Poison, assert_same, table

WriteCfg = Callable[..., Path]
QUIET: dict[str, Any] = {"quiet": True, "map_every": 0}


@pytest.mark.parametrize(
    ("layer", "name", "value", "message"),
    [
        (0, "weights", np.nan, "update 6 is nan: weights of layer 0 .convolutional. are the first"),
        (2, "scales", np.inf, "update 6 is nan: scales of layer 2 .convolutional. are the first"),
        (3, "biases", -np.inf, "update 6 is inf: biases of layer 3 .convolutional. are the first"),
        (2, "rolling_mean", np.nan, "rolling_mean of layer 2 .convolutional. are not finite after"),
        (2, "grad scales", np.nan, "scales of layer 2 .convolutional. are not finite after update"),
    ],
)
def test_what_is_not_finite_is_named(
    layer: int,
    name: str,
    value: float,
    message: str,
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: WriteCfg,
) -> None:
    out = tmp_path / "run"
    with pytest.raises(errors.NumericsError, match=message) as stop:
        train(tiny_cfg(), tiny_data, out=out, checkpoint_every=2,
              callbacks=[Poison(5, layer, name, value)], **QUIET)  # fmt: skip
    line = str(stop.value)
    assert "\n" not in line and "after update 4" not in line
    assert f"good still: {out / 'checkpoint' / '4.checkpoint'}" in line
    assert f"pylrm preview --batch {out / 'nonfinite-batch.npz'} -o page.png" in line
    resumed = resume(out, **QUIET)  # the checkpoint is good
    assert resumed.updates == 12


def test_what_an_activation_hides_is_found(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    """relu and maxpool may drop NaN, so that the loss stays finite; rolling statistics tell."""
    cfg = tiny_cfg()
    cfg.write_text(cfg.read_text().replace("activation=leaky", "activation=relu"))
    with pytest.raises(errors.NumericsError, match=r"layer 0 .convolutional.* update 6|update 6"):
        train(cfg, tiny_data, out=tmp_path / "run", callbacks=[Poison(5, 0, "weights")], **QUIET)


def test_the_first_output_is_named(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    """Values that are finite, of which the products are not."""

    class Huge(Callback):
        def update_done(self, run: Training) -> None:
            run.net[2].params["weights"][...] = 3e38

    cfg = tiny_cfg()
    line = cfg.read_text().splitlines().index("[maxpool]") + 5
    with pytest.raises(errors.NumericsError) as stop:
        train(cfg, tiny_data, out=tmp_path / "run", callbacks=[Huge()], **QUIET)
    where = f"output of layer 2 [convolutional] ({cfg}:{line}) is the first that is not finite"
    assert where in str(stop.value)


def test_a_rollback_goes_on_at_a_lower_rate_with_other_images(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    seen: list[tuple[int, str]] = []

    class Images(Callback):
        def update_done(self, run: Training) -> None:
            seen.append((run.state.update, f"{run.state.loss:.6f}"))

    result = train(tiny_cfg(), tiny_data, out=out, checkpoint_every=2, on_nan="rollback",
                   callbacks=[Poison(5, 0, "weights"), Images()], **QUIET)  # fmt: skip
    assert result.updates == 12 and result.stop is None
    assert [update for update, _ in seen] == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12]
    assert seen[4][1] != seen[5][1]
    rates = [float(row["rate"]) for row in table(out)]
    assert rates == pytest.approx([0.002] * 4 + [0.001] * 8)
    said = capsys.readouterr().err
    assert "rollback 1 of 5 to update 4: on at 0.5 of the rate" in said
    assert "rollback 1 of 5" in (out / "train.log").read_text()
    assert Checkpoint.read(Run(out).list_checkpoints()[0]).record["state"]["rollbacks"] == 1
    with (out / "log.csv").open() as file:
        assert [row["update"] for row in csv.DictReader(file)] == [str(n) for n in range(1, 13)]


def test_a_run_with_rollbacks_resumes_exactly(
    tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg
) -> None:
    cfg = tiny_cfg()
    options = {**QUIET, "checkpoint_every": 2, "on_nan": "rollback"}
    whole = train(cfg, tiny_data, out=tmp_path / "whole", callbacks=[Poison(5, 0, "weights")],
                  **options)  # fmt: skip
    for cut in (5, 8, 11):
        out = tmp_path / f"run-{cut}"
        poison, crash = Poison(5, 0, "weights"), CrashAfter(cut)
        if cut == 5:  # the second time
            crash.update = 6
        with pytest.raises(Crash):
            train(cfg, tiny_data, out=out, callbacks=[poison, crash], **options)
        resume(out, quiet=True)
        log = out / "train.log"
        log.write_text(log.read_text().replace(str(out), str(whole.folder)))
        assert_same(whole.folder, out)


def test_rollbacks_end(tmp_path: Path, tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    poison = Poison(3, 0, "weights")
    poison.times = 99
    with pytest.raises(errors.NumericsError, match="5 rollbacks did not help"):
        train(tiny_cfg(), tiny_data, out=tmp_path / "run", checkpoint_every=2, on_nan="rollback",
              callbacks=[poison], **QUIET)  # fmt: skip
    assert poison.times == 99 - 6


def test_large_values_are_finite() -> None:
    cfg = (
        "[net]\nbatch=1\nwidth=4\nheight=4\nchannels=3\n"
        "[convolutional]\nfilters=40\nsize=1\nbatch_normalize=1\n[cost]\n"
    )
    with Network(cfg) as net:
        net[0].params["biases"][...] = 3e38  # their sum is not
        assert net.find_not_finite() is None
        net[0].grads["weights"].flat[-1] = np.inf
        assert net.find_not_finite(values_only=True) is None
        assert net.find_not_finite() == "grad weights of layer 0 [convolutional]"
        net[0].params["weights"].flat[-1] = np.nan
        assert net.find_not_finite(values_only=True) == "weights of layer 0 [convolutional]"
    with (
        Network(cfg, inference=True) as net,
        pytest.raises(errors.PylrmError, match="inference: nothing changes its parameters"),
    ):
        net.find_not_finite()
