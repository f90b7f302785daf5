"""The C engine as Python classes."""

from pylrm.binding.library import Key, cpu_features, cpu_peak, keys, version
from pylrm.engine.layer import Layer
from pylrm.engine.network import Detection, Network

__all__ = ["Detection", "Key", "Layer", "Network", "cpu_features", "cpu_peak", "keys", "version"]
