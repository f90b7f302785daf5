"""A real MobileNet trained on ImageNet, on real images; needs PYLRM_REALDATA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pylrm import Network
from pylrm.weights import import_start
from pylrm.weights.readers import read_source
from pylrm.weights.start import read_pixels
from tests.weights import naive

LAST = 26


@pytest.fixture
def source(real_data: Callable[[str], Path]) -> Path:
    path = real_data("bccd").parent.parent / "pretrained" / "mobilenet_v1_0.25_128.npz"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    return path


@pytest.fixture
def data(real_data: Callable[[str], Path], tmp_path: Path) -> Path:
    images = sorted((real_data("bccd") / "JPEGImages").glob("*.jpg"))
    (tmp_path / "train.txt").write_text("".join(f"{image}\n" for image in images))
    path = tmp_path / "blood.data"
    path.write_text("classes=3\ntrain=train.txt\n")
    return path


@pytest.mark.parametrize(("padding", "far"), [("shift", (0.5, 2)), ("exact", (0, 0.2))])
def test_how_near_the_import_is(
    tmp_path: Path, source: Path, data: Path, padding: str, far: tuple[float, float]
) -> None:
    cfg, out = naive.mobilenet_cfg(0.25, 224, exact=padding == "exact"), tmp_path / "start.weights"
    assert import_start(source, cfg, data, out, padding=padding) == LAST + 1
    with Network(cfg, out, batch=4, keep=True) as net:
        x = read_pixels(net, data, 4, seed=1)
        net.forward(x)
        found = np.array(net[LAST].output)
    trained = read_source(source)
    strides = [convolution.stride for convolution in trained.convolutions]
    symmetric = padding == "shift"
    twin = naive.outputs(x, trained.for_plain_pixels(), strides, symmetric=symmetric)[LAST]
    original = naive.outputs(2 * x - 1, trained.convolutions, strides, symmetric=False)[LAST]
    assert naive.distance(found, twin) < 1e-5
    assert far[0] <= naive.distance(found, original) < far[1]
