"""Programs that read ONNX files: one function and one row each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[Any]
Outputs = dict[str, Array]


def onnxruntime(path: Path, x: Array) -> Outputs:
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"images": x}), strict=True))


def openvino(path: Path, x: Array) -> Outputs:
    library = pytest.importorskip("openvino")
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    model = library.Core().compile_model(path, "CPU", options)
    found = model({"images": x})
    return {name: np.array(found[each]) for each in model.outputs for name in each.get_names()}


def opencv(path: Path, x: Array) -> Outputs:
    import cv2

    net = cv2.dnn.readNetFromONNX(str(path))
    net.setInput(x, "images")
    names = net.getUnconnectedOutLayersNames()
    return dict(zip(names, net.forward(names), strict=True))


RUNTIMES: dict[str, Callable[[Path, Array], Outputs]] = {
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "opencv": opencv,
}
