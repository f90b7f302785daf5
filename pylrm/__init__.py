"""A Darknet-compatible engine with Loss Rank Mining: train, evaluate and use object detectors.

`pylrm.Network` runs a cfg; see docs/ for the rest. Submodules are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pylrm.version import VERSION

if TYPE_CHECKING:
    from pylrm import evaluate, mining, models
    from pylrm.cfg.file import Cfg, Section, read_cfg
    from pylrm.data.images import distort, letterbox, place, resize
    from pylrm.engine import Detection, Detections, Layer, Network, Result
    from pylrm.engine.boxes import iou, nms
    from pylrm.errors import (
        CfgError,
        CfgWarning,
        DataError,
        NumericsError,
        PylrmError,
        WeightsError,
    )
    from pylrm.export.model import export_onnx
    from pylrm.training.callbacks import Callback
    from pylrm.training.options import TrainOptions
    from pylrm.training.train import resume, train

__version__ = VERSION

__all__ = [
    "Callback",
    "Cfg",
    "CfgError",
    "CfgWarning",
    "DataError",
    "Detection",
    "Detections",
    "Layer",
    "Network",
    "NumericsError",
    "PylrmError",
    "Result",
    "Section",
    "TrainOptions",
    "WeightsError",
    "distort",
    "evaluate",
    "export_onnx",
    "iou",
    "letterbox",
    "mining",
    "models",
    "nms",
    "place",
    "read_cfg",
    "resize",
    "resume",
    "train",
]

_HOMES = {
    "cfg.file": ["Cfg", "Section", "read_cfg"],
    "data.images": ["distort", "letterbox", "place", "resize"],
    "engine": ["Detection", "Detections", "Layer", "Network", "Result"],
    "engine.boxes": ["iou", "nms"],
    "errors": [
        "CfgError",
        "CfgWarning",
        "DataError",
        "NumericsError",
        "PylrmError",
        "WeightsError",
    ],
    "evaluate": [],
    "export.model": ["export_onnx"],
    "mining": [],
    "models": [],
    "training.options": ["TrainOptions"],
    "training.callbacks": ["Callback"],
    "training.train": ["resume", "train"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f"pylrm.{_HOME_OF[name]}"), name)
    elif name in _HOMES:
        value = importlib.import_module(f"pylrm.{name}")
    else:
        raise AttributeError(f"module 'pylrm' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
