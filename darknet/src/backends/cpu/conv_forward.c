/* A convolutional section forward: sums, then batch norm or bias, then the activation. */
#include <math.h>

#include "conv.h"

/* out = act(a*x + b) */
static void affine_activate(const float *x, float *out, int64_t n, float a, float b, activation act)
{
    if (is_clipped_line(act)) {
        dn_kernels.affine(x, out, n, a, b, act);
        return;
    }
    dn_kernels.affine(x, out, n, a, b, LINEAR);
    float (*const y)(float) = activations[act].y;
    for (int64_t i = 0; i < n; i++)
        out[i] = y(out[i]);
}

/* Batch mean and variance of channel c over the images' planes, combined in the order of the
 * images (Chan et al.). */
static void channel_statistics(const conv *s, const float *raw, int batch, int c, double *mean,
                               double *variance)
{
    const int64_t n = plane(s->out);
    double squares = 0;
    *mean = 0;
    for (int b = 0; b < batch; b++) {
        const float *x = raw + ((int64_t)b * s->out.c + c) * n;
        const double own_mean = dn_kernels.sum(x, n) / (double)n;
        const double step = own_mean - *mean;
        const float rounded = (float)own_mean;
        const double moved = own_mean - rounded; /* the squares are taken about the rounded mean */
        squares += dn_kernels.squares(x, n, rounded) - moved * moved * (double)n;
        squares += step * step * (double)n * b / (b + 1);
        *mean += step / (b + 1);
    }
    const int64_t count = n * batch;
    *variance = fmax(squares, 0) / (double)(count > 1 ? count - 1 : 1);
}

static void update_statistics(const conv *s, const conv_data *d, int batch, int c)
{
    double mean, variance;
    channel_statistics(s, d->raw, batch, c, &mean, &variance);
    d->mean[c] = (float)mean;
    d->variance[c] = (float)variance;
    d->rolling_mean[c] = rolled(d->rolling_mean[c], d->mean[c], d->fresh);
    d->rolling_variance[c] = rolled(d->rolling_variance[c], d->variance[c], d->fresh);
}

/* Channel c of all images from sums to output. */
static void finish_channel(const pass *p, const conv *s, const conv_data *d, const float *sums,
                           int c)
{
    const int64_t n = plane(s->out);
    float a = 1, b = d->biases[c];
    if (s->batch_normalize) {
        if (p->train)
            update_statistics(s, d, p->batch, c);
        const float mean = p->train ? d->mean[c] : d->rolling_mean[c];
        const float variance = p->train ? d->variance[c] : d->rolling_variance[c];
        a = d->scales[c] / sqrtf(variance + 1.f / CONV_EPS_INVERSE);
        b -= mean * a;
    }
    for (int i = 0; i < p->batch; i++) {
        const int64_t at = ((int64_t)i * s->out.c + c) * n;
        affine_activate(sums + at, d->output + at, n, a, b, s->activation);
    }
}

/* packed: the biases, then the weights as the algorithm packs them. The epilogue takes clipped
 * lines; other activations come after it. */
static void forward_folded(const conv_algorithm *a, const pass *p, const workspace *w,
                           const conv *s, const conv_data *d)
{
    const float *biases = d->packed;
    const conv_weights weights = {.packed = biases + packed_biases(s), .before = d->packed_before};
    const bool fused = is_clipped_line(s->activation);
    const epilogue e = {biases, fused ? s->activation : LINEAR};
    if (a->forward) {
        a->forward(p, w, s, weights, d->input, d->output, &e);
    } else {
#pragma omp parallel for schedule(dynamic, 8) num_threads(w->team)
        for (int c = 0; c < s->out.c; c++)
            a->channel_forward(p, w, s, weights, d->input, d->output, &e, c);
    }
    if (!fused)
        p->backend->activate(p, s->activation, d->output, d->output,
                             all_of(p->batch * dims_count(s->out)));
}

void cpu_conv_forward(const pass *p, const conv *s, const conv_data *d)
{
    const conv_algorithm *a = conv_algorithm_of(s);
    const workspace w = conv_workspace_of(a, p, s);
    const conv_weights weights = {.plain = d->weights};
    float *sums = d->raw ? d->raw : d->output;
    if (d->packed) {
        forward_folded(a, p, &w, s, d);
        return;
    }
    if (a->forward)
        a->forward(p, &w, s, weights, d->input, sums, NULL);
#pragma omp parallel for schedule(dynamic, 4) num_threads(w.team)
    for (int c = 0; c < s->out.c; c++) {
        if (a->channel_forward)
            a->channel_forward(p, &w, s, weights, d->input, sums, NULL, c);
        finish_channel(p, s, d, sums, c);
    }
}
