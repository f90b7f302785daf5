"""What the arguments of `pylrm detect` and `net.stream` stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylrm.data.sources import Source, find_sources
from pylrm.errors import DataError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: clips/ with two videos, an image and a text, and a file called 7."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips").mkdir()
    for name in ("b.MP4", "a.avi", "c.jpg", "notes.md"):
        (tmp_path / "clips" / name).touch()
    (tmp_path / "7").touch()
    (tmp_path / "odd[1].jpg").touch()
    return tmp_path


def found(asked: object) -> list[tuple[str, str]]:
    return [(source.kind, source.address) for source in find_sources(asked)]  # type: ignore[arg-type]


def test_files_folders_lists_patterns_urls_and_cameras(folder: Path) -> None:
    (folder / "list.txt").write_text("clips/c.jpg\nclips/a.avi\n")
    all_three = [("video", "clips/a.avi"), ("video", "clips/b.MP4"), ("image", "clips/c.jpg")]
    assert found("clips") == found(Path("clips")) == found("clips/*") == all_three
    assert found("**/*.jpg") == [("image", "clips/c.jpg"), ("image", "odd[1].jpg")]
    assert found("list.txt") == [("image", "clips/c.jpg"), ("video", "clips/a.avi")]
    assert found(0) == found("0") == [("stream", "0")]
    assert found(["rtsp://host/live", 1]) == [("stream", "rtsp://host/live"), ("stream", "1")]


def test_a_file_that_is_there_is_no_camera_and_no_pattern(folder: Path) -> None:
    assert found("7") == found(Path("7")) == [("image", "7")]
    assert found(Path("8")) == [("image", "8")]  # a path, which isn't there
    assert found("odd[1].jpg") == [("image", "odd[1].jpg")]


def test_nothing_to_look_at(folder: Path) -> None:
    (folder / "empty").mkdir()
    for asked, part in [("empty", "no images"), ("clips/*.md", "clips/*.md"), ("no.txt", "no.txt")]:
        with pytest.raises(DataError, match=part.replace("*", r"\*")):
            find_sources(asked)


def test_names_of_streams_tell_no_password() -> None:
    source = Source("stream", "rtsp://me:secret@10.0.0.7:554/live/main?token=secret")
    assert "secret" not in source.stem
    assert str(source).startswith("rtsp://10.0.0.7:554/live/main")
    assert source.stem == "10.0.0.7-554-live-main"
    assert (str(Source("stream", "0")), Source("stream", "0").stem) == ("camera 0", "camera-0")
