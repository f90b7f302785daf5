"""A data set and a network small enough to train in a test."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# No test depends on how long it takes: other programs may share the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

IMAGES, SIDE = 24, 64


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """SIGINT acts as usual, also where the tests run in the background, which ignores it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """Find a real data set by name: $PYLRM_REALDATA/data/NAME; the test is skipped without it."""

    def find(name: str) -> Path:
        root = os.environ.get("PYLRM_REALDATA")
        if not root:
            pytest.skip("PYLRM_REALDATA names no folder of real data")
        folder = Path(root) / "data" / name
        if not folder.is_dir():
            pytest.skip(f"PYLRM_REALDATA has no data/{name}")
        return folder

    return find


@pytest.fixture
def tiny_data(tmp_path: Path) -> Path:
    """A .data file: 24 drawn 64x64 images, each with a red (class 0) or green (class 1) square."""
    import cv2

    folder = tmp_path / "tiny"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    random = np.random.default_rng(7)
    names = []
    for number in range(IMAGES):
        image = random.integers(0, 60, (SIDE, SIDE, 3)).astype(np.uint8)
        kind, side = number % 2, int(random.integers(16, 28))
        left, top = (int(value) for value in random.integers(0, SIDE - side, 2))
        image[top : top + side, left : left + side, 2 - kind] = 230
        assert cv2.imwrite(str(folder / "images" / f"{number}.png"), image)
        x, y, size = (left + side / 2) / SIDE, (top + side / 2) / SIDE, side / SIDE
        (folder / "labels" / f"{number}.txt").write_text(f"{kind} {x} {y} {size} {size}\n")
        names.append(f"images/{number}.png")
    (folder / "train.txt").write_text("\n".join(names[:16]) + "\n")
    (folder / "valid.txt").write_text("\n".join(names[16:]) + "\n")
    (folder / "tiny.names").write_text("red\ngreen\n")
    data = folder / "tiny.data"
    data.write_text("classes=2\ntrain=train.txt\nvalid=valid.txt\nnames=tiny.names\n")
    return data


@pytest.fixture
def tiny_cfg(tmp_path: Path) -> Callable[..., Path]:
    """Writes tiny.cfg: three convolutions and [region] on an 8x8 grid, 128 predictions."""

    def write(*, region: str = "", filters: int = 14, lrm: str = "", **net: object) -> Path:
        options = {
            "batch": 4,
            "subdivisions": 1,
            "width": SIDE,
            "height": SIDE,
            "channels": 3,
            "learning_rate": 0.002,
            "momentum": 0.9,
            "decay": 0.0005,
            "hue": 0.05,
            "saturation": 1.2,
            "exposure": 1.2,
            "max_batches": 12,
            **net,
        }
        lines = "\n".join(f"{key}={value}" for key, value in options.items())
        block = "[convolutional]\nbatch_normalize=1\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
        text = (
            f"[net]\n{lines}\n\n{block}filters=8\n\n[maxpool]\nsize=2\nstride=2\n\n"
            f"{block}filters=16\n\n[convolutional]\nfilters={filters}\nactivation=linear\n\n"
            "[region]\nanchors=2,2, 3.5,3.5\nclasses=2\nnum=2\nsoftmax=1\nrescore=1\n"
            f"object_scale=5\nmax=10\nanchor_warmup=40\n{region}\n{lrm}"
        )
        path = tmp_path / "tiny.cfg"
        path.write_text(text)
        return path

    return write
