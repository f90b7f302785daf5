"""net.stream: what it yields is what detect says of each frame, and its threads end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import pylrm
from pylrm.data.sources import find_sources
from pylrm.engine.stream import DEPTH, stream
from tests.videos import picture, read_clip, working, write_clip

WriteCfg = Callable[..., Path]


@pytest.fixture
def net(tiny_cfg: WriteCfg) -> Iterator[pylrm.Network]:
    with pylrm.Network(tiny_cfg(), seed=1, threads=1, inference=True) as net:
        yield net


def test_results_are_what_detect_finds(tmp_path: Path, net: pylrm.Network) -> None:
    clip = write_clip(tmp_path / "clip.avi", 12)
    frames = read_clip(clip)
    results = list(net.stream(clip, thresh=0.05, nms=0.6, letterbox=False, every=2))
    assert [result.number for result in results] == [0, 2, 4, 6, 8, 10]
    assert {str(result.source) for result in results} == {str(clip)}
    for result in results:
        image = frames[result.number]
        assert (result.image == image).all()
        expected = net.detect(image, thresh=0.05, nms=0.6, letterbox=False)
        assert expected and result.detections == expected
    assert results[3].time == pytest.approx(6 / 12.5, abs=2e-3) and results[3].fps == 6.25


def test_grey(tmp_path: Path, tiny_cfg: WriteCfg) -> None:
    clip = write_clip(tmp_path / "clip.avi", 2)
    with pylrm.Network(tiny_cfg(channels=1), inference=True) as net:
        assert [result.image.ndim for result in net.stream(clip)] == [2, 2]


def test_an_error_is_raised_in_its_place_or_told(tmp_path: Path, net: pylrm.Network) -> None:
    names = [tmp_path / name for name in ("a.png", "bad.png", "c.png")]
    for name in (names[0], names[2]):
        assert cv2.imwrite(str(name), picture(3))
    names[1].write_bytes(b"nothing")
    seen = []
    with pytest.raises(pylrm.DataError, match=r"bad\.png"):
        for result in net.stream(names):
            seen.append(result.source.path.name)
    assert seen == ["a.png"]
    order: list[str] = []
    for result in net.stream(names, on_error=lambda error: order.append(str(error))):
        order.append(result.source.path.name)
    assert order[0::2] == ["a.png", "c.png"] and "bad.png" in order[1]
    (tmp_path / "empty").mkdir()
    with pytest.raises(pylrm.DataError, match="no images"):  # at once, not at the first frame
        net.stream(tmp_path / "empty")


def test_the_next_frames_are_looked_at_while_one_is_used(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 10)
    looked = threading.Semaphore(0)
    threads = set()

    def look(image: np.ndarray) -> pylrm.Detections:
        threads.add(threading.current_thread())
        looked.release()
        return pylrm.Detections()

    results = stream(find_sources(clip), look, 3, 1, None)
    assert next(results).number == 0
    for _ in range(DEPTH):  # while frame 0 is in our hands
        assert looked.acquire(timeout=30)
    assert [result.number for result in results] == list(range(1, 10))
    assert len(threads) == 1 and threading.current_thread() not in threads


def test_leaving_ends_the_threads(tmp_path: Path, net: pylrm.Network) -> None:
    clip = write_clip(tmp_path / "clip.avi", 60)
    results = net.stream(clip)
    next(results)
    assert working() == 2  # one reads, one looks
    results.close()
    assert not working()


def test_a_network_that_is_no_detector_and_one_that_was_closed(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 2)
    cfg = "[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=2\n"
    with pylrm.Network(cfg) as net, pytest.raises(pylrm.PylrmError, match="to take boxes from"):
        next(net.stream(clip))
    with pytest.raises(pylrm.PylrmError, match="closed"):
        next(net.stream(clip))


def test_every_is_at_least_one(net: pylrm.Network) -> None:
    with pytest.raises(ValueError, match="every"):
        net.stream("clip.avi", every=0)
