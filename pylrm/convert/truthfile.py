"""truth.json: a data set's validation images in COCO's format, with what labels can't hold.

Besides COCO's own fields an annotation has difficult (0 or 1), truncated (a share, 0 to 1),
occluded (0 to 3) and ignore (0 or 1). A region that stands for every class has ignore 1 and the
category_id 0, which no category has.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pylrm.convert.annotations import AnnotatedImage, Annotation, Box

EVERY_CLASS = 0


def truth_text(images: Sequence[AnnotatedImage], classes: Sequence[str]) -> str:
    """Return the file's text.

    file_name is the image's line in valid.txt; ids count from 1; the categories are the classes in
    order.
    """
    files: list[dict[str, object]] = []
    truths: list[dict[str, object]] = []
    for identity, image in enumerate(images, 1):
        files.append(
            {
                "id": identity,
                "file_name": image.path,
                "width": image.width,
                "height": image.height,
            }
        )
        for annotation, box in image.visible():
            name = annotation.name
            category = EVERY_CLASS if name is None else classes.index(name) + 1
            truths.append(_truth(annotation, box, len(truths) + 1, identity, category))
    categories = [{"id": index, "name": text} for index, text in enumerate(classes, 1)]
    document = {"images": files, "annotations": truths, "categories": categories}
    return json.dumps(document, ensure_ascii=False)


def _truth(
    annotation: Annotation, box: Box, identity: int, image: int, category: int
) -> dict[str, object]:
    left, top, right, bottom = box
    area = (right - left) * (bottom - top) if annotation.area is None else annotation.area
    return {
        "id": identity,
        "image_id": image,
        "category_id": category,
        "bbox": [left, top, right - left, bottom - top],
        "area": area,
        "iscrowd": int(annotation.crowd),
        "difficult": int(annotation.difficult),
        "truncated": annotation.truncated,
        "occluded": annotation.occluded,
        "ignore": int(annotation.ignore),
    }
