/* [local] a convolution whose kernels differ from place to place, and so do its biases.
 * in  (batch, c, h, w)
 * out (batch, filters, (h - size)/stride + 1, likewise w); pad=1: (h - 1)/stride + 1
 * `delta` is minus the gradient at the output; after backward(), at the sums before the activation.
 */
#include <math.h>

#include "backend.h"

typedef struct {
    int filters, size, stride, pad, activation;
    window shape;
} local;

static const key keys[] = {
    KEY_INT(local, filters, 1, 1, 1 << 20, "output channels"),
    KEY_INT(local, size, 1, 1, 1024, "side of the kernels"),
    KEY_INT(local, stride, 1, 1, 1024, "step of the kernels"),
    KEY_INT(local, pad, 0, 0, 1, "1: zeros around, (size-1)/2 above and to the left"),
    KEY_CHOICE(local, activation, "logistic", activations, "of the sums"),
    KEY_END};

/* (filters, h, w) biases; (h*w, filters, c, size*size) weights. */
static void declare(layer *l, const local *s)
{
    const int64_t taps = (int64_t)s->size * s->size, places = (int64_t)l->out.h * l->out.w;
    if (l->param_count)
        return;
    dn_add_param(l, "biases", true, false, 3, (const int64_t[]){l->out.c, l->out.h, l->out.w});
    const int weights = dn_add_param(l, "weights", true, true, 4,
                                     (const int64_t[]){places, l->out.c, l->in[0].c, taps});
    l->params[weights].spread = sqrt(2 / (double)(l->in[0].c * taps));
}

static dn_status shape(layer *l, dn_error *e)
{
    local *s = l->state;
    const dims in = l->in[0];
    const int lost = s->pad ? 1 : s->size;
    if (in.h < lost || in.w < lost)
        return dn_layer_error(l, e, "size=%d is larger than the input of %dx%d", s->size, in.w,
                              in.h);
    const dims out = {s->filters, (in.h - lost) / s->stride + 1, (in.w - lost) / s->stride + 1};
    const param *biases = dn_param(l, "biases");
    if (biases && (biases->shape[1] != out.h || biases->shape[2] != out.w))
        return dn_layer_error(l, e,
                              "has kernels for %dx%d places and cannot have %dx%d: a network with "
                              "[local] keeps its input size",
                              (int)biases->shape[2], (int)biases->shape[1], out.w, out.h);
    l->out = out;
    s->shape = (window){.in = in,
                        .out = out,
                        .size = s->size,
                        .stride = s->stride,
                        .padding = s->pad ? (s->size - 1) / 2 : 0};
    declare(l, s);
    if (activations[s->activation].reads_x)
        dn_add_buffer(l, "sums", DN_FLOAT32, LIVES_IN_PASS, 3,
                      (const int64_t[]){out.c, out.h, out.w});
    l->reads_output = s->activation != LINEAR;
    return DN_OK;
}

static int64_t multiply_adds(const layer *l)
{
    const local *s = l->state;
    return dims_count(l->out) * l->in[0].c * s->size * s->size;
}

static void forward(layer *l, const pass *p)
{
    const local *s = l->state;
    float *kept = dn_buffer(l, "sums"), *sums = kept ? kept : l->output;
    p->backend->local(p, &s->shape, l->input[0], dn_param(l, "weights")->value,
                      dn_param(l, "biases")->value, sums);
    p->backend->activate(p, (activation)s->activation, sums, l->output,
                         all_of(p->batch * dims_count(l->out)));
}

static void backward(layer *l, const pass *p)
{
    const local *s = l->state;
    const param *weights = dn_param(l, "weights");
    p->backend->activate_grad(p, (activation)s->activation, l->output, dn_buffer(l, "sums"),
                              l->delta, l->delta, false, all_of(p->batch * dims_count(l->out)));
    p->backend->local_grad(p, &s->shape, l->input[0], weights->value, l->delta, weights->grad,
                           dn_param(l, "biases")->grad, l->input_delta[0], l->adds[0]);
}

const layer_type local_layer = {.name = "local",
                                .state_size = sizeof(local),
                                .keys = keys,
                                .reads_input = true,
                                .shape = shape,
                                .multiply_adds = multiply_adds,
                                .forward = forward,
                                .backward = backward};
