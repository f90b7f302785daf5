"""Detections as Darknet prints and writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pylrm.engine.detections import name_of

if TYPE_CHECKING:
    from pylrm.engine import Detections


def lines(found: Detections, names: Sequence[str], coordinates: bool) -> list[str]:
    """Return a line an object: `label: 87%`, and with coordinates its box in pixels."""
    shown = []
    for each in found:
        left, top, right, bottom = each.box
        text = f"{name_of(each.class_id, names)}: {100 * each.score:.0f}%"
        if coordinates:
            text += (
                f"\t(left_x: {left:4.0f}   top_y: {top:4.0f}   "
                f"width: {right - left:4.0f}   height: {bottom - top:4.0f})"
            )
        shown.append(text)
    return shown


def record(
    number: int, file: str, found: Detections, size: tuple[int, int], names: Sequence[str]
) -> dict[str, object]:
    """Return an image's entry in the newer fork's JSON; boxes are shares of the image.

    Parameters
    ----------
    number
        Of the image, from 1.
    file
        Its path as it was given.
    found
        What was found in it.
    size
        Its width and height.
    names
        Of the classes.
    """
    wide, high = size
    objects = []
    for each in found:
        left, top, right, bottom = each.box
        place = {
            "center_x": round((left + right) / 2 / wide, 6),
            "center_y": round((top + bottom) / 2 / high, 6),
            "width": round((right - left) / wide, 6),
            "height": round((bottom - top) / high, 6),
        }
        objects.append(
            {
                "class_id": each.class_id,
                "name": name_of(each.class_id, names),
                "relative_coordinates": place,
                "confidence": round(each.score, 6),
            }
        )
    return {"frame_id": number, "filename": file, "objects": objects}


def whole(records: Sequence[dict[str, object]]) -> bytes:
    """Return the JSON file of the images."""
    return (json.dumps(records, indent=1, ensure_ascii=False) + "\n").encode()
