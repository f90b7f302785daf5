"""What a conversion wrote, in figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pylrm.convert.annotations import Lists

PARTS = ("train", "valid")


@dataclass(frozen=True)
class Summary:
    """What a conversion wrote.

    Attributes
    ----------
    data
        The .data file.
    names
        The classes.
    images
        Of "train" and "valid": how many images.
    boxes, ignored
        Of "train" and "valid": labelled boxes, and regions to ignore, per class.
    regions
        Of "train" and "valid": regions to ignore that stand for every class.
    sizes
        Median width and height in pixels of the labelled boxes of each class; of all, at the end.
        None: there are no boxes.
    dropped
        Difficult objects and crowds that training does not know of.
    empty
        Boxes without area, left out, with the files that hold them.
    shared
        Images that stand in both lists.
    warnings
        Lines about what is hardly meant so.
    """

    data: Path
    names: list[str]
    images: Mapping[str, int]
    boxes: Mapping[str, list[int]]
    ignored: Mapping[str, list[int]]
    regions: Mapping[str, int]
    sizes: list[tuple[float, float] | None]
    dropped: int
    empty: Mapping[Path, int]
    shared: int
    warnings: list[str]

    def table(self) -> str:
        """Images and boxes of each list as a text table, with remarks below."""
        rows = [
            ["", "train", "", "valid", "", "median"],
            ["class", *["boxes", "ignored"] * 2, "pixels"],
        ]
        for index, name in enumerate(self.names):
            rows.append([name, *self._counts(index, 0), self._size(index)])
        if any(self.regions.values()):
            regions = [str(self.regions[part]) for part in PARTS]
            rows.append(["of any class", "", regions[0], "", regions[1], ""])
        rows.append(["all", *self._counts(slice(None), 1), self._size(-1)])
        rows.append(["images", str(self.images["train"]), "", str(self.images["valid"]), "", ""])
        widths = [max(len(row[column]) for row in rows) for column in range(6)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *self._remarks()])

    def record(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            "data": str(self.data),
            "images": self.images,
            "classes": [
                {
                    "name": name,
                    "boxes": {part: self.boxes[part][index] for part in PARTS},
                    "ignored": {part: self.ignored[part][index] for part in PARTS},
                    "median_size": self.sizes[index],
                }
                for index, name in enumerate(self.names)
            ],
            "regions_of_any_class": self.regions,
            "difficult_dropped": self.dropped,
            "without_area": {str(path): count for path, count in self.empty.items()},
            "in_both_lists": self.shared,
            "warnings": self.warnings,
        }

    def _counts(self, which: int | slice, regions: int) -> list[str]:
        return [
            str(count)
            for part in PARTS
            for count in (
                int(np.sum(self.boxes[part][which])),
                int(np.sum(self.ignored[part][which])) + regions * self.regions[part],
            )
        ]

    def _size(self, index: int) -> str:
        size = self.sizes[index]
        return "-" if size is None else f"{size[0]:.0f}x{size[1]:.0f}"

    def _remarks(self) -> list[str]:
        lines = []
        if self.dropped:
            lines.append(
                f"crowds or difficult objects that training does not know of: {self.dropped}"
            )
        if self.empty:
            first = next(iter(self.empty))
            count = sum(self.empty.values())
            lines.append(f"boxes without area, left out: {count}, first in {from_here(first)}")
        if self.shared:
            lines.append(f"images that stand in both lists: {self.shared}")
        return lines


def summarise(
    data: Path, lists: Lists, classes: Sequence[str], warnings: Sequence[str] = ()
) -> Summary:
    """Count what `pylrm.convert.writing.write` made of the lists.

    Parameters
    ----------
    data
        The .data file.
    lists, classes
        What was written.
    warnings
        What the summary is to warn of.
    """
    boxes = {part: [0] * len(classes) for part in PARTS}
    ignored = {part: [0] * len(classes) for part in PARTS}
    regions = dict.fromkeys(PARTS, 0)
    sizes: list[list[tuple[float, float]]] = [[] for _ in classes]
    empty: dict[Path, int] = {}
    dropped = 0
    for part in PARTS:
        for image in lists[part]:
            left_out = len(image.annotations)
            for annotation, (left, top, right, bottom) in image.visible():
                left_out -= 1
                if annotation.name is None:
                    regions[part] += 1
                    continue
                index = classes.index(annotation.name)
                if annotation.role == "object":
                    boxes[part][index] += 1
                    sizes[index].append((right - left, bottom - top))
                elif annotation.role == "region":
                    ignored[part][index] += 1
                else:
                    dropped += 1
            if left_out:
                empty[image.source] = empty.get(image.source, 0) + left_out
    train, valid = ({image.image for image in lists[part]} for part in PARTS)
    return Summary(
        data,
        list(classes),
        {part: len(lists[part]) for part in PARTS},
        boxes,
        ignored,
        regions,
        [_median(found) for found in [*sizes, [size for found in sizes for size in found]]],
        dropped,
        empty,
        len(train & valid),
        list(warnings),
    )


def from_here(path: Path) -> Path:
    """Return a path below the working folder as it is from there, another as it is."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _median(sizes: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    if not sizes:
        return None
    width, height = np.median(sizes, axis=0)
    return float(width), float(height)
