"""`pylrm train --lr-find`: rates rise, the loss is drawn, a rate is suggested; nothing is kept."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm.engine import Network
from pylrm.errors import PylrmError
from pylrm.training.options import TrainOptions
from pylrm.training.ratesweep import HIGH, LOW, Sweep, sweep

WriteCfg = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]


def curve(fall: float, rise: float) -> Sweep:
    """A loss that falls around one rate, and rises around another."""
    rates = np.geomspace(1e-6, 1, 121)
    logs = np.log10(rates)
    losses = 10 - 8 / (1 + np.exp(-4 * (logs - np.log10(fall)))) + (rates / rise) ** 2
    return Sweep("x", rates, losses, losses)


@pytest.mark.parametrize("fall", [1e-4, 1e-3, 1e-2])
def test_the_rate_at_which_the_loss_falls_fastest(fall: float) -> None:
    """Fastest for its logarithm, so a little later than in the middle of the fall."""
    found = curve(fall, 0.5)
    assert found.suggestion is not None
    assert fall < found.suggestion < 4 * fall
    assert found.line.startswith(f"learning_rate={found.suggestion:.2g}: ")


def test_a_loss_that_only_rises_suggests_nothing() -> None:
    rates = np.geomspace(1e-6, 1, 30)
    found = Sweep("x", rates, 1 + rates, 1 + rates)
    assert found.suggestion is None and found.line.startswith("no suggestion")


@pytest.mark.parametrize("passes", [1, 2])
def test_updates_have_the_rates_that_are_told(
    passes: int, tiny_data: Path, tiny_cfg: WriteCfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[float] = []
    losses: list[float] = []
    step = Network.train_batch

    def spied(net: Network, *arguments: Any) -> float:
        used.append(net.learning_rate)
        losses.append(step(net, *arguments))
        return losses[-1]

    monkeypatch.setattr(Network, "train_batch", spied)
    cfg = tiny_cfg(burn_in=1000, policy="steps", steps="3", scales=".1", subdivisions=passes)
    found = sweep(cfg, tiny_data, TrainOptions(updates=12))
    expected = np.geomspace(LOW, HIGH, 12)[: len(found.rates)]
    np.testing.assert_allclose(found.rates, expected)
    np.testing.assert_allclose(used[::passes], expected, rtol=1e-5)
    whole = np.reshape(losses[: passes * len(expected)], (-1, passes)).mean(1)
    np.testing.assert_allclose(found.losses, whole)


def test_a_loss_far_above_its_best_ends_it(tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    found = sweep(tiny_cfg(momentum=0.99), tiny_data, TrainOptions(updates=60))
    assert len(found.rates) < 60 and np.isfinite(found.losses).all()


def test_too_few_updates(tiny_data: Path, tiny_cfg: WriteCfg) -> None:
    with pytest.raises(PylrmError, match="--updates 5: a sweep takes at least 10"):
        sweep(tiny_cfg(), tiny_data, TrainOptions(updates=5))


def test_the_command_writes_a_figure_and_numbers(
    tiny_data: Path, tiny_cfg: WriteCfg, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("--cfg", tiny_cfg(), "--data", tiny_data, "--updates", 15)
    code, out, err = run("train", *names, "--lr-find", "rates.png")
    assert code == 0, err
    assert out.endswith("curve: rates.png, rates.csv\n")
    assert Path("rates.png").read_bytes().startswith(b"\x89PNG") and not Path("runs").exists()
    with Path("rates.csv").open() as file:
        table = list(csv.DictReader(file))
    assert 10 <= len(table) <= 15 and float(table[0]["rate"]) == pytest.approx(LOW)
    code, _, err = run("train", *names, "--lr-find", "rates.txt")
    assert code == 2 and "a figure ends in" in err
    code, _, err = run("train", *names, "--lr-find", "rates.png", "--patience", 3)
    assert code == 2 and "--patience means nothing beside --lr-find" in err
    code, _, err = run("train", "--resume", "runs/x", "--lr-find", "rates.png")
    assert code == 2 and "--lr-find: a run that is resumed has its own" in err
