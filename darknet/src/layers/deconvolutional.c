/* [deconvolutional] a transposed convolution: each input adds a kernel to the output. Then batch
 * norm or bias, and an activation.
 * in  (batch, c, h, w)
 * out (batch, filters, (h - 1)*stride + size - 2*padding, likewise w)
 * `delta` is minus the gradient at the output; after backward(), at the sums.
 */
#include <math.h>

#include "section.h"

typedef struct {
    conv shape; /* first: section.h */
    int filters, size, stride, pad, padding, batch_normalize, activation;
    window window;
} deconvolutional;

static const key keys[] = {
    KEY_INT(deconvolutional, filters, 1, 1, 1 << 20, "output channels"),
    KEY_INT(deconvolutional, size, 1, 1, 1024, "side of the kernel"),
    KEY_INT(deconvolutional, stride, 1, 1, 1024, "outputs between the kernels of two inputs"),
    KEY_INT(deconvolutional, pad, 0, 0, 1, "1: a padding of size/2, whatever padding says"),
    KEY_INT(deconvolutional, padding, 0, 0, 1024, "rows and columns cut off every side"),
    KEY_INT(deconvolutional, batch_normalize, 0, 0, 1, "1: batch norm after the sums"),
    KEY_CHOICE(deconvolutional, activation, "logistic", activations, "after batch norm or bias"),
    KEY_END};

static dn_status shape(layer *l, dn_error *e)
{
    deconvolutional *s = l->state;
    const dims in = l->in[0];
    const int padding = s->pad ? s->size / 2 : s->padding;
    const int64_t h = (int64_t)(in.h - 1) * s->stride + s->size - 2 * padding,
                  w = (int64_t)(in.w - 1) * s->stride + s->size - 2 * padding;
    if (h < 1 || w < 1 || h > INT32_MAX || w > INT32_MAX)
        return dn_layer_error(l, e,
                              "has an output of %lldx%lld from an input of %dx%d: less padding "
                              "than %d, or a smaller size and stride, would fit",
                              (long long)w, (long long)h, in.w, in.h, padding);
    l->out = (dims){s->filters, (int)h, (int)w};
    s->shape = (conv){.in = in,
                      .out = l->out,
                      .size = s->size,
                      .stride = s->stride,
                      .groups = 1,
                      .batch_normalize = s->batch_normalize,
                      .activation = (activation)s->activation};
    s->window = (window){in, l->out, s->size, s->stride, padding};
    if (l->param_count == 0) {
        section_add_biases(l, &s->shape);
        section_add_norm(l, &s->shape);
        const int64_t weights[] = {in.c, s->filters, s->size, s->size};
        const int index = dn_add_param(l, "weights", true, true, 4, weights);
        l->params[index].spread = sqrt(2.0 * s->stride * s->stride
                                       / ((double)in.c * s->size * s->size));
    }
    section_add_buffers(l, &s->shape);
    if (activations[s->activation].reads_x)
        dn_add_buffer(l, "linear", DN_FLOAT32, LIVES_IN_PASS, 3,
                      (const int64_t[]){l->out.c, l->out.h, l->out.w});
    return DN_OK;
}

static int64_t multiply_adds(const layer *l)
{
    const deconvolutional *s = l->state;
    return dims_count(l->in[0]) * s->filters * s->size * s->size;
}

/* As batch norm takes it: from the sums to what the activation takes. */
static conv_data collect(const layer *l)
{
    conv_data d = section_collect(l);
    float *linear = dn_buffer(l, "linear");
    d.output = linear ? linear : l->output;
    if (!d.raw)
        d.raw = d.output;
    return d;
}

static void forward(layer *l, const pass *p)
{
    const deconvolutional *s = l->state;
    const conv_data d = collect(l);
    p->backend->deconv(p, &s->window, d.input, d.weights, s->batch_normalize ? NULL : d.biases,
                       s->batch_normalize ? d.raw : d.output);
    if (s->batch_normalize)
        p->backend->batchnorm(p, l->out, &d);
    p->backend->activate(p, s->shape.activation, d.output, l->output,
                         all_of(p->batch * dims_count(l->out)));
}

static void backward(layer *l, const pass *p)
{
    const deconvolutional *s = l->state;
    const conv_data d = collect(l);
    p->backend->activate_grad(p, s->shape.activation, l->output, d.output, l->delta, l->delta,
                              false, all_of(p->batch * dims_count(l->out)));
    if (s->batch_normalize)
        p->backend->batchnorm_grad(p, l->out, &d);
    p->backend->deconv_grad(p, &s->window, d.input, d.weights, l->delta, d.weight_grads,
                            s->batch_normalize ? NULL : d.bias_grads, d.input_delta, d.add);
}

const layer_type deconvolutional_layer = {.name = "deconvolutional",
                                          .state_size = sizeof(deconvolutional),
                                          .keys = keys,
                                          .reads_input = true,
                                          .shape = shape,
                                          .multiply_adds = multiply_adds,
                                          .forward = forward,
                                          .backward = backward};
