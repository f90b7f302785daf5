"""Export every cfg file of a folder, and hold three programs' outputs against the engine's.

    python -m tests.export.compare FOLDER [--size 256] [--detectors]

Weights are random, like trained ones. A row a file: the largest difference, of values above 1
relative to the largest, or why there is none. --detectors leaves out networks without [region] and
[yolo]; --size replaces the inputs' sizes, of networks without [connected].
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

from pylrm import CfgWarning, Network
from pylrm.errors import PylrmError
from tests.export.nets import distances, sized
from tests.export.runtimes import RUNTIMES


def row(path: Path, size: int | None, detectors: bool) -> list[str] | None:
    """Return a file's cells; None: it is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CfgWarning)
        try:
            with Network(path, outline=True) as net:
                if detectors and not net.detectors:
                    return None
                fixed = bool(net.find("connected"))
        except PylrmError as error:
            reason = str(error).removeprefix(f"{path}:")
            return [path.name, f"does not load: line {reason:.80}", "", ""]
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = distances(sized(path, None if fixed else size), Path(folder), RUNTIMES)
        except PylrmError as error:
            return [path.name, f"{error!s:.80}", "", ""]
    return [path.name, *(cell(found[name]) for name in RUNTIMES)]


def cell(value: float | Exception) -> str:
    """Return a difference, or an error's first line."""
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {str(value).splitlines()[0]:.100}"
    return f"{value:.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int)
    parser.add_argument("--detectors", action="store_true")
    arguments = parser.parse_args()
    print(f"| cfg | {' | '.join(RUNTIMES)} |\n|---|{'---|' * len(RUNTIMES)}")
    for path in sorted(arguments.folder.glob("*.cfg")):
        cells = row(path, arguments.size, arguments.detectors)
        if cells is not None:
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
