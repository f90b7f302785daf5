"""Figures of mining: what is on them, and what has no place in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pylrm.errors import DataError
from pylrm.pictures.curves import rolling_mean
from pylrm.pictures.mining_curves import PANELS, mining_figure, plot_mining
from pylrm.runs.log import COLUMNS, Log


def made(name: str, updates: int = 200) -> Log:
    random = np.random.default_rng(len(name))
    columns = {column: np.full(updates, np.nan) for column in COLUMNS}
    columns["update"] = np.arange(1.0, updates + 1)
    columns["kept"] = np.full(updates, 64.0)
    for column in ("kept_claimed", "kept_loss", "fg", "fg_loss", "fg_kept_loss"):
        columns[column] = random.uniform(0, 1, updates)
    return Log(name, Path(f"/runs/{name}/log.csv"), columns)


def test_what_a_figure_shows() -> None:
    logs = [made("one"), made("other", 150)]
    figure = mining_figure(logs)
    assert figure.get_suptitle() == "Training of one and other"
    assert [axes.get_title(loc="left") for axes in figure.axes] == [one.title for one in PANELS]
    for axes, panel in zip(figure.axes, PANELS, strict=True):
        assert axes.get_ylim()[0] == 0 and axes.get_ylabel() == panel.unit
        curves = [(log, name) for log in logs for name in (panel.before, panel.after) if name]
        for line, (log, name) in zip(axes.lines, curves, strict=True):
            scale = 1 if name == "kept" else 100
            np.testing.assert_array_equal(line.get_xdata(), log["update"])
            np.testing.assert_array_equal(line.get_ydata(), scale * rolling_mean(log[name], 5))
            assert (line.get_linewidth() < 1) == (name == panel.before)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["one", "other"]
    assert mining_figure(logs, "T").get_suptitle() == "T"
    figure.draw_without_rendering()


@pytest.mark.parametrize("window", [1, 4, 5, 100])
def test_the_rolling_mean_is_the_naive_one(window: int) -> None:
    values = np.random.default_rng(0).normal(size=30)
    values[[0, 7, 8, 29]] = np.nan
    mean = rolling_mean(values, window)
    for i, value in enumerate(values):
        around = values[max(i - window // 2, 0) : i + window // 2 + 1]
        expected = np.nan if np.isnan(value) else np.nanmean(around)
        assert mean[i] == pytest.approx(expected, nan_ok=True)


def test_a_log_from_before_the_foreground_was_logged() -> None:
    log = made("old")
    for name in ("fg", "fg_loss", "fg_kept_loss"):
        log.columns[name][:] = np.nan
    mining_figure([log]).draw_without_rendering()


def test_a_run_without_mining_has_no_place(tmp_path: Path) -> None:
    log = made("plain")
    log.columns["kept"][:] = np.nan
    with pytest.raises(DataError, match=r"plain/log\.csv: nothing about mining in it"):
        plot_mining([made("lrm"), log], tmp_path / "f.png")
    assert not list(tmp_path.iterdir())
