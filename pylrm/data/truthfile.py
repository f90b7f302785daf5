"""truth.json: a data set's validation images in COCO's format, with what labels can't hold.

Besides COCO's own fields an annotation has difficult (0 or 1), truncated (a share, 0 to 1),
occluded (0 to 3) and ignore (0 or 1). A region that stands for every class has ignore 1 and the
category_id 0, which no category has.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pylrm.data.things import Box, Picture, Thing

EVERY_CLASS = 0


def truth_text(pictures: Sequence[Picture], classes: Sequence[str]) -> str:
    """Return the file's text.

    file_name is the image's line in valid.txt; ids count from 1; the categories are the classes in
    order.
    """
    images: list[dict[str, object]] = []
    truths: list[dict[str, object]] = []
    for identity, picture in enumerate(pictures, 1):
        images.append(
            {
                "id": identity,
                "file_name": picture.path,
                "width": picture.width,
                "height": picture.height,
            }
        )
        for thing, box in picture.visible():
            category = EVERY_CLASS if thing.name is None else classes.index(thing.name) + 1
            truths.append(_truth(thing, box, len(truths) + 1, identity, category))
    categories = [{"id": index, "name": text} for index, text in enumerate(classes, 1)]
    document = {"images": images, "annotations": truths, "categories": categories}
    return json.dumps(document, ensure_ascii=False)


def _truth(thing: Thing, box: Box, identity: int, image: int, category: int) -> dict[str, object]:
    left, top, right, bottom = box
    area = (right - left) * (bottom - top) if thing.area is None else thing.area
    return {
        "id": identity,
        "image_id": image,
        "category_id": category,
        "bbox": [left, top, right - left, bottom - top],
        "area": area,
        "iscrowd": int(thing.crowd),
        "difficult": int(thing.difficult),
        "truncated": thing.truncated,
        "occluded": thing.occluded,
        "ignore": int(thing.ignore),
    }
