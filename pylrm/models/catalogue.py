"""The cfg files that come with pylrm, as `build` is asked for them."""

from __future__ import annotations

from typing import Any

from pylrm.models.builder import build

_VOC: dict[str, Any] = {"classes": 20, "data": "data/voc.data"}
# 20,000 updates are about as many epochs of KITTI's 6,733 training images as 45,000 are of VOC's
# 16,551.
_KITTI: dict[str, Any] = {
    "classes": 6,
    "data": "data/kitti.data",
    "anchors": "kitti",
    "updates": 20_000,
}
# The settings that the paper found best (its Tables II and III).
_SETS: dict[str, dict[str, Any]] = {
    "": _VOC,
    "-lrm": {**_VOC, "lrm": {"k": 256, "nms": 0.7}},
    "-kitti": _KITTI,
    "-kitti-lrm": {**_KITTI, "lrm": {"k": 128, "nms": 0.7}},
}

SHIPPED: dict[str, tuple[str, dict[str, Any]]] = {
    f"{name}{suffix}.cfg": (name, options)
    for name in ("yolov2-mobilenet", "yolov2-darknet19", "yolov2-tiny")
    for suffix, options in _SETS.items()
}
SHIPPED |= {f"{name}.cfg": (name, {"classes": 1000}) for name in ("mobilenet", "darknet19")}


def files() -> dict[str, str]:
    """Return the texts by file name."""
    return {file: build(name, **options) for file, (name, options) in SHIPPED.items()}
