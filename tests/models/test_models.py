"""The generated networks: published figures, options, the files in cfg/, and the engine's view."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylrm import Network, models
from pylrm.data.darknet import read_data
from pylrm.errors import CfgWarning
from pylrm.files import shipped
from pylrm.models.anchors import DEFAULTS
from tests.models import naive

DETECTORS = ("yolov2-mobilenet", "yolov2-darknet19", "yolov2-tiny")
TWO_HEADS = ("yolov3-tiny", "yolov4-tiny")
YOLOS = (*TWO_HEADS, "yolov4")
CLASSIFIERS = ("mobilenet", "darknet19")


def work(text: str) -> int:
    return sum(layer.multiply_adds for layer in naive.layers(text))


def region(text: str) -> naive.Layer:
    (found,) = (layer for layer in naive.layers(text) if layer.kind == "region")
    return found


def numbers(text: str) -> list[float]:
    return [float(word) for word in region(text).options["anchors"].split(",")]


# Published: MobileNet-v1's table of multipliers (million multiply-adds at 224); operations of
# Darknet-19 (5.58 billion), Tiny YOLOv2 (6.97) and YOLOv2 with 64 channels of passthrough (29.4),
# Tiny YOLOv3 (5.57) and v4 (6.91), and YOLOv4 at 608 (128.5) for COCO.
@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("mobilenet", {"multiplier": 1, "classes": 1000}, 569e6),
        ("mobilenet", {"multiplier": 0.75, "classes": 1000}, 325e6),
        ("mobilenet", {"multiplier": 0.5, "classes": 1000}, 149e6),
        ("mobilenet", {"multiplier": 0.25, "classes": 1000}, 41e6),
        ("darknet19", {"classes": 1000}, 5.58e9 / 2),
        ("yolov2-mobilenet", {"classes": 20}, 2.58e9),
        ("yolov2-tiny", {"classes": 20}, 6.97e9 / 2),
        ("yolov2-darknet19", {"classes": 20}, 29.4e9 / 2),
        ("yolov3-tiny", {"classes": 80}, 5.57e9 / 2),
        ("yolov4-tiny", {"classes": 80}, 6.91e9 / 2),
        ("yolov4", {"classes": 80, "size": 608}, 128.5e9 / 2),
    ],
)
def test_multiply_adds_are_the_published_ones(
    name: str, options: dict[str, Any], expected: float
) -> None:
    assert work(models.build(name, **options)) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize(
    ("multiplier", "millions"), [(1, 4.2), (0.75, 2.6), (0.5, 1.3), (0.25, 0.5)]
)
def test_parameters_are_the_published_ones(multiplier: float, millions: float) -> None:
    text = models.build("mobilenet", classes=1000, multiplier=multiplier)
    trained = sum(
        layer.parameters - (2 * layer.shape[0] if "batch_normalize" in layer.options else 0)
        for layer in naive.layers(text)
    )
    assert trained / 1e6 == pytest.approx(millions, abs=0.06)


def test_the_mobilenet_detector_is_the_paper_s() -> None:
    text = models.build("yolov2-mobilenet", classes=20)
    layers = naive.layers(text)
    fine, concatenated = (layer for layer in layers if layer.kind == "route")
    assert fine.shape == (512, 26, 26)
    assert layers[int(fine.options["layers"]) + 1].options["stride"] == "2"  # the last such map
    assert concatenated.shape == (64 * 4 + 1024, 13, 13)
    assert [layer.shape[0] for layer in layers[-3:]] == [1024, 125, 125]
    assert layers[-1].shape == (125, 13, 13)
    assert sum(layer.kind == "convolutional" for layer in layers) == 27 + 4 + 1 + 2 + 1


@pytest.mark.parametrize("name", DETECTORS)
def test_stride_16_leaves_the_last_reduction_out(name: str) -> None:
    coarse = naive.layers(models.build(name, classes=20))
    text = models.build(name, classes=20, stride=16, size=208)
    fine = naive.layers(text)
    assert fine[-1].shape == coarse[-1].shape == (125, 13, 13)
    assert numbers(text) == numbers(models.build(name, classes=20))
    if name != "yolov2-tiny":
        passthrough = next(layer for layer in fine if layer.kind == "route")
        assert passthrough.shape == (256, 26, 26)
        convolutions = [layer for layer in fine if layer.kind == "convolutional"]
        assert len(convolutions) == sum(layer.kind == "convolutional" for layer in coarse)


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("multiplier", [0.75, 0.5, 0.25, 0.1, 1.5])
def test_the_multiplier_acts_on_every_convolution_but_the_last(
    name: str, multiplier: float
) -> None:
    def filters(multiplier: float) -> list[int]:
        text = models.build(name, classes=7, multiplier=multiplier)
        return [la.shape[0] for la in naive.layers(text) if la.kind == "convolutional"]

    full, scaled = filters(1), filters(multiplier)
    assert full[-1] == scaled[-1]
    for before, after in zip(full[:-1], scaled[:-1], strict=True):
        if name in YOLOS and before == full[-1]:
            assert after == before  # the other head's last
            continue
        assert after % 8 == 0 and after >= 8
        assert abs(after - before * multiplier) <= max(4, 8 - before * multiplier) or (
            before > 1024  # a concatenation's depthwise block, of four scaled parts and one more
            and abs(after - before * multiplier) <= 5 * 4
        )


@given(
    name=st.sampled_from(DETECTORS),
    stride=st.sampled_from([32, 16]),
    cells=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    multiplier=st.floats(0.01, 2),
    classes=st.integers(1, 90),
    anchors=st.lists(st.tuples(st.floats(0.1, 20), st.floats(0.1, 20)), min_size=1, max_size=12),
    k=st.integers(0, 2000),
)
@settings(max_examples=40, deadline=None)
def test_any_size_gives_the_grid_that_it_should(
    name: str,
    stride: int,
    cells: tuple[int, int],
    multiplier: float,
    classes: int,
    anchors: list[tuple[float, float]],
    k: int,
) -> None:
    text = models.build(
        name,
        classes=classes,
        stride=stride,
        size=(cells[0] * stride, cells[1] * stride),
        multiplier=multiplier,
        anchors=anchors,
        lrm={"k": k},
    )
    head = region(text)
    assert head.shape == (len(anchors) * (5 + classes), cells[1], cells[0])
    assert numbers(text) == pytest.approx([value for pair in anchors for value in pair], rel=1e-5)
    assert f"{cells[0]}x{cells[1]} cells x {len(anchors)} anchor" in text


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_anchors_scale_with_the_grid(name: str) -> None:
    base = np.array(DEFAULTS[name]).ravel()
    for size, stride, across, down in (
        (416, 32, 13, 13),
        (224, 32, 7, 7),
        ((416, 208), 16, 26, 13),
    ):
        text = models.build("yolov2-tiny", classes=2, anchors=name, size=size, stride=stride)
        expected = base * np.tile([across / 13, down / 13], len(base) // 2)
        assert numbers(text) == pytest.approx(expected, rel=1e-5)


def test_anchors_may_be_flat_paired_or_text() -> None:
    texts = {
        models.build("yolov2-tiny", classes=2, anchors=anchors)
        for anchors in ([1, 2, 3.5, 4], [(1, 2), (3.5, 4)], "1,2, 3.5,4,", "1, 2,3.50,4")
    }
    assert len(texts) == 1


def test_a_short_training_has_a_short_schedule() -> None:
    text = models.build("yolov2-tiny", classes=2, batch=12, updates=900)
    net = dict(naive.sections(text))["net"]
    assert (net["batch"], net["subdivisions"], net["max_batches"]) == ("12", "1", "900")
    assert (net["burn_in"], net["steps"]) == ("90", "540,765")
    assert region(text).options["anchor_warmup"] == str(12 * 900 // 10)
    assert "anchor_warmup" not in models.build("yolov2-tiny", classes=2)


def test_keys_may_be_set_and_added() -> None:
    text = models.build(
        "yolov2-tiny", classes=2, net={"learning_rate": 0.5, "clip": 3}, region={"random": 1}
    )
    net = dict(naive.sections(text))["net"]
    assert (net["learning_rate"], net["clip"], region(text).options["random"]) == ("0.5", "3", "1")


@pytest.mark.parametrize("name", sorted(models.files()))
def test_checked_in_files_are_the_generator_s(name: str) -> None:
    text = (shipped.folder("cfg") / name).read_text(encoding="utf-8")
    assert text == models.files()[name], "python -m pylrm.models renews cfg/"
    for line in text.splitlines():
        assert len(line) <= 100 or line.startswith("#     pylrm cfg")
        assert line.isascii() and line == line.rstrip()


def test_there_is_no_other_file_in_cfg() -> None:
    assert {path.name for path in shipped.folder("cfg").iterdir()} == set(models.files())
    assert shipped.names("cfg") == sorted(models.files())


@pytest.mark.parametrize("name", [name for name in models.SHIPPED if "-lrm" in name])
def test_lrm_is_the_only_difference(name: str) -> None:
    plain, mined = (
        naive.sections(models.files()[file]) for file in (name.replace("-lrm", ""), name)
    )
    assert mined[:-1] == plain
    k = 128 if "kitti" in name else 256
    assert mined[-1] == ("lrm", {"k": str(k), "nms": "0.7"})


@pytest.mark.parametrize("name", [name for name in models.SHIPPED if name.startswith("yolov2")])
def test_shipped_detectors_fit_their_data_set(name: str) -> None:
    text = models.files()[name]
    data = read_data(dict(naive.sections(text))["net"]["data"])
    assert region(text).options["classes"] == str(data.classes)
    assert region(text).options["max"] == "100"
    assert data.metric == ("area" if "kitti" in name else "11point")


@pytest.mark.parametrize("name", TWO_HEADS)
def test_two_heads_share_the_anchors(name: str) -> None:
    text = models.build(name, classes=2, anchors=[60, 50, 9, 8, 200, 90, 20, 30, 7, 7])
    coarse, fine = (layer for layer in naive.layers(text) if layer.kind == "yolo")
    assert (coarse.shape, fine.shape) == ((3 * 7, 13, 13), (2 * 7, 26, 26))
    assert (coarse.options["mask"], fine.options["mask"]) == ("2,3,4", "0,1")
    assert coarse.options["anchors"] == fine.options["anchors"] == "7,7, 9,8, 20,30, 60,50, 200,90"
    usual = naive.layers(models.build(name, classes=2, size=(416, 192)))[-1].options["anchors"]
    pixels = np.array(DEFAULTS["coco"]) * [32, 32 * 6 / 13]
    assert [float(word) for word in usual.split(",")] == pytest.approx(pixels.ravel(), rel=1e-5)


@pytest.mark.parametrize("name", YOLOS)
def test_both_heads_are_mined_together(name: str) -> None:
    with Network(models.build(name, classes=2, lrm={"k": 9}), outline=True) as net:
        (lrm,) = net.find("lrm")
        assert lrm.inputs == tuple(head.index for head in net.detectors)


@pytest.mark.parametrize("name", TWO_HEADS)
def test_the_finer_head_reads_twice_the_resolution(name: str) -> None:
    layers = naive.layers(models.build(name, classes=2))
    joined = [layer for layer in layers if layer.kind == "route"][-1]
    enlarged, fine = (int(word) for word in joined.options["layers"].split(","))
    assert enlarged == -1 and layers[fine].kind == "convolutional"
    assert layers[fine].shape == (256, 26, 26) and joined.shape == (128 + 256, 26, 26)
    assert layers[fine].options["size"] == ("3" if name == "yolov3-tiny" else "1")


def test_yolov4_has_three_heads() -> None:
    text = models.build("yolov4", classes=2, anchors=[60, 50, 9, 8, 200, 90, 20, 30, 7, 7])
    heads = [layer for layer in naive.layers(text) if layer.kind == "yolo"]
    assert [head.shape for head in heads] == [(7, 52, 52), (2 * 7, 26, 26), (2 * 7, 13, 13)]
    assert [head.options["mask"] for head in heads] == ["0", "1,2", "3,4"]
    assert [head.options["scale_x_y"] for head in heads] == ["1.2", "1.1", "1.05"]
    assert {head.options["anchors"] for head in heads} == {"7,7, 9,8, 20,30, 60,50, 200,90"}
    own = naive.layers(models.build("yolov4", classes=2, yolo={"scale_x_y": 1.3}))
    assert {la.options["scale_x_y"] for la in own if la.kind == "yolo"} == {"1.3"}
    usual = naive.layers(models.build("yolov4", classes=2, size=512))[-1].options
    assert usual["anchors"].startswith("12,16, 19,36, 40,28") and usual["num"] == "9"
    assert usual["anchors"].endswith("192,243, 459,401") and usual["mask"] == "6,7,8"


def test_yolov4_is_the_published_one() -> None:
    layers = naive.layers(models.build("yolov4", classes=80, size=608))
    assert len(layers) == 162 and sum(la.kind == "convolutional" for la in layers) == 110
    assert sum(la.kind == "shortcut" for la in layers) == 23
    # Its weights file, and that of its first 137 layers, which trainings start from: 20 bytes, then
    # the values.
    assert 4 * sum(layer.parameters for layer in layers) + 20 == 257_717_640
    assert 4 * sum(layer.parameters for layer in layers[:137]) + 20 == 170_038_676
    pooled = next(la for la in layers if la.kind == "route" and la.shape[0] == 2048)
    sources = [int(word) for word in pooled.options["layers"].split(",")]
    assert [layers[index].options["size"] for index in sources] == ["13", "9", "5", "1"]
    kinds = [la.options["activation"] for la in layers if "batch_normalize" in la.options]
    assert kinds == ["mish"] * 72 + ["leaky"] * 35


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in models.NAMES),
    *(("yolov2-mobilenet", {"multiplier": m}) for m in (0.75, 0.5, 0.25)),
    *((name, {"stride": 16, "size": 96}) for name in DETECTORS),
    *((name, {"size": (96, 64), "multiplier": 0.25}) for name in DETECTORS),
    *(("yolov2-mobilenet", {"activation": a}) for a in ("relu", "leaky", "relu6")),
    ("yolov2-tiny", {"anchors": [(1, 1)], "classes": 1}),
    *((name, {"size": (96, 64), "multiplier": 0.25, "lrm": {"k": 5}}) for name in YOLOS),
    ("yolov4-tiny", {"anchors": "voc", "yolo": {"iou_loss": "giou"}, "activation": "relu"}),
    ("yolov2-tiny", {"anchors": "kitti", "lrm": {"k": 5, "nms": 0.5}, "classes": 80}),
    ("yolov2-tiny", {"batch": 16, "updates": 100, "net": {"adam": 1}, "region": {"random": 1}}),
    ("mobilenet", {"size": (96, 64), "multiplier": 0.5, "activation": "relu6"}),
]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_engine_agrees_and_runs(name: str, options: dict[str, Any]) -> None:
    text = models.build(name, **{"classes": 3, "size": 64, **options})
    expected = naive.layers(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CfgWarning)
        net = Network(text, batch=2)
    with net:
        assert [layer.type for layer in net] == [layer.kind for layer in expected]
        for real, twin in zip(net, expected, strict=True):
            assert real.shape == twin.shape
            assert real.parameters == twin.parameters
            assert real.multiply_adds == twin.multiply_adds
        x = np.random.default_rng(0).random((2, 3, net.height, net.width), np.float32)
        output = net.forward(x, train=True)
        last = next(layer for layer in reversed(expected) if layer.kind != "lrm")
        assert output.shape == (2, *last.shape) and np.isfinite(output).all()
        if last.kind == "softmax":
            assert output.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("stride", [32, 16])
def test_a_classifier_s_backbone_starts_the_detector(
    name: str, stride: int, tmp_path: Path
) -> None:
    small: dict[str, Any] = {"multiplier": 0.25, "size": 64}
    with Network(models.build(name, classes=10, **small), batch=1, seed=1) as classifier:
        backbone = next(
            layer.index for layer in reversed(list(classifier)) if layer.shape[0] == 256
        )
        while classifier[backbone].type != "convolutional":
            backbone -= 1
        classifier.save_weights(tmp_path / "backbone.weights", upto=backbone + 1)
        saved = [layer.params for layer in classifier if layer.index <= backbone and layer.params]
        text = models.build(f"yolov2-{name}", classes=2, stride=stride, **small)
        with Network(text, tmp_path / "backbone.weights", batch=1, seed=2) as detector:
            comment = f"Layers 0 to {backbone - (stride == 16 and name == 'darknet19')} above"
            assert comment in text
            loaded = [layer.params for layer in detector if layer.params][: len(saved)]
            for one, other in zip(saved, loaded, strict=True):
                for key in one:
                    assert np.array_equal(one[key], other[key])


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("yolov3", {}, "no such network; there are yolov2-mobilenet"),
    ("yolov2-tiny", {"classes": 0}, "classes=0"),
    ("yolov2-tiny", {"classes": 2.5}, "whole number"),
    ("yolov2-tiny", {"size": 400}, "multiples of the stride, 32: not 400 but 384"),
    ("yolov2-tiny", {"size": (416, 10)}, "not 10 but 32"),
    ("yolov2-tiny", {"size": 0}, "size=0x0"),
    ("yolov2-tiny", {"size": 100, "stride": 16}, "not 100 but 96"),
    ("yolov2-tiny", {"stride": 8}, "one of 32, 16"),
    ("yolov2-tiny", {"multiplier": 0}, "above 0"),
    ("yolov2-tiny", {"multiplier": float("nan")}, "multiplier=nan"),
    ("yolov2-tiny", {"activation": "mish"}, "one of relu, leaky, relu6"),
    ("yolov2-tiny", {"anchors": []}, "0 numbers"),
    ("yolov2-tiny", {"anchors": [1, 2, 3]}, "3 numbers"),
    ("yolov2-tiny", {"anchors": [1, -2]}, "-2 is no size"),
    ("yolov2-tiny", {"anchors": [1, float("nan")]}, "nan is no size"),
    ("yolov2-tiny", {"anchors": "cifar"}, "expected voc, kitti, coco, coco9, or widths"),
    ("yolov2-tiny", {"yolo": {"random": 1}}, "yolo: yolov2-tiny has [region]"),
    ("yolov3-tiny", {"region": {"random": 1}}, "region: yolov3-tiny has [yolo]"),
    ("yolov3-tiny", {"stride": 16}, "2 heads, of 32, 16 pixels a cell"),
    ("yolov4-tiny", {"anchors": [3, 4]}, "there must be 2 or more"),
    ("yolov4", {"anchors": [3, 4, 5, 6]}, "yolov4 has 3 heads, so there must be 3 or more"),
    ("yolov4-tiny", {"yolo": {"mask": "1,2"}}, "the option anchors"),
    ("yolov2-tiny", {"anchors": [1, 1] * 129}, "1 to 128"),
    ("yolov2-tiny", {"lrm": {}}, "k is missing"),
    ("yolov2-tiny", {"lrm": {"k": -1}}, "lrm k=-1"),
    ("yolov2-tiny", {"lrm": {"k": 1, "nms": 1.5}}, "nms=1.5"),
    ("yolov2-tiny", {"lrm": {"k": 1, "iou": 1}}, "lrm=iou"),
    ("yolov2-tiny", {"batch": 0}, "batch=0"),
    ("yolov2-tiny", {"updates": 0}, "updates=0"),
    ("yolov2-tiny", {"net": {"width": 32}}, "the option size"),
    ("yolov2-tiny", {"region": {"num": 3}}, "the option anchors"),
    ("yolov2-tiny", {"data": "a\n[net]"}, "one line"),
    ("mobilenet", {"lrm": {"k": 3}}, "mobilenet is a classifier"),
    ("mobilenet", {"stride": 16}, "mobilenet is a classifier"),
    ("mobilenet", {"backbone_rate": 0.1}, "backbone_rate: only a detector has it"),
    ("yolov2-tiny", {"backbone_rate": -1}, "backbone_rate=-1: must be from 0"),
    ("darknet19", {"anchors": "voc"}, "darknet19 is a classifier"),
    ("darknet19", {"region": {"random": 1}}, "darknet19 is a classifier"),
]


@pytest.mark.parametrize(
    ("name", "backbone"),
    [
        ("yolov2-mobilenet", 27),
        ("yolov2-darknet19", 18),
        ("yolov2-tiny", 7),
        ("yolov3-tiny", 7),
        ("yolov4-tiny", 15),
        ("yolov4", 72),
    ],
)
def test_the_backbone_s_convolutions_have_a_rate_of_their_own(name: str, backbone: int) -> None:
    with Network(models.build(name, classes=2, backbone_rate=0.1), outline=True) as net:
        rates = [layer.option("learning_rate") for layer in net.find("convolutional")]
    assert rates == pytest.approx([0.1] * backbone + [1] * (len(rates) - backbone))


@pytest.mark.parametrize(("name", "options", "message"), MISTAKES)
def test_mistakes_are_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        models.build(name, **{"classes": 2, **options})
    assert message in str(caught.value) and "\n" not in str(caught.value)
