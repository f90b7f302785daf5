"""Detections as files: the devkits' figures through them, and what is written scores the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylrm.convert import convert
from pylrm.data.darknet import METRICS, read_data
from pylrm.errors import DataError, PylrmError
from pylrm.evaluate import results
from pylrm.evaluate.measure import Detected, measure
from pylrm.evaluate.network import detection_record
from pylrm.evaluate.report import report
from tests.evaluate import oracle_data as oracle

FIELDS = ("class", "left", "top", "right", "bottom", "score")


def read_oracle(data: Path, files: Path) -> tuple[Detected, list[str]]:
    data_file = read_data(data)
    return results.read(files, data_file), data_file.names


@pytest.mark.parametrize("metric", ["area", "11point"])
def test_vocs_figures(tmp_path: Path, metric: Any) -> None:
    found, names = read_oracle(oracle.voc_data(tmp_path), oracle.VOC / "results")
    expected = json.loads((oracle.VOC / "expected.json").read_text())["voc"][f"iou0.5_{metric}"]
    result = measure(found, names, metric)
    assert result.map == pytest.approx(expected.pop("mAP"), abs=1e-6)
    assert result.ap == pytest.approx(expected, abs=1e-6)


def test_a_converted_trees_figures(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    lists = tree / "ImageSets" / "Main"
    for folder in (lists, tree / "JPEGImages"):
        folder.mkdir(parents=True)
    (tree / "Annotations").symlink_to(oracle.VOC / "Annotations")
    stems = (oracle.VOC / "ids.txt").read_text()
    for name in ("train", "val"):
        (lists / f"{name}.txt").write_text(stems)
    for stem in stems.split():
        (tree / "JPEGImages" / f"{stem}.jpg").touch()
    summary = convert("voc", tree, tmp_path / "converted")
    found, names = read_oracle(summary.data, oracle.VOC / "results")
    expected = json.loads((oracle.VOC / "expected.json").read_text())
    metrics: dict[str, Any] = {"area": "iou0.5_area", "11point": "iou0.5_11point"}
    for metric, key in metrics.items():
        figures = expected["voc"][key]
        assert measure(found, names, metric).map == pytest.approx(figures["mAP"], abs=1e-6)
    stats = measure(found, names, "coco").record()["stats"]
    assert stats == pytest.approx(expected["coco"], abs=1e-6)


def test_cocos_figures(tmp_path: Path) -> None:
    found, names = read_oracle(oracle.coco_data(tmp_path), oracle.VOC / "coco_results.json")
    expected = json.loads((oracle.VOC / "expected.json").read_text())["coco"]
    assert measure(found, names, "coco").record()["stats"] == pytest.approx(expected, abs=1e-6)


def test_kittis_figures(tmp_path: Path) -> None:
    expected = json.loads((oracle.KITTI / "expected.json").read_text())
    data = oracle.kitti_data(tmp_path)
    for folder in (oracle.KITTI / "results", oracle.KITTI / "results" / "data"):
        found, names = read_oracle(data, folder)
        record = measure(found, names, "kitti").record()
        for name, levels in expected.items():
            for level, theirs in levels.items():
                ours = record["kitti"][name][level]
                assert ours["ap40"] == pytest.approx(theirs["AP40"], abs=1e-5)
                assert ours["ap11"] == pytest.approx(theirs["AP11"], abs=1e-5)
            assert record["ap"][name] == record["kitti"][name]["moderate"]["ap40"]


def like_a_networks(truth: dict[int, dict[str, np.ndarray]], classes: int) -> dict[int, Any]:
    """Detections beside the truths, through relative float32 boxes."""
    random = np.random.default_rng(3)
    size = np.array([700, 500] * 2)
    found = {}
    for index, record in truth.items():
        boxes = np.stack([record[name] for name in FIELDS[1:5]], axis=1)
        boxes += random.normal(0, 6, boxes.shape)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 2)
        boxes /= size
        kinds = np.eye(classes)[record["class"]]
        scores = random.random((len(boxes), classes)) * np.maximum(kinds, random.random() > 0.8)
        centres = np.hstack([boxes[:, :2] + boxes[:, 2:], 2 * (boxes[:, 2:] - boxes[:, :2])]) / 2
        rows = np.hstack([centres, np.ones((len(boxes), 1)), scores]).astype(np.float32)
        found[index] = detection_record(rows, (700, 500))
    return found


def figures(found: Detected, names: list[str], metric: Any) -> dict[str, float]:
    """All of a metric's figures, by their paths."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, float]]:
        if isinstance(value, dict):
            for key, each in value.items():
                yield from walk(each, f"{path}/{key}")
        elif not isinstance(value, str):
            yield path, -1.0 if value is None else value

    return dict(walk(measure(found, names, metric).record(), ""))


def test_what_a_network_finds_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = oracle.voc_data(tmp_path)
    (tmp_path / "valid.txt").write_text("".join(f"images/{i:06}.png\n" for i in range(0, 300, 4)))
    file.write_text(f"{file.read_text()}valid=valid.txt\n")
    data = read_data(file)
    truth = results.read(empty_coco(tmp_path), data)
    detections = like_a_networks(truth.truth, data.classes)
    found = Detected(truth.images, truth.truth, detections, [], truth.marked)
    counts = report(measure(found, data.names, "area").matching(), 0.6)
    results.write(tmp_path / "out", found, counts)
    expected = {metric: figures(found, data.names, metric) for metric in METRICS}
    assert all(0.1 < each["/map"] < 0.9 for each in expected.values())
    for part in ("", "voc", "kitti"):
        again = results.read(tmp_path / "out" / part, data)
        assert list(again.detections) == list(detections)
        for index, record in detections.items():
            other = again.detections[index]
            order = np.lexsort([record[name] for name in FIELDS])
            other_order = np.lexsort([other[name] for name in FIELDS])
            for name in FIELDS:
                assert np.array_equal(record[name][order], other[name][other_order]), (part, name)
        for metric in METRICS:
            assert figures(again, data.names, metric) == pytest.approx(expected[metric], abs=1e-6)
        assert report(measure(again, data.names, "coco").matching(), 0.6).record() == (
            counts.record()
        )


def test_the_lines_are_the_devkits(tmp_path: Path) -> None:
    names = ["person_sitting", "red fox", "on/off"]
    things = [("a", "red fox", [1.0, 2.0, 3.0, 4.0], {})]
    data = read_data(oracle.write_data(tmp_path, "area", ["b b", "a"], names, things))
    rows = np.array([[0.5, 0.5, 0.5, 0.5, 1, 0.25, 0.5, 0.75]], np.float32)
    found = results.read(empty_coco(tmp_path), data)
    found.detections[0] = detection_record(rows, (40, 20))
    results.write(tmp_path / "out", found, report(measure(found, names, "area").matching(), 0.25))
    voc, kitti = tmp_path / "out" / "voc", tmp_path / "out" / "kitti" / "data"
    assert {path.name: path.read_text() for path in voc.iterdir()} == {
        "comp4_det_test_person_sitting.txt": "b b 0.25 11.0 6.0 31.0 16.0\n",
        "comp4_det_test_red fox.txt": "b b 0.5 11.0 6.0 31.0 16.0\n",
        "comp4_det_test_on%2Foff.txt": "b b 0.75 11.0 6.0 31.0 16.0\n",
    }
    box = "-1 -1 -10 10.0 5.0 30.0 15.0 -1 -1 -1 -1000 -1000 -1000 -10"
    lines = [f"Person_sitting {box} 0.25\n", f"red_fox {box} 0.5\n", f"on/off {box} 0.75\n"]
    assert {path.name: path.read_text() for path in kitti.iterdir()} == {
        "b b.txt": "".join(lines),
        "a.txt": "",
    }
    entries = json.loads((tmp_path / "out" / "coco_results.json").read_text())
    assert entries == [
        {"image_id": 100, "category_id": 11 + i, "bbox": [10, 5, 20, 10], "score": (i + 1) / 4}
        for i in range(3)
    ]
    for part in ("voc", "kitti", ""):
        again = results.read(tmp_path / "out" / part, data)
        assert again.detections[0]["class"].tolist() == [0, 1, 2]


def empty_coco(folder: Path) -> Path:
    path = folder / "none.json"
    path.write_text("[]")
    return path


def test_the_list_says_which_images_count(tmp_path: Path) -> None:
    data = oracle.voc_data(tmp_path)
    assert len(results.read(empty_coco(tmp_path), read_data(data)).images) == 300
    (tmp_path / "valid.txt").write_text("/elsewhere/000007.png\n")
    data.write_text(f"{data.read_text()}valid=valid.txt\n")
    found = results.read(empty_coco(tmp_path), read_data(data))
    assert [image.stem for image in found.images] == ["000007"] and len(found.truth) == 1
    with pytest.raises(DataError, match=r"_car\.txt:1: image '000000' is not among those"):
        results.read(oracle.VOC / "results", read_data(data))
    with pytest.raises(DataError, match=r"json: result 1: image_id 0 is of no image"):
        results.read(oracle.VOC / "coco_results.json", read_data(data))


def test_truths_from_labels(tiny_data: Path, tmp_path: Path) -> None:
    (tmp_path / "comp4_det_test_red.txt").write_text("16 .5 1 1 64 64\n\n18 .25 1 1 2 2\n")
    (tiny_data.parent / "images" / "18.png").write_bytes(b"no image")
    found = results.read(tmp_path, read_data(tiny_data))
    assert [image.name for image in found.skipped] == ["18.png"]
    assert len(found.truth) == len(found.detections) == 7 and 2 not in found.truth
    assert found.detections[0]["right"].tolist() == [63.0]
    assert [len(record["class"]) for record in found.truth.values()] == [1] * 7
    entries = [{"image_id": 8, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 1}]
    (tmp_path / "coco_results.json").write_text(json.dumps(entries))
    record = results.read(tmp_path, read_data(tiny_data)).detections[7]
    assert [record[name].tolist() for name in FIELDS] == [[1], [1], [2], [4], [6], [1]]
    for number in range(16, 24):
        (tiny_data.parent / "images" / f"{number}.png").unlink()
    with pytest.raises(DataError, match=r"valid\.txt: none of its 8 images can be read"):
        results.read(tmp_path, read_data(tiny_data))


GOOD_KITTI = "car -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10 .5\n"
GOOD_VOC = "000000 .5 1 2 3 4\n"
GOOD_COCO = {"image_id": 100, "category_id": 11, "bbox": [1, 2, 3, 4], "score": 0.5}


def coco(**changes: object) -> str:
    return json.dumps([GOOD_COCO, {**GOOD_COCO, **changes}])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("comp4_det_test_car.txt", GOOD_VOC + "000000 .5 1 2 3", r"car\.txt:2: 5 fields; exp"),
        ("comp4_det_test_car.txt", "\n000000 .5 1 2 3 x", r"car\.txt:2: 'x' is not a finite"),
        ("comp4_det_test_car.txt", "000000 nan 1 2 3 4", r"car\.txt:1: 'nan' is not a finite"),
        ("comp4_det_test_car.txt", GOOD_VOC + "77 .5 1 2 3 4", r"car\.txt:2: image '77' is not"),
        ("comp4_det_test_cat.txt", GOOD_VOC, r"cat\.txt: of no class; the classes are car, truck"),
        ("comp4_det_test_car.txt", b"\xff\xfe", r"car\.txt: not UTF-8 text \(byte 0\)"),
        ("000000.txt", GOOD_KITTI + "car 1 2", r"000000\.txt:2: 3 columns; .* have 16"),
        ("000000.txt", GOOD_KITTI.replace("car", "cat"), r"000000\.txt:1: no class 'cat'; the"),
        ("000000.txt", GOOD_KITTI.replace(".5", "inf"), r"000000\.txt:1: 'inf' is not a finite"),
        ("77.txt", GOOD_KITTI, r"77\.txt: image '77' is not among those"),
        ("coco_results.json", "[\n1,,", r"json:2: not JSON"),
        ("coco_results.json", b"\xff", r"json: not UTF-8 text"),
        ("coco_results.json", "[" + "9" * 5000 + "]", r"json: .* a number is too long"),
        ("coco_results.json", "{}", r"json: not COCO's results: expected a list"),
        ("coco_results.json", "[1]", r"json: result 1: expected an object"),
        ("coco_results.json", coco(image_id=7), r"json: result 2: image_id 7 is of no image"),
        ("coco_results.json", coco(image_id=[7]), r"json: result 2: image_id \[7\] is of no"),
        ("coco_results.json", coco(category_id=1), r"2: category_id 1 is none of car, truck"),
        ("coco_results.json", coco(bbox=[1, 2, 3]), r"json: result 2: bbox \[1, 2, 3\], score"),
        ("coco_results.json", coco(bbox=[1, 2, 3, -1]), r"json: result 2: bbox \[1, 2, 3, -1\]"),
        ("coco_results.json", coco(bbox="1234"), r'json: result 2: bbox "1234", score'),
        ("coco_results.json", coco(score=None), r"json: result 2: .* score null; expected"),
        ("readme.md", "", r": no detections; looked for coco_results\.json, comp4_det_test_CLASS"),
    ],
)
def test_malformed_files_are_named(
    tmp_path: Path, name: str, text: str | bytes, message: str
) -> None:
    data = read_data(oracle.voc_data(tmp_path))
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message) as stop:
        results.read(folder, data)
    assert "\n" not in str(stop.value) and str(folder) in str(stop.value)


def test_a_path_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        results.read(tmp_path / "nowhere", read_data(oracle.voc_data(tmp_path)))


def test_what_files_could_not_tell_apart_is_refused(tmp_path: Path) -> None:
    def check(stems: list[str], names: list[str]) -> Callable[[], None]:
        data = read_data(oracle.write_data(tmp_path, "area", stems, names, []))
        return lambda: results.check_target(tmp_path / "out", data)

    check(["a/1", "a/2"], ["car", "red fox"])()
    with pytest.raises(PylrmError, match=r"a/1\.png and .*b/1\.png: the devkits' files name"):
        check(["a/1", "b/1"], ["car"])()
    with pytest.raises(PylrmError, match="'red_fox' and 'Red fox' are spelt alike in KITTI's"):
        check(["a/1"], ["red_fox", "Red fox"])()
    (tmp_path / "out").mkdir()
    check(["a/1"], ["car"])()
    (tmp_path / "out" / "mine").write_text("")
    with pytest.raises(PylrmError, match="out: holds files already"):
        check(["a/1"], ["car"])()


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    names = ["car", "c" * 300]  # no file can be named so
    data = read_data(oracle.write_data(tmp_path, "area", ["a"], names, []))
    found = results.read(empty_coco(tmp_path), data)
    counts = report(measure(found, names, "area").matching(), 0.25)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PylrmError, match="cannot be written: File name too long"):
        results.write(tmp_path / "out", found, counts)
    assert sorted(tmp_path.iterdir()) == before
