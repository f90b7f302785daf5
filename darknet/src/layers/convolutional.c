/* [convolutional] convolution, batch norm or bias, activation: one section, one entry of the
 * backend.
 * in  (batch, c, h, w)
 * out (batch, filters, (h + 2*padding - size)/stride + 1, likewise w)
 * `delta` is minus the gradient at the output; after backward(), at the convolution's own sums.
 */
#include "section.h"

typedef struct {
    conv shape; /* first: section.h */
    int filters, size, stride, pad, padding, groups, batch_normalize, activation;
} convolutional;

static const key keys[] = {
    KEY_INT(convolutional, filters, 1, 1, 1 << 20, "output channels"),
    KEY_INT(convolutional, size, 1, 1, 1024, "side of the kernel"),
    KEY_INT(convolutional, stride, 1, 1, 1024, "step of the kernel"),
    KEY_INT(convolutional, pad, 0, 0, 1,
            "1: a padding of size/2 on every side, whatever padding says"),
    KEY_INT(convolutional, padding, 0, 0, 1024, "zeros on every side"),
    KEY_INT(convolutional, groups, 1, 1, 1 << 20,
            "groups of channels that see only themselves; all of them: depthwise"),
    KEY_INT(convolutional, batch_normalize, 0, 0, 1, "1: batch norm after the convolution"),
    KEY_CHOICE(convolutional, activation, "logistic", activations, "after batch norm or bias"),
    KEY_FOREIGN("dilation", "1", "kernels have no gaps here"),
    KEY_FOREIGN("stride_x", "0", "stride= is that of both directions"),
    KEY_FOREIGN("stride_y", "0", "stride= is that of both directions"),
    KEY_FOREIGN("binary", "0", "weights are real numbers here"),
    KEY_FOREIGN("xnor", "0", "weights and inputs are real numbers here"),
    KEY_FOREIGN("bin_output", "0", "outputs are real numbers here"),
    KEY_FOREIGN("share_index", "-1000000000", "layers do not share weights here"),
    KEY_FOREIGN("antialiasing", "0", "there is no blurred stride here"),
    KEY_FOREIGN("assisted_excitation", "0", "truths do not change activations here"),
    KEY_FOREIGN("cbn", "0", "statistics are those of a pass, not of several"),
    KEY_FOREIGN("flipped", "0", "weights are not transposed here"),
    KEY_FOREIGN("coordconv", "0", "there are no channels of coordinates here"),
    KEY_FOREIGN("sway", "0", "kernels have one form here"),
    KEY_FOREIGN("rotate", "0", "kernels have one form here"),
    KEY_FOREIGN("stretch", "0", "kernels have one form here"),
    KEY_FOREIGN("stretch_sway", "0", "kernels have one form here"),
    KEY_FOREIGN("grad_centr", "0", "gradients are not centred"),
    KEY_IGNORED("angle", "of rotate=; accepted, and without effect"),
    KEY_IGNORED("reverse", "of sway= and the like; accepted, and without effect"),
    KEY_IGNORED("dot", "used by no Darknet; accepted, and without effect"),
    KEY_IGNORED("stream", "of a GPU; accepted, and without effect"),
    KEY_IGNORED("wait_stream", "of a GPU; accepted, and without effect"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    convolutional *c = l->state;
    const dims in = l->in[0];
    if (in.c % c->groups || c->filters % c->groups)
        return dn_layer_error(l, e,
                              "groups=%d must divide the input's channels (%d) and filters=%d",
                              c->groups, in.c, c->filters);
    const int64_t depth = (int64_t)(in.c / c->groups) * c->size * c->size;
    if (depth > INT32_MAX)
        return dn_layer_error(l, e,
                              "size=%d: an output would sum channels/groups*size*size=%lld "
                              "products; there may be 2^31 - 1",
                              c->size, (long long)depth);
    const int padding = c->pad ? c->size / 2 : c->padding;
    if (in.h + 2 * padding < c->size || in.w + 2 * padding < c->size)
        return dn_layer_error(
            l, e, "size=%d is larger than the input of %dx%d with padding %d: at most %d would fit",
            c->size, in.w, in.h, padding, (in.h < in.w ? in.h : in.w) + 2 * padding);
    l->out = (dims){c->filters, (in.h + 2 * padding - c->size) / c->stride + 1,
                    (in.w + 2 * padding - c->size) / c->stride + 1};
    c->shape = (conv){.in = in,
                      .out = l->out,
                      .size = c->size,
                      .stride = c->stride,
                      .padding = padding,
                      .groups = c->groups,
                      .batch_normalize = c->batch_normalize,
                      .activation = (activation)c->activation};
    if (l->param_count == 0) {
        section_add_biases(l, &c->shape);
        section_add_norm(l, &c->shape);
        const int64_t weights[] = {c->filters, in.c / c->groups, c->size, c->size};
        dn_add_param(l, "weights", true, true, 4, weights);
    }
    section_add_buffers(l, &c->shape);
    return DN_OK;
}

static int64_t multiply_adds(const layer *l)
{
    const convolutional *c = l->state;
    return dims_count(l->out) * (l->in[0].c / c->groups) * c->size * c->size;
}

const layer_type convolutional_layer = {
    "convolutional", sizeof(convolutional), keys, .reads_input = true, .shape = shape,
    .multiply_adds = multiply_adds, SECTION_FUNCTIONS};
