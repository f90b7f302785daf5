"""Grey networks (channels=1) from training to every use, as typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2

Outcome = tuple[int, str, str]


def test_every_command_takes_a_grey_network(
    tmp_path: Path,
    tiny_data: Path,
    tiny_cfg: Callable[..., Path],
    run: Callable[..., Outcome],
) -> None:
    from pylrm.engine import Network

    cfg, folder = tiny_cfg(channels=1), tmp_path / "run"
    images = tiny_data.parent / "images"
    grey = cv2.imread(str(images / "0.png"), cv2.IMREAD_GRAYSCALE)
    assert cv2.imwrite(str(images / "0.png"), grey)  # one that is stored grey
    train = ("train", "--cfg", cfg, "--data", tiny_data, "--out", folder, "--map-every", 6)
    code, out, err = run(*train)
    assert (code, err) == (0, "") and "12 updates" in out and "mAP" in out
    weights = folder / "weights" / "last.weights"
    use = ("--cfg", folder / "net.cfg", "--weights", weights)
    code, out, err = run("map", *use)
    assert (code, err) == (0, "") and "8 images, letterboxed" in out

    drawn = tmp_path / "drawn"
    inputs = (images / "0.png", images / "1.png")
    code, out, err = run("detect", *use, *inputs, "--thresh", ".05", "--json", "--out", drawn)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [len(list(drawn.glob(f"{number}.jpg"))) for number in (0, 1)] == [1, 1]
    with Network(folder / "net.cfg", weights, batch=1, inference=True) as net:
        for record, path in zip(found, inputs, strict=True):
            expected = net.detect(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), thresh=0.05)
            boxes = [[round(edge, 2) for edge in one.box] for one in expected]
            assert boxes and [one["box"] for one in record["detections"]] == boxes

    for command in (
        ("preview", tiny_data, "--cfg", cfg, "--count", 4, "-o", tmp_path / "preview.png"),
        ("hardest", tiny_data, *use, "--count", 4, "-o", tmp_path / "hardest.png"),
    ):
        assert run(*command)[::2] == (0, "")
        assert cv2.imread(str(command[-1])) is not None
    code, out, err = run("info", cfg)
    assert (code, err) == (0, "") and "1" in out
