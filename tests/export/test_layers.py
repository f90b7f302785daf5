"""Each layer as ONNX against the engine, in each program that reads such files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pylrm import CfgError, Network, PylrmError, export_onnx
from pylrm.export.activations import ACTIVATIONS
from pylrm.export.deploy import KEYS, OURS
from pylrm.export.layers import LAYERS, NOTHING
from tests.export.nets import BATCH, distances, save_like_trained
from tests.export.runtimes import RUNTIMES
from tests.layers.common import cfg, section

pytest.importorskip("onnx")

SHAPE = (8, 6, 10)
ANCHORS = "1,2, 3,1.5"
CONV = section("convolutional", filters=8, size=3, pad=1, activation="linear")
HALF = section("maxpool", size=2, stride=2)

CASES = {
    "convolutional": section(
        "convolutional", filters=5, size=3, stride=2, pad=1, activation="leaky"
    ),
    "batch norm": section("convolutional", batch_normalize=1, filters=5, size=1, activation="mish"),
    "groups": section("convolutional", filters=4, size=3, groups=2, padding=2, activation="relu"),
    "depthwise": section("convolutional", batch_normalize=1, filters=8, size=5, groups=8, pad=1),
    "even size": section("convolutional", filters=3, size=2, stride=3, pad=1),
    "connected": section("connected", output=7, activation="tanh"),
    "connected, batch norm": section("connected", output=7, batch_normalize=1, activation="relu"),
    "batchnorm": CONV + section("batchnorm"),
    "deconvolutional": section("deconvolutional", filters=5, size=4, stride=2, padding=1),
    "deconvolutional, batch norm": section(
        "deconvolutional", batch_normalize=1, filters=3, size=3, stride=3, activation="leaky"
    ),
    "local": section("local", filters=3, size=3, activation="tanh"),
    "local with zeros around": section("local", filters=3, size=3, stride=2, pad=1),
    "local of an even size": section("local", filters=2, size=4, stride=3, pad=1),
    "crop": section("crop", crop_width=7, crop_height=3),
    "crop without a change": section("crop", crop_width=8, crop_height=6, noadjust=1),
    "normalization": section("normalization", alpha=0.5, beta=0.75, kappa=2),
    "normalization, even size": section("normalization", size=4),
    "detection": section("connected", output=9 * (3 + 2 * 5), activation="linear")
    + section("detection", side=3, num=2, classes=3),
    "detection by softmax": section("connected", output=9 * (3 + 2 * 5), activation="linear")
    + section("detection", side=3, num=2, classes=3, softmax=1),
    "maxpool": section("maxpool", size=2, stride=2),
    "maxpool of stride 1": section("maxpool", size=2, stride=1),
    "maxpool of pyramids": section("maxpool", size=5, stride=1),
    "maxpool with padding": section("maxpool", size=3, stride=2, padding=1),
    "maxpool without padding": section("maxpool", size=3, stride=2, padding=0),
    "maxpool by its stride": section("maxpool", stride=3),
    "avgpool": section("avgpool"),
    "dropout": CONV + section("dropout", probability=0.5),
    "cost": CONV + section("cost"),
    "route": CONV + section("route", layers="-1"),
    "route of two": CONV + CONV + section("route", layers="-1,0"),
    "route of a share": CONV + CONV + section("route", layers="-1,0", groups=4, group_id=2),
    "reorg": section("reorg", stride=2),
    "reorg back": CONV + section("reorg", stride=2, reverse=1),
    "reorg flat": section("reorg", stride=2, flatten=1),
    "reorg flat and back": section("reorg", stride=2, flatten=1, reverse=1),
    "reorg with zeros": section("reorg", extra=5),
    "shortcut": CONV + CONV + section("shortcut", **{"from": -2, "activation": "leaky"}),
    "shortcut with factors": CONV
    + CONV
    + section("shortcut", **{"from": -2, "alpha": 0.5, "beta": -2}),
    "shortcut, fewer channels": CONV
    + section("convolutional", filters=12, size=1)
    + section("shortcut", **{"from": -2, "alpha": 3}),
    "shortcut, more channels": CONV
    + section("convolutional", filters=3, size=1)
    + section("shortcut", **{"from": -2}),
    "shortcut to a smaller map": CONV + HALF + section("shortcut", **{"from": -2, "alpha": 3}),
    "shortcut to a larger map": HALF
    + section("upsample", stride=2)
    + section("shortcut", **{"from": -2, "alpha": 0.5, "beta": 2}),
    "scale_channels": CONV
    + section("avgpool")
    + section("scale_channels", **{"from": -2, "activation": "logistic"}),
    "scale_channels by pixel": section("convolutional", filters=1, size=1)
    + CONV
    + section("route", layers="-2")
    + section("scale_channels", **{"from": -2, "scale_wh": 1}),
    "sam": CONV + CONV + section("sam", **{"from": -2, "activation": "swish"}),
    "upsample": CONV + section("upsample", stride=3),
    "upsample with a factor": section("upsample", stride=2, scale=0.5),
    "upsample downwards": section("upsample", stride=-2, scale=0.5),
    "l2norm": section("activation", activation="relu") + section("l2norm"),
    "softmax": section("softmax", groups=4, temperature=3),
    "softmax by pixel": section("softmax", groups=2, spatial=1, temperature=0.5),
    "logistic": section("logistic"),
    **{
        f"region {name}": section("convolutional", filters=16, size=1, activation="linear")
        + section("region", anchors=ANCHORS, num=2, classes=3, **keys)
        for name, keys in {
            "by softmax": {"softmax": 1},
            "by sigmoids": {},
            "with background": {"background": 1, "softmax": 1},
            "by sigmoids alone": {"loss": "sigmoids"},
        }.items()
    },
    **{
        f"yolo {name}": section(
            "convolutional", filters=16, size=1, activation="logistic" if keys else "linear"
        )
        + section("yolo", anchors="5,6, 7,8, 9,20", mask="2,0", num=3, classes=3, **keys)
        for name, keys in {
            "v3": {},
            "v4": {"scale_x_y": 1.2},
            "scaled": {"new_coords": 1, "scale_x_y": 2},
            "new_coords": {"new_coords": 1},
        }.items()
    },
    **{
        f"Gaussian_yolo {stretch}": section(
            "convolutional", filters=24, size=1, activation="linear"
        )
        + section(
            "Gaussian_yolo",
            anchors="5,6, 7,8, 9,20",
            mask="2,0",
            num=3,
            classes=3,
            scale_x_y=stretch,
        )
        for stretch in (1, 1.2)
    },
    **{name: section("activation", activation=name) for name in ACTIVATIONS},
}

# OpenCV 5.0 fails in its own toLayout.
UNREAD = {("scale_channels by pixel", "opencv")}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_the_engine_s(name: str, runtime: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 3, (BATCH, *SHAPE)).astype(np.float32)
    x[0, :, 0, 0] = 0  # what [l2norm] must not divide by
    if (name, runtime) in UNREAD:
        pytest.xfail("a fault of that program")
    found = distances(cfg(CASES[name], SHAPE, BATCH), tmp_path, {runtime: RUNTIMES[runtime]}, x)
    if isinstance(found[runtime], Exception):
        raise found[runtime]
    assert found[runtime] < 1e-5


def test_there_is_a_row_for_each_layer_of_the_engine() -> None:
    with pytest.raises(CfgError) as caught:
        Network(cfg(section("nonsense"), SHAPE))
    known = set(re.sub(".*there are ", "", str(caught.value)).split(", "))
    assert known == {*LAYERS, *NOTHING} == {*KEYS, *OURS} - {"net"}


def test_windows_outside_of_the_map_are_refused(tmp_path: Path) -> None:
    text = cfg(section("maxpool", size=2, stride=1, padding=5), SHAPE)
    save_like_trained(text, tmp_path / "net.weights")
    with pytest.raises(PylrmError, match=r"^cfg:\d+: \[maxpool\] padding=5: windows of size=2"):
        export_onnx(text, tmp_path / "net.weights", tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize("layer", ["softmax", "region"])
def test_trees_of_classes_are_refused(layer: str, tmp_path: Path) -> None:
    (tmp_path / "my.tree").write_text("thing -1\nanimal -1\ndog 1\ncat 1\n")
    head = section("convolutional", filters=9, size=1) + section(
        "region", anchors="1,2", classes=4, tree=tmp_path / "my.tree"
    )
    flat = section("connected", output=4) + section("softmax", tree=tmp_path / "my.tree")
    text = cfg(head if layer == "region" else flat, SHAPE)
    save_like_trained(text, tmp_path / "net.weights")
    with pytest.raises(PylrmError, match=rf"^cfg:\d+: \[{layer}\] tree=: "):
        export_onnx(text, tmp_path / "net.weights", tmp_path / "net.onnx")
