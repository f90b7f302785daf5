"""ONNX files as a whole: what they give out, what is written beside, what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pylrm import Network, PylrmError, WeightsError, export_onnx, models
from pylrm.cfg.file import Cfg
from pylrm.files import shipped
from tests.export.nets import distances, images, save_like_trained, sized
from tests.export.runtimes import RUNTIMES, onnxruntime
from tests.layers.common import cfg, section

onnx = pytest.importorskip("onnx")

Array = npt.NDArray[Any]

CONV = section("convolutional", filters=8, size=3, stride=2, pad=1, activation="leaky")
HEAD = section("convolutional", filters=14, size=1, activation="linear")


def yolo(**keys: object) -> str:
    return HEAD + section("yolo", anchors="5,6, 7,8, 9,20, 20,9", num=4, classes=2, **keys)


DETECTORS = {
    "region": CONV + HEAD + section("region", anchors="1,2, 3,1", num=2, classes=2, softmax=1),
    "background": CONV
    + HEAD
    + section("region", anchors="1,2, 3,1", num=2, classes=2, background=1),
    "sigmoids": CONV
    + HEAD
    + section("region", anchors="1,2, 3,1", num=2, classes=2, loss="sigmoids")
    + section("lrm", k=4),
    "two heads": CONV
    + yolo(mask="2,3", scale_x_y=1.1)
    + section("route", layers="0")
    + CONV
    + yolo(mask="0,1")
    + section("lrm", k=4),
    "cell by cell": section("connected", output=9 * (2 + 3 * 5), activation="logistic")
    + section("detection", side=3, num=3, classes=2, sqrt=1),
    "new_coords": CONV + yolo(mask="0,3", new_coords=1).replace("linear", "logistic"),
    "Gaussian_yolo": CONV
    + yolo(mask="3,1", scale_x_y=1.1).replace("[y", "[Gaussian_y").replace("=14", "=22")
    + section("lrm", k=4),
}
SHAPE = (3, 24, 40)


def by_place(rows: Array) -> Array:
    """Sort rows: programs list boxes in orders of their own."""
    return rows[np.lexsort(np.round(rows[:, ::-1], 4).T)]


@pytest.mark.parametrize("name", DETECTORS)
def test_boxes_and_scores_are_the_network_s(name: str, tmp_path: Path) -> None:
    text = cfg(DETECTORS[name], SHAPE)
    save_like_trained(text, tmp_path / "net.weights")
    outputs = export_onnx(text, tmp_path / "net.weights", tmp_path / "net.onnx", decode=True)
    with Network(text, tmp_path / "net.weights", batch=2, inference=True) as net:
        x = images(net)
        net.forward(x)
        most = sum(layer.predictions for layer in net.detectors)
        assert outputs == [("boxes", ("batch", most, 4)), ("scores", ("batch", most, 2))]
        found = onnxruntime(tmp_path / "net.onnx", x)
        for i in range(2):
            rows = net.boxes(i, thresh=0, letterbox=False)
            expected = np.concatenate([rows[:, :4], rows[:, 5:]], axis=1)
            got = np.concatenate([found["boxes"][i], found["scores"][i]], axis=1)
            np.testing.assert_allclose(by_place(got), by_place(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", ["region", "background", "two heads", "Gaussian_yolo"])
def test_detections_are_the_network_s(name: str, runtime: str, tmp_path: Path) -> None:
    text, file = cfg(DETECTORS[name], SHAPE), tmp_path / "net.onnx"
    save_like_trained(text, tmp_path / "net.weights")
    export_onnx(text, tmp_path / "net.weights", file, nms=0.4, thresh=0.3)
    with Network(text, tmp_path / "net.weights", batch=2, inference=True) as net:
        x = images(net)
        net.forward(x)
        expected = []
        for i in range(2):
            rows = net.boxes(i, thresh=0.3, letterbox=False, nms=0.4)
            for row, kind in np.argwhere(rows[:, 5:]):
                expected.append([i, kind, rows[row, 5 + kind], *rows[row, :4]])
    got = RUNTIMES[runtime](file, x)["detections"]
    assert 10 < len(expected) == len(got) < 2 * 2 * 2 * 240
    np.testing.assert_allclose(by_place(got), by_place(np.array(expected)), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped.names("cfg"))
def test_a_shipped_network_is_the_engine_s(name: str, tmp_path: Path) -> None:
    found = distances(sized(name, 64), tmp_path, {"onnxruntime": onnxruntime})
    if isinstance(found["onnxruntime"], Exception):
        raise found["onnxruntime"]
    assert found["onnxruntime"] < 1e-4


def test_a_pass_takes_any_number_of_images(tmp_path: Path) -> None:
    text = cfg(DETECTORS["two heads"], SHAPE)
    save_like_trained(text, tmp_path / "net.weights")
    outputs = export_onnx(text, tmp_path / "net.weights", tmp_path / "net.onnx")
    assert outputs == [("yolo_2", ("batch", 14, 12, 20)), ("yolo_6", ("batch", 14, 6, 10))]
    x = np.random.default_rng(0).random((5, *SHAPE), np.float32)
    together = onnxruntime(tmp_path / "net.onnx", x)
    for i in range(5):
        alone = onnxruntime(tmp_path / "net.onnx", x[i : i + 1])
        for name, shape in outputs:
            assert together[name].shape == (5, *shape[1:])
            np.testing.assert_allclose(alone[name][0], together[name][i], atol=1e-5)


def test_the_file_is_valid_and_says_what_it_is_of(tmp_path: Path) -> None:
    text = cfg(DETECTORS["two heads"], SHAPE)
    save_like_trained(text, tmp_path / "net.weights")
    for options in ({}, {"decode": True}, {"nms": 0.5}):
        export_onnx(
            text, tmp_path / "net.weights", tmp_path / "net.onnx", names=["a", "ö"], **options
        )
        model = onnx.load(tmp_path / "net.onnx")
        onnx.checker.check_model(model, full_check=True)
        assert [each.version for each in model.opset_import] == [13]
        assert {"BatchNormalization"}.isdisjoint(node.op_type for node in model.graph.node)
        facts = {each.key: each.value for each in model.metadata_props}
        assert facts["cfg"] == text and json.loads(facts["names"]) == ["a", "ö"]
        anchors = json.loads(facts["anchors"])
        expected = np.array([[9, 20], [20, 9]]) / [40, 24]
        np.testing.assert_allclose(anchors["yolo_2"], expected)
        assert list(anchors) == ["yolo_2", "yolo_6"]


def test_what_cannot_be_is_refused_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, file = tmp_path / "net.weights", tmp_path / "net.onnx"
    classifier = cfg(CONV + section("softmax"), SHAPE)
    save_like_trained(classifier, weights)
    with pytest.raises(PylrmError, match=r"^cfg: no \[region\], \[yolo\] or"):
        export_onnx(classifier, weights, file, decode=True)
    with pytest.raises(WeightsError, match="holds layers 0 to 0 only"):
        export_onnx(cfg(DETECTORS["region"], SHAPE), weights, file)
    with pytest.raises(PylrmError, match="nowhere.*cannot be written"):
        export_onnx(classifier, weights, tmp_path / "nowhere" / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(PylrmError, match=r"pip install 'pylrm\[onnx\]'"):
        export_onnx(classifier, weights, file)
    assert not file.exists()


def test_a_fresh_start_is_no_network_to_export(tmp_path: Path) -> None:
    text = models.build("yolov2-tiny", classes=1, size=(64, 64), multiplier=0.25)
    with Network(text) as net:
        net.save_weights(tmp_path / "start.weights", upto=5)
    with pytest.raises(WeightsError, match="inference needs"):
        export_onnx(Cfg.read(text), tmp_path / "start.weights", tmp_path / "net.onnx")
