"""Shapes and costs from a cfg text alone: an independent twin of generator and engine."""

from __future__ import annotations

from dataclasses import dataclass

Options = dict[str, str]


@dataclass
class Layer:
    kind: str
    options: Options
    shape: tuple[int, int, int]
    parameters: int = 0
    multiply_adds: int = 0


def sections(text: str) -> list[tuple[str, Options]]:
    found: list[tuple[str, Options]] = []
    for line in text.splitlines():
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif line and not line.startswith("#"):
            key, value = line.split("=")
            assert key not in found[-1][1], f"{key} stands twice in [{found[-1][0]}]"
            found[-1][1][key] = value
    return found


def layers(text: str) -> list[Layer]:
    (_, net), *rest = sections(text)
    image = int(net["channels"]), int(net["height"]), int(net["width"])
    done: list[Layer] = []
    for kind, options in rest:
        into = done[-1].shape if done else image
        done.append(_layer(kind, options, into, done))
    return done


def _layer(kind: str, options: Options, into: tuple[int, int, int], done: list[Layer]) -> Layer:
    channels, height, width = into
    number = {key: int(value) for key, value in options.items() if value.lstrip("-").isdigit()}
    if kind == "convolutional":
        filters, size, stride = number["filters"], number["size"], number["stride"]
        padding = size // 2 if number.get("pad") else 0
        down, across = ((side + 2 * padding - size) // stride + 1 for side in (height, width))
        groups = number.get("groups", 1)
        assert channels % groups == 0 and filters % groups == 0
        weights = filters * (channels // groups) * size * size
        extra = filters * (4 if number.get("batch_normalize") else 1)
        shape = filters, down, across
        return Layer(kind, options, shape, weights + extra, weights * down * across)
    if kind == "maxpool":
        down, across = ((side - 1) // number["stride"] + 1 for side in (height, width))
        return Layer(kind, options, (channels, down, across))
    if kind == "avgpool":
        return Layer(kind, options, (channels, 1, 1))
    if kind == "reorg":
        stride = number["stride"]
        assert height % stride == 0 and width % stride == 0
        return Layer(kind, options, (channels * stride**2, height // stride, width // stride))
    if kind == "route":
        indices = [int(word) for word in options["layers"].split(",")]
        parts = [done[index].shape for index in indices]
        assert len({shape[1:] for shape in parts}) == 1
        every, groups = sum(shape[0] for shape in parts), number.get("groups", 1)
        assert every % groups == 0 and number.get("group_id", 0) < groups
        return Layer(kind, options, (every // groups, *parts[0][1:]))
    if kind == "shortcut":
        assert done[int(options["from"])].shape == into
        return Layer(kind, options, into)
    if kind == "upsample":
        return Layer(kind, options, (channels, height * number["stride"], width * number["stride"]))
    if kind == "yolo":
        sizes = [float(word) for word in options["anchors"].split(",")]
        mask = [int(word) for word in options["mask"].split(",")]
        assert len(sizes) == 2 * number["num"] and max(mask) < number["num"]
        assert channels == len(mask) * (5 + number["classes"])
        return Layer(kind, options, into)
    if kind == "region":
        sizes = [float(word) for word in options["anchors"].split(",")]
        assert len(sizes) == 2 * number["num"]
        assert channels == number["num"] * (5 + number["classes"])
        return Layer(kind, options, into)
    if kind == "lrm":
        return Layer(kind, options, (0, 0, 0))
    assert kind == "softmax"
    return Layer(kind, options, into)
