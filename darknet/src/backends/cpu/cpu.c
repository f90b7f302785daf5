/* The fast backend: own convolutions, own versions of what plain loops do badly, the plain loops
 * over all processors for the rest. */
#include "backends/reference/reference.h"
#include "conv.h"
#include "cpu.h"

const backend cpu_backend = {
    .name = "fast",
    .conv_workspace = cpu_conv_workspace,
    .conv_forward = cpu_conv_forward,
    .conv_backward = cpu_conv_backward,
    .conv_packed_bytes = cpu_conv_packed_bytes,
    .conv_fold = cpu_conv_fold,
    .conv_takes = cpu_conv_takes,
    .batchnorm = reference_batchnorm,
    .batchnorm_grad = reference_batchnorm_grad,
    .activate = cpu_activate,
    .activate_grad = cpu_activate_grad,
    .maxpool = cpu_maxpool,
    .maxpool_grad = reference_maxpool_grad,
    .avgpool = reference_avgpool,
    .avgpool_grad = reference_avgpool_grad,
    .upsample = cpu_upsample,
    .upsample_grad = reference_upsample_grad,
    .downsample = reference_downsample,
    .downsample_grad = reference_downsample_grad,
    .reorg = reference_reorg,
    .reorg_grad = reference_reorg_grad,
    .transpose = reference_transpose,
    .shortcut = cpu_shortcut,
    .shortcut_grad = cpu_shortcut_grad,
    .copy_rows = reference_copy_rows,
    .softmax = reference_softmax,
    .dropout = reference_dropout,
    .multiply = reference_multiply,
    .sgd = reference_sgd,
    .adam = reference_adam,
    .clip = reference_clip,
    .squares = reference_squares,
    .shrink = reference_shrink,
};
