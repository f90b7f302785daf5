"""Weights files: a pretrained start, cutting, looking into them, comparing."""

from pylrm.weights.start import import_start

__all__ = ["import_start"]
