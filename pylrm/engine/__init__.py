"""The C engine as Python classes."""

from pylrm.binding.library import Key, cpu_features, cpu_peak, has_threads, keys, version
from pylrm.engine.detections import Detection, Detections
from pylrm.engine.layer import Layer
from pylrm.engine.network import Network
from pylrm.engine.stream import Result

__all__ = [
    "Detection",
    "Detections",
    "Key",
    "Layer",
    "Network",
    "Result",
    "cpu_features",
    "cpu_peak",
    "has_threads",
    "keys",
    "version",
]
