/* A convolutional section backward: activation and batch norm, then the gradients of input and
 * weights. */
#include <math.h>
#include <string.h>

#include "conv.h"

/* delta *= act'(…) elementwise, for activations that are no clipped lines. raw NULL: y is
 * enough. */
static void activation_grad(activation act, const float *y, const float *raw, float a, float b,
                            float *delta, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        delta[i] *= dn_activation_gradient(act, y[i], raw ? a * raw[i] + b : 0);
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

static void depthwise_channel(const pass *p, const conv *s, const conv_data *d, int c)
{
    float *scratch = conv_scratch(p, s);
    for (int b = 0; b < p->batch; b++) {
        const int64_t at = (int64_t)b * s->in.c + c;
        const float *delta = d->delta + at * plane(s->out);
        dn_kernels.depthwise_weight_grad(d->input + at * plane(s->in), delta, s->in.h, s->in.w,
                                         s->stride, d->weight_grads + 9 * c, scratch);
        if (d->input_delta)
            dn_kernels.depthwise_input_grad(delta, s->in.h, s->in.w, s->stride, d->weights + 9 * c,
                                            d->input_delta + at * plane(s->in), d->add, scratch);
    }
}

static void pointwise_input(const pass *p, const conv *s, const conv_data *d)
{
    enum { COLUMNS = 4096 };
    const int64_t n = plane(s->out), k = s->in.c, m = s->out.c;
    const int pieces = (int)((n + COLUMNS - 1) / COLUMNS);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(conv_team(p, s))
    for (int b = 0; b < p->batch; b++)
        for (int i = 0; i < pieces; i++) {
            const int64_t column = (int64_t)i * COLUMNS, columns = least(COLUMNS, n - column);
            gemm(true, false, k, columns, m, d->weights, k, d->delta + b * m * n + column, n,
                 d->add, d->input_delta + b * k * n + column, n);
        }
}

/* Filters in pieces, each summed over the images in order: no partial sums, whatever the
 * threads. */
static void pointwise_weights(const pass *p, const conv *s, const conv_data *d)
{
    enum { ROWS = 64 };
    const int64_t n = plane(s->out), k = s->in.c, m = s->out.c;
    const int64_t rows = m <= 2 * ROWS ? (m + 1) / 2 : ROWS;
#pragma omp parallel for schedule(dynamic) num_threads(conv_team(p, s))
    for (int64_t row = 0; row < m; row += rows)
        for (int b = 0; b < p->batch; b++)
            gemm(false, true, least(rows, m - row), k, n, d->delta + (b * m + row) * n, n,
                 d->input + b * k * n, n, 1, d->weight_grads + row * k, k);
}

static void general_input(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t n = plane(s->out), k = conv_depth(s), m = s->out.c / s->groups;
    const int rows = conv_tile_rows(s), channels = s->in.c / s->groups;
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(conv_team(p, s))
    for (int b = 0; b < p->batch; b++)
        for (int g = 0; g < s->groups; g++) {
            float *matrix = conv_scratch(p, s);
            float *to = d->input_delta + ((int64_t)b * s->in.c + g * channels) * plane(s->in);
            if (!d->add)
                memset(to, 0, (size_t)(channels * plane(s->in)) * sizeof *to);
            for (int first = 0; first < s->out.h; first += rows) {
                const int last = (int)least(first + rows, s->out.h);
                const int64_t columns = (int64_t)(last - first) * s->out.w;
                gemm(true, false, k, columns, m, d->weights + g * m * k, k,
                     d->delta + ((int64_t)b * s->out.c + g * m) * n + (int64_t)first * s->out.w, n,
                     0, matrix, columns);
                col2im(s, matrix, channels, first, last, to);
            }
        }
}

/* The work is cut by input channels, or where they are few by filters; each piece sums over
 * images and tiles in order. */
static void general_weights(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t n = plane(s->out), k = conv_depth(s), m = s->out.c / s->groups;
    const int rows = conv_tile_rows(s), channels = s->in.c / s->groups, area = s->size * s->size;
    const int channel_pieces = channels >= 16 ? 4 : 1,
              filter_pieces = channels >= 16 || m < 16 ? 1 : 2;
#pragma omp parallel for collapse(3) schedule(dynamic) num_threads(conv_team(p, s))
    for (int g = 0; g < s->groups; g++)
        for (int i = 0; i < channel_pieces; i++)
            for (int j = 0; j < filter_pieces; j++) {
                const int channel = channels * i / channel_pieces;
                const int count = channels * (i + 1) / channel_pieces - channel;
                const int64_t filter = m * j / filter_pieces,
                              filters = m * (j + 1) / filter_pieces - filter;
                float *matrix = conv_scratch(p, s);
                float *grads = d->weight_grads + (g * m + filter) * k + (int64_t)channel * area;
                for (int b = 0; b < p->batch; b++)
                    for (int first = 0; first < s->out.h; first += rows) {
                        const int last = (int)least(first + rows, s->out.h);
                        const int64_t columns = (int64_t)(last - first) * s->out.w;
                        im2col(s,
                               d->input
                                   + ((int64_t)b * s->in.c + g * channels + channel) * plane(s->in),
                               count, first, last, matrix);
                        gemm(false, true, filters, (int64_t)count * area, columns,
                             d->delta + ((int64_t)b * s->out.c + g * m + filter) * n
                                 + (int64_t)first * s->out.w,
                             n, matrix, columns, 1, grads, k);
                    }
            }
}

void cpu_conv_backward(const pass *p, const conv *s, const conv_data *d)
{
    const conv_kind kind = conv_kind_of(s);
#pragma omp parallel for schedule(dynamic, 4) num_threads(conv_team(p, s))
    for (int c = 0; c < s->out.c; c++) {
        channel_backward(p, s, d, c);
        if (kind == DEPTHWISE)
            depthwise_channel(p, s, d, c);
    }
    if (kind == POINTWISE)
        pointwise_weights(p, s, d);
    else if (kind == GENERAL)
        general_weights(p, s, d);
    if (kind == POINTWISE && d->input_delta)
        pointwise_input(p, s, d);
    else if (kind == GENERAL && d->input_delta)
        general_input(p, s, d);
}
