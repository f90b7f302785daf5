"""Anchors: the sizes of boxes that predictions start from.

Those of [region] are in cells of the output grid, those of [yolo] in pixels of the input.
"""

from __future__ import annotations

from collections.abc import Sequence

Anchors = list[tuple[float, float]]
Sizes = Sequence[float] | Sequence[Sequence[float]]

_GRID = 13  # cells in both directions that the defaults are meant for

DEFAULTS: dict[str, Anchors] = {
    "voc": [
        (1.3221, 1.73145),
        (3.19275, 4.00944),
        (5.05587, 8.09892),
        (9.47112, 4.84053),
        (11.2364, 10.0071),
    ],
    # wide images letterboxed into a square input: distant cars, upright pedestrians and cyclists,
    # cars at middle distance, near cars and vans, trucks and trams
    "kitti": [(0.45, 0.32), (0.45, 1.1), (1.05, 0.65), (2.05, 1.25), (3.6, 2.4)],
    # 10x14 to 344x319 pixels of a 416x416 input
    "coco": [
        (0.3125, 0.4375),
        (0.71875, 0.84375),
        (1.15625, 1.8125),
        (2.53125, 2.5625),
        (4.21875, 5.28125),
        (10.75, 9.96875),
    ],
    # 12x16 to 459x401 pixels of a 512x512 input
    "coco9": [
        (width * _GRID / 512, height * _GRID / 512)
        for width, height in (
            (12, 16),
            (19, 36),
            (40, 28),
            (36, 75),
            (76, 55),
            (72, 146),
            (142, 110),
            (192, 243),
            (459, 401),
        )
    ],
}

ORIGIN = {
    "voc": "YOLOv2's published priors for VOC",
    "kitti": "pylrm's defaults for KITTI, chosen by hand",
    "coco": "tiny YOLOv3's published priors for COCO",
    "coco9": "YOLOv4's published priors for COCO",
}

MOST = 128  # anchors a detector may have


def default_anchors(name: str, grid: tuple[int, int]) -> Anchors:
    """Return a data set's default anchors for an output grid, in its cells.

    Parameters
    ----------
    name : str
        A key of DEFAULTS.
    grid : (int, int)
        Cells across and down.
    """
    across, down = (cells / _GRID for cells in grid)
    return [(width * across, height * down) for width, height in DEFAULTS[name]]


def check_anchors(sizes: str | Sizes) -> Anchors:
    """Pair widths and heights, given as numbers, in pairs, or as text between commas.

    Raises
    ------
    ValueError
        They are no pairs of sizes.
    """
    if isinstance(sizes, str):
        sizes = [_number(word) for word in sizes.rstrip(" ,").split(",")]
    values = [float(value) for size in sizes for value in _flat(size)]
    if not values or len(values) % 2 or len(values) > 2 * MOST:
        raise ValueError(
            f"anchors: {len(values)} numbers; there must be a width and a height for each of 1 to "
            f"{MOST} anchors"
        )
    for value in values:
        if not 1e-3 <= value <= 1e4:
            raise ValueError(f"anchors: {value:g} is no size; one is above 0")
    return list(zip(values[::2], values[1::2], strict=True))


def _flat(size: float | Sequence[float]) -> Sequence[float]:
    return size if isinstance(size, Sequence) else [size]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        known = ", ".join(DEFAULTS)
        raise ValueError(
            f"anchors: '{word.strip()}' is no number; expected {known}, or widths and "
            "heights: W,H,W,H…"
        ) from None


def format_anchors(anchors: Anchors) -> str:
    """Return anchors as a cfg has them."""
    return ", ".join(f"{width:.6g},{height:.6g}" for width, height in anchors)
