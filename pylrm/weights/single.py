"""Networks of a single layer, to compute a large network layer by layer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pylrm.cfg.file import Section
from pylrm.engine import Network
from pylrm.errors import CfgWarning

Maps = npt.NDArray[np.float32]  # (images, channels, height, width)


def single(section: Section, x: Maps, **options: object) -> Network:
    """Make a network of one section that reads maps.

    Parameters
    ----------
    section : Section
        Of the cfg.
    x : ndarray
        What `forward` is going to take: the network's batch and input are as large.
    **options
        Keys of the section in place of its own.

    Returns
    -------
    Network
        With random weights.
    """
    images, channels, height, width = x.shape
    net = {"batch": images, "channels": channels, "height": height, "width": width}
    text = _text("net", net) + _text(section.name, {**section.options, **options})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CfgWarning)  # the large network has given them
        return Network(text)


def _text(name: str, options: Mapping[str, object]) -> str:
    return "".join(f"{line}\n" for line in [f"[{name}]", *(f"{k}={v}" for k, v in options.items())])
