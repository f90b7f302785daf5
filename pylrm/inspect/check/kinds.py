"""The kinds of problem that a check of a data set finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """A kind of problem: an error or a remark, what it is (in the plural), what to do."""

    error: bool
    what: str
    todo: str


KINDS = {
    "image-missing": Kind(
        True,
        "images that are not there",
        "correct the list, or bring the files: training passes them over",
    ),
    "image-unreadable": Kind(
        True,
        "images that cannot be read",
        "replace them, or take them from the list: training passes them over",
    ),
    "image-cut": Kind(
        True,
        "image files that end early",
        "fetch them anew: OpenCV refuses them, or some versions of it read the rest as grey",
    ),
    "label-line": Kind(
        True, "label lines that are wrong", "correct or delete them: training stops at the first"
    ),
    "class-unknown": Kind(
        True,
        "labels of unknown classes",
        "correct them, or classes= and names=: training stops at the first",
    ),
    "box-empty": Kind(
        True, "boxes without width or height", "draw them anew, or delete their lines"
    ),
    "box-outside": Kind(
        True,
        "boxes that reach out of their image by over 1% of its size",
        "see whether x and y are centres, relative to the image; else cut the boxes off at its "
        "edges, as training does",
    ),
    "no-boxes": Kind(
        True,
        "lists without any box",
        "labels of images/NAME.jpg are looked for in labels/NAME.txt, then in images/NAME.txt",
    ),
    "duplicate-across": Kind(
        True,
        "validation images that are training images too",
        "take them from one of the lists: validation would measure what was learnt by heart",
    ),
    "truth-file": Kind(
        True, "truth= files that cannot be used", "write it anew, for instance by convert"
    ),
    "truth-image": Kind(
        True, "validation images that the truth= file lacks", "write it anew from the same list"
    ),
    "truth-objects": Kind(
        True,
        "validation images with other objects in the truth= file than in their labels",
        "write the file anew from the labels: map measures by it",
    ),
    "duplicate": Kind(
        False, "images that a list has already", "keep one of each, with the right labels"
    ),
    "image-rotated": Kind(
        False,
        "images with an EXIF rotation, which Darknet and pylrm pass over",
        "see whether the boxes fit the stored pixels (-o draws them); if not, turn the pixels",
    ),
    "label-missing": Kind(
        False,
        "images without a label file, which count as background",
        "give those an empty one where that is meant",
    ),
    "box-tiny": Kind(
        False,
        "boxes under .001 of the image, which are left out",
        "delete their lines if not meant",
    ),
    "class-untrained": Kind(
        False,
        "classes without a box to train on",
        "label some, or take them from names= and classes=",
    ),
    "class-unmeasured": Kind(
        False, "classes without an object to validate on", "mAP is then the mean of the others"
    ),
    "truth-more": Kind(
        False,
        "images of the truth= file that are not validated on",
        "add them to valid= if they should",
    ),
    "anchors-poor": Kind(
        False,
        "networks whose anchors fit the boxes badly",
        "let `pylrm anchors D.data --cfg C --write` find better ones",
    ),
    "truth-lost": Kind(
        False,
        "boxes that are lost: a later one of the image has their cell and anchor",
        "a larger input, a finer grid or more anchors keep more of them",
    ),
    "below-cell": Kind(
        False,
        "boxes smaller than a cell of the finest grid in both directions",
        "a larger input or a smaller stride (pylrm cfg --size, --stride) shows them larger",
    ),
    "too-many": Kind(
        False,
        "images with more boxes than the network reads, which is a random choice of them",
        "set max= of the detection layer to the largest number",
    ),
}


@dataclass(frozen=True)
class Example:
    """Something found.

    Attributes
    ----------
    text
        One line that names the file (and line).
    image
        The image in question.
    rows
        Which of its objects, by their number among the good lines of the label file.
    count
        How many things it stands for.
    """

    text: str
    image: Path | None = None
    rows: tuple[int, ...] = ()
    count: int = 1


@dataclass
class Findings:
    """What was found, by kind."""

    examples: dict[str, list[Example]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(
        self,
        kind: str,
        text: str,
        image: Path | None = None,
        rows: tuple[int, ...] = (),
        count: int = 1,
    ) -> None:
        """Add something of a kind; see `Example`."""
        self.examples[kind].append(Example(text, image, rows, count))

    def found(self) -> dict[str, list[Example]]:
        """Return the kinds that there is something of, errors first."""
        return {kind: examples for kind, examples in self.examples.items() if examples}

    def count(self, kind: str) -> int:
        """Return how many things of a kind there are."""
        return sum(example.count for example in self.examples[kind])

    @property
    def failed(self) -> bool:
        """Whether anything is wrong, remarks apart."""
        return any(KINDS[kind].error for kind in self.found())
