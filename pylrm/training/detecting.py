"""Training of detectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import DataFile, read_images
from pylrm.data.loader import Loader
from pylrm.engine import Network
from pylrm.evaluate.network import evaluate
from pylrm.terminal import count_of
from pylrm.training import checks
from pylrm.training.batches import training_batches
from pylrm.training.schedule import Sizes
from pylrm.training.task import Task


class Detecting(Task):
    """Learns boxes; validations measure mAP."""

    figure = "mAP"
    command = "pylrm map"
    column = "map"

    def __init__(self, net: Network, cfg: Cfg, data: DataFile) -> None:
        super().__init__(net, cfg, data)
        checks.check_network(net, cfg, data)
        self.images = read_images(data, "train")
        self.labels = checks.check_boxes(self.images, data)

    def check_validation(self) -> None:
        """Look at the validation list, its labels and truths."""
        checks.check_validation(self.data)

    def batches(
        self, *, sizes: Sizes, seed: int, workers: int, letterbox: bool, skipped: Sequence[Path]
    ) -> Loader:
        """Return the batches to train on."""
        return training_batches(
            self.net,
            self.images,
            sizes=sizes,
            seed=seed,
            workers=workers,
            letterbox=letterbox,
            skipped=skipped,
        )

    def validate(
        self, letterbox: bool, progress: Callable[[int, int], None]
    ) -> Mapping[str, float | None]:
        """Measure mAP by the .data file's metric."""
        done = evaluate(self.net, self.data, letterbox=letterbox, progress=progress)
        return {self.column: done.map}

    def introduction(self) -> Iterator[str]:
        """Yield what it is trained on, and what [lrm] keeps."""
        boxes = count_of(self.labels.boxes, "box")
        yield f"{self.data.path}: {count_of(self.labels.images, 'image')} with {boxes}"
        mining = checks.mining_limit(self.net)
        if mining is not None:
            yield mining.line

    def warnings(self) -> Iterator[str]:
        """Yield what is odd about labels, anchors and mining."""
        yield from checks.label_warnings(self.labels, self.data, self.net.max_truths)
        yield from checks.anchor_warnings(self.net, self.cfg)
        mining = checks.mining_limit(self.net)
        if mining is not None and mining.warning:
            yield f"{self.cfg}: {mining.warning}"
