"""Which section of a cfg takes which convolution of a trained network."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pylrm.cfg.file import Cfg
from pylrm.engine import Layer, Network
from pylrm.errors import CfgError, WeightsError
from pylrm.terminal import count_of
from pylrm.weights.source import Convolution, Source

PADDINGS = ("shift", "exact")
EXACT_SIZE = 5  # a 3x3 kernel in the corner of one of 5x5


def match(net: Network, source: Source, padding: str) -> list[Layer]:
    """Return the layers that take a source's convolutions, in order: the cfg's first ones.

    Parameters
    ----------
    net : Network
        Of the cfg; an outline does.
    source : Source
        The trained network.
    padding : str
        "exact": layers of stride 2 must have 5x5 kernels (see `pylrm.weights.start`); else "shift".

    Raises
    ------
    CfgError
        A layer does not fit its convolution; the message has the cfg's line and both.
    WeightsError
        The source's padding is as the cfg's, and exact padding is asked for.
    """
    if padding == "exact" and source.symmetric:
        raise WeightsError(
            f"{source.path}: its padding is the same on all sides, as the cfg's: exact without 5x5 "
            "kernels (leave out --padding exact)"
        )
    layers = list(itertools.takewhile(lambda layer: layer.type == "convolutional", net))
    wanted = source.convolutions
    if len(layers) < len(wanted):
        raise CfgError(
            f"{net.cfg}: starts with {len(layers)} [convolutional] sections; {source.path} has "
            f"{count_of(len(wanted), 'convolution')}"
        )
    layers = layers[: len(wanted)]
    reductions = [i for i, convolution in enumerate(wanted) if convolution.stride == 2]
    for i, (layer, convolution) in enumerate(zip(layers, wanted, strict=True)):
        last = bool(reductions) and i == reductions[-1]
        _check_shape(net, layer, convolution, source, last, padding)
        _check_kind(net, layer, source)
    if padding == "exact":
        _check_exact(net.cfg, [layer for layer in layers if layer.option("stride") == 2])
    return layers


def _check_shape(
    net: Network, layer: Layer, wanted: Convolution, source: Source, last: bool, padding: str
) -> None:
    """Compare shapes, stride and groups; the last reduction may be left out in the cfg."""
    index = layer.inputs[0]
    channels = net.channels if index < 0 else net[index].shape[0]
    filters, size, stride, groups = (
        layer.option(key) for key in ("filters", "size", "stride", "groups")
    )
    strides = {wanted.stride, 1} if last else {wanted.stride}
    sizes = {wanted.size}
    if padding == "exact" and wanted.stride == stride == 2:
        sizes = {wanted.size, EXACT_SIZE}  # which of them: _check_exact, for all lines at once
    same = (channels, filters, groups) == (wanted.channels, len(wanted.weights), wanted.groups)
    if not (same and stride in strides and size in sizes):
        raise CfgError(
            f"{net.cfg}:{layer.line}: layer {layer.index} has {channels} to {filters} channels, "
            f"{size}x{size}/{stride}, groups={groups}; {wanted.name} of {source.path} has {wanted}"
        )


def _check_kind(net: Network, layer: Layer, source: Source) -> None:
    where = f"{net.cfg}:{layer.line}: layer {layer.index}"
    if layer.option("activation") != source.activation:
        raise CfgError(
            f"{where} has activation={layer.option('activation')}; {source.path} was trained with "
            f"{source.activation} (pylrm cfg --activation {source.activation})"
        )
    if not layer.option("batch_normalize"):
        raise CfgError(f"{where} has no batch norm; it must have batch_normalize=1")
    size = layer.option("size")
    padding = size // 2 if layer.option("pad") else layer.option("padding")
    if padding != size // 2:
        raise CfgError(f"{where} has padding={padding}; it must have pad=1, that is {size // 2}")


def _check_exact(cfg: Cfg, reductions: Sequence[Layer]) -> None:
    small = [layer for layer in reductions if layer.option("size") != EXACT_SIZE]
    if small:
        lines = ", ".join(str(cfg.line_of(layer.line, "size")) for layer in small)
        raise CfgError(
            f"{cfg}:{lines}: exact padding needs size={EXACT_SIZE} in the convolutions of stride 2"
        )
