"""Figures of runs: what is on them, and the files they become."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex

from pylrm.errors import DataError, PylrmError
from pylrm.pictures import style
from pylrm.pictures.curves import plot_runs, runs_figure, smoothed
from pylrm.runs.log import COLUMNS, Log, LogWriter, read_log


def made(name: str, updates: int = 200, validated: bool = True, seed: int = 0) -> Log:
    random = np.random.default_rng(seed)
    columns = {column: np.full(updates, np.nan) for column in COLUMNS}
    columns["update"] = np.arange(1.0, updates + 1)
    columns["loss"] = 50 / np.sqrt(columns["update"]) * np.exp(0.2 * random.normal(size=updates))
    if validated:
        columns["map"][19::20] = 0.6 * columns["update"][19::20] / updates
    return Log(name, Path(f"/runs/{name}/log.csv"), columns)


def run_folder(folder: Path, updates: int = 30) -> Path:
    folder.mkdir()
    with LogWriter(folder) as log:
        for update in range(1, updates + 1):
            found = 0.01 * update if update % 10 == 0 else None
            log.update({"update": update, "images": 8 * update, "loss": 9 / update, "map": found})
    return folder


def test_what_a_figure_shows() -> None:
    logs = [made("plain", seed=1), made("lrm", 150, seed=2)]
    figure = runs_figure(logs)
    loss, found = figure.axes
    assert figure.get_suptitle() == "Training of plain and lrm"
    assert loss.get_yscale() == "log" and loss.get_title(loc="left") == "Training loss"
    assert loss.get_ylabel() == "loss per image (log scale)"
    assert found.get_ylabel() == "mAP (%)" and found.get_title(loc="left") == "Validation"
    assert loss.get_xlabel() == found.get_xlabel() == "update"
    assert loss.get_xlim() == found.get_xlim()
    assert len(loss.lines) == 4 and len(found.lines) == 2
    for i, log in enumerate(logs):
        raw, smooth = loss.lines[2 * i : 2 * i + 2]
        np.testing.assert_array_equal(raw.get_ydata(), log["loss"])
        np.testing.assert_array_equal(smooth.get_ydata(), smoothed(log["loss"], 5))
        assert raw.get_alpha() < 0.5 and raw.get_linewidth() < smooth.get_linewidth()
        validated = np.isfinite(log["map"])
        np.testing.assert_array_equal(found.lines[i].get_xdata(), log["update"][validated])
        np.testing.assert_allclose(found.lines[i].get_ydata(), 100 * log["map"][validated])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "plain  (mAP best 60.0, last 60.0)",
        "lrm  (mAP best 56.0, last 56.0)",
    ]
    assert runs_figure(logs, "On KITTI").get_suptitle() == "On KITTI"


def test_runs_differ_by_colour_and_by_line() -> None:
    figure = runs_figure([made(f"run {i}", seed=i) for i in range(5)])
    loss, found = figure.axes
    for lines in (loss.lines[1::2], found.lines):
        assert len({to_hex(line.get_color()) for line in lines}) == 5
        assert len({str(line._unscaled_dash_pattern) for line in lines}) == 5
    assert len({line.get_marker() for line in found.lines}) == 5
    assert [to_hex(line.get_color()) for line in loss.lines[1::2]] == [
        to_hex(line.get_color()) for line in found.lines
    ]
    assert figure.get_suptitle() == "Training of 5 runs"


def test_many_runs_and_long_names() -> None:
    logs = [made(f"yolov2-mobilenet-kitti-lrm-k128-nms07-seed{i}", seed=i) for i in range(12)]
    figure = runs_figure(logs)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
    assert all(axes.get_window_extent().y0 > box.y1 for axes in figure.axes)
    assert all(axes.get_window_extent().height > 0.4 * figure.bbox.height for axes in figure.axes)


def test_without_validation_there_is_one_panel() -> None:
    (axes,) = runs_figure([made("plain", validated=False)]).axes
    assert axes.get_title(loc="left") == "Training loss"
    figure = runs_figure([made("plain", validated=False), made("lrm")])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[0] == "plain" and texts[1].startswith("lrm  (mAP")
    assert len(figure.axes[1].lines) == 1


@pytest.mark.parametrize("updates", [1, 2, 3])
def test_short_runs(tmp_path: Path, updates: int) -> None:
    plot_runs([made("short", updates, validated=False)], tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_what_is_not_positive_or_finite_is_left_out() -> None:
    log = made("odd", 100)
    log["loss"][[3, 50]] = [0, np.nan]
    log["map"][19] = 0.0
    figure = runs_figure([log])
    smooth = figure.axes[0].lines[1].get_ydata()
    assert np.isnan(smooth[[3, 50]]).all() and np.isfinite(np.delete(smooth, [3, 50])).all()
    nothing = made("nothing", 100, validated=False)
    nothing["map"][50] = 0.0
    assert runs_figure([nothing]).axes[1].get_ylim() == (0, 1)


def test_the_smoothed_curve_is_the_geometric_mean_around() -> None:
    values = np.exp(np.random.default_rng(0).normal(size=30))
    expected = [np.exp(np.log(values[max(i - 3, 0) : i + 4]).mean()) for i in range(30)]
    np.testing.assert_allclose(smoothed(values, 7), expected)
    np.testing.assert_allclose(smoothed(np.full(9, 4.0), 5), 4.0)
    np.testing.assert_allclose(smoothed(values, 1), values)


def test_files(tmp_path: Path) -> None:
    runs = [run_folder(tmp_path / "one"), run_folder(tmp_path / "two") / "log.csv"]
    plot_runs([*runs, tmp_path / "two" / "train.log"], tmp_path / "a.png")
    image = (tmp_path / "a.png").read_bytes()
    assert image.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", image[16:24])
    figure = runs_figure([read_log(tmp_path / name) for name in ("one", "two", "two/train.log")])
    assert (width, height) == pytest.approx(figure.get_size_inches() * style.DPI, abs=1)
    assert width >= 1500
    plot_runs(runs, tmp_path / "a.svg", title="A < B")
    assert "A &lt; B" in (tmp_path / "a.svg").read_text()
    plot_runs(runs, tmp_path / "a.PDF")
    assert (tmp_path / "a.PDF").read_bytes().startswith(b"%PDF")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.PDF", "a.png", "a.svg", "one", "two",
    ]  # fmt: skip


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        run_folder(tmp_path / name / "run")
    figure = runs_figure([read_log(tmp_path / name / "run") for name in ("a", "b")])
    names = [text.get_text().split("  (")[0] for text in figure.legends[0].get_texts()]
    assert names == [str(Path(name, "run")) for name in ("a", "b")]


def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_folder(tmp_path / "run")
    with pytest.raises(PylrmError, match=r"a\.jpeg: a figure ends in \.png, \.pdf or \.svg"):
        plot_runs([run], tmp_path / "a.jpeg")
    with pytest.raises(PylrmError, match=r"cannot be written"):
        plot_runs([run], tmp_path / "missing" / "a.png")
    with pytest.raises(DataError, match="no log.csv"):
        plot_runs([run, tmp_path], tmp_path / "a.png")
    with pytest.raises(ValueError, match="no runs"):
        runs_figure([])
    (tmp_path / "a.png").write_bytes(b"older")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(PylrmError, match="a.png"):
        plot_runs([run], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"older"
    assert not (tmp_path / "a.png.part").exists()
