/* 1x1 convolutions: a matrix product for a block of columns of an image. Planes of few pixels (a
 * connected layer's have one) stand side by side as one. */
#include <string.h>

#include "depthwise.h"
#include "pointwise.h"
#include "product.h"

enum {
    FEW_PIXELS = 64,
    /* of a layer within: bands of maps that would not stay in a cache, and panels */
    LARGE_MAP = 1 << 21,
    LEAST_ROWS = 6, /* of a band for each that it shares with another */
    BAND_FLOATS = 1 << 17,
    INNER_FLOATS = 1 << 15,
    /* of the weights' gradient: a block at most, and the deltas and inputs packed at a time */
    BLOCK_ROWS = 96,
    BLOCK_COLUMNS = 128,
    CHUNK_FLOATS = 1 << 18
};

static bool fits(const conv *s)
{
    return s->size == 1 && s->stride == 1 && s->padding == 0 && s->groups == 1;
}

/* Are the planes of all images one? */
static bool joins(const conv *s)
{
    return plane(s->out) < FEW_PIXELS;
}

/* A depthwise convolution's rows may as well be made where the panels need them. */
static bool fuses(const conv *s, const conv *before, const conv_algorithm *its, bool within)
{
    (void)within;
    return its == &depthwise_algorithm && is_clipped_line(before->activation) && !joins(s);
}

/* Rows of the reader's output whose band of s's output stays in a near cache. */
static int rows_of_band(const conv *s, const conv *reader)
{
    const int64_t rows = BAND_FLOATS / ((int64_t)s->out.c * s->out.w);
    return (int)most((rows - 2) / reader->stride, 1);
}

/* Bands overlap, and what they share is computed twice. */
bool pointwise_makes_bands(const conv *s, const conv *reader)
{
    const int shared = 3 - reader->stride, rows = rows_of_band(s, reader) * reader->stride;
    return dims_count(s->out) >= LARGE_MAP && rows >= LEAST_ROWS * shared && !joins(s)
           && is_clipped_line(s->activation) && !(s->before && s->before->before);
}

/* Columns of a chunk of the weights' gradient, of all images'. */
static int64_t chunk_depth(const conv *s, int batch)
{
    enum { LEAST = 256 };
    const int64_t lanes = packed_floats(s->out.c, dn_kernels.tile_rows, 1)
                          + packed_floats(s->in.c, dn_kernels.tile_columns, 1);
    return least(most(CHUNK_FLOATS / lanes, LEAST), plane(s->out) * batch);
}

static void fill(const product *q, int image, int64_t first, int64_t last, int64_t from, int64_t to,
                 float *panels, float *scratch)
{
    const int width = dn_kernels.tile_columns;
    const float *rows = q->input + (image * q->k + from) * q->n + first;
    (void)scratch;
    pack((operand){rows, 1, q->n}, last - first, to - from, width, q->k, panels + from * width);
}

/* Columns of the depthwise layer within: its output is seen nowhere else. */
static void fill_before(const product *q, int image, int64_t first, int64_t last, int64_t from,
                        int64_t to, float *panels, float *scratch)
{
    const conv *before = q->s->before;
    const band whole = {q->input + image * dims_count(before->in), 0, before->in.h};
    depthwise_fill(before, q->before[0], whole, first, last, from, to, q->k, panels, scratch);
}

/* Columns of a 1x1 convolution's product, whose panels are made at a time. */
static int64_t inner_columns(const product *q)
{
    return most(INNER_FLOATS / q->k / dn_kernels.tile_columns, 1) * dn_kernels.tile_columns;
}

/* The depthwise layer within reads a 1x1 layer within, whose rows are made first. */
static void fill_from_band(const product *q, int image, int64_t first, int64_t last, int64_t from,
                           int64_t to, float *panels, float *scratch)
{
    const product *inner = q->inner;
    const conv *before = q->s->before, *s = inner->s;
    const int first_row = (int)(first / before->out.w), last_row = (int)((last - 1) / before->out.w);
    band made = depthwise_band(before, first_row, last_row);
    const int64_t w = s->out.w, above = made.first * w, step = made.count * w,
                  end = above + step, columns = inner_columns(inner);
    float *rows = scratch + taps_scratch((int)w), *inner_panels = rows + whole_lines(s->out.c * step),
          *inner_scratch = inner_panels + packed_floats(columns, dn_kernels.tile_columns, inner->k);
    const float *biases = q->before[1], *weights = biases + packed_biases(s);
    const epilogue e = {biases, s->activation};
    for (int64_t at = depthwise_first_read(before, first_row) * w; at < end; at += columns) {
        const int64_t count = least(columns, end - at);
        inner->fill(inner, image, at, at + count, 0, inner->k, inner_panels, inner_scratch);
        gemm(inner->m, count, inner->k, weights, inner_panels, false, rows + at - above, step, &e);
    }
    made.rows = rows;
    depthwise_fill(before, q->before[0], made, first, last, from, to, q->k, panels, scratch);
}

/* Planes of a few pixels are one image of all images' columns. */
static product product_of(const conv *s, const pass *p, bool turned)
{
    const conv *before = p->folded ? s->before : NULL, *bands = before ? before->before : NULL;
    const bool joined = joins(s);
    product q = {.images = joined ? 1 : p->capacity,
                 .threads = p->most_threads,
                 .m = turned ? s->in.c : s->out.c,
                 .n = plane(s->out) * (joined ? p->capacity : 1),
                 .k = turned ? s->out.c : s->in.c,
                 .unit = dn_kernels.tile_columns,
                 .grain = 1,
                 .scratch = before ? depthwise_algorithm.scratch(before, p).own : 0,
                 .fill = bands ? fill_from_band : before ? fill_before : fill,
                 .s = s};
    if (bands) {
        const int rows = rows_of_band(bands, before);
        const product inner = product_of(bands, p, false);
        q.by_unit = true;
        q.unit = rows * before->out.w;
        q.scratch += whole_lines((rows * before->stride + 2) * (int64_t)bands->out.w * bands->out.c)
                     + packed_floats(inner_columns(&inner), dn_kernels.tile_columns, inner.k)
                     + inner.scratch;
    }
    q.cut = cut_of(&q);
    q.images = joined ? 1 : p->batch;
    q.n = plane(s->out) * (joined ? p->batch : 1);
    q.image_step = q.m * q.n;
    return q;
}

/* Packed weights first, then joined planes and what becomes of them, then the product's. */
static room multiply_room(const conv *s, const pass *p, bool turned)
{
    const product q = product_of(s, p, turned);
    room r = product_room(&q);
    if (!p->folded)
        r.shared += packed_floats(q.m, dn_kernels.tile_rows, q.k);
    if (joins(s))
        r.shared += plane(s->out) * p->capacity * (q.m + q.k);
    return r;
}

static room scratch_of(const conv *s, const pass *p)
{
    room r = multiply_room(s, p, false);
    if (p->backward) {
        const room turned = multiply_room(s, p, true);
        const int64_t depth = chunk_depth(s, p->batch);
        r.shared = most(r.shared, turned.shared);
        r.shared = most(r.shared, packed_floats(s->out.c, dn_kernels.tile_rows, depth)
                                      + packed_floats(s->in.c, dn_kernels.tile_columns, depth));
        r.own = most(r.own, turned.own);
    }
    return r;
}

static void pack_weights(const workspace *w, operand o, int64_t lanes, int64_t depth, float *to)
{
    const int rows = dn_kernels.tile_rows;
#pragma omp parallel for num_threads(w->team)
    for (int64_t i = 0; i < lanes; i += rows)
        pack(lanes_from(o, i), least(rows, lanes - i), depth, rows, depth,
             to + i * panel_depth(depth));
}

/* (images, rows, n) to (rows, images*n). */
static void join(const workspace *w, int images, int64_t rows, int64_t n, const float *from,
                 float *to)
{
#pragma omp parallel for num_threads(w->team)
    for (int64_t i = 0; i < rows; i++)
        for (int b = 0; b < images; b++)
            memcpy(to + (i * images + b) * n, from + (b * rows + i) * n, (size_t)n * sizeof *to);
}

static void part(const workspace *w, int images, int64_t rows, int64_t n, const float *from,
                 float *to, bool add)
{
#pragma omp parallel for num_threads(w->team)
    for (int64_t i = 0; i < rows; i++)
        for (int b = 0; b < images; b++)
            for (int64_t j = 0; j < n; j++) {
                float *value = to + (b * rows + i) * n + j;
                *value = (add ? *value : 0) + from[(i * images + b) * n + j];
            }
}

static void convolve(const pass *p, const workspace *w, const conv *s, bool turned, const float *a,
                     const void *const *before, float *shared, const float *input, float *output,
                     bool add, const epilogue *e)
{
    product q = product_of(s, p, turned), inner;
    q.before = before;
    if (q.by_unit) {
        inner = product_of(s->before->before, p, false);
        inner.before = before + 2;
        inner.input = input;
        q.inner = &inner;
    }
    if (!joins(s)) {
        q.input = input;
        multiply(w, shared, &q, a, output, add, e);
        return;
    }
    float *joined = shared, *products = joined + q.k * q.n;
    join(w, p->batch, q.k, plane(s->out), input, joined);
    q.input = joined;
    multiply(w, products + q.m * q.n, &q, a, products, false, e);
    part(w, p->batch, q.m, plane(s->out), products, output, add);
}

static void pack_filters(const workspace *w, const conv *s, const float *weights, float *packed)
{
    pack_weights(w, (operand){weights, s->in.c, 1}, s->out.c, s->in.c, packed);
}

static void forward(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                    const float *input, float *output, const epilogue *e)
{
    const float *packed = weights.packed;
    float *shared = w->shared;
    if (weights.plain) {
        pack_filters(w, s, weights.plain, shared);
        packed = shared;
        shared += packing_floats(s, product_packing(s));
    }
    convolve(p, w, s, false, packed, weights.before, shared, input, output, false, e);
}

static void input_grad(const pass *p, const workspace *w, const conv *s, const conv_data *d)
{
    float *turned = w->shared;
    pack_weights(w, (operand){d->weights, 1, s->in.c}, s->in.c, s->out.c, turned);
    convolve(p, w, s, true, turned, NULL,
             turned + packed_floats(s->in.c, dn_kernels.tile_rows, s->out.c), d->delta,
             d->input_delta, d->add, NULL);
}

/* Columns first…last-1 of all images as the depth of a panel of `count` channels. */
static void pack_columns(const conv *s, const float *planes, int channels, int64_t channel,
                         int64_t count, int64_t first, int64_t last, int width, float *panel)
{
    const int64_t n = plane(s->out);
    for (int64_t at = first; at < last;) {
        const int64_t image = at / n, column = at % n, depth = least(n - column, last - at);
        dn_kernels.pack(planes + (image * channels + channel) * n + column, n, (int)count, depth,
                        width, panel + (at - first) * width);
        at += depth;
    }
}

/* A chunk of columns at a time is packed, then the blocks of the gradient each add their
 * product. */
static void weight_grads(const pass *p, const workspace *w, const conv *s, const conv_data *d)
{
    const int rows = dn_kernels.tile_rows, width = dn_kernels.tile_columns;
    const int64_t m = s->out.c, k = s->in.c, total = plane(s->out) * p->batch;
    const int64_t chunk = chunk_depth(s, p->batch);
    const int64_t filter_panels = panel_count(m, rows), channel_panels = panel_count(k, width);
    const int64_t block_rows = least(BLOCK_ROWS / rows, pieces_of(filter_panels, 2)) * rows,
                  block = least(BLOCK_COLUMNS / width, pieces_of(channel_panels, 2)) * width;
    for (int64_t first = 0; first < total; first += chunk) {
        const int64_t last = least(first + chunk, total), depth = last - first;
        float *deltas = w->shared, *inputs = deltas + packed_floats(m, rows, depth);
#pragma omp parallel for schedule(dynamic) num_threads(w->team)
        for (int64_t i = 0; i < filter_panels + channel_panels; i++) {
            const int64_t row = i * rows, column = (i - filter_panels) * width;
            if (i < filter_panels)
                pack_columns(s, d->delta, s->out.c, row, least(rows, m - row), first, last, rows,
                             deltas + row * panel_depth(depth));
            else
                pack_columns(s, d->input, s->in.c, column, least(width, k - column), first, last,
                             width, inputs + column * panel_depth(depth));
        }
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
        for (int64_t i = 0; i < m; i += block_rows)
            for (int64_t j = 0; j < k; j += block)
                gemm(least(block_rows, m - i), least(block, k - j), depth,
                     deltas + i * panel_depth(depth), inputs + j * panel_depth(depth), true,
                     d->weight_grads + i * k + j, k, NULL);
    }
}

const conv_algorithm pointwise_algorithm = {
    .name = "pointwise",
    .fits = fits,
    .fuses = fuses,
    .scratch = scratch_of,
    .packing = product_packing,
    .pack = pack_filters,
    .forward = forward,
    .weight_grads = weight_grads,
    .input_grad = input_grad,
};
