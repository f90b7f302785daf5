/* A convolutional section backward: activation and batch norm, then the gradients of input and
 * weights. */
#include <math.h>

#include "conv.h"

/* delta *= act'(…) elementwise, for activations that are no clipped lines. raw NULL: y is
 * enough. */
static void activation_grad(activation act, const float *y, const float *raw, float a, float b,
                            float *delta, int64_t n)
{
    float (*const gradient)(float, float) = activations[act].gradient;
    for (int64_t i = 0; i < n; i++)
        delta[i] *= gradient(y[i], raw ? a * raw[i] + b : 0);
}

/* Channel c of all images: delta from the output to the convolution's sums; adds the gradients
 * of bias and scale. */
static void channel_backward(const pass *p, const conv *s, const conv_data *d, int c)
{
    const int64_t n = plane(s->out);
    const double count = (double)n * p->batch;
    const bool normalized = s->batch_normalize;
    float a = 1, b = 0, mean = 0;
    double inverse = 0;
    if (normalized) {
        inverse = 1 / sqrt((double)d->variance[c] + 1. / CONV_EPS_INVERSE);
        mean = d->mean[c];
        a = d->scales[c] / sqrtf(d->variance[c] + 1.f / CONV_EPS_INVERSE);
        b = d->biases[c] - mean * a;
    }
    /* Without batch norm the output's sign tells a clipped line's slope as well as the sums'. */
    const float *x = normalized ? d->raw : d->output;
    activation act = s->activation;
    double sum_g = 0, sum_gx = 0;
    for (int i = 0; i < p->batch; i++) {
        const int64_t at = ((int64_t)i * s->out.c + c) * n;
        double g, gx;
        if (!is_clipped_line(s->activation)) {
            activation_grad(s->activation, d->output + at, d->raw ? d->raw + at : NULL, a,
                            normalized ? b : d->biases[c], d->delta + at, n);
            act = LINEAR;
        }
        dn_kernels.affine_sums(x + at, d->delta + at, n, a, b, mean, act, &g, &gx);
        sum_g += g;
        sum_gx += gx;
    }
    d->bias_grads[c] += (float)sum_g;
    if (normalized)
        d->scale_grads[c] += (float)(sum_gx * inverse);
    else if (act == LINEAR)
        return;
    const double shift = normalized ? a * sum_g / count : 0;
    const double slope = normalized ? a * inverse * inverse * sum_gx / (count > 1 ? count - 1 : 1)
                                    : 0;
    for (int i = 0; i < p->batch; i++) {
        const int64_t at = ((int64_t)i * s->out.c + c) * n;
        dn_kernels.affine_grad(x + at, d->delta + at, n, a, b, mean, normalized ? a : 1,
                               (float)shift, (float)slope, act);
    }
}

void cpu_conv_backward(const pass *p, const conv *s, const conv_data *d)
{
    const conv_algorithm *a = conv_algorithm_of(s);
    const workspace w = conv_workspace_of(a, p, s);
#pragma omp parallel for schedule(dynamic, 4) num_threads(w.team)
    for (int c = 0; c < s->out.c; c++) {
        channel_backward(p, s, d, c);
        if (a->channel_grads)
            a->channel_grads(p, &w, s, d, c);
    }
    if (a->weight_grads)
        a->weight_grads(p, &w, s, d);
    if (a->input_grad && d->input_delta)
        a->input_grad(p, &w, s, d);
}
