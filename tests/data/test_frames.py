"""Frames of videos and streams: which, when, and what is said where they end."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import pytest

from pylrm.data.ahead import NAME
from pylrm.data.frames import Frame, Video, read_frames
from pylrm.data.sources import SourceLike, find_sources
from pylrm.errors import DataError
from tests.videos import camera, number_of, picture, read_clip, write_clip


def frames(source: SourceLike, channels: int = 3, every: int = 1) -> list[Frame | DataError]:
    return list(read_frames(find_sources(source), channels, every))


def good(found: list[Frame | DataError]) -> list[Frame]:
    assert all(isinstance(each, Frame) for each in found), found
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(("suffix", "codec"), [(".avi", "MJPG"), (".mp4", "mp4v")])
def test_frames_have_numbers_and_times(tmp_path: Path, suffix: str, codec: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}", 20, 12.5, codec)
    found = good(frames(clip))
    assert [frame.number for frame in found] == list(range(20))
    assert [number_of(frame.image) for frame in found] == list(range(20))
    assert [frame.time for frame in found] == pytest.approx([n / 12.5 for n in range(20)], abs=2e-3)
    assert {frame.fps for frame in found} == {12.5}
    third = good(frames(clip, every=3))
    assert [number_of(frame.image) for frame in third] == list(range(0, 20, 3))
    assert third[2].time == pytest.approx(6 / 12.5, abs=2e-3)
    assert third[0].fps == pytest.approx(12.5 / 3)


def test_images_come_in_their_place(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "b.png"), picture(9))
    write_clip(tmp_path / "a.avi", 2)
    write_clip(tmp_path / "c.avi", 1)
    found = good(frames(tmp_path))
    names = [(frame.source.path.name, frame.number) for frame in found]
    assert names == [("a.avi", 0), ("a.avi", 1), ("b.png", 0), ("c.avi", 0)]
    assert found[2].time is None and (found[2].image == picture(9)).all()


def test_grey_networks_get_grey_frames(tmp_path: Path) -> None:
    (frame,) = good(frames(write_clip(tmp_path / "clip.avi", 1), channels=1))
    assert frame.image.shape == (48, 64)


def test_a_name_that_looks_like_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.avi", 2).rename("tcp:clip.avi")
    assert len(good(frames("tcp:clip.avi"))) == 2


def test_what_cannot_be_read_gets_a_line_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"nothing of a video" * 50)
    clip = write_clip(tmp_path / "clip.avi", 2)
    asked = [tmp_path / "bad.mp4", tmp_path / "none.mp4", 97, "rtsp://127.0.0.1:9/none", clip]
    found = list(read_frames(find_sources(asked)))
    lines = [str(each) for each in found if isinstance(each, DataError)]
    parts = ("bad.mp4", "none.mp4: No such", "camera 97", "rtsp")
    for part, line in zip(parts, lines, strict=True):
        assert part in line and "\n" not in line
    assert len(found) == 6


def test_a_video_that_breaks_off(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", 60)
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) // 2])
    left = len(read_clip(clip))
    *before, error = frames(clip)
    assert 10 < left < 50 and len(good(before)) == left
    assert str(error) == (
        f"{clip}: breaks off after {left} of the 60 frames that its header announces"
    )


def test_a_stream_that_ends() -> None:
    with camera([picture(n) for n in range(5)]) as it:
        *before, error = frames(it.url)
    numbers = [frame.number for frame in good(before)]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 4  # some may be left out
    assert [number_of(frame.image) for frame in good(before)] == numbers
    assert str(error) == f"{it.url}: the stream ended or broke off after 5 frames"


def test_of_a_live_stream_the_newest_frame_is_taken() -> None:
    with camera([picture(n) for n in range(40)]) as it:
        video = Video(find_sources(it.url)[0])
        assert video.live
        seen = video.frames()
        first = next(seen)
        for thread in threading.enumerate():
            if thread.name == NAME:
                thread.join(30)  # it has read all that the camera sends, and waited for nobody
                assert not thread.is_alive()
        rest = []
        with pytest.raises(DataError, match="after 40 frames"):
            for frame in seen:
                rest.append(frame.number)
    assert first.number < 39 and rest == [39]
