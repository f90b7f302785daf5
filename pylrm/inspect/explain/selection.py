"""What mining keeps of an image's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import Cfg
from pylrm.data.darknet import read_truth
from pylrm.data.loader import evaluation_batches
from pylrm.engine import Network
from pylrm.engine.layer import Layer
from pylrm.errors import CfgError, PylrmError
from pylrm.inspect.hardest.ranking import SEEN, Predictions, predictions
from pylrm.mining import select
from pylrm.runs.folder import Run
from pylrm.runs.inputs import letterboxes

NMS = 0.7  # where neither the caller nor an [lrm] says another: the key's default

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """A selection, and the detection layers whose predictions it ranks together."""

    heads: Sequence[int]
    k: int
    nms: float

    def __str__(self) -> str:
        return f"k={self.k}, nms={self.nms:g}"


@dataclass(frozen=True)
class Explained:
    """An image's predictions, and which of them mining keeps.

    Attributes
    ----------
    image
        The image file.
    rules
        What was selected by.
    found
        The predictions.
    kept
        (n,) which ones keep their gradient: the selected, and those of heads that no rule mines.
    truths
        (objects, 4) centre x, y, w, h, relative to the image.
    """

    image: Path
    rules: Sequence[Rule]
    found: Predictions
    kept: Flags
    truths: npt.NDArray[np.float32]

    @property
    def claimed(self) -> Flags:
        """Which predictions a truth claims: the foreground."""
        claimed: Flags = self.found.assigned == 1
        return claimed

    def share(self, chosen: Flags) -> float:
        """Return the share that some predictions have in the image's loss."""
        loss = self.found.loss.astype(np.float64)
        total = loss.sum()
        return float(loss[chosen].sum() / total) if total else 0.0


def explain(
    folder: str | Path,
    image: str | Path,
    *,
    weights: str = "last",
    k: int | None = None,
    nms: float | None = None,
) -> Explained:
    """Tell which of an image's predictions a run's [lrm] keeps.

    The losses are those of training without augmentation, after anchor warm-up, and with the
    rolling statistics in place of a batch's: one image is no batch.

    Parameters
    ----------
    folder : str or Path
        The run folder.
    image : str or Path
        With labels by Darknet's rule.
    weights : str
        Which of the run's: "last", "best" or the number of an update.
    k, nms : int, float, optional
        Of the selection, in place of what [lrm] says. Without [lrm], k has to be given.

    Raises
    ------
    PylrmError
        The folder is no run's, or has no such weights; a file cannot be read; it is not clear what
        is selected.
    """
    run, path = Run.existing(Path(folder)), Path(image)
    cfg = Cfg.read(run.cfg)
    keep_aspect = letterboxes(cfg)
    with Network(cfg, weights_of(run, weights), batch=1, threads=1) as net:
        chosen = rules(net, cfg, k, nms)
        net.seen = SEEN
        (batch,) = evaluation_batches(
            [path],
            classes=net.classes,
            width=net.width,
            height=net.height,
            channels=net.channels,
            batch=1,
            max_boxes=net.max_truths,
            workers=1,
            letterbox=keep_aspect,
            antialias=net.antialias,
        )
        net.forward(batch.x, batch.truth)
        size = (int(batch.sizes[0, 0]), int(batch.sizes[0, 1]))
        found = predictions(net, 0, size, keep_aspect)
        kept = selection(net, chosen, found)
        truths = read_truth(path, net.classes)[0][:, 1:]
    return Explained(path, chosen, found, kept, truths)


def weights_of(run: Run, name: str) -> Path:
    """Return a run's weights file by its name.

    Raises
    ------
    PylrmError
        There is none.
    """
    path = run.last.with_stem(name)
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in run.last.parent.glob("*.weights")))
        raise PylrmError(f"{path}: no such weights in the run; there is {there or 'nothing yet'}")
    return path


def rules(net: Network, cfg: Cfg, k: int | None, nms: float | None) -> list[Rule]:
    """Return what a network's [lrm] sections select, or what is asked for in their place.

    Parameters
    ----------
    net, cfg : Network, Cfg
        The network.
    k, nms : int, float or None
        What is asked for; None: as the cfg says.

    Raises
    ------
    CfgError
        The cfg has no detector, or does not say a k and nms.
    """
    if not net.detectors:
        raise CfgError(f"{cfg}: no [region] or [yolo]: mining is for detectors")
    miners = net.find("lrm")
    if not miners:
        if k is None:
            raise CfgError(f"{cfg}: no [lrm]; say how many predictions it would keep with --k")
        return [Rule([head.index for head in net.detectors], k, NMS if nms is None else nms)]
    if k is None:
        for miner in miners:
            check_hardest(miner, cfg)
    return [
        Rule(
            miner.inputs,
            int(miner.option("k")) if k is None else k,
            float(miner.option("nms")) if nms is None else nms,
        )
        for miner in miners
    ]


def check_hardest(miner: Layer, cfg: Cfg) -> None:
    """Refuse an [lrm] that selects by more than k and nms.

    Raises
    ------
    CfgError
        It does.
    """
    for key, plain in (("mode", "hardest"), ("mass", 0)):
        if miner.option(key) != plain:
            raise CfgError(
                f"{cfg}:{cfg.line_of(miner.line, key)}: [lrm] {key}={miner.option(key)}: only the "
                "selection by k and nms is drawn; --k (and --nms) draws that one"
            )


def selection(net: Network, chosen: Sequence[Rule], found: Predictions) -> Flags:
    """Return which predictions keep their gradient."""
    first, own = 0, {}
    for head in net.detectors:
        own[head.index] = np.arange(first, first + head.predictions)
        first += head.predictions
    classes = found.scores.argmax(axis=1)
    kept = np.ones(first, bool)
    for rule in chosen:
        among = np.concatenate([own[index] for index in rule.heads])
        hard = select(found.loss[among], found.boxes[among], classes[among], rule.k, rule.nms)
        kept[among] = False
        kept[among[hard]] = True
    return kept
