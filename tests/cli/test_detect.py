"""pylrm detect: what it takes, prints, draws and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pylrm.pictures import drawing

Outcome = tuple[int, str, str]


def test_json_is_what_the_network_detects(tmp_path: Path, detect: Callable[..., Outcome]) -> None:
    from pylrm.engine import Network

    images = [Path("tiny/images/0.png"), Path("tiny/images/1.png")]
    code, out, err = detect("--json", "--thresh", ".05", *images)
    assert (code, err) == (0, "") and not Path("predictions").exists()
    found = json.loads(out)
    assert [record["image"] for record in found] == [str(image) for image in images]
    with Network("tiny.cfg", "tiny.weights", batch=1, inference=True) as net:
        for record, image in zip(found, images, strict=True):
            expected = net.detect(image, thresh=0.05, nms=0.45)
            assert expected and (record["width"], record["height"]) == (64, 64)
            for one, detection in zip(record["detections"], expected, strict=True):
                assert one["class"] == ["red", "green"][detection.class_id]
                assert one["score"] == pytest.approx(detection.score, abs=1e-6)
                assert one["box"] == pytest.approx(detection.box, abs=0.01)


def test_files_folders_and_lists(detect: Callable[..., Outcome]) -> None:
    code, out, _ = detect("tiny/images")
    assert code == 0 and len(list(Path("predictions").glob("*.jpg"))) == 24
    assert out.count("tiny/images/") == 24
    code, out, _ = detect("tiny/valid.txt", "tiny/images/0.png", "--out", "drawn")
    assert code == 0 and len(list(Path("drawn").iterdir())) == 9


def test_an_unreadable_image_is_reported_and_the_others_done(
    detect: Callable[..., Outcome],
) -> None:
    Path("bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    code, out, err = detect("bad.jpg", "none.png", "tiny/images/0.png")
    assert code == 2 and "0.png" in out
    lines = err.strip().splitlines()
    assert len(lines) == 2 and "bad.jpg" in lines[0] and "none.png" in lines[1]
    assert [path.name for path in Path("predictions").iterdir()] == ["0.jpg"]


def test_drawings_never_replace_an_image_or_each_other(detect: Callable[..., Outcome]) -> None:
    import cv2

    for folder in ("a", "b"):
        Path(folder).mkdir()
        assert cv2.imwrite(f"{folder}/x.jpg", np.zeros((40, 60, 3), np.uint8))
    before = Path("a/x.jpg").read_bytes()
    assert detect("a/x.jpg", "b/x.jpg", "--out", "a")[0] == 0
    assert Path("a/x.jpg").read_bytes() == before
    assert sorted(path.name for path in Path("a").iterdir()) == ["x-2.jpg", "x-3.jpg", "x.jpg"]


def test_mistakes(detect: Callable[..., Outcome]) -> None:
    Path("three.names").write_text("a\nb\nc\n")
    Path("empty").mkdir()
    for arguments, part in [
        (("tiny/images/0.png", "--names", "three.names"), "3 names"),
        (("tiny/images/0.png", "--data", "none.data"), "none.data"),
        (("empty",), "no images"),
        (("none.txt",), "none.txt"),
    ]:
        code, _, err = detect(*arguments)
        assert code == 2 and part in err and len(err.strip().splitlines()) == 1


def test_where_nothing_is_found_it_says_what_shows_more(detect: Callable[..., Outcome]) -> None:
    hint = "no score reached 0.99: a lower --thresh shows what is less sure\n"
    code, out, _ = detect("tiny/images/0.png", "tiny/images/1.png", "--thresh", "0.99")
    assert code == 0 and out.count("nothing found") == 2 and out.endswith(hint)
    assert hint not in detect("tiny/images/0.png", "--thresh", "0.99", "--json")[1]
    assert "no score" not in detect("tiny/images/0.png", "--thresh", "0")[1]


def test_nothing_drawn_is_not_called_drawings(detect: Callable[..., Outcome]) -> None:
    code, out, err = detect("missing.jpg")
    assert code == 2 and "missing.jpg" in err and out == ""
    assert not Path("predictions").exists()


def test_drawing_stays_inside_and_leaves_the_image_alone() -> None:
    image = np.full((120, 160, 3), 100, np.uint8)
    boxes = [(0.0, 0.0, 30.0, 20.0), (140.0, 100.0, 160.0, 120.0), (-50.0, -50.0, 400.0, 400.0)]
    found = [SimpleNamespace(class_id=i, score=0.5, box=box) for i, box in enumerate(boxes)]
    drawn = drawing.draw(image, found, ["a long name of a class", "zwölf"])
    assert drawn.shape == image.shape and (image == 100).all()
    for class_id in range(3):
        assert (drawn == drawing.colour_of(class_id)).all(axis=2).any()
    grey = drawing.draw(image[:, :, 0], found[:1], [])
    assert grey.shape == (120, 160, 3)


def test_colours_of_classes_differ() -> None:
    colours = np.array([drawing.colour_of(class_id) for class_id in range(20)], float)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 1000 * np.eye(20)
    assert apart.min() > 25
