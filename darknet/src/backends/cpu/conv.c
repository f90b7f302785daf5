/* A convolutional section forward: sums, then batch norm or bias, then the activation. */
#include "conv.h"

#include <math.h>
#include <string.h>

/* What inference fuses into the convolution, piece by piece while it is in the cache. */
typedef struct {
    const float *biases; /* NULL: sums only */
    activation activation;
} epilogue;

/* out = act(a*x + b) */
static void affine_activate(const float *x, float *out, int64_t n, float a, float b, activation act)
{
    if (is_clipped_line(act)) {
        dn_kernels.affine(x, out, n, a, b, act);
        return;
    }
    dn_kernels.affine(x, out, n, a, b, LINEAR);
    for (int64_t i = 0; i < n; i++)
        out[i] = dn_activate(act, out[i]);
}

static void finish_rows(const epilogue *e, float *out, int first_filter, int filters, int64_t step,
                        int64_t count)
{
    for (int f = 0; f < filters && e->biases; f++)
        affine_activate(out + f * step, out + f * step, count, 1, e->biases[first_filter + f],
                        e->activation);
}

/* Pieces of pointwise work: columns, and rows where the columns are few. A function of the shape
 * and batch alone. */
typedef struct {
    int64_t columns, rows;
    int column_pieces, row_pieces;
} pieces;

static pieces cut(int64_t rows, int64_t columns, int batch)
{
    enum { MOST_COLUMNS = 4096, LEAST_ROWS = 64, ENOUGH = 4 };
    pieces c = {.columns = columns, .rows = rows, .column_pieces = 1, .row_pieces = 1};
    c.column_pieces = (int)((columns + MOST_COLUMNS - 1) / MOST_COLUMNS);
    if (c.column_pieces * batch < ENOUGH && columns >= ENOUGH * 256)
        c.column_pieces = ENOUGH;
    c.columns = ((columns + c.column_pieces - 1) / c.column_pieces + 15) / 16 * 16;
    c.column_pieces = (int)((columns + c.columns - 1) / c.columns);
    while (c.column_pieces * c.row_pieces * batch < ENOUGH
           && rows / (2 * c.row_pieces) >= LEAST_ROWS)
        c.row_pieces *= 2;
    c.rows = (rows + c.row_pieces - 1) / c.row_pieces;
    c.row_pieces = (int)((rows + c.rows - 1) / c.rows);
    return c;
}

static void pointwise(const pass *p, const conv *s, const float *weights, const float *input,
                      float *out, const epilogue *e)
{
    const int64_t n = plane(s->out), k = s->in.c, m = s->out.c;
    const pieces c = cut(m, n, p->batch);
#pragma omp parallel for collapse(3) schedule(dynamic) num_threads(conv_team(p, s))
    for (int b = 0; b < p->batch; b++)
        for (int i = 0; i < c.column_pieces; i++)
            for (int j = 0; j < c.row_pieces; j++) {
                const int64_t column = i * c.columns, row = j * c.rows;
                const int64_t columns = least(c.columns, n - column), rows = least(c.rows, m - row);
                float *to = out + (b * m + row) * n + column;
                gemm(false, false, rows, columns, k, weights + row * k, k,
                     input + b * k * n + column, n, 0, to, n);
                finish_rows(e, to, (int)row, (int)rows, n, columns);
            }
}

static void general(const pass *p, const conv *s, const float *weights, const float *input,
                    float *out, const epilogue *e)
{
    const int64_t n = plane(s->out), k = conv_depth(s), m = s->out.c / s->groups;
    const int rows = conv_tile_rows(s), tiles = conv_tiles(s), channels = s->in.c / s->groups;
#pragma omp parallel for collapse(3) schedule(dynamic) num_threads(conv_team(p, s))
    for (int b = 0; b < p->batch; b++)
        for (int g = 0; g < s->groups; g++)
            for (int t = 0; t < tiles; t++) {
                const int first = t * rows, last = (int)least(first + rows, s->out.h);
                const int64_t columns = (int64_t)(last - first) * s->out.w;
                float *matrix = conv_scratch(p, s);
                float *to = out + ((int64_t)b * s->out.c + g * m) * n + (int64_t)first * s->out.w;
                im2col(s, input + ((int64_t)b * s->in.c + g * channels) * plane(s->in), channels,
                       first, last, matrix);
                gemm(false, false, m, columns, k, weights + g * m * k, k, matrix, columns, 0, to,
                     n);
                finish_rows(e, to, (int)(g * m), (int)m, n, columns);
            }
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
    const double keep = d->fresh ? 0 : .99;
    d->rolling_mean[c] = (float)(keep * d->rolling_mean[c] + (1 - keep) * mean);
    d->rolling_variance[c] = (float)(keep * d->rolling_variance[c] + (1 - keep) * variance);
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

static void depthwise_channel(const pass *p, const conv *s, const float *weights,
                              const float *input, float *out, int c)
{
    for (int b = 0; b < p->batch; b++) {
        const int64_t at = (int64_t)b * s->in.c + c;
        dn_kernels.depthwise(input + at * plane(s->in), s->in.h, s->in.w, s->stride,
                             weights + 9 * c, out + at * plane(s->out), conv_scratch(p, s));
    }
}

static void forward_folded(const pass *p, const conv *s, const conv_data *d)
{
    const float *weights = d->packed, *biases = weights + (int64_t)s->out.c * conv_depth(s);
    const epilogue e = {biases, s->activation};
    const conv_kind kind = conv_kind_of(s);
    if (kind == POINTWISE)
        pointwise(p, s, weights, d->input, d->output, &e);
    else if (kind == GENERAL)
        general(p, s, weights, d->input, d->output, &e);
    else {
#pragma omp parallel for schedule(dynamic, 8) num_threads(conv_team(p, s))
        for (int c = 0; c < s->out.c; c++) {
            depthwise_channel(p, s, weights, d->input, d->output, c);
            for (int b = 0; b < p->batch; b++)
                finish_rows(&e, d->output + ((int64_t)b * s->out.c + c) * plane(s->out), c, 1,
                            plane(s->out), plane(s->out));
        }
    }
}

void cpu_conv_forward(const pass *p, const conv *s, const conv_data *d)
{
    if (d->packed) {
        forward_folded(p, s, d);
        return;
    }
    const epilogue none = {NULL, LINEAR};
    const conv_kind kind = conv_kind_of(s);
    float *sums = d->raw ? d->raw : d->output;
    if (kind == POINTWISE)
        pointwise(p, s, d->weights, d->input, sums, &none);
    else if (kind == GENERAL)
        general(p, s, d->weights, d->input, sums, &none);
#pragma omp parallel for schedule(dynamic, 4) num_threads(conv_team(p, s))
    for (int c = 0; c < s->out.c; c++) {
        if (kind == DEPTHWISE)
            depthwise_channel(p, s, d->weights, d->input, sums, c);
        finish_channel(p, s, d, sums, c);
    }
}
