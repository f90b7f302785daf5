"""Images whose headers ask for all memory: refused by them, by every command that reads images."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import pylrm
from pylrm.data.headers import MOST_PIXELS, image_size
from pylrm.data.images import read_image
from pylrm.errors import DataError

SIDE = 60_000
Run = Callable[..., tuple[int, str, str]]


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose frame says another size."""
    small = bytes(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1])
    at = small.index(b"\xff\xc0") + 5
    return small[:at] + struct.pack(">HH", height, width) + small[at + 4 :]


@pytest.mark.parametrize("make", [png, jpeg])
def test_a_bomb_is_refused_by_its_header(
    make: Callable[[int, int], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(make(SIDE, SIDE))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=f"{path}: 60000 x 60000 pixels by its header; images"):
            read(path)


def test_the_largest_is_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png(MOST_PIXELS >> 14, 1 << 14))
    assert image_size(path) == (1 << 14, 1 << 14)


def test_a_bomb_of_another_format(tmp_path: Path) -> None:
    """OpenCV has a limit of its own."""
    path = tmp_path / "bomb.bmp"
    small = bytes(cv2.imencode(".bmp", np.zeros((8, 8, 3), np.uint8))[1])
    path.write_bytes(small[:18] + struct.pack("<ii", SIDE, SIDE) + small[26:])
    with pytest.raises(DataError, match=f"{path}: not a readable image"):
        read_image(path)


@pytest.fixture
def bombs(tiny_data: Path) -> Path:
    """The tiny data set with a bomb in place of its first training and validation images."""
    for number in (0, 16):
        (tiny_data.parent / "images" / f"{number}.png").write_bytes(png(SIDE, SIDE))
    return tiny_data


COMMANDS = {
    "detect": "--cfg {cfg} --weights {weights} {image}",
    "map": "--cfg {cfg} --weights {weights} --data {data}",
    "anchors": "{data} --num 2",
    "check": "{data}",
    "preview": "{data} --cfg {cfg} -o {out}.png",
    "hardest": "{data} --cfg {cfg} --weights {weights} -o {out}.png",
    "train": "--cfg {cfg} --data {data} --out {out} --quiet --map-every 0",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_pass_it_over(
    name: str,
    bombs: Path,
    tiny_cfg: Callable[..., Path],
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is refused, or left out like any image that cannot be read; it is never decoded."""
    decode = cv2.imdecode

    def decodes(content: np.ndarray, *flags: int) -> np.ndarray:
        assert content.tobytes() != png(SIDE, SIDE)
        return decode(content, *flags)

    monkeypatch.setattr(cv2, "imdecode", decodes)
    cfg, weights = tiny_cfg(max_batches=4), tmp_path / "a.weights"
    with pylrm.Network(cfg) as net:
        net.save_weights(weights)
    image, out = bombs.parent / "images" / "0.png", tmp_path / "out"
    words = COMMANDS[name].format(cfg=cfg, weights=weights, data=bombs, image=image, out=out)
    code, told, wrong = run(name, *words.split())
    if name in ("detect", "check"):
        assert code in (1, 2) and f"{image}: 60000 x 60000 pixels by its header" in told + wrong
    elif name != "preview":  # which shows the images that training sees
        assert f"{image.parent}/{'16' if name == 'map' else '0'}.png" in wrong
        assert wrong.count("\n") == 1
