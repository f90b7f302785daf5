"""Time one program's inference, an image a pass, float32, whenever it is asked to.

    python benchmarks/peers/infer.py ENGINE FOLDER          (see prepare.py)

ENGINE is pylrm, torch-jit, torch-compile, onnxruntime, openvino or opencv; "onnx" writes the
net.onnx that two of them read. Its output is first held against ours. Each line of the input is a
number of passes; the answer is a line of JSON: the median of their seconds, and the process's
largest memory in bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Run = Callable[[], np.ndarray]

WARM_UP = 5


def pylrm(folder: Path, x: np.ndarray, threads: int) -> tuple[Run, str]:
    import pylrm

    net = pylrm.Network(
        folder / "net.cfg", folder / "net.weights", batch=1, threads=threads, inference=True
    )
    return lambda: net.forward(x), f"{pylrm.__version__} {net.kernels}"


def torch_jit(folder: Path, x: np.ndarray, threads: int) -> tuple[Run, str]:
    import torch
    from torch_network import Net

    torch.set_num_threads(threads)
    image = torch.from_numpy(x)
    with torch.inference_mode():
        net = torch.jit.optimize_for_inference(torch.jit.trace(Net(folder).eval(), image))

    def run() -> np.ndarray:
        with torch.inference_mode():
            return net(image).numpy()

    return run, torch.__version__


def torch_compile(folder: Path, x: np.ndarray, threads: int) -> tuple[Run, str]:
    os.environ["TORCHINDUCTOR_FREEZING"] = "1"  # weights are constants: packed once
    import torch
    from torch_network import Net

    torch.set_num_threads(threads)
    image = torch.from_numpy(x)
    net = torch.compile(Net(folder).eval())

    def run() -> np.ndarray:
        with torch.no_grad():
            return net(image).numpy()

    return run, torch.__version__


def write_onnx(folder: Path, x: np.ndarray) -> None:
    import torch
    from torch_network import Net

    image = torch.from_numpy(x)
    torch.onnx.export(Net(folder).eval(), (image,), str(folder / "net.onnx"), dynamo=False)


def onnxruntime(folder: Path, x: np.ndarray, threads: int) -> tuple[Run, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(folder / "net.onnx", options, providers=providers)
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: x})[0], onnxruntime.__version__


def openvino(folder: Path, x: np.ndarray, threads: int) -> tuple[Run, str]:
    import openvino

    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
    }
    request = openvino.compile_model(folder / "net.onnx", "CPU", options).create_infer_request()
    return lambda: request.infer([x])[0], openvino.__version__.split("-")[0]


def opencv(folder: Path, x: np.ndarray, threads: int) -> tuple[Run, str]:
    import cv2

    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromDarknet(str(folder / "net.cfg"), str(folder / "net.weights"))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)

    def run() -> np.ndarray:
        net.setInput(x)
        return net.forward()

    return run, cv2.__version__


ENGINES = {
    "pylrm": pylrm,
    "torch-jit": torch_jit,
    "torch-compile": torch_compile,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "opencv": opencv,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engine", choices=[*ENGINES, "onnx"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    x = np.load(args.folder / "input.npy")[:1]
    if args.engine == "onnx":
        write_onnx(args.folder, x)
        raise SystemExit
    run, version = ENGINES[args.engine](args.folder, x, args.threads)
    ours = np.load(args.folder / "output.npy")[:1]
    theirs = run()
    error = float(np.abs(theirs - ours).max() / np.abs(ours).max())
    if not (theirs.shape == ours.shape and error < 1e-3):
        raise SystemExit(
            f"{args.engine}: the networks differ: {theirs.shape}, {ours.shape}, {error:.2g}"
        )
    for _ in range(WARM_UP):
        run()
    print(json.dumps({"version": version, "error": error}), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(1 + int(line)):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        # the first one finds the caches full of the others' work
        print(
            json.dumps({"seconds": statistics.median(times[1:]), "resident": resident}), flush=True
        )
