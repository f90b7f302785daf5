"""Statistics that the layers of a network in training report, summed over an update's passes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from pylrm.engine import Network


class PassStatistics:
    """What detectors and [lrm] showed in the passes of one update.

    Parameters
    ----------
    net : Network
        The network in training.
    """

    def __init__(self, net: Network) -> None:
        self.heads = net.detectors
        self.miners = net.find("lrm")
        self.images_a_pass = net.batch
        self.images = 0
        self.found: defaultdict[str, float] = defaultdict(float)
        self.mined: defaultdict[str, float] = defaultdict(float)

    def add(self) -> None:
        """Add the last pass."""
        self.images += self.images_a_pass
        for head in self.heads:
            accumulate(self.found, head.stats)
        for miner in self.miners:
            accumulate(self.mined, miner.mining)

    def columns(self) -> dict[str, float | None]:
        """Return averages by the log's column names; None where there was nothing to average.

        iou, class and obj are means over truths that claimed a prediction, noobj over predictions;
        recall is the share of these truths whose prediction has IoU > .5. kept: predictions per
        image that [lrm] kept; kept_claimed: the share of them that a truth claims; kept_loss: their
        share of the loss. fg: the share of all predictions that a truth claims; fg_loss: their
        share of the loss before mining; fg_kept_loss: after it.
        """
        found, mined = self.found, self.mined
        return {
            "iou": share(found["iou"], found["count"]),
            "class": share(found["class_probability"], found["class_count"]),
            "obj": share(found["objectness"], found["count"]),
            "noobj": share(found["noobjectness"], found["predictions"]),
            "recall": share(found["recall50"], found["count"]),
            "count": found["count"],
            "kept": share(mined["kept"], self.images if self.miners else 0),
            "kept_claimed": share(mined["kept_claimed"], mined["kept"]),
            "kept_loss": share(mined["kept_loss"], mined["loss"]),
            "fg": share(mined["claimed"], mined["predictions"]),
            "fg_loss": share(mined["claimed_loss"], mined["loss"]),
            "fg_kept_loss": share(mined["kept_claimed_loss"], mined["kept_loss"]),
        }


def accumulate(total: defaultdict[str, float], part: Mapping[str, float]) -> None:
    """Add named numbers to named sums."""
    for name, value in part.items():
        total[name] += value


def share(part: float, whole: float) -> float | None:
    """Return part / whole; None of nothing."""
    return part / whole if whole else None
