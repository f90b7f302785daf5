"""pylrm detect on videos and streams: what it writes, prints, shows, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pylrm.data.darknet import read_labels, read_list
from tests.videos import camera, number_of, picture, read_clip, write_clip

Outcome = tuple[int, str, str]
Detect = Callable[..., Outcome]


def started(*arguments: str) -> subprocess.Popen[str]:
    """Start `pylrm detect` as a process, in the folder that the fixture `detect` made."""
    command = ["-m", "pylrm", "detect", "--cfg", "tiny.cfg", "--weights", "tiny.weights"]
    return subprocess.Popen(
        [sys.executable, *command, "--threads", "1", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_drawn_video(detect: Detect) -> None:
    clip = write_clip(Path("clip.avi"), 12)
    code, out, err = detect(clip, "-o", "drawn.mp4", "--thresh", ".05")
    lines = out.splitlines()
    assert (code, err) == (0, "") and len(lines) == 13
    assert lines[3].startswith("clip.avi frame 3, 0.24 s  ") and lines[-1] == "video: drawn.mp4"
    drawn = read_clip(Path("drawn.mp4"))
    assert len(drawn) == 12 and not Path("predictions").exists()
    plain = read_clip(clip)
    assert all(np.abs(a.astype(int) - b).max() > 60 for a, b in zip(drawn, plain, strict=True))
    assert cv2.VideoCapture("drawn.mp4").get(cv2.CAP_PROP_FPS) == 12.5


def test_a_folder_of_drawings_and_every_nth_frame(detect: Detect) -> None:
    write_clip(Path("clip.avi"), 9, fps=12)
    code, out, _ = detect("clip.avi", "tiny/images/0.png", "--every", "4", "--out", "drawn")
    assert code == 0 and out.endswith("drawings: drawn\n")
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["0.jpg", "clip.mp4"]
    assert len(read_clip(Path("drawn/clip.mp4"))) == 3
    assert cv2.VideoCapture("drawn/clip.mp4").get(cv2.CAP_PROP_FPS) == 3


def test_images_of_all_sizes_become_a_video(detect: Detect) -> None:
    assert cv2.imwrite("wide.png", picture(5, (96, 40)))
    code, _, _ = detect("tiny/images/*.png", "wide.png", "-o", "drawn.avi")
    frames = read_clip(Path("drawn.avi"))
    assert code == 0 and [frame.shape for frame in frames] == [(64, 64, 3)] * 25


def test_json_is_a_line_a_frame(detect: Detect) -> None:
    from pylrm.engine import Network

    clip = write_clip(Path("clip.avi"), 5)
    code, out, _ = detect(clip, "tiny/images/0.png", "--json", "--thresh", ".05", "--every", "2")
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and not Path("predictions").exists()
    assert [(record.get("video"), record.get("frame")) for record in records[:3]] == [
        ("clip.avi", n) for n in (0, 2, 4)
    ]
    assert records[1]["time"] == pytest.approx(2 / 12.5, abs=2e-3)
    assert records[3]["image"] == "tiny/images/0.png" and len(records) == 4
    with Network("tiny.cfg", "tiny.weights", batch=1, inference=True) as net:
        expected = net.detect(read_clip(clip)[2], thresh=0.05)
    assert len(records[1]["detections"]) == len(expected) > 0
    for one, detection in zip(records[1]["detections"], expected, strict=True):
        assert one["box"] == pytest.approx(detection.box, abs=0.01)


def test_labels_are_a_data_set_of_what_was_found(detect: Detect) -> None:
    write_clip(Path("clip.avi"), 5)
    Path("other").mkdir()
    assert cv2.imwrite("other/0.png", picture(2))
    asked = ("clip.avi", "tiny/images/0.png", "other/0.png", "--every", "2", "--thresh", ".05")
    code, out, _ = detect(*asked, "--save-labels", "found", "--json")
    assert code == 0 and not Path("predictions").exists()
    images = read_list("found/images.txt")
    names = [path.name for path in images]
    assert names == [*(f"clip-00000{n}.jpg" for n in (0, 2, 4)), "0.png", "0-2.png"]
    for path, text in zip(images, out.splitlines(), strict=True):
        record = json.loads(text)
        image = cv2.imread(str(path))
        assert image.shape == (record["height"], record["width"], 3)
        rows = read_labels(Path("found/labels") / f"{path.stem}.txt", 2)
        size = np.array([record["width"], record["height"]])
        found = [
            one for one in record["detections"] if np.ptp(np.reshape(one["box"], (2, 2)), 0).all()
        ]
        assert len(rows) == len(found) > 50
        for row, one in zip(rows, found, strict=True):
            corners = np.concatenate([row[1:3] - row[3:] / 2, row[1:3] + row[3:] / 2])
            assert row[0] == one["class_id"]
            np.testing.assert_allclose(corners * [*size, *size], one["box"], atol=0.02)
    assert images[3].resolve() == Path("tiny/images/0.png").resolve()
    code, _, err = detect("found/images", "--save-labels", "found")
    assert code == 2 and "another folder" in err and images[4].is_symlink()


def test_crops_are_what_was_found(detect: Detect) -> None:
    assert cv2.imwrite("one.png", picture(3))
    Path("odd.names").write_text("a/b\n../c\n")
    asked = ("one.png", "--json", "--thresh", ".05", "--save-crops", "crops")
    code, out, _ = detect(*asked, "--names", "odd.names")
    (record,) = json.loads(out)
    assert code == 0 and {path.name for path in Path("crops").iterdir()} <= {"a_b", "__c"}
    crops = {path.stem: path for path in Path("crops").rglob("*.jpg")}
    boxes = {f"one-{n}": one["box"] for n, one in enumerate(record["detections"], 1)}
    inside = {name for name, box in boxes.items() if box[2] > box[0] and box[3] > box[1]}
    assert set(crops) == inside and len(inside) > 100
    for name in inside:
        left, top, right, bottom = boxes[name]
        high, wide = cv2.imread(str(crops[name])).shape[:2]
        assert 0 <= high - (bottom - top) < 2 and 0 <= wide - (right - left) < 2


def test_what_breaks_is_told_and_the_rest_is_done(detect: Detect) -> None:
    whole = write_clip(Path("b.avi"), 40).read_bytes()
    Path("a.avi").write_bytes(whole[: len(whole) // 2])
    code, out, err = detect("a.avi", "none.mp4", "b.avi")
    assert code == 2 and "a.avi: breaks off after" in err and "none.mp4: No such" in err
    assert len(err.splitlines()) == 2 and "b.avi frame 39" in out
    assert sorted(path.name for path in Path("predictions").iterdir()) == ["a.mp4", "b.mp4"]


def test_a_live_stream_keeps_its_speed(detect: Detect) -> None:
    with camera([picture(n) for n in range(15)]) as it:
        code, out, err = detect(it.url, "-o", "drawn.mp4")
    assert code == 2 and err == f"pylrm: {it.url}: the stream ended or broke off after 15 frames\n"
    first = int(out.split(" frame ")[1].split(",")[0])
    drawn = read_clip(Path("drawn.mp4"))
    assert len(drawn) == 15 - first  # frames that were left out are filled with the one after


def test_mistakes(detect: Detect) -> None:
    write_clip(Path("clip.mp4"), 2, codec="mp4v")
    before = Path("clip.mp4").read_bytes()
    for arguments, part in [
        (("clip.mp4", "-o", "clip.mp4"), "clip.mp4: this is what is looked at"),
        (("clip.mp4", "-o", "drawn.webm"), "drawn.webm: videos are written as .avi"),
        (("clip.mp4", "-o", "none/drawn.mp4"), "no folder none"),
        (("clips/*.mp4",), "clips/*.mp4: no file"),
        (("clip.mp4", "--every", "0"), "--every"),
    ]:
        code, _, err = detect(*arguments)
        assert code == 2 and part in err and len(err.strip().splitlines()) == 1
    assert Path("clip.mp4").read_bytes() == before
    assert detect("clip.mp4", "-o", ".")[0] == 0  # clip.mp4 is taken
    assert Path("clip.mp4").read_bytes() == before and len(read_clip(Path("clip-2.mp4"))) == 2


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_stream_leaves_a_video(detect: Detect, end: signal.Signals) -> None:
    with camera([picture(n) for n in range(20)], forever=True) as it:
        process = started(it.url, "-o", "drawn.mp4", "--save-labels", "found")
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(8)]
        assert not Path("drawn.mp4").exists()
        process.send_signal(end)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err.strip()) == (130, "") and all(
        " frame " in line for line in lines
    )
    drawn = read_clip(Path("drawn.mp4"))
    assert len(drawn) >= 7 and not list(Path().glob("*.part*"))
    assert len(read_list("found/images.txt")) >= 7
    assert 0 <= number_of(drawn[3]) <= 20


def test_ctrl_c_while_a_stream_says_nothing(detect: Detect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        process = started(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x", "-o", "drawn.mp4")
        caller, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)  # OpenCV itself waits for 30 seconds
        caller.close()
    assert (process.returncode, out, err.strip()) == (130, "", "")
    assert not Path("drawn.mp4").exists()


def test_a_killed_one_leaves_none(detect: Detect) -> None:
    with camera([picture(0)], forever=True) as it:
        process = started(it.url, "-o", "drawn.mp4")
        assert process.stdout is not None and " frame " in process.stdout.readline()
        process.kill()
        process.communicate(timeout=120)
    assert not Path("drawn.mp4").exists()


def test_only_our_lines_are_printed(detect: Detect) -> None:
    Path("bad.mp4").write_bytes(b"nothing of a video" * 50)
    process = started("bad.mp4", "97", "rtsp://127.0.0.1:9/x", "tiny/images/0.png")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2 and "0.png" in out
    assert [line.split(":")[0] for line in err.splitlines()] == ["pylrm"] * 3


def test_show_without_a_display(detect: Detect, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    code, out, err = detect("tiny/images/0.png", "--show")
    assert code == 2 and out == "" and err.startswith("pylrm: --show: no window can be opened")
    assert err.count("\n") == 1


def test_show_ends_with_a_key(detect: Detect, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[np.ndarray] = []
    keys = iter([-1, ord(" "), -1, ord("q")])  # an image waits for a key, a video doesn't
    monkeypatch.setattr("pylrm.detection.window.check_display", lambda: None)
    monkeypatch.setattr(cv2, "imshow", lambda _, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda _: next(keys))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    write_clip(Path("clip.avi"), 9)
    code, out, _ = detect("tiny/images/0.png", "clip.avi", "--show", "-o", "drawn.mp4")
    assert code == 0 and len(out.splitlines()) == 4 and len(shown) == 3
    assert len(read_clip(Path("drawn.mp4"))) == 3
    assert not Path("predictions").exists()
