"""The images with most errors: an image once, and over it each run's detections and the truth."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pylrm.data.images import cv2, read_image
from pylrm.engine.detections import name_of
from pylrm.evaluate.boxes import Boxes, Floats
from pylrm.evaluate.matching import FALSE, HIT, Matching
from pylrm.pictures.drawing import fit
from pylrm.report.charts import measured_of
from pylrm.report.markup import Node, tag
from pylrm.report.subjects import Measured, Subject

SIDE = 640  # pixels of an image's longer side in the page
QUALITY = 80  # of its JPEG
LETTERS = 30  # of a class's name in a picture


@dataclass(frozen=True)
class Errors:
    """What a run got wrong in an image, and right.

    Attributes
    ----------
    missed : Boxes
        Objects that no detection hits.
    false, hits : Boxes
        Detections of the score asked for.
    """

    missed: Boxes
    false: Boxes
    hits: Boxes

    def words(self) -> str:
        """Return the counts as text."""
        return f"{len(self.missed)} missed, {len(self.false)} false, {len(self.hits)} found"


def worst_images(subjects: Sequence[Subject], count: int) -> list[Path]:
    """Return the images in which all runs together miss most objects and detect most falsely."""
    totals: Counter[Path] = Counter()
    for _, measured in measured_of(subjects):
        matching, at = measured.matching, measured.counts.at
        missed = matching.truth.image[matching.objects & ~matching.reached(at)]
        false = matching.found.image[(matching.found.score >= at) & (matching.verdict == FALSE)]
        for place in np.concatenate([missed, false]).tolist():
            totals[image_path(measured, place)] += 1
    return [path for path, _ in totals.most_common(count)]


def image_path(measured: Measured, place: int) -> Path:
    """Return an image of a matching by its number there."""
    key = measured.matching.ids[place]
    assert isinstance(key, int)
    return measured.evaluation.detected.images[key]


def errors_in(measured: Measured, path: Path) -> Errors | None:
    """Return what a run did in an image; None: the image is not among its own."""
    matching, at = measured.matching, measured.counts.at
    numbers = range(len(matching.ids))
    place = next((n for n in numbers if image_path(measured, n) == path), None)
    if place is None:
        return None
    missed = matching.objects & ~matching.reached(at) & (matching.truth.image == place)
    own = (matching.found.image == place) & (matching.found.score >= at)
    return Errors(
        matching.truth[missed],
        matching.found[own & (matching.verdict == FALSE)],
        matching.found[own & (matching.verdict == HIT)],
    )


def shot(subjects: Sequence[Subject], path: Path) -> Node:
    """Return an image with the marks of each run over it."""
    image = read_image(path)
    height, width = image.shape[:2]
    small = fit(image, SIDE)
    shown = small.shape[1], small.shape[0]
    coded = cv2().imencode(".jpg", small, [cv2().IMWRITE_JPEG_QUALITY, QUALITY])[1]
    frame = tag("div", class_="frame")
    text = tag("figcaption", tag("b", path.name))
    said = []
    for number, measured in measured_of(subjects):
        found = errors_in(measured, path)
        if found is None:
            continue
        scale = shown[0] / width, shown[1] / height
        marks = [*mark_boxes(found, measured.matching, np.array(scale * 2), shown)]
        attributes = {"class_": f"marks of-run of-{number}", "aria_hidden": "true"}
        frame.append(tag("svg", *marks, viewBox=f"0 0 {shown[0]} {shown[1]}", **attributes))
        text.append(tag("span", found.words(), class_=f"of-run of-{number}"))
        said.append(f"{subjects[number].name}: {found.words()}")
    picture = tag(
        "img",
        src="data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode(),
        alt=f"{path.name}. {'; '.join(said)}",
        width=shown[0],
        height=shown[1],
    )
    frame.insert(0, picture)
    return tag("figure", frame, text, class_="shot")


def mark_boxes(
    found: Errors, matching: Matching, scale: Floats, shown: tuple[int, int]
) -> Iterator[Node]:
    """Yield the boxes: hits first, so that errors lie above them."""
    kinds = (("hit", found.hits), ("false", found.false), ("missed", found.missed))
    for look, boxes in kinds:
        corners = (boxes.corners - 1) * scale  # VOC's pixels begin with 1
        for kind, score, box in zip(boxes.kind, boxes.score, corners, strict=True):
            name = name_of(int(kind), matching.names)
            text = name if look == "missed" else f"{name} {score:.2f}"
            yield box_mark(look, box.tolist(), text, shown)


def box_mark(look: str, box: Sequence[float], text: str, shown: tuple[int, int]) -> Node:
    """Return an outline; of errors with the class, and the score of what was detected."""
    left, top, right, bottom = (round(edge, 1) for edge in box)
    outline = tag(
        "rect",
        tag("title", f"{look}: {text}"),
        x=left,
        y=top,
        width=round(right - left, 1),
        height=round(bottom - top, 1),
    )
    children = [outline]
    if look != "hit":
        short = text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
        ends: dict[str, object] = {"x": left + 2}
        if left > 0.8 * shown[0]:  # so that the text stays within the image
            ends = {"x": min(right, shown[0]) - 2, "text_anchor": "end"}
        children.append(tag("text", short, y=top + 13 if top < 14 else top - 4, **ends))
    return tag("g", *children, class_=look)
