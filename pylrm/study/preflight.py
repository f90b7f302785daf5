"""What is looked at before a study's first run, so that none fails for it hours later."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from pylrm.data.darknet import DataFile, read_images
from pylrm.engine import Network
from pylrm.errors import CfgWarning
from pylrm.study.arms import BASELINE, Arm
from pylrm.training.checks import (
    check_boxes,
    check_network,
    check_validation,
    first_and_last,
)
from pylrm.training.options import TrainOptions


def check_arms(arms: Sequence[Arm], data: DataFile, options: TrainOptions) -> None:
    """Hold the arms' networks against the data set, and the weights against them.

    Raises
    ------
    PylrmError
        One that could not be trained.
    """
    for arm in arms:
        with warnings.catch_warnings():
            if arm.name != BASELINE:  # what the base's cfg has odd is said once
                warnings.simplefilter("ignore", CfgWarning)
            check_arm(arm, data, options)


def check_arm(arm: Arm, data: DataFile, options: TrainOptions) -> None:
    """Hold an arm's network against the data set, and the weights against it."""
    with Network(arm.cfg, options.weights, batch=1, threads=1, inference=True) as net:
        check_network(net, arm.cfg, data)
        net.seen = 0
        first_and_last(net, arm.cfg, options.weights, options.updates)


def check_data(sets: Iterable[DataFile]) -> None:
    """Read all labels and truths.

    Raises
    ------
    DataError
        The first that is wrong.
    """
    for data in sets:
        check_boxes(read_images(data, "train"), data)
        check_validation(data)
