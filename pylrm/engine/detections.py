"""Objects found in an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pylrm.binding.library import FloatArray
from pylrm.extras import extra


class Detection(NamedTuple):
    """An object found in an image.

    Attributes
    ----------
    class_id : int
        From 0.
    score : float
        0 to 1.
    box : tuple of float
        Left, top, right, bottom in the image's pixels, clipped to it.
    """

    class_id: int
    score: float
    box: tuple[float, float, float, float]


class Detections(list[Detection]):
    """The objects found in an image, a list."""

    def to_supervision(self, names: Sequence[str] = ()) -> Any:
        """Return them as `supervision.Detections`, which trackers, zones and annotators take.

        Parameters
        ----------
        names : sequence of str
            Names of the classes, for labels; a class without one goes by its number.

        Raises
        ------
        PylrmError
            supervision is not installed.
        """
        return extra("supervision", "to_supervision needs supervision").Detections(
            xyxy=np.array([found.box for found in self], np.float32).reshape(-1, 4),
            confidence=np.array([found.score for found in self], np.float32),
            class_id=np.array([found.class_id for found in self], int),
            data={"class_name": np.array([name_of(found.class_id, names) for found in self], str)},
        )


def name_of(class_id: int, names: Sequence[str]) -> str:
    """Return the name of a class, or "class N" where there is none."""
    return names[class_id] if 0 <= class_id < len(names) else f"class {class_id}"


def detections_of(rows: FloatArray, size: tuple[int, int]) -> Detections:
    """Return the detections in an image's rows of `Network.boxes`, by score, highest first.

    Parameters
    ----------
    rows : ndarray (n, 5 + classes)
        Relative boxes, objectness, probabilities; 0: no detection.
    size : (int, int)
        The image's width and height in pixels.
    """
    scores = rows[:, 5:]
    row, kind = np.nonzero(scores)
    order = np.argsort(-scores[row, kind], kind="stable")
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    corners = np.clip(np.concatenate([centre - half, centre + half], axis=1), 0, 1)
    corners = corners * np.array([*size, *size])
    return Detections(
        Detection(int(k), float(scores[r, k]), tuple(float(v) for v in corners[r]))  # type: ignore[arg-type]
        for r, k in zip(row[order], kind[order], strict=True)
    )
