/* [connected] every output depends on every input: a 1x1 convolution of a map of one pixel.
 * in (batch, c, h, w) read as (batch, c*h*w), out (batch, output, 1, 1)
 */
#include "section.h"

typedef struct {
    conv shape; /* first: section.h */
    int output, batch_normalize, activation;
} connected;

static const key keys[] = {
    KEY_INT(connected, output, 1, 1, 1 << 24, "outputs"),
    KEY_INT(connected, batch_normalize, 0, 0, 1, "1: batch norm before the activation"),
    KEY_CHOICE(connected, activation, "logistic", activations, "after batch norm or bias"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    connected *c = l->state;
    const int64_t inputs = dims_count(l->in[0]);
    const param *weights = dn_param(l, "weights");
    if (weights && weights->shape[1] != inputs)
        return dn_layer_error(
            l, e,
            "has weights for %lld inputs and cannot see %lld: a network with [connected] keeps its "
            "input size",
            (long long)weights->shape[1], (long long)inputs);
    l->out = (dims){c->output, 1, 1};
    c->shape = (conv){.in = {(int)inputs, 1, 1},
                      .out = l->out,
                      .size = 1,
                      .stride = 1,
                      .groups = 1,
                      .batch_normalize = c->batch_normalize,
                      .activation = (activation)c->activation};
    if (l->param_count == 0) {
        section_add_biases(l, &c->shape);
        dn_add_param(l, "weights", true, true, 2, (const int64_t[]){c->output, inputs});
        section_add_norm(l, &c->shape);
    }
    section_add_buffers(l, &c->shape);
    return DN_OK;
}

static int64_t multiply_adds(const layer *l)
{
    return dims_count(l->in[0]) * dims_count(l->out);
}

const layer_type connected_layer = {
    "connected", sizeof(connected), keys, .reads_input = true, .shape = shape,
    .multiply_adds = multiply_adds, SECTION_FUNCTIONS};
