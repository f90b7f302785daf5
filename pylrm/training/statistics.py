"""Statistics that the layers of a network in training report, summed over an update's passes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pylrm.engine import Network


@dataclass(frozen=True)
class Passes:
    """The passes of an update under way: their losses, and sums of what layers report."""

    losses: list[float] = field(default_factory=list)
    found: dict[str, float] = field(default_factory=dict)
    mined: dict[str, float] = field(default_factory=dict)

    @classmethod
    def restore(cls, record: dict[str, Any]) -> Passes:
        """Return the passes that a record of these fields stands for.

        Raises
        ------
        ValueError, KeyError, TypeError, AttributeError
            It stands for none.
        """
        losses, found, mined = record["losses"], record["found"], record["mined"]
        for value in (*losses, *found.values(), *mined.values()):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"{str(value)[:40]!r} is no number")
        return cls(list(losses), dict(found), dict(mined))


@dataclass(frozen=True)
class Pass:
    """What a pass showed: its loss, and what detectors and [lrm] report of it."""

    loss: float
    found: list[dict[str, float]]
    mined: list[dict[str, float]]

    @classmethod
    def last(cls, net: Network, loss: float) -> Pass:
        """Return what a network's last pass showed, which had this loss."""
        return cls(
            loss,
            [head.stats for head in net.detectors],
            [miner.mining for miner in net.find("lrm")],
        )


class PassStatistics:
    """What detectors and [lrm] showed in the passes of one update.

    Parameters
    ----------
    net : Network
        The network in training.
    passes : Passes or None
        What an update under way has of them already.
    """

    def __init__(self, net: Network, passes: Passes | None = None) -> None:
        self.heads = net.detectors
        self.miners = net.find("lrm")
        self.images_a_pass = net.batch
        passes = passes or Passes()
        self.losses = list(passes.losses)
        self.found = defaultdict(float, passes.found)
        self.mined = defaultdict(float, passes.mined)

    @property
    def passes(self) -> Passes:
        """What there is so far."""
        return Passes(list(self.losses), dict(self.found), dict(self.mined))

    @property
    def images(self) -> int:
        """How many images the passes had."""
        return len(self.losses) * self.images_a_pass

    def add(self, shown: Pass) -> None:
        """Add a pass."""
        self.losses.append(shown.loss)
        for part in shown.found:
            accumulate(self.found, part)
        for part in shown.mined:
            accumulate(self.mined, part)

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
            "count": found["count"] if self.heads else None,
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
