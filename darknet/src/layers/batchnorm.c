/* [batchnorm] out = scale*(x - mean)/sqrt(variance + 1e-5) + bias, per channel.
 * in, out (batch, c, h, w); mean and variance are over batch, h and w.
 * The biases are trained, but Darknet's files do not hold them.
 */
#include "backend.h"

static dn_status shape(layer *l, dn_error *e)
{
    (void)e;
    const int64_t channels[] = {l->in[0].c}, statistics[] = {2, l->in[0].c};
    l->out = l->in[0];
    if (l->param_count == 0) {
        dn_add_param(l, "scales", true, false, 1, channels);
        dn_add_param(l, "rolling_mean", false, false, 1, channels);
        dn_add_param(l, "rolling_variance", false, false, 1, channels);
        const int biases = dn_add_param(l, "biases", true, false, 1, channels);
        l->params[biases].stored = false;
    }
    dn_add_buffer(l, "statistics", DN_FLOAT32, LIVES_IN_PASS, 2, statistics);
    return DN_OK;
}

static conv_data collect(const layer *l)
{
    const param *scales = dn_param(l, "scales"), *biases = dn_param(l, "biases");
    float *statistics = dn_buffer(l, "statistics");
    return (conv_data){.raw = (float *)l->input[0],
                       .output = l->output,
                       .delta = l->delta,
                       .scales = scales->value,
                       .scale_grads = scales->grad,
                       .biases = biases->value,
                       .bias_grads = biases->grad,
                       .rolling_mean = dn_param(l, "rolling_mean")->value,
                       .rolling_variance = dn_param(l, "rolling_variance")->value,
                       .fresh = l->fresh,
                       .mean = statistics,
                       .variance = statistics ? statistics + l->out.c : NULL};
}

static void forward(layer *l, const pass *p)
{
    const conv_data d = collect(l);
    p->backend->batchnorm(p, l->out, &d);
}

static void backward(layer *l, const pass *p)
{
    const conv_data d = collect(l);
    const int64_t count = dims_count(l->out);
    p->backend->batchnorm_grad(p, l->out, &d);
    if (l->input_delta[0])
        p->backend->copy_rows(p, p->batch, count, l->delta, count, l->input_delta[0], count, 1,
                              l->adds[0]);
}

const layer_type batchnorm_layer = {.name = "batchnorm",
                                    .reads_input = true,
                                    .shape = shape,
                                    .forward = forward,
                                    .backward = backward};
