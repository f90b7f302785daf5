"""What becomes of each key of the newer Darknet fork: docs/fork-keys.md.

The page is printed from the lists here and the engine's own tables, and a test holds it equal:
`python -m pylrm.inspect.forkkeys > docs/fork-keys.md`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pylrm.binding.library import Key, keys
from pylrm.engine import Network
from pylrm.errors import CfgError

INTRODUCTION = """\
# The keys of the newer fork

Every key that the newer Darknet fork (AlexeyAB's) reads in a section that pylrm has, and what
becomes of it here:

- **honoured**: as in the fork ([differences](compatibility.md)); the [cfg reference](cfg.md) has
  its range;
- **ignored**: it changes nothing that pylrm does, and nothing is said;
- **refused**: the network would compute or learn something else; a value that asks for it is an
  error, with file and line.
"""

FORK = {
    "net": (
        "batch subdivisions width height channels inputs learning_rate learning_rate_min "
        "momentum decay clip adam B1 B2 eps policy max_batches burn_in power step scale steps "
        "scales seq_scales gamma sgdr_cycle sgdr_mult ema_alpha loss_scale angle aspect "
        "saturation exposure hue flip max_crop min_crop blur gaussian_noise mixup cutmix "
        "mosaic mosaic_bound letter_box label_smooth_eps resize_step dynamic_minibatch "
        "adversarial_lr attention contrastive contrastive_jit_flip contrastive_color "
        "unsupervised time_steps track augment_speed sequential_subdivisions try_fix_nan "
        "weights_reject_freq equidistant_point badlabels_rejection_percentage "
        "num_sigmas_reject_badlabels max_chart_loss optimized_memory workspace_size_limit_MB "
        "use_cuda_graph"
    ),
    "any layer": (
        "learning_rate stopbackward onlyforward dontload dontloadscales dont_update "
        "burnin_update train_only_bn clip show_receptive_field"
    ),
    "convolutional": (
        "filters size stride stride_x stride_y pad padding dilation groups batch_normalize "
        "activation cbn binary xnor bin_output share_index antialiasing assisted_excitation "
        "flipped dot coordconv sway rotate stretch stretch_sway angle reverse "
        "grad_centr stream wait_stream"
    ),
    "maxpool": (
        "size stride stride_x stride_y padding antialiasing maxpool_depth maxpool_zero_nonmax "
        "out_channels"
    ),
    "connected": "output activation batch_normalize",
    "route": "layers groups group_id stream wait_stream",
    "shortcut": "from activation weights_type weights_normalization",
    "upsample": "stride scale",
    "reorg": "stride reverse",
    "dropout": "probability dropblock dropblock_size_abs dropblock_size_rel",
    "softmax": "groups temperature noloss spatial tree",
    "cost": "type scale ratio",
    "activation": "activation",
    "crop": "crop_height crop_width flip angle saturation exposure noadjust shift",
    "local": "filters size stride pad activation",
    "normalization": "alpha beta kappa size",
    "scale_channels": "from scale_wh activation",
    "sam": "from activation",
    "detection": (
        "coords classes rescore num side softmax sqrt max coord_scale forced object_scale "
        "noobject_scale class_scale jitter resize random reorg"
    ),
    "region": (
        "anchors classes coords num log sqrt softmax background max jitter resize rescore "
        "thresh classfix absolute random coord_scale object_scale noobject_scale mask_scale "
        "class_scale bias_match focal_loss tree map"
    ),
    "yolo": (
        "mask anchors classes num max jitter resize random ignore_thresh truth_thresh "
        "iou_thresh iou_thresh_kind iou_loss iou_normalizer obj_normalizer cls_normalizer "
        "delta_normalizer max_delta counters_per_class label_smooth_eps scale_x_y "
        "objectness_smooth new_coords focal_loss nms_kind beta_nms map embedding_layer "
        "track_history_size sim_thresh dets_for_track dets_for_show track_ciou_norm "
        "show_details"
    ),
    "Gaussian_yolo": (
        "mask anchors classes num max jitter resize random ignore_thresh truth_thresh "
        "iou_thresh iou_thresh_kind iou_loss iou_normalizer uc_normalizer obj_normalizer "
        "cls_normalizer delta_normalizer max_delta counters_per_class label_smooth_eps scale_x_y "
        "objectness_smooth nms_kind beta_nms yolo_point map"
    ),
}

# Sections, by the name that they are written with most.
SECTIONS = (
    "Gaussian_yolo activation avgpool batchnorm connected contrastive conv_lstm convolutional cost "
    "crnn crop detection dropout empty gru history implicit local local_avgpool lstm maxpool "
    "normalization region reorg reorg3d rnn route sam scale_channels shortcut silence softmax "
    "upsample yolo"
)


def section_fate(name: str) -> tuple[str, str]:
    """Return what becomes of a section, and why where it is refused."""
    try:
        Network(f"[net]\nwidth=8\nheight=8\nchannels=3\n[{name}]\n", outline=True).close()
    except CfgError as error:
        _, _, why = str(error).partition(f"[{name}]: ")
        if why:
            return "refused", why
        if "is no layer type" in str(error):
            return "refused", "there is no such layer here"
    return "honoured", ""


def fate(section: str, name: str, known: dict[tuple[str, str], Key]) -> tuple[str, str]:
    """Return what becomes of a key, and why where it is not honoured."""
    key = known.get((section, name)) or known["any layer", name]
    if key.type == "refused":
        return "refused", f"{key.doc}; fine as {key.default}" if key.default else key.doc
    if key.type == "ignored":
        return "ignored", key.doc.replace("accepted, and without effect", "").strip(" ;:,")
    return "honoured", ""


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    known = {(key.section, key.name): key for key in keys()}
    yield INTRODUCTION
    for section, names in FORK.items():
        yield "## Any layer" if section == "any layer" else f"## [{section}]"
        yield ""
        yield "| key | here | why |"
        yield "|---|---|---|"
        for name in names.split():
            yield f"| {name} | {' | '.join(fate(section, name, known))} |"
        yield ""
    yield "## Sections"
    yield ""
    yield "| section | here | why |"
    yield "|---|---|---|"
    for name in SECTIONS.split():
        yield f"| {name} | {' | '.join(section_fate(name))} |"


if __name__ == "__main__":
    print("\n".join(page()).rstrip())
