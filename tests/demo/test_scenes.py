"""Drawn scenes: the same for the same seed, boxes that hold what they name, whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pylrm.data.darknet import (
    check_labels,
    find_label,
    read_data,
    read_ignore,
    read_labels,
    read_list,
)
from pylrm.data.images import read_image
from pylrm.demo import scenes
from pylrm.demo.scenes import CLASSES, HEIGHT, WIDTH, Scene, draw, draw_scene
from pylrm.demo.scenes.canvas import Camera, Canvas
from pylrm.errors import DataError


def scene(number: int) -> Scene:
    return draw_scene(np.random.default_rng([7, number]))


@pytest.fixture(scope="module")
def drawn() -> list[Scene]:
    return [scene(number) for number in range(24)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("scenes") / "demo", images=(5, 3), seed=1).parent


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def pictures(folder: Path) -> dict[str, bytes]:
    """What does not depend on where the folder is."""
    return {name: data for name, data in contents(folder).items() if "/" in name}


def test_a_scene_follows_from_its_generator(drawn: list[Scene]) -> None:
    again = scene(3)
    assert (again.image == drawn[3].image).all()
    assert (again.boxes == drawn[3].boxes).all() and (again.ignore == drawn[3].ignore).all()
    assert (drawn[3].image != drawn[4].image).any()


def test_boxes_lie_in_the_picture_and_have_a_size(drawn: list[Scene]) -> None:
    for each in drawn:
        for corners in (each.boxes[:, 1:], each.ignore):
            assert (corners >= 0).all()
            assert (corners <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
            assert (corners[:, 2:] - corners[:, :2] >= 2).all()
        assert set(each.boxes[:, 0]) <= set(range(len(CLASSES)))
        assert each.image.shape == (HEIGHT, WIDTH, 3) and each.image.dtype == np.uint8


def test_boxes_hold_all_pixels_of_their_objects(drawn: list[Scene]) -> None:
    for each in drawn:
        assert set(np.unique(each.owner)) == set(range(len(each.boxes) + 1))  # all are seen
        for number, (_, left, top, right, bottom) in enumerate(each.boxes, 1):
            rows, columns = np.nonzero(each.owner == number)
            assert left <= columns.min() / 2 and (columns.max() + 1) / 2 <= right
            assert top <= rows.min() / 2 and (rows.max() + 1) / 2 <= bottom


def test_boxes_of_objects_in_the_open_are_tight(drawn: list[Scene]) -> None:
    tight = 0
    for each in drawn:
        for number, (_, *corners) in enumerate(each.boxes, 1):
            rows, columns = np.nonzero(each.owner == number)
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            tight += bool(np.allclose(np.array(seen) / 2, corners))
    assert tight > 0.5 * sum(len(each.boxes) for each in drawn)  # nothing hides a side of these


def test_things_hide_each_other_and_the_most_hidden_become_regions(drawn: list[Scene]) -> None:
    assert sum(len(each.ignore) for each in drawn) > len(drawn) / 2
    shares = [
        (each.owner == number).sum() / (4 * np.prod(box[3:] - box[1:3]))
        for each in drawn
        for number, box in enumerate(each.boxes, 1)
    ]
    assert np.mean(np.array(shares) < 0.45) > 0.1  # many boxes show something else than their own


def test_objects_are_many_small_and_as_unequal_as_traffic() -> None:
    boxes = np.concatenate([scene(number).boxes for number in range(100, 160)])
    shares = np.bincount(boxes[:, 0].astype(int), minlength=6) / len(boxes)
    share = dict(zip(CLASSES, shares, strict=True))
    assert len(boxes) > 60 * 6
    assert 0.5 < share["car"] < 0.7
    assert 0.1 < share["pedestrian"] < 0.25 and 0.05 < share["sign"] < 0.17
    for rare in ("van", "bus", "cyclist"):
        assert 0 < share[rare] < 0.11
    area = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2]) / (WIDTH * HEIGHT)
    assert np.median(area) < 0.02 and area.max() > 0.08


def test_far_objects_are_smaller() -> None:
    camera = Camera(400, 300, 400.0, 120.0, 0.5, 1.8, 0.1)
    near, far = (camera.project([(0, 0, z), (0, 1.5, z)]) for z in (8.0, 16.0))
    heights = near[0, 1] - near[1, 1], far[0, 1] - far[1, 1]
    ratio = camera.depth(0, 16.0) / camera.depth(0, 8.0)
    assert heights[0] / heights[1] == pytest.approx(ratio)
    assert near[0, 1] > far[0, 1] > camera.horizon  # the ground rises to the horizon


def test_canvas_knows_what_was_painted_where() -> None:
    canvas = Canvas(np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8))
    canvas.begin(5)
    canvas.polygon([(-4, 2), (10, 2), (10, 8), (-4, 8)], (255, 255, 255))
    rows, columns = np.nonzero(canvas.owner == 5)
    assert (columns.min(), columns.max()) == (0, 9) or (columns.min(), columns.max()) == (0, 10)
    assert rows.min() in (1, 2) and rows.max() in (7, 8)
    assert canvas.reach == [-4, 2, 10, 8]
    assert (canvas.image[4, :9] == 255).all() and not canvas.image[:, 12:].any()


def test_files_are_valid_and_readable_from_anywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    data = read_data(folder / "demo.data")
    assert data.names == CLASSES and data.classes == 6
    assert data.train is not None and data.valid is not None
    train, valid = read_list(data.train), read_list(data.valid)
    assert (len(train), len(valid)) == (5, 3)
    assert not set(train) & set(valid)
    summary = check_labels(train + valid, data.classes)
    assert summary.images == 8 and not summary.missing and summary.boxes > 30
    assert summary.ignored > 0 and summary.most <= 30  # what [region] reads an image by default


def test_labels_are_the_scenes_boxes(folder: Path) -> None:
    for number, image in enumerate(read_list(folder / "train.txt")):
        label = find_label(image)
        assert label is not None
        expected = draw_scene(np.random.default_rng([1, 0, number]))
        size = np.array([WIDTH, HEIGHT])
        for rows, corners in (
            (read_labels(label, 6)[:, 1:], expected.boxes[:, 1:]),
            (read_ignore(label), expected.ignore),
        ):
            centre, half = rows[:, :2] * size, rows[:, 2:] * size / 2
            np.testing.assert_allclose(
                np.hstack([centre - half, centre + half]), corners, atol=1e-3
            )
        assert (read_labels(label, 6)[:, 0] == expected.boxes[:, 0]).all()
        difference = np.abs(read_image(image).astype(int) - expected.image)
        assert difference.mean() < 4  # JPEG


def test_drawing_again_leaves_all_as_it_is(folder: Path) -> None:
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert draw(folder, images=(5, 3), seed=1) == folder / "demo.data"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == stamps


def test_processes_and_place_do_not_matter(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "_LEAST_SHARE", 1)
    other = draw(tmp_path / "other", images=(5, 3), seed=1, processes=3).parent
    assert pictures(other) == pictures(folder)


def test_another_seed_replaces_the_drawing(tmp_path: Path) -> None:
    first = pictures(draw(tmp_path / "demo", images=(2, 1), seed=0).parent)
    second = pictures(draw(tmp_path / "demo", images=(1, 1), seed=3).parent)
    assert set(second) < set(first) | set(second) and "images/train-0001.jpg" not in second
    assert first["images/train-0000.jpg"] != second["images/train-0000.jpg"]
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]  # nothing left beside


def test_a_moved_drawing_is_drawn_anew(tmp_path: Path) -> None:
    draw(tmp_path / "demo", images=(1, 1))
    (tmp_path / "demo").rename(tmp_path / "moved")
    data = read_data(draw(tmp_path / "moved", images=(1, 1)))
    assert data.train is not None and read_list(data.train)[0].is_file()


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo.data").write_text("classes=3\n")
    with pytest.raises(DataError, match="other files than drawn scenes"):
        draw(tmp_path, images=(1, 1))
    assert (tmp_path / "demo.data").read_text() == "classes=3\n"
    with pytest.raises(DataError, match="is a file"):
        draw(tmp_path / "demo.data", images=(1, 1))


def test_a_failure_leaves_the_former_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(draw(tmp_path / "demo", images=(1, 1)).parent)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scenes, "_write", full)
    with pytest.raises(DataError, match="No space left"):
        draw(tmp_path / "demo", images=(2, 1))
    assert contents(tmp_path / "demo") == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_an_interrupted_drawing_is_not_there(tmp_path: Path) -> None:
    code = "import sys; from pylrm.demo.scenes import draw; draw(sys.argv[1], images=(5000, 1))"
    environment = {**os.environ, "PYTHONPATH": str(Path(scenes.__file__).parents[3])}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "demo")],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not list(tmp_path.glob(".demo-*/images/*.jpg")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("images, seed", [((0, 1), 0), ((1, 0), 0), ((1, 1), -1)])
def test_nonsense_is_refused(images: tuple[int, int], seed: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least"):
        draw(tmp_path / "demo", images=images, seed=seed)
