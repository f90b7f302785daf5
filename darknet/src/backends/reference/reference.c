#include "reference.h"

static const char *kernels(void)
{
    return "reference";
}

extern const backend reference_backend;
const backend reference_backend = {
    .name = "reference",
    .kernels = kernels,
    .conv_workspace = reference_conv_workspace,
    .conv_forward = reference_conv_forward,
    .conv_backward = reference_conv_backward,
    .conv_packed_bytes = reference_conv_packed_bytes,
    .conv_fold = reference_conv_fold,
    .batchnorm = reference_batchnorm,
    .batchnorm_grad = reference_batchnorm_grad,
    .activate = reference_activate,
    .activate_grad = reference_activate_grad,
    .maxpool = reference_maxpool,
    .maxpool_grad = reference_maxpool_grad,
    .avgpool = reference_avgpool,
    .avgpool_grad = reference_avgpool_grad,
    .upsample = reference_upsample,
    .upsample_grad = reference_upsample_grad,
    .downsample = reference_downsample,
    .downsample_grad = reference_downsample_grad,
    .reorg = reference_reorg,
    .reorg_grad = reference_reorg_grad,
    .transpose = reference_transpose,
    .shortcut = reference_shortcut,
    .shortcut_grad = reference_shortcut_grad,
    .copy_rows = reference_copy_rows,
    .softmax = reference_softmax,
    .dropout = reference_dropout,
    .multiply = reference_multiply,
    .cost = reference_cost,
    .cross_entropy = reference_cross_entropy,
    .detector_workspace = reference_detector_workspace,
    .region_loss = reference_region_loss,
    .yolo_loss = reference_yolo_loss,
    .mine_workspace = reference_mine_workspace,
    .mine = reference_mine,
    .affine = reference_affine,
    .sgd = reference_sgd,
    .adam = reference_adam,
    .clip = reference_clip,
    .squares = reference_squares,
    .shrink = reference_shrink,
};
