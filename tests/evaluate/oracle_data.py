"""The oracles' truths as data sets; there are no images."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ORACLES = Path(__file__).parent.parent / "oracles"
VOC, KITTI = ORACLES / "voc_coco", ORACLES / "kitti"
VOC_NAMES = json.loads((VOC / "expected.json").read_text())["classes"]
KITTI_NAMES = ["car", "van", "truck", "pedestrian", "person_sitting", "cyclist", "tram", "misc"]


def voc_data(folder: Path) -> Path:
    """A .data file of the truths in VOC's annotations."""
    things = []
    for path in sorted((VOC / "Annotations").glob("*.xml")):
        for thing in ElementTree.parse(path).iter("object"):
            left, top, right, bottom = (
                float(thing.find(f"bndbox/{key}").text) for key in ("xmin", "ymin", "xmax", "ymax")
            )
            box = [left - 1, top - 1, right - left, bottom - top]
            difficult = int(thing.find("difficult").text)
            things.append((path.stem, thing.find("name").text, box, {"difficult": difficult}))
    stems = (VOC / "ids.txt").read_text().split()
    return write_data(folder, "area", stems, VOC_NAMES, things)


def coco_data(folder: Path) -> Path:
    """A .data file of the truths in COCO's format."""
    (folder / "c.names").write_text("".join(f"{name}\n" for name in VOC_NAMES))
    data = folder / "c.data"
    data.write_text(f"names=c.names\ntruth={VOC / 'coco_gt.json'}\nmetric=coco\n")
    return data


def kitti_data(folder: Path) -> Path:
    """A .data file of the truths in KITTI's labels."""
    things = []
    stems = []
    for path in sorted((KITTI / "label_2").glob("*.txt")):
        stems.append(path.stem)
        for line in path.read_text().splitlines():
            name, truncated, occluded, _, *numbers = line.split()
            left, top, right, bottom = map(float, numbers[:4])
            box = [left, top, right - left, bottom - top]
            name = name.lower()
            if name in KITTI_NAMES:
                fields = {"truncated": float(truncated), "occluded": int(occluded)}
            else:
                assert name == "dontcare"
                name, fields = None, {"ignore": 1}
            things.append((path.stem, name, box, fields))
    return write_data(folder, "kitti", stems, KITTI_NAMES, things)


def write_data(
    folder: Path,
    metric: str,
    stems: list[str],
    names: list[str],
    things: list[tuple[str, str | None, list[float], dict[str, float]]],
) -> Path:
    images = [{"id": 100 + i, "file_name": f"images/{stem}.png"} for i, stem in enumerate(stems)]
    annotations = [
        {
            "image_id": 100 + stems.index(stem),
            "category_id": 0 if name is None else 11 + names.index(name),
            "bbox": box,
            **fields,
        }
        for stem, name, box, fields in things
    ]
    categories = [{"id": 11 + i, "name": name} for i, name in enumerate(names)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(document))
    (folder / "d.names").write_text("".join(f"{name}\n" for name in names))
    data = folder / "d.data"
    data.write_text(f"names=d.names\ntruth=truth.json\nmetric={metric}\n")
    return data
