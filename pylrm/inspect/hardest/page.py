"""The hardest images and boxes, drawn on a page and written as text and data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pylrm.data.darknet import inspect_truth
from pylrm.data.images import ByteImage, read_image
from pylrm.engine.detections import name_of
from pylrm.inspect.hardest.ranking import KINDS, Edges, HardBox, Hardest, HardImage, edges
from pylrm.pictures.drawing import WHITE, Mark, chapters, colour_of, fit, mark, sheet
from pylrm.terminal import count_of

T = TypeVar("T")

CELL, COLUMNS = 320, 6
AROUND = 3.0  # a box's tile shows this many times its longer side,
LEAST = 0.25  # and at least this part of the image's shorter side


def page(result: Hardest, names: Sequence[str], count: int) -> ByteImage:
    """Draw the hardest images, and the hardest boxes of each kind with what is around them.

    In a box's tile, only that box has a text; the other labels are outlined in their classes'
    colours, regions to ignore with dashed lines.

    Parameters
    ----------
    result : Hardest
        What was found.
    names : sequence of str
        Of the classes.
    count : int
        Images, and boxes of each kind, at most.
    """
    images = [(image_tile(one, names), caption(i, one)) for i, one in first(result.images, count)]
    parts = [("images by loss", images)]
    for kind, title in KINDS.items():
        tiles = [
            (box_tile(one, names), box_caption(i, one, names))
            for i, one in first(result.boxes[kind], count)
        ]
        parts.append((f"{title} ({len(result.boxes[kind])})", tiles))
    return chapters([(title, sheet(tiles, COLUMNS, CELL)) for title, tiles in parts if tiles])


def first(ranked: Sequence[T], count: int) -> Iterator[tuple[int, T]]:
    """Number the first entries of a ranking from 1."""
    return enumerate(ranked[:count], 1)


def caption(rank: int, one: HardImage) -> str:
    """Return what is written below an image."""
    boxes = f"{one.objects} box{'' if one.objects == 1 else 'es'}"
    return f"{rank}. loss {one.loss:.2f}, {boxes}\n{one.path.name}"


def box_caption(rank: int, one: HardBox, names: Sequence[str]) -> str:
    """Return what is written below a box."""
    where = one.image.name if one.label is None else f"{one.label.name}:{one.line}"
    return f"{rank}. loss {one.loss:.2f}, {what(one, names)}\n{where}"


def what(one: HardBox, names: Sequence[str]) -> str:
    """Return a box's class, what the network sees there, and its score."""
    name = name_of(one.class_id, names)
    if one.kind == "unlabelled":
        return f"{name} {one.score:.2f}"
    if one.seen_as is None:
        return f"{name}, score {one.score:.2f}"
    return f"{name}, seen as {name_of(one.seen_as, names)} {one.score:.2f}"


def image_tile(one: HardImage, names: Sequence[str]) -> ByteImage:
    """Draw an image with its labels, at the size that it has on the page."""
    image = read_image(one.path)
    whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    return tile(image, whole, labels(one.path, image, names))


def box_tile(one: HardBox, names: Sequence[str]) -> ByteImage:
    """Draw a box with what is around it, at the size that it has on the page."""
    image = read_image(one.image)
    text = name_of(one.class_id, names)
    if one.kind == "unlabelled":
        text += "?"
    elif one.seen_as is not None:
        text += f": {name_of(one.seen_as, names)}?"
    return tile(
        image,
        window(one.box, (image.shape[1], image.shape[0])),
        [*labels(one.image, image, None), Mark(one.box, colour_of(one.class_id), text)],
    )


def window(box: Edges, size: tuple[int, int]) -> Edges:
    """Return the part of an image to show around a box, within the image."""
    left, top, right, bottom = box
    side = max(AROUND * max(right - left, bottom - top), LEAST * min(size))
    ends = []
    for low, high, most in ((left, right, size[0]), (top, bottom, size[1])):
        length = min(side, most)
        start = min(max((low + high - length) / 2, 0), most - length)
        ends.append((start, start + length))
    (x0, x1), (y0, y1) = ends
    return x0, y0, x1, y1


def labels(path: Path, image: ByteImage, names: Sequence[str] | None) -> list[Mark]:
    """Return an image's labels and regions to ignore as marks; names=None: without texts."""
    size = (image.shape[1], image.shape[0])
    truth = inspect_truth(path, 2**31)  # the classes were checked before
    marks = [
        Mark(edges(box, size), WHITE, "" if names is None else "ignored", dashed=True)
        for box in truth.regions.boxes.tolist()
    ]
    for class_id, *box in truth.objects.boxes.tolist():
        text = "" if names is None else name_of(int(class_id), names)
        marks.append(Mark(edges(box, size), colour_of(int(class_id)), text))
    return marks


def tile(image: ByteImage, part: Edges, marks: Sequence[Mark]) -> ByteImage:
    """Draw marks on a part of an image, scaled to the page's cell."""
    left, top, right, bottom = (round(edge) for edge in part)
    shown = fit(image[top : max(bottom, top + 1), left : max(right, left + 1)], CELL)
    scale = CELL / max(right - left, bottom - top, 1)

    def moved(box: Edges) -> Edges:
        x0, y0, x1, y1 = box
        return (x0 - left) * scale, (y0 - top) * scale, (x1 - left) * scale, (y1 - top) * scale

    return mark(shown, [Mark(moved(one.box), one.colour, one.text, one.dashed) for one in marks])


def table(result: Hardest, names: Sequence[str], count: int) -> Iterator[str]:
    """Yield the lines of the rankings as text; parameters as of `page`."""
    yield "images by loss"
    for i, one in first(result.images, count):
        yield f"{i:4}  {one.loss:9.3f}  {one.path}  ({count_of(one.objects, 'box')})"
    for kind, title in KINDS.items():
        found = result.boxes[kind]
        yield f"{title}: {len(found)}"
        for i, box in first(found, count):
            where = box.image if box.label is None else f"{box.label}:{box.line}"
            pixels = ",".join(f"{edge:.0f}" for edge in box.box)
            yield f"{i:4}  {box.loss:9.3f}  {what(box, names)}  {where}  [{pixels}]"


def record(result: Hardest, names: Sequence[str], count: int) -> dict[str, object]:
    """Return the rankings as JSON has them; parameters as of `page`."""
    return {
        "count": len(result.images),
        "loss": result.mean_loss,
        "totals": {kind: len(result.boxes[kind]) for kind in KINDS},
        "skipped": [str(path) for path in result.skipped],
        "images": [
            {"image": str(one.path), "loss": one.loss, "objects": one.objects}
            for _, one in first(result.images, count)
        ],
        **{
            kind: [box_record(one, names) for _, one in first(result.boxes[kind], count)]
            for kind in KINDS
        },
    }


def box_record(one: HardBox, names: Sequence[str]) -> dict[str, object]:
    """Return a box as JSON has it; its edges are left, top, right, bottom in pixels."""
    return {
        "image": str(one.image),
        "label": None if one.label is None else str(one.label),
        "line": one.line,
        "class": name_of(one.class_id, names),
        "class_id": one.class_id,
        "seen_as": None if one.seen_as is None else name_of(one.seen_as, names),
        "score": round(one.score, 6),
        "loss": one.loss,
        "box": [round(edge, 2) for edge in one.box],
    }
