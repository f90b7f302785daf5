"""What is looked at before a study's first run, so that none fails for it hours later."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

from pylrm.data.darknet import DataFile, read_images
from pylrm.engine import Network
from pylrm.errors import CfgWarning
from pylrm.study.arms import BASELINE, Arm
from pylrm.training import checks
from pylrm.training.options import TrainOptions


def check_arms(arms: Sequence[Arm], data: DataFile, options: TrainOptions) -> list[str]:
    """Hold the arms' networks against the data set, and the weights against them.

    Returns
    -------
    list of str
        What is odd, a line each.

    Raises
    ------
    PylrmError
        One that could not be trained.
    """
    remarks: list[str] = []
    for arm in arms:
        with warnings.catch_warnings():
            if arm.name != BASELINE:  # what the base's cfg has odd is said once
                warnings.simplefilter("ignore", CfgWarning)
            remarks += _check_arm(arm, data, options)
    return remarks


def _check_arm(arm: Arm, data: DataFile, options: TrainOptions) -> Iterator[str]:
    with Network(arm.cfg, options.weights, batch=1, threads=1) as net:
        checks.check_network(net, arm.cfg, data)
        net.seen = 0
        checks.first_and_last(net, arm.cfg, options.weights, options.updates)
        if arm.name == BASELINE:
            yield from checks.anchor_warnings(net, arm.cfg)
        mining = checks.mining_limit(net)
        if mining is not None and mining.warning:
            yield f"{arm.cfg}: {mining.warning}"


def check_data(sets: Sequence[DataFile], arm: Arm) -> list[str]:
    """Read all labels and truths.

    Parameters
    ----------
    sets : sequence of DataFile
        The data set, or its folds.
    arm : Arm
        A network that reads them.

    Returns
    -------
    list of str
        What is odd about the first of them.

    Raises
    ------
    DataError
        The first thing that is wrong.
    """
    remarks: list[str] = []
    for data in sets:
        labels = checks.check_boxes(read_images(data, "train"), data)
        checks.check_validation(data)
        if data is sets[0]:
            with Network(arm.cfg, batch=1, threads=1, inference=True) as net:
                remarks = list(checks.label_warnings(labels, data, net.max_truths))
    return remarks
