"""Weights files: a pretrained start, cutting, looking into them, comparing."""

from pylrm.weights.look import cut, diff, header, show
from pylrm.weights.start import import_start

__all__ = ["cut", "diff", "header", "import_start", "show"]
