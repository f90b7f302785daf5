"""A folder of images, found and drawn, against the network's own pace.

    python benchmarks/folder.py                              a few minutes
    python benchmarks/folder.py yolov2-tiny.cfg --images 40 --rounds 1

It draws --images JPEG pictures of 640x480 into a temporary folder. In each round all take their
turn over all of them, so that what else the machine does falls on all alike:

network N     forward passes of N images, and nothing else
folder        net.stream: reads, finds and draws in threads, an image a pass, as `pylrm detect` does
batches N     the same with net.detect on lists of N images, one thing after the other
ONNX Runtime  the network as ONNX (boxes and suppression in it), OpenCV for the rest, if installed

Printed are the medians of images a second, and their share of the network's own best.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from pylrm import Network
from pylrm.pictures.drawing import draw, write_image

SIZE = 640, 480
THRESH, NMS = 0.25, 0.45
Turn = Callable[[], None]


def write_images(folder: Path, count: int) -> list[Path]:
    """Draw coloured boxes on a textured ground."""
    random = np.random.default_rng(1)
    width, height = SIZE
    paths = []
    for number in range(count):
        coarse = random.integers(0, 255, (height // 16, width // 16, 3)).astype(np.uint8)
        image = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
        for _ in range(8):
            x, y = (int(v) for v in random.integers(0, (width - 40, height - 40)))
            w, h = (int(v) for v in random.integers(20, 200, 2))
            colour = tuple(int(v) for v in random.integers(0, 255, 3))
            cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
        paths.append(folder / f"{number:04}.jpg")
        write_image(paths[-1], image)
    return paths


def passes(net: Network, images: int) -> Turn:
    """Forward passes alone."""
    x = np.random.default_rng(0).random(
        (net.batch, net.channels, net.height, net.width), np.float32
    )
    net.forward(x)  # warms up

    def turn() -> None:
        for _ in range(images // net.batch):
            net.forward(x)

    return turn


def streamed(net: Network, folder: Path, out: Path, names: list[str]) -> Turn:
    """As `pylrm detect` does it."""

    def turn() -> None:
        for result in net.stream(folder, THRESH, NMS):
            write_image(out / result.source.path.name, draw(result.image, result.detections, names))

    return turn


def in_batches(net: Network, paths: list[Path], out: Path, names: list[str]) -> Turn:
    """A batch after the other."""

    def turn() -> None:
        for start in range(0, len(paths), net.batch):
            some = paths[start : start + net.batch]
            images = [cv2.imread(str(path)) for path in some]
            for path, image, found in zip(
                some, images, net.detect(images, THRESH, NMS), strict=True
            ):
                write_image(out / path.name, draw(image, found, names))

    return turn


def onnx_runtime(
    cfg: str, weights: Path, paths: list[Path], work: Path, threads: int | None
) -> Turn:
    """The usual loop: OpenCV reads, letterboxes, draws and writes."""
    import onnxruntime

    from pylrm.export import export_onnx

    file = work / "net.onnx"
    export_onnx(cfg, weights, file, nms=NMS, thresh=THRESH)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    _, _, height, width = session.get_inputs()[0].shape
    cv2.setNumThreads(threads or -1)

    def turn() -> None:
        for path in paths:
            image = cv2.imread(str(path))
            scale = min(width / image.shape[1], height / image.shape[0])
            size = round(image.shape[1] * scale), round(image.shape[0] * scale)
            left, top = (width - size[0]) // 2, (height - size[1]) // 2
            x = np.full((height, width, 3), 128, np.uint8)
            x[top : top + size[1], left : left + size[0]] = cv2.resize(image, size)
            blob = cv2.dnn.blobFromImage(x, 1 / 255, swapRB=True)
            for row in session.run(None, {"images": blob})[0]:
                cv2.rectangle(image, (10, 10), (60, 60), (0, 255, 0), 2)
                cv2.putText(image, f"{row[-1]:.2f}", (10, 10), 0, 0.5, (0, 255, 0))
            cv2.imwrite(str(work / "onnx" / path.name), image)

    (work / "onnx").mkdir()
    return turn


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cfg", nargs="?", default="yolov2-mobilenet.cfg")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8, help="N")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name in ("images", "drawn"):
            (work / name).mkdir()
        paths = write_images(work / "images", args.images)
        weights = work / "net.weights"
        with Network(args.cfg) as net:
            net.save_weights(weights)  # random ones
            names = [str(number) for number in range(net.classes)]
        one, some = (
            Network(args.cfg, weights, batch=batch, threads=args.threads, inference=True)
            for batch in (1, args.batch)
        )
        turns: dict[str, Turn] = {
            "network 1": passes(one, args.images),
            f"network {args.batch}": passes(some, args.images),
            "folder": streamed(one, work / "images", work / "drawn", names),
            f"batches {args.batch}": in_batches(some, paths, work / "drawn", names),
        }
        if all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
            turns["ONNX Runtime"] = onnx_runtime(args.cfg, weights, paths, work, args.threads)
        times: dict[str, list[float]] = {name: [] for name in turns}
        for _ in range(args.rounds):
            for name, turn in turns.items():
                began = time.perf_counter()
                turn()
                times[name].append(time.perf_counter() - began)
        counts = dict.fromkeys(turns, args.images)
        counts[f"network {args.batch}"] = args.images // args.batch * args.batch
        paces = {name: counts[name] / float(np.median(taken)) for name, taken in times.items()}
        best = max(pace for name, pace in paces.items() if name.startswith("network"))
        print(f"{args.cfg}, {args.images} images of {SIZE[0]}x{SIZE[1]}, random weights")
        for name, pace in paces.items():
            print(f"{name:13} {pace:8.1f} images/s  {pace / best:5.0%} of the network's own")
