/* 1x1 convolutions: a matrix product for a block of columns of an image. Planes of few pixels (a
 * connected layer's have one) stand side by side as one. */
#include <string.h>

#include "conv.h"

enum {
    BLOCK_FLOATS = 1 << 16, /* of the input, packed: a quarter of a megabyte */
    MOST_COLUMNS = 1024,
    FEW_PIXELS = 64,
    BLOCK_ROWS = 96, /* of the weights' gradient, at most, and columns */
    BLOCK_COLUMNS = 128,
    CHUNK_FLOATS = 2 << 20, /* of deltas and inputs packed for the weights' gradient */
    ENOUGH = 4              /* tasks for a team */
};

static bool is_joined(const conv *s)
{
    return plane(s->out) < FEW_PIXELS;
}

static int64_t block_columns(int64_t depth)
{
    const int width = dn_kernels.tile_columns;
    return most(least(BLOCK_FLOATS / depth, MOST_COLUMNS) / width, 1) * width;
}

/* Columns of a chunk of the weights' gradient, of all images'. */
static int64_t chunk_depth(const conv *s, int batch)
{
    enum { LEAST = 256 };
    const int64_t lanes = packed_floats(s->out.c, dn_kernels.tile_rows, 1)
                          + packed_floats(s->in.c, dn_kernels.tile_columns, 1);
    return least(most(CHUNK_FLOATS / lanes, LEAST), plane(s->out) * batch);
}

room pointwise_room(const conv *s, const pass *p)
{
    const int rows = dn_kernels.tile_rows, columns = dn_kernels.tile_columns;
    const int64_t in = s->in.c, out = s->out.c, joined = is_joined(s) ? plane(s->out) * p->batch : 0;
    room r = {.own = block_columns(in) * in};
    if (!p->folded)
        r.shared = packed_floats(out, rows, in);
    r.shared += joined * (in + out);
    if (p->backward) {
        const int64_t depth = chunk_depth(s, p->batch);
        r.shared = most(r.shared, packed_floats(in, rows, out) + joined * (in + out));
        r.shared = most(r.shared, packed_floats(out, rows, depth) + packed_floats(in, columns, depth));
        r.own = most(r.own, block_columns(out) * out);
    }
    return r;
}

static void pack_weights(const workspace *w, operand o, int64_t lanes, int64_t depth, float *to)
{
    const int rows = dn_kernels.tile_rows;
#pragma omp parallel for num_threads(w->team)
    for (int64_t i = 0; i < lanes; i += rows)
        pack(lanes_from(o, i), least(rows, lanes - i), depth, rows, depth, to + i * depth);
}

/* Output (images, m, n) from input (images, k, n) and packed a (m, k). Blocks of columns, and of
 * rows where the columns are few. */
static void multiply(const workspace *w, int images, int64_t m, int64_t n, int64_t k, const float *a,
                     const float *input, float *output, bool add, const epilogue *e)
{
    const int width = dn_kernels.tile_columns;
    const int64_t columns = block_columns(k), column_blocks = pieces_of(n, columns);
    int64_t rows = m;
    while (images * column_blocks * pieces_of(m, rows) < ENOUGH && rows >= 2 * BLOCK_ROWS)
        rows = pieces_of(rows, 2 * dn_kernels.tile_rows) * dn_kernels.tile_rows;
    const int64_t row_blocks = pieces_of(m, rows);
#pragma omp parallel for collapse(3) schedule(dynamic) num_threads(w->team)
    for (int b = 0; b < images; b++)
        for (int64_t j = 0; j < column_blocks; j++)
            for (int64_t i = 0; i < row_blocks; i++) {
                const int64_t column = j * columns, row = i * rows;
                const int64_t count = least(columns, n - column);
                const epilogue own = e ? (epilogue){e->biases + row, e->activation} : (epilogue){0};
                float *block = own_scratch(w);
                pack((operand){input + b * k * n + column, 1, n}, count, k, width, k, block);
                gemm(least(rows, m - row), count, k, a + row * k, block, add,
                     output + (b * m + row) * n + column, n, e ? &own : NULL);
            }
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

static void convolve(const pass *p, const workspace *w, const conv *s, int64_t m, int64_t k,
                     const float *a, float *room, const float *input, float *output, bool add,
                     const epilogue *e)
{
    const int64_t n = plane(s->out);
    if (!is_joined(s)) {
        multiply(w, p->batch, m, n, k, a, input, output, add, e);
        return;
    }
    float *joined = room, *product = room + k * n * p->batch;
    join(w, p->batch, k, n, input, joined);
    multiply(w, 1, m, n * p->batch, k, a, joined, product, false, e);
    part(w, p->batch, m, n, product, output, add);
}

int64_t pointwise_packed_floats(const conv *s)
{
    return packed_floats(s->out.c, dn_kernels.tile_rows, s->in.c);
}

void pointwise_pack(const workspace *w, const conv *s, const float *weights, float *packed)
{
    pack_weights(w, (operand){weights, s->in.c, 1}, s->out.c, s->in.c, packed);
}

void pointwise_forward(const pass *p, const workspace *w, const conv *s, const float *weights,
                       const float *packed, const float *input, float *output, const epilogue *e)
{
    float *room = w->shared;
    if (weights) {
        pointwise_pack(w, s, weights, room);
        packed = room;
        room += pointwise_packed_floats(s);
    }
    convolve(p, w, s, s->out.c, s->in.c, packed, room, input, output, false, e);
}

void pointwise_input_grad(const pass *p, const workspace *w, const conv *s, const conv_data *d)
{
    float *turned = w->shared;
    pack_weights(w, (operand){d->weights, 1, s->in.c}, s->in.c, s->out.c, turned);
    convolve(p, w, s, s->in.c, s->out.c, turned,
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
        dn_kernels.pack(planes + (image * channels + channel) * n + column, n, 1, (int)count, depth,
                        width, panel + (at - first) * width);
        at += depth;
    }
}

/* A chunk of columns at a time is packed, then the blocks of the gradient each add their
 * product. */
void pointwise_weight_grads(const pass *p, const workspace *w, const conv *s, const conv_data *d)
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
                             deltas + row * depth);
            else
                pack_columns(s, d->input, s->in.c, column, least(width, k - column), first, last,
                             width, inputs + column * depth);
        }
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
        for (int64_t i = 0; i < m; i += block_rows)
            for (int64_t j = 0; j < k; j += block)
                gemm(least(block_rows, m - i), least(block, k - j), depth, deltas + i * depth,
                     inputs + j * depth, true, d->weight_grads + i * k + j, k, NULL);
    }
}
