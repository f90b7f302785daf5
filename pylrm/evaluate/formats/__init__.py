"""Detections as files, in the formats of the devkits: a module and a row of the table each.

Where a folder holds several, the first row that finds its own is read.
"""

from pylrm.evaluate.formats.coco import COCO
from pylrm.evaluate.formats.common import Evaluated, Format, Rows
from pylrm.evaluate.formats.kitti import KITTI
from pylrm.evaluate.formats.voc import VOC

FORMATS = (COCO, VOC, KITTI)

__all__ = ["FORMATS", "Evaluated", "Format", "Rows"]
