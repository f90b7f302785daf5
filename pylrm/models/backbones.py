"""The backbones: feature extractors that reduce an image 32-fold, or some of them 16-fold.

Each adds its layers to a text and returns the index of the layer that a passthrough or a finer head
takes, the last at twice the output's resolution; of YOLOv4's, one for each of two finer heads. The
weights do not depend on the stride: a backbone trained as a classifier fits both.
"""

from __future__ import annotations

from pylrm.models.text import CfgText
from pylrm.terminal import count_of


def mobilenet(text: CfgText, stride: int) -> int:
    """MobileNet-v1 (Howard et al., 2017): 27 layers, 1024 channels at multiplier 1."""
    text.comment(f"MobileNet-v1; the input is {text.shape}")
    text.conv(32, size=3, stride=2)
    text.separable(64)
    fine = 0
    for filters, repeats in ((128, 1), (256, 1), (512, 5), (1024, 1)):
        reduces = filters < 1024 or stride == 32
        if filters == (1024 if stride == 32 else 512):
            fine = text.last
        text.separable(filters, 2 if reduces else 1)
        for _ in range(repeats):
            text.separable(filters)
    return fine


def darknet19(text: CfgText, stride: int) -> int:
    """Darknet-19 (Redmon and Farhadi, 2016): 23 layers at stride 32, 1024 channels."""
    text.comment(f"Darknet-19: 18 convolutions; the input is {text.shape}")
    text.conv(32, size=3)
    fine = 0
    for filters, convolutions in ((64, 1), (128, 3), (256, 3), (512, 5), (1024, 5)):
        if filters == (1024 if stride == 32 else 512):
            fine = text.last
        if filters < 1024 or stride == 32:
            text.maxpool(2)
        text.comment(f"{filters} channels, squeezed to half by each 1x1")
        for i in range(convolutions):
            text.conv(filters if i % 2 == 0 else filters // 2, size=3 if i % 2 == 0 else 1)
    return fine


def tiny(text: CfgText, stride: int) -> int:
    """Tiny YOLOv2's and v3's: seven 3x3 convolutions, each with twice the channels before."""
    text.comment(f"seven convolutions between maxima; the input is {text.shape}")
    fine = 0
    for filters in (16, 32, 64, 128, 256):
        text.conv(filters, size=3)
        if filters < 256 or stride == 32:
            fine = text.last
            text.maxpool(2)
    text.conv(512, size=3)
    text.comment("a maximum that keeps the size")
    text.maxpool(1)
    text.conv(1024, size=3)
    return fine


def partial_tiny(text: CfgText) -> int:
    """Tiny YOLOv4's: three cross stage partial blocks (Wang et al., Scaled-YOLOv4, 2021)."""
    text.comment(f"two convolutions with a stride; the input is {text.shape}")
    text.conv(32, size=3, stride=2)
    text.conv(64, size=3, stride=2)
    fine = 0
    for filters in (64, 128, 256):
        fine = _partial_block(text, filters)
        text.maxpool(2)
    text.conv(512, size=3)
    return fine


def partial_darknet53(text: CfgText) -> tuple[int, int]:
    """YOLOv4's (Bochkovskiy et al., 2020): 72 convolutions; returns its maps of 16 and 8 pixels."""
    text.comment(
        "CSPDarknet-53: five stages. Each halves the map, then makes two copies of it by 1x1 "
        "convolutions: one goes through residual blocks, and joins the other again. The input is "
        f"{text.shape}"
    )
    text.conv(32, size=3)
    _partial_stage(text, 64, blocks=1, copy=64)
    _partial_stage(text, 128, blocks=2, copy=64)
    fine = _partial_stage(text, 256, blocks=8, copy=128)
    middle = _partial_stage(text, 512, blocks=8, copy=256)
    _partial_stage(text, 1024, blocks=4, copy=512)
    return middle, fine


def _partial_stage(text: CfgText, filters: int, blocks: int, copy: int) -> int:
    """Add a stage of so many residual blocks on a copy of `copy` channels; return its 1x1 end."""
    text.comment(f"{text.scaled(filters)} channels, {count_of(blocks, 'residual block')}")
    text.conv(filters, size=3, stride=2)
    start = text.last
    text.conv(copy)
    beside = text.last
    text.route(start)
    text.conv(copy)
    for _ in range(blocks):
        before = text.last
        text.conv(filters // 2)
        text.conv(copy, size=3)
        text.shortcut(before)
    text.conv(copy)
    text.route(-1, beside)
    text.conv(filters)
    return text.last


def _partial_block(text: CfgText, filters: int) -> int:
    """Add convolutions of half of the channels, joined with all of them; return their 1x1 end."""
    text.comment(f"Two convolutions of one half of {filters} channels, beside all of them")
    text.conv(filters, size=3)
    whole = text.last
    text.half()
    text.conv(filters // 2, size=3)
    first = text.last
    text.conv(filters // 2, size=3)
    text.route(-1, first)
    text.conv(filters)
    end = text.last
    text.route(whole, end)
    return end
