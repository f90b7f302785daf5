"""What there is to work with here, and whether it works: `pylrm doctor`."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pylrm.data.images import cv2, read_image
from pylrm.engine import Network, cpu_features, cpu_peak, has_threads, version
from pylrm.errors import PylrmError
from pylrm.extras import installed
from pylrm.inspect.describe import table
from pylrm.terminal import count_of
from pylrm.training.memory import GIB, room

PACKAGES = ("numpy", "opencv", "cffi", "matplotlib", "click")
PICTURES = (".jpg", ".png", ".bmp", ".webp", ".tif")
# Each kind of layer with fast kernels of its own, and every part of a training step.
NET = (
    "[net]\nbatch=2\nwidth=64\nheight=64\nchannels=3\nlearning_rate=.001\n"
    "[convolutional]\nbatch_normalize=1\nfilters=16\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
    "[convolutional]\nbatch_normalize=1\nfilters=16\nsize=3\npad=1\ngroups=16\nactivation=relu\n"
    "[convolutional]\nbatch_normalize=1\nfilters=32\nsize=1\nactivation=leaky\n"
    "[maxpool]\nsize=2\nstride=2\n"
    "[convolutional]\nbatch_normalize=1\nfilters=32\nsize=3\npad=1\nactivation=leaky\n"
    "[convolutional]\nfilters=14\nactivation=linear\n"
    "[region]\nanchors=2,2, 5,5\nnum=2\nclasses=2\n"
    "[lrm]\nk=64\n"
)
AGREE = 1e-4  # of the norm: what different orders of summing leave after a few updates
UPDATES = 3


@dataclass(frozen=True)
class Finding:
    """A line of the report.

    Attributes
    ----------
    what, found : str
        What was looked at, and what is there.
    wrong : bool
        It does not work.
    """

    what: str
    found: str
    wrong: bool = False


def examine() -> list[Finding]:
    """Look at the machine, the packages and the engine; takes about two seconds."""
    there = room()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    single = "" if has_threads() else ", of which one is used: built without OpenMP"
    return [
        Finding("pylrm", f"{version()}, in {Path(__file__).parents[1]}"),
        Finding("Python", f"{platform.python_version()} on {platform.platform(terse=True)}"),
        *map(package, PACKAGES),
        Finding("extras", ", ".join(installed()) or "none"),
        Finding(
            "processor",
            f"{platform.machine()}; kernels: {cpu_features()}; "
            f"{count_of(cores or 1, 'core')}{single}",
        ),
        Finding("peak", f"{cpu_peak(1) / 1e9:.3g} GFLOP/s a core, without memory in the way"),
        Finding(
            "memory",
            "the system does not tell"
            if there.total >= 2**62
            else f"{there.available / GIB:.1f} GiB free of {there.total / GIB:.1f} (with swap)",
        ),
        pictures(),
        videos(),
        self_test(),
    ]


def package(name: str) -> Finding:
    """Return the version of a package that pylrm needs."""
    try:
        if name == "opencv":  # several distributions have it
            return Finding(name, cv2().__version__)
        importlib.import_module(name)
        return Finding(name, importlib.metadata.version(name))
    except (ImportError, PylrmError) as error:
        return Finding(name, str(error), wrong=True)


def pictures() -> Finding:
    """Write and read a small image of each usual kind."""
    failed = []
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    with tempfile.TemporaryDirectory() as folder:
        for ending in PICTURES:
            path = Path(folder, f"image{ending}")
            try:
                cv2().imwrite(str(path), image)
                read_image(path)
            except Exception:  # whatever OpenCV raises for a codec that it lacks
                failed.append(ending)
    works = " ".join(ending for ending in PICTURES if ending not in failed)
    lacks = f"; not {' '.join(failed)}" if failed else ""
    return Finding("images", (works or "none") + lacks, wrong=not works)


def videos() -> Finding:
    """Name what OpenCV reads videos and cameras with."""
    try:
        registry = cv2().videoio_registry
        names = sorted({registry.getBackendName(each) for each in registry.getBackends()})
    except (PylrmError, AttributeError):
        names = []
    return Finding("videos", ", ".join(names) or "OpenCV was built without")


def self_test() -> Finding:
    """Train the same few updates with fast and with reference kernels."""
    began = time.monotonic()
    try:
        fast, again, reference = (
            trained(kernels, threads)
            for kernels, threads in (("fast", 1), ("fast", 2), ("reference", 1))
        )
    except PylrmError as error:
        return Finding("self-test", str(error), wrong=True)
    away = float(np.linalg.norm(fast - reference) / np.linalg.norm(reference))
    if not away <= AGREE:
        what = f"fast and reference kernels differ by {away:.1e}; please report this"
    elif not np.array_equal(fast, again):
        what = "the number of threads changes results; please report this"
    else:
        seconds = time.monotonic() - began
        return Finding("self-test", f"passed in {seconds:.1f} s: kernels agree to {away:.0e}")
    return Finding("self-test", what, wrong=True)


def trained(kernels: str, threads: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return all parameters of a small network after a few updates."""
    rng = np.random.default_rng(0)
    x = rng.random((2, 3, 64, 64), np.float32)
    truth = np.array([[[0.3, 0.4, 0.3, 0.4, 0]], [[0.6, 0.5, 0.2, 0.2, 1]]], np.float32)
    with Network(NET, kernels=kernels, threads=threads) as net:
        for _ in range(UPDATES):
            net.train_batch(x, truth)
        return np.concatenate([a.ravel() for layer in net for a in layer.params.values()])


def report(findings: list[Finding]) -> Iterator[str]:
    """Yield the lines of a report, and last what is wrong."""
    yield table([[each.what, each.found] for each in findings], left={0, 1})
    wrong = [each.what for each in findings if each.wrong]
    if wrong:
        yield f"\nnot as it should be: {', '.join(wrong)}"
