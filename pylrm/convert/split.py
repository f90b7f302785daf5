"""The seeded split of a data set's images into those to train on and those to validate on.

It depends on the images' names and the seed, and on nothing else (no random generator, no order of
a folder, no locale), so that it is the same on every machine. The rule: sort the names by the
SHA-256 digest of "SEED NAME" in UTF-8; the first round(share * n), at least one and at most all
but one, are to train on. Both halves are then listed by code points.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pylrm.errors import DataError
from pylrm.terminal import count_of


def split(
    names: Iterable[str], share: float, seed: int, source: Path
) -> tuple[list[str], list[str]]:
    """Split images by the rule above.

    Parameters
    ----------
    names
        The images' names; one that comes twice counts once.
    share
        Of the images to train on, between 0 and 1.
    seed
        Another one gives another split.
    source
        What holds the images, for messages.

    Returns
    -------
    train, valid : list of str

    Raises
    ------
    DataError
        A share that is not between 0 and 1; fewer than two images.
    """
    if not 0 < share < 1:
        raise DataError(f"a split of {share}; expected a share between 0 and 1")

    def digest(name: str) -> bytes:
        return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogatepass")).digest()

    order = sorted(set(names), key=digest)
    if len(order) < 2:
        raise DataError(f"{source}: {count_of(len(order), 'annotated image')}; a split needs two")
    count = min(max(round(share * len(order)), 1), len(order) - 1)
    return sorted(order[:count]), sorted(order[count:])
