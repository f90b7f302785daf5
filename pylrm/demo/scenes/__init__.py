"""Street-like scenes to try a detector on without a download.

Cars, vans, buses, cyclists, pedestrians and signs in a street drawn in perspective, by day and at
dusk: many small objects that hide each other, six in ten of them cars, one in fifty a bus.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pylrm.data.images import cv2
from pylrm.demo.scenes.scene import CLASSES, HEIGHT, WIDTH, Scene, draw_scene
from pylrm.errors import DataError, PylrmError

__all__ = ["CLASSES", "HEIGHT", "WIDTH", "Scene", "draw", "draw_scene"]

VERSION = 1  # of the drawing: what was drawn by another version is drawn anew
_MARK = "# drawn by pylrm demo"
_PARTS = ("train", "valid")
_LEAST_SHARE = 40  # images; fewer aren't worth another process


def draw(
    folder: str | Path,
    images: tuple[int, int] = (320, 80),
    seed: int = 0,
    processes: int | None = None,
) -> Path:
    """Draw a data set in Darknet's form, unless the folder holds that very one already.

    The folder gets images/, labels/ (with IMAGE.ignore.txt for what is too hidden, cut off or small
    to count), train.txt, valid.txt, demo.names and demo.data. It appears whole or not at all.

    Parameters
    ----------
    folder
        Where to; an earlier drawing there is replaced.
    images
        How many to train and to validate on.
    seed
        Of everything drawn. An image depends on the seed, its list and its number alone.
    processes
        How many draw; None: as many as the process may use. Results do not depend on it.

    Returns
    -------
    Path
        demo.data in the folder.

    Raises
    ------
    DataError
        Where the folder holds something else, or can't be written.
    """
    if min(images) < 1:
        raise ValueError(f"images={images}: at least one to train and one to validate on")
    if seed < 0:
        raise ValueError(f"seed={seed}: at least 0")
    folder = Path(folder).absolute()
    data = folder / "demo.data"
    wanted = (
        f"{_MARK}: version {VERSION}, seed {seed}, {images[0]} and {images[1]} images\n"
        f"classes={len(CLASSES)}\n"
        f"train={folder / 'train.txt'}\n"
        f"valid={folder / 'valid.txt'}\n"
        f"names={folder / 'demo.names'}\n"
    )
    there = _text(data)
    if there == wanted:
        return data
    if folder.exists():
        if not folder.is_dir():
            raise DataError(f"{folder} is a file; expected a folder to draw into")
        if any(folder.iterdir()) and not there.startswith(_MARK):
            raise DataError(f"{folder} holds other files than drawn scenes; name a new folder")
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    processes = max(1, min(processes, sum(images) // _LEAST_SHARE))
    work: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        work.chmod(0o755)
        for name in ("images", "labels"):
            (work / name).mkdir()
        _draw_all(work, images, seed, processes)
        _describe(work, folder, images, wanted)
        _install(work, folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder}: {error.strerror or error}") from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
    return data


def write_scenes(folder: Path, images: tuple[int, int], seed: int, share: int, shares: int) -> None:
    """Draw the images whose number modulo `shares` is `share`, with their labels."""
    for part, count in enumerate(images):
        for number in range(share, count, shares):
            scene = draw_scene(np.random.default_rng([seed, part, number]))
            _write(folder, f"{_PARTS[part]}-{number:04d}", scene)


def _draw_all(folder: Path, images: tuple[int, int], seed: int, processes: int) -> None:
    """Share the images among processes; this one draws a share too.

    The others are plain interpreters: a forked one may hang in OpenCV's threads, and one that
    multiprocessing spawns would run the user's main module again.
    """
    import pylrm

    paths = [str(Path(pylrm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "pylrm.demo.scenes", str(folder), *map(str, images), str(seed)]
    helpers: list[subprocess.Popen[bytes]] = []
    try:
        for share in range(1, processes):
            arguments = [*command, str(share), str(processes)]
            helpers.append(
                subprocess.Popen(
                    arguments, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
                )
            )
        write_scenes(folder, images, seed, 0, processes)
        for helper in helpers:
            errors = helper.communicate()[1].decode(errors="replace").strip()
            if helper.returncode:
                reason = errors.splitlines()[-1] if errors else f"exit code {helper.returncode}"
                raise PylrmError(f"drawing scenes into {folder} failed: {reason}")
    finally:
        for helper in helpers:
            if helper.poll() is None:
                helper.kill()
                helper.communicate()


def _write(folder: Path, name: str, scene: Scene) -> None:
    """Write an image, its labels and its regions to ignore."""
    done, data = cv2().imencode(".jpg", scene.image, [cv2().IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise PylrmError(f"{name}: OpenCV cannot write a JPEG file")
    (folder / "images" / f"{name}.jpg").write_bytes(data.tobytes())
    rows = ((f"{int(row[0])} ", row[1:]) for row in scene.boxes)
    (folder / "labels" / f"{name}.txt").write_text(_lines(rows))
    if len(scene.ignore):
        regions = (("", row) for row in scene.ignore)
        (folder / "labels" / f"{name}.ignore.txt").write_text(_lines(regions))


def _lines(rows: Iterable[tuple[str, np.typing.NDArray[np.float64]]]) -> str:
    """Lines of centre and size, relative to the image, from corners in pixels."""
    lines = []
    for head, (left, top, right, bottom) in rows:
        x, y = (left + right) / (2 * WIDTH), (top + bottom) / (2 * HEIGHT)
        w, h = (right - left) / WIDTH, (bottom - top) / HEIGHT
        lines.append(f"{head}{x:.6f} {y:.6f} {w:.6f} {h:.6f}\n")
    return "".join(lines)


def _describe(work: Path, folder: Path, images: tuple[int, int], data: str) -> None:
    """Write the lists, the names and the .data file; lists hold the paths of their final place."""
    for part, count in zip(_PARTS, images, strict=True):
        paths = [folder / "images" / f"{part}-{number:04d}.jpg" for number in range(count)]
        (work / f"{part}.txt").write_text("".join(f"{path}\n" for path in paths))
    (work / "demo.names").write_text("".join(f"{name}\n" for name in CLASSES))
    (work / "demo.data").write_text(data)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _install(work: Path, folder: Path) -> None:
    """Put the finished folder in its place; what stood there goes only once it stands."""
    if folder.exists():
        former = Path(tempfile.mkdtemp(prefix=f".{folder.name}-former-", dir=folder.parent))
        try:
            folder.replace(former)
            work.replace(folder)
        except BaseException:
            if not folder.exists():
                former.replace(folder)
            raise
        finally:
            shutil.rmtree(former, ignore_errors=True)
    else:
        work.replace(folder)
