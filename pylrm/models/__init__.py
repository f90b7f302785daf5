"""The networks that pylrm brings along, written as cfg text.

`build` writes one; `python -m pylrm.models` writes those in cfg/.
"""

from pylrm.models.builder import NAMES, build
from pylrm.models.catalogue import SHIPPED, files

__all__ = ["NAMES", "SHIPPED", "build", "files"]
