"""What lies in a folder and below it: data sets, networks, runs.

It is a quick look, not a check: names and the beginnings of files say what something is, a bounded
number of entries is looked at, and what cannot be read is passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pylrm.errors import DataError
from pylrm.files.jsonfile import read_json
from pylrm.runs.folder import CSV_NAME, Run

DEEPEST = 3  # folders below the one looked at
MOST = 10_000  # entries looked at, in all
MOST_BELOW = 500  # of them in a folder below
HEAD = 1 << 16  # bytes that say what a file is
LARGEST = 1 << 20  # bytes of a cfg, or of a run's options
DIGITS = 19  # more than any number of an update has

DETECTS = re.compile(rb"^\s*\[(region|yolo|detection)\]", re.MULTILINE)
NETWORK = re.compile(rb"^\s*\[(net|network)\]", re.MULTILINE)
NAMES_DATA = re.compile(rb"^\s*data\s*=", re.MULTILINE)
LISTS = re.compile(rb"^\s*(train|valid)\s*=", re.MULTILINE)
IS_SET = re.compile(rb"^\s*['\"]?(train|names)['\"]?\s*:", re.MULTILINE)
COCO = [b'"images"', b'"annotations"', b'"categories"']  # two of them are enough
LABELME = [b'"shapes"', b'"imagePath"']
IMAGE_FOLDERS = {"images", "jpegimages"}
NAMES = {"classes.txt", "obj.names"}


@dataclass(frozen=True)
class Source:
    """A data set that can be converted.

    Attributes
    ----------
    format
        As `pylrm convert` calls it.
    path
        What is converted.
    valid
        A second file, to validate on; None: the first one is all, or names it.
    """

    format: str
    path: Path
    valid: Path | None = None


@dataclass(frozen=True)
class CfgFile:
    """A network's cfg.

    Attributes
    ----------
    path
        The file.
    detects
        It is a detector's; else a classifier's.
    names_data
        It says itself which data set it goes with.
    """

    path: Path
    detects: bool
    names_data: bool


@dataclass(frozen=True)
class RunState:
    """A run folder.

    Attributes
    ----------
    path
        The folder.
    update, last
        The last update that was logged, and the last there is to be.
    running
        A process trains there.
    resumable
        There is a checkpoint.
    weights
        The best weights, else the newest; None: there are none.
    detects
        It trains a detector; else a classifier.
    mines
        Its cfg has [lrm].
    """

    path: Path
    update: int
    last: int
    running: bool
    resumable: bool
    weights: Path | None
    detects: bool
    mines: bool

    @property
    def complete(self) -> bool:
        """Whether all updates are done."""
        return self.update >= self.last


@dataclass
class Found:
    """What lies in a folder: the newest run first, of other things the nearest, then the newest."""

    sources: list[Source] = field(default_factory=list)
    data: list[Path] = field(default_factory=list)
    cfgs: list[CfgFile] = field(default_factory=list)
    runs: list[RunState] = field(default_factory=list)


@dataclass(frozen=True)
class Folder:
    """A folder's files and folders by their names in small letters; hidden ones don't count."""

    path: Path
    files: dict[str, Path]
    folders: dict[str, Path]

    def with_ending(self, *endings: str) -> list[Path]:
        """Return the files with one of some endings, by name."""
        return [path for name, path in sorted(self.files.items()) if name.endswith(endings)]


def look(top: Path) -> Found:
    """Look at a folder and at those below it.

    Never raises: what cannot be read is not there.
    """
    found = Found()
    for folder in walk(top):
        run = run_in(folder)
        if run is not None:
            found.runs.append(run)
            continue
        found.data += [path for path in folder.with_ending(".data") if LISTS.search(head(path))]
        found.cfgs += filter(None, map(cfg_at, folder.with_ending(".cfg")))
        found.sources += filter(None, (kind(folder) for kind in KINDS))
    found.data.sort(key=nearest)
    found.cfgs.sort(key=lambda cfg: nearest(cfg.path))
    found.runs.sort(key=lambda run: age(run.path / CSV_NAME))
    return found


def walk(top: Path) -> Iterator[Folder]:
    """Yield a folder and those below it, each once, the nearest first; none below run folders."""
    left, level = MOST, [top]
    seen: set[tuple[int, int]] = set()
    for depth in range(DEEPEST + 1):
        below: list[Path] = []
        for path in level:
            place = identity(path)
            if place is None or place in seen:
                continue
            seen.add(place)
            folder, count = listed(path, min(left, MOST_BELOW) if depth else left)
            left -= count
            yield folder
            if not is_run(folder):
                below += [inner for _, inner in sorted(folder.folders.items())]
        level = below


def identity(path: Path) -> tuple[int, int] | None:
    """Return what is the same for a folder and links to it; None: it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def listed(path: Path, most: int) -> tuple[Folder, int]:
    """List a folder; returns it, and how many entries were looked at."""
    folder, count = Folder(path, {}, {}), 0
    try:
        with os.scandir(path) as entries:
            for entry in islice(entries, most):
                count += 1
                if entry.name.startswith(".") or not entry.name.isprintable():
                    continue
                if entry.is_dir():
                    folder.folders[entry.name.lower()] = path / entry.name
                elif entry.is_file():
                    folder.files[entry.name.lower()] = path / entry.name
    except OSError:
        pass
    return folder, count


def head(path: Path, most: int = HEAD) -> bytes:
    """Return a file's first bytes; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return b""


def tail(path: Path, most: int = HEAD) -> bytes:
    """Return a file's last bytes; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read(most)
    except OSError:
        return b""


def age(path: Path) -> float:
    """Return what sorts the newest file first."""
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def nearest(path: Path) -> tuple[int, float]:
    """Return what sorts the files of the nearest folder first, the newest of these first."""
    return len(path.parts), age(path)


# Networks and runs


def cfg_at(path: Path) -> CfgFile | None:
    """Return the cfg in a file; None: it is none."""
    text = head(path, LARGEST)
    if not NETWORK.search(text):
        return None
    return CfgFile(path, bool(DETECTS.search(text)), bool(NAMES_DATA.search(text)))


def is_run(folder: Folder) -> bool:
    """Tell whether a folder is a run's."""
    run = Run(folder.path)
    return run.cfg.name in folder.files and run.options.name in folder.files


def run_in(folder: Folder) -> RunState | None:
    """Return the state of the run in a folder; None: there is none."""
    run = Run(folder.path)
    if not is_run(folder):
        return None
    try:
        options = read_json(run.options) if run.options.stat().st_size <= LARGEST else {}
        last = options["last"]
        if not isinstance(last, int):
            return None
        text = head(run.cfg, LARGEST)
        return RunState(
            folder.path,
            last_update(folder.path / CSV_NAME),
            last,
            run.is_locked(),
            bool(run.list_checkpoints()),
            next(filter(Path.is_file, (run.best, run.last)), None),
            bool(DETECTS.search(text)),
            b"[lrm]" in text,
        )
    except (DataError, OSError, KeyError, TypeError):
        return None


def last_update(log: Path) -> int:
    """Return the update in the last whole row of a log.csv; 0: there is none."""
    rows = tail(log).rpartition(b"\n")[0].splitlines()
    number = rows[-1].partition(b",")[0] if rows else b""
    return int(number) if number.isdigit() and len(number) < DIGITS else 0


# Data sets that can be converted


def voc(folder: Folder) -> Source | None:
    """Return a VOC tree, a folder of such trees, or a folder train of XML and images."""
    annotated = [folder.folders.get("annotations"), folder.folders.get("train")]
    trees = [path for name, path in folder.folders.items() if name.startswith("voc2")]
    annotated += [listed(path, MOST_BELOW)[0].folders.get("annotations") for path in trees]
    for path in filter(None, annotated):
        if listed(path, MOST_BELOW)[0].with_ending(".xml"):
            return Source("voc", folder.path)
    return None


def kitti(folder: Folder) -> Source | None:
    """Return KITTI's tree: folders label_2 and image_2."""
    return Source("kitti", folder.path) if {"label_2", "image_2"} <= set(folder.folders) else None


def yolo(folder: Folder) -> Source | None:
    """Return a data set of YOLO tools: a YAML file, or classes' names beside folders of images."""
    for path in folder.with_ending(".yaml", ".yml"):
        if len(set(IS_SET.findall(head(path)))) == 2:
            return Source("yolo", path)
    named = NAMES & set(folder.files) and not folder.with_ending(".data")
    if named and (IMAGE_FOLDERS | {"train"}) & set(folder.folders):
        return Source("yolo", folder.path)
    return None


def coco(folder: Folder) -> Source | None:
    """Return annotations in COCO's format, with those to validate on."""
    if folder.with_ending(".data"):
        return None  # the truth.json of what was converted already
    files = [path for path in folder.with_ending(".json") if is_coco(path)]
    if not files:
        return None
    train = next((path for path in files if "train" in path.name.lower()), files[0])
    valid = next((path for path in files if "val" in path.name.lower()), None)
    return Source("coco", train, None if valid == train else valid)


def is_coco(path: Path) -> bool:
    """Tell whether a JSON file has two of the keys that COCO's have, near its ends."""
    text = head(path) + tail(path)
    return sum(key in text for key in COCO) >= 2


def labelme(folder: Folder) -> Source | None:
    """Return a folder of labelme's JSON files."""
    first = next(iter(folder.with_ending(".json")), None)
    text = b"" if first is None else head(first) + tail(first)
    return Source("labelme", folder.path) if all(key in text for key in LABELME) else None


KINDS: list[Callable[[Folder], Source | None]] = [voc, kitti, yolo, coco, labelme]
