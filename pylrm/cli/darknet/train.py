"""darknet detector train: a run of pylrm's, with Darknet's files beside it."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import click

from pylrm.cli.darknet.flags import Line
from pylrm.data.darknet import DataFile, read_data
from pylrm.errors import DataError, PylrmError
from pylrm.files.writing import whole_file, writing
from pylrm.training.callbacks import Callback
from pylrm.training.run import Training

SAVE_EVERY = 1000  # updates between numbered weights
CHART_EVERY = 100  # between two drawings of the chart


class DarknetsFiles(Callback):
    """Copies weights to where Darknet writes them, and draws its chart.

    Parameters
    ----------
    backup
        The folder of NAME_last.weights, NAME_best.weights, NAME_1000.weights and
        NAME_final.weights.
    name
        The cfg's, without its ending.
    chart
        The figure.
    """

    def __init__(self, backup: Path, name: str, chart: Path) -> None:
        self._backup, self._name, self._chart = backup, name, chart

    def saved(self, run: Training, path: Path) -> None:
        """Copy weights."""
        self._copy(path, path.stem)
        if path == run.folder.last and run.state.update == run.schedule.last:
            self._copy(path, "final")

    def update_done(self, run: Training) -> None:
        """Draw the chart now and then, and at the end."""
        if run.state.update % CHART_EVERY == 0 or run.state.update == run.schedule.last:
            self._draw(run)

    def validated(self, run: Training) -> None:
        """Say the mAP as Darknet does."""
        if run.state.map is not None and not run.options.quiet:
            mean = "mean_average_precision (mAP@0.50)"
            click.echo(f"\n {mean if run.task.figure == 'mAP' else 'top 1'} = {run.state.map:f}")

    def _copy(self, path: Path, kind: str) -> None:
        with whole_file(self._backup / f"{self._name}_{kind}.weights") as part:
            shutil.copyfile(path, part)

    def _draw(self, run: Training) -> None:
        from pylrm.pictures.curves import plot_runs  # matplotlib takes its time

        plot_runs([run.folder.folder], self._chart, title=self._name)


def train(line: Line) -> None:
    """Train."""
    from pylrm.cfg.file import Cfg
    from pylrm.pictures.style import check_ending
    from pylrm.training.options import TrainOptions
    from pylrm.training.train import train as train_run

    data_name, cfg_name, *weights = line.words
    data, cfg = read_data(data_name), Cfg.read(cfg_name)
    if line.get("map") and data.valid is None:
        raise DataError(f"{data.path}: -map needs valid=: the file that lists images to measure on")
    chart = Path(line.get("chart", "chart.png"))
    check_ending(chart)
    start = Path(weights[0]) if weights else None
    options = TrainOptions(
        weights=start,
        keep_seen=start is not None and not line.get("clear"),
        save_every=SAVE_EVERY,
        map_every=None if line.get("map") else 0,
        letterbox=line.letterbox,
    )
    backup = backup_folder(data)
    click.echo(" ".join(words(data_name, cfg_name, options)))
    try:
        train_run(cfg, data, options, callbacks=[DarknetsFiles(backup, cfg.stem, chart)])
    except PylrmError as error:
        raise type(error)(str(error).replace("leave out --keep-seen", "add -clear")) from error
    click.echo(f"Darknet's files: {backup}/{cfg.stem}_final.weights and others, {chart}")


def words(data: str, cfg: str, options: object) -> list[str]:
    """Return pylrm's own command of a training."""
    values = vars(options)
    found = ["pylrm", "train", "--cfg", cfg, "--data", data]
    if values["weights"]:
        found += ["--weights", str(values["weights"])]
    if values["keep_seen"]:
        found.append("--keep-seen")
    if values["map_every"] == 0:
        found += ["--map-every", "0"]
    if values["letterbox"]:
        found.append("--letterbox")
    return [shlex.quote(word) for word in [*found, "--save-every", str(values["save_every"])]]


def backup_folder(data: DataFile) -> Path:
    """Return the folder that backup= names, made if need be, before anything is trained.

    Raises
    ------
    PylrmError
        It cannot be made or written to.
    """
    folder = data.backup or Path("backup")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PylrmError(f"{folder}: cannot be written: {data.path} names it with backup=")
    return folder
