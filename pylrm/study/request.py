"""What a study is asked to do, as study.json keeps it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pylrm.data.darknet import DataFile, read_images, read_truth
from pylrm.errors import DataError, PylrmError
from pylrm.study.arms import Arm
from pylrm.training.options import TrainOptions

FORM = 1  # of study.json
# Options of training that change what comes out; the others change how long it takes.
DECISIVE = ("updates", "letterbox")


@dataclass(frozen=True)
class Request:
    """What a study is asked to do.

    Attributes
    ----------
    base : str
        The base cfg's name.
    data, weights : str or None
        Paths: of the .data file; of the weights that each run starts from.
    data_digest, weights_digest : str or None
        SHA-256 of the data set's lists, labels and truths (`digest_of_data`); of the weights.
    classes : list of str
        Their names.
    metric : str
        By which runs are measured.
    options : dict
        The options of `DECISIVE`.
    folds : int
        Of cross-validation; 0: the data set's own lists.
    seeds : list of int
        Of the runs of each arm, ascending.
    arms : dict of str to str
        Names to the SHA-256 of the cfgs, in the table's order.
    """

    base: str
    data: str
    data_digest: str
    weights: str | None
    weights_digest: str | None
    classes: list[str]
    metric: str
    options: dict[str, Any]
    folds: int
    seeds: list[int]
    arms: dict[str, str]

    def record(self) -> dict[str, Any]:
        """Return it as study.json holds it."""
        return {"form": FORM, **asdict(self)}

    def joined(self, later: Request, where: Path) -> Request:
        """Return the request that has the arms and seeds of both.

        Raises
        ------
        PylrmError
            The later one asks for something else: another folder is the place for it.
        """
        for what, mine, other in self._differences(later):
            raise PylrmError(
                f"{where}: a study with another {what}: {mine}, now {other}; only arms and seeds "
                "can be added: name another folder with --out"
            )
        return replace(
            self,
            base=later.base,
            data=later.data,
            weights=later.weights,
            seeds=sorted({*self.seeds, *later.seeds}),
            arms={**self.arms, **later.arms},
        )

    def _differences(self, later: Request) -> list[tuple[str, object, object]]:
        pairs: list[tuple[str, object, object]] = [
            ("data set", self.data_digest, later.data_digest),
            ("metric", self.metric, later.metric),
            ("file of weights", self.weights_digest, later.weights_digest),
            ("number of folds", self.folds, later.folds),
        ]
        for name in DECISIVE:
            pairs.append((f"--{name.replace('_', '-')}", self.options[name], later.options[name]))
        for name in [name for name in self.arms if name in later.arms]:
            pairs.append((f"cfg of arm {name}", self.arms[name], later.arms[name]))
        return [(what, _short(a), _short(b)) for what, a, b in pairs if a != b]


def request_of(
    base: str,
    arms: list[Arm],
    data: DataFile,
    options: TrainOptions,
    seeds: list[int],
    folds: int,
) -> Request:
    """Return what is asked for, with digests of the files that it names.

    Raises
    ------
    DataError
        A file of the data set cannot be read.
    PylrmError
        The weights cannot.
    """
    weights = options.weights
    return Request(
        base=base,
        data=str(data.path.resolve()),
        data_digest=digest_of_data(data),
        weights=None if weights is None else str(weights.resolve()),
        weights_digest=None if weights is None else digest_of_file(weights),
        classes=data.names,
        metric=data.metric,
        options={name: getattr(options, name) for name in DECISIVE},
        folds=folds,
        seeds=sorted(set(seeds)),
        arms={arm.name: arm.digest for arm in arms},
    )


def read_request(record: Any, path: Path) -> Request:
    """Read what study.json holds.

    Raises
    ------
    DataError
        It is no study's, or one of another version of pylrm.
    """
    if not isinstance(record, dict) or record.pop("form", None) != FORM:
        raise DataError(f"{path}: not a study's, or one of another version of pylrm")
    try:
        return Request(**record)
    except TypeError as error:
        raise DataError(f"{path}: not a study's: {error}") from error


def digest_of_data(data: DataFile) -> str:
    """Return the SHA-256 of a data set: names of classes and images, labels, truths.

    Where the images are does not matter, so that a study can be moved with its data; what their
    pixels are is not looked at.
    """
    digest = hashlib.sha256("\n".join(data.names).encode())
    for images in (read_images(data, "train"), read_images(data, "valid")):
        for image in images:
            digest.update(image.name.encode("utf-8", "surrogateescape"))
            for rows in read_truth(image, data.classes):
                digest.update(rows.tobytes())
    if data.truth is not None:
        digest.update(digest_of_file(data.truth).encode())
    return digest.hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    PylrmError
        It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise PylrmError(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _short(value: object) -> object:
    is_digest = isinstance(value, str) and len(value) == 64
    return f"{str(value)[:12]}…" if is_digest else value
