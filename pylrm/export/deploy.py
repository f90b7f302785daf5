"""A cfg for inference alone: what every program that reads Darknet's cfg files understands."""

from __future__ import annotations

from pylrm.cfg.file import Cfg, CfgLike, Section
from pylrm.engine import Layer, Network
from pylrm.errors import CfgError

# The keys that a layer's output depends on, by section.
KEYS: dict[str, tuple[str, ...]] = {
    "net": ("width", "height", "channels"),
    "convolutional": (
        "batch_normalize",
        "filters",
        "size",
        "stride",
        "pad",
        "padding",
        "groups",
        "activation",
    ),
    "deconvolutional": (
        "batch_normalize",
        "filters",
        "size",
        "stride",
        "pad",
        "padding",
        "activation",
    ),
    "local": ("filters", "size", "stride", "pad", "activation"),
    "crop": ("crop_width", "crop_height", "noadjust"),
    "maxpool": ("size", "stride", "padding"),
    "avgpool": (),
    "connected": ("batch_normalize", "output", "activation"),
    "batchnorm": (),
    "activation": ("activation",),
    "dropout": ("probability",),
    "route": ("layers", "groups", "group_id"),
    "reorg": ("stride", "reverse", "flatten", "extra"),
    "shortcut": ("from", "activation", "alpha", "beta"),
    "scale_channels": ("from", "scale_wh", "activation"),
    "sam": ("from", "activation"),
    "upsample": ("stride", "scale"),
    "l2norm": (),
    "normalization": ("alpha", "beta", "kappa", "size"),
    "softmax": ("groups", "temperature", "spatial", "tree"),
    "logistic": (),
    "cost": (),
    "region": ("anchors", "classes", "coords", "num", "softmax", "background", "tree"),
    "detection": ("classes", "coords", "side", "num", "softmax", "sqrt"),
    "yolo": (
        "mask",
        "anchors",
        "classes",
        "num",
        "scale_x_y",
        "new_coords",
        "nms_kind",
        "beta_nms",
    ),
    "Gaussian_yolo": ("mask", "anchors", "classes", "num", "scale_x_y", "nms_kind", "beta_nms"),
}
OURS = ("lrm",)  # sections that no other Darknet has; no layer reads them


def deploy(cfg: CfgLike) -> str:
    """Return the text of a cfg for inference: no [lrm], no keys of training, one image a pass.

    Parameters
    ----------
    cfg : Cfg, str or path
        The network's, as it was trained.

    Raises
    ------
    CfgError
        The cfg is missing or wrong, or computes what no key of other Darknets says.
    """
    cfg = Cfg.read(cfg)
    with Network(cfg, batch=1, inference=True, outline=True) as net:
        for layer in net.find("region"):
            if layer.option("loss") == "sigmoids":
                line = cfg.line_of(layer.line, "loss")
                raise CfgError(
                    f"{cfg}:{line}: [region] loss=sigmoids: scores without objectness are known "
                    "to no other Darknet; ONNX can say it (pylrm export)"
                )
        kept = [layer for layer in net if layer.type not in OURS]
        place = {layer.index: number for number, layer in enumerate(kept)}
        blocks = [_block("net", cfg.net, {"batch": "1", "subdivisions": "1"})]
        for layer in kept:
            section = cfg.sections[layer.index + 1]
            blocks.append(_block(layer.type, section, _references(layer, section, place)))
    head = f"# {cfg.stem}, for inference alone: written by pylrm cfg deploy"
    return "\n\n".join([head, *blocks]) + "\n"


def _block(name: str, section: Section, changed: dict[str, str]) -> str:
    """Return a section with the keys that count, as the cfg has them but for those changed."""
    values = {key: value for key, value in section.options.items() if key in KEYS[name]}
    return "\n".join(
        [f"[{name}]", *(f"{key}={value}" for key, value in (changed | values | changed).items())]
    )


def _references(layer: Layer, section: Section, place: dict[int, int]) -> dict[str, str]:
    """Return the keys that name other layers, where a section before the layer is left out."""
    if place[layer.index] == layer.index:
        return {}
    inputs = {"layers": layer.inputs, "from": layer.inputs[1:]}
    return {
        key: ",".join(str(place[index]) for index in inputs[key])
        for key in inputs
        if key in section.options
    }
