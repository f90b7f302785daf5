"""Videos that are written: what is in them, and that a half-written one has no name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pylrm.errors import PylrmError
from pylrm.pictures.video import CODECS, FPS, fit_into, write_video
from tests.videos import number_of, picture, read_clip


@pytest.mark.parametrize("suffix", CODECS)
def test_every_format_has_the_frames(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"drawn{suffix}"
    with write_video(path, (64, 48), 12.5) as video:
        for number in range(15):
            video.write(picture(number))
        assert not path.exists()
    assert [number_of(frame) for frame in read_clip(path)] == list(range(15))
    assert list(tmp_path.iterdir()) == [path]


def test_speed_and_frames_that_fill_gaps(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "drawn.mp4"
    with write_video(path, (64, 48), None) as video:
        video.write(picture(1))
        video.write(picture(8), times=3)
    assert [number_of(frame) for frame in read_clip(path)] == [1, 8, 8, 8]
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == FPS


def test_frames_of_other_sizes_are_fitted_in(tmp_path: Path) -> None:
    white = np.full((50, 50, 3), 255, np.uint8)
    fitted = fit_into(white, (120, 80))
    assert fitted.shape == (80, 120, 3)
    lit = np.argwhere(fitted.any(axis=2))
    assert lit.min(axis=0).tolist() == [0, 20] and lit.max(axis=0).tolist() == [79, 99]
    path = tmp_path / "drawn.avi"
    with write_video(path, (120, 80), 10) as video:
        video.write(white)
        video.write(white[:, :, 0])
        video.write(np.zeros((333, 777, 3), np.uint8))
    assert [frame.shape for frame in read_clip(path)] == [(80, 120, 3)] * 3


def test_odd_sizes(tmp_path: Path) -> None:
    for suffix in CODECS:
        path = tmp_path / f"drawn{suffix}"
        with write_video(path, (63, 47), 10) as video:
            video.write(picture(3, (63, 47)))
        (frame,) = read_clip(path)
        assert frame.shape[0] >= 46 and frame.shape[1] >= 62 and number_of(frame) == 3


def test_an_interrupted_video_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "drawn.mp4"
    with pytest.raises(KeyboardInterrupt), write_video(path, (64, 48), 10) as video:
        for number in range(7):
            video.write(picture(number))
        raise KeyboardInterrupt
    assert [number_of(frame) for frame in read_clip(path)] == list(range(7))


def test_interrupted_before_its_first_frame_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), write_video(tmp_path / "drawn.mp4", (64, 48), 10):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_after_an_error_the_older_video_is_there(tmp_path: Path) -> None:
    path = tmp_path / "drawn.mp4"
    path.write_bytes(b"older")
    with pytest.raises(KeyError), write_video(path, (64, 48), 10) as video:
        video.write(picture(0))
        raise KeyError
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]


LIMITED = """
import resource, sys
from pathlib import Path
from pylrm.errors import PylrmError
from pylrm.pictures.video import write_video
import numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
try:
    with write_video(Path(sys.argv[1]), (64, 64), 10) as video:
        for _ in range(200):
            video.write(noise)
            noise = noise[::-1].copy() + np.uint8(7)
except PylrmError as error:
    print(error)
"""


@pytest.mark.parametrize("suffix", CODECS)
def test_a_disk_that_is_full(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"drawn{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, path], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.startswith(f"{path}: cannot be written") and done.stdout.count("\n") == 1
    assert (done.returncode, done.stderr) == (0, "") and not list(tmp_path.iterdir())


def test_names_that_cannot_be(tmp_path: Path) -> None:
    for name, part in [("drawn.webm", ".mp4"), ("none/drawn.mp4", "no folder")]:
        with pytest.raises(PylrmError, match=part), write_video(tmp_path / name, (64, 48), 10):
            pass
    with pytest.raises(PylrmError, match="0x0"), write_video(tmp_path / "a.mp4", (0, 0), 10):
        pass
    assert not list(tmp_path.iterdir())
