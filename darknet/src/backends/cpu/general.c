/* Any convolution: im2col a tile at a time, and matrix products. A tile is some output rows of an
 * image; its matrix has a row for each channel and tap of a group, a column for each output. */
#include <string.h>

#include "product.h"

enum {
    TILE_FLOATS = 1 << 17,    /* half a megabyte: about half of a second-level cache */
    PARTIAL_FLOATS = 1 << 20, /* of weights' gradients kept apart */
    MOST_PARTIALS = 8
};

static bool fits(const conv *s)
{
    (void)s;
    return true;
}

static int channels_of(const conv *s)
{
    return s->in.c / s->groups;
}

static int filters_of(const conv *s)
{
    return s->out.c / s->groups;
}

static int tile_rows_of(const conv *s)
{
    const int64_t rows = TILE_FLOATS / ((int64_t)conv_depth(s) * s->out.w);
    return (int)most(1, least(rows, s->out.h));
}

/* Columns of a tile, whole panels of them. */
static int64_t tile_columns(const conv *s)
{
    const int width = dn_kernels.tile_columns;
    return panel_count((int64_t)tile_rows_of(s) * s->out.w, width) * width;
}

/* Into how many parts the images are taken whose weights' gradients are summed apart, and, where
 * they can't be, the channels. */
static int image_parts(const conv *s, int batch)
{
    const int64_t weights = (int64_t)s->out.c * conv_depth(s);
    return (int)most(least(least(PARTIAL_FLOATS / weights, batch), MOST_PARTIALS), 1);
}

static int channel_parts(const conv *s, int images)
{
    return images == 1 && channels_of(s) >= 16 ? 4 : 1;
}

/* Output columns first…last-1 of a row see the input inside its borders at kernel column kx. */
static void columns_inside(const conv *s, int kx, int *first, int *last)
{
    const int offset = kx - s->padding;
    *first = offset < 0 ? (-offset + s->stride - 1) / s->stride : 0;
    *last = s->in.w - offset <= 0 ? 0 : (s->in.w - offset - 1) / s->stride + 1;
    if (*last > s->out.w)
        *last = s->out.w;
    if (*first > *last)
        *first = *last;
}

/* A plane moved by `down` and `right`, zeros coming in: rows as wide as the input's are copied at
 * once, and what came from the neighbouring rows is cleared. */
static void shift_rows(const conv *s, const float *in, int down, int right, int first_row,
                       int last_row, float *out)
{
    const int w = s->in.w;
    const int64_t shift = (int64_t)down * w + right;
    const int64_t first = (int64_t)first_row * w, last = (int64_t)last_row * w;
    const int64_t from = least(most(first, -shift), last);
    const int64_t to = most(least(last, plane(s->in) - shift), from);
    memset(out, 0, (size_t)(from - first) * sizeof *out);
    memcpy(out + (from - first), in + from + shift, (size_t)(to - from) * sizeof *out);
    memset(out + (to - first), 0, (size_t)(last - to) * sizeof *out);
    const int columns = (int)least(right < 0 ? -right : right, w),
              start = right < 0 ? 0 : w - columns;
    for (int64_t row = 0; row < last - first; row += w)
        for (int x = start; x < start + columns; x++)
            out[row + x] = 0;
}

/* One row of the matrix: what tap k sees of a plane, for output rows first_row…last_row-1. */
static void im2col_row(const conv *s, const float *in, int k, int first_row, int last_row,
                       float *out)
{
    const int ky = k / s->size, kx = k % s->size;
    int first, last;
    columns_inside(s, kx, &first, &last);
    if (s->stride == 1 && s->out.w == s->in.w) {
        shift_rows(s, in, ky - s->padding, kx - s->padding, first_row, last_row, out);
        return;
    }
    for (int y = first_row; y < last_row; y++, out += s->out.w) {
        const int in_y = y * s->stride + ky - s->padding;
        if (in_y < 0 || in_y >= s->in.h || first == last) {
            memset(out, 0, (size_t)s->out.w * sizeof *out);
            continue;
        }
        const float *row = in + (int64_t)in_y * s->in.w + kx - s->padding;
        memset(out, 0, (size_t)first * sizeof *out);
        if (s->stride == 1)
            memcpy(out + first, row + first, (size_t)(last - first) * sizeof *out);
        else
            for (int x = first; x < last; x++)
                out[x] = row[(int64_t)x * s->stride];
        memset(out + last, 0, (size_t)(s->out.w - last) * sizeof *out);
    }
}

/* The way back: added into the plane. */
static void col2im_row(const conv *s, const float *from, int k, int first_row, int last_row,
                       float *in)
{
    const int ky = k / s->size, kx = k % s->size;
    int first, last;
    columns_inside(s, kx, &first, &last);
    for (int y = first_row; y < last_row; y++, from += s->out.w) {
        const int in_y = y * s->stride + ky - s->padding;
        if (in_y < 0 || in_y >= s->in.h)
            continue;
        float *row = in + (int64_t)in_y * s->in.w + kx - s->padding;
        for (int x = first; x < last; x++)
            row[(int64_t)x * s->stride] += from[x];
    }
}

static void pack_filters(const workspace *w, const conv *s, const float *weights, float *packed)
{
    const int rows = dn_kernels.tile_rows;
    const int64_t m = filters_of(s), k = conv_depth(s), group = packed_floats(m, rows, k);
#pragma omp parallel for num_threads(w->team)
    for (int g = 0; g < s->groups; g++)
        pack((operand){weights + g * m * k, k, 1}, m, k, rows, k, packed + g * group);
}

/* Kernels of the kind that dn_kernels.im2col knows. */
static bool is_common(const conv *s)
{
    return s->size == 3 && s->padding == 1 && s->stride <= 2;
}

static const float *first_plane(const product *q, int image)
{
    const conv *s = q->s;
    return q->input + ((int64_t)image * s->in.c + q->group * channels_of(s)) * plane(s->in);
}

static void fill_common(const product *q, int image, int64_t first, int64_t last, int64_t from,
                        int64_t to, float *panels, float *scratch)
{
    const conv *s = q->s;
    const int width = dn_kernels.tile_columns;
    const float *planes = first_plane(q, image);
    for (int64_t i = from; i < to; i += q->grain)
        dn_kernels.im2col(planes + i / q->grain * plane(s->in), s->in.h, s->in.w, s->stride, first,
                          last, panels + i * width, panel_depth(q->k) * width, scratch);
}

/* Columns in whole rows of the output. */
static void fill(const product *q, int image, int64_t first, int64_t last, int64_t from, int64_t to,
                 float *panels, float *scratch)
{
    const conv *s = q->s;
    const int width = dn_kernels.tile_columns, taps = s->size * s->size;
    const int first_row = (int)(first / s->out.w), last_row = (int)(last / s->out.w);
    const float *planes = first_plane(q, image);
    for (int64_t i = from; i < to; i++) {
        im2col_row(s, planes + i / taps * plane(s->in), (int)(i % taps), first_row, last_row,
                   scratch);
        spread_lanes(scratch, last - first, width, panel_depth(q->k) * width, panels + i * width);
    }
}

static product product_of(const conv *s, const pass *p)
{
    const bool common = is_common(s);
    product q = {.images = p->capacity,
                 .threads = p->most_threads,
                 .m = filters_of(s),
                 .n = plane(s->out),
                 .k = conv_depth(s),
                 .unit = common ? dn_kernels.tile_columns : s->out.w,
                 .grain = s->size * s->size,
                 .scratch = common ? taps_scratch(s->in.w) : plane(s->out),
                 .image_step = dims_count(s->out),
                 .fill = common ? fill_common : fill,
                 .s = s};
    q.cut = cut_of(&q);
    q.images = p->batch;
    return q;
}

static room scratch_of(const conv *s, const pass *p)
{
    const int64_t depth = conv_depth(s), columns = tile_columns(s), m = filters_of(s);
    const product q = product_of(s, p);
    room r = product_room(&q);
    if (!p->folded)
        r.shared += packing_floats(s, product_packing(s));
    if (p->backward) {
        const int rows = dn_kernels.tile_rows, width = dn_kernels.tile_columns;
        r.shared = most(r.shared, s->groups * packed_floats(depth, rows, m));
        r.shared = most(r.shared, image_parts(s, p->batch) * (int64_t)s->out.c * depth);
        r.own = most(r.own, depth * columns + packed_floats(columns, width, m));
        r.own = most(r.own, depth * columns + packed_floats(m, rows, columns)
                                + packed_floats(depth, width, columns));
    }
    return r;
}

static void forward(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                    const float *input, float *output, const epilogue *e)
{
    product q = product_of(s, p);
    const float *packed = weights.packed;
    float *shared = w->shared;
    if (weights.plain) {
        pack_filters(w, s, weights.plain, shared);
        packed = shared;
        shared += packing_floats(s, product_packing(s));
    }
    q.input = input;
    for (q.group = 0; q.group < s->groups; q.group++) {
        const epilogue own = e ? (epilogue){e->biases + q.group * q.m, e->activation}
                               : (epilogue){0};
        multiply(w, shared, &q, packed + q.group * packed_floats(q.m, dn_kernels.tile_rows, q.k),
                 output + q.group * q.m * q.n, false, e ? &own : NULL);
    }
}

static void input_grad(const pass *p, const workspace *w, const conv *s, const conv_data *d)
{
    const int rows = tile_rows_of(s), width = dn_kernels.tile_columns, taps = s->size * s->size;
    const int channels = channels_of(s);
    const int64_t n = plane(s->out), k = conv_depth(s), m = filters_of(s);
    const int64_t group = packed_floats(k, dn_kernels.tile_rows, m);
    float *turned = w->shared;
#pragma omp parallel for num_threads(w->team)
    for (int g = 0; g < s->groups; g++)
        pack((operand){d->weights + g * m * k, 1, k}, k, m, dn_kernels.tile_rows, m,
             turned + g * group);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
    for (int b = 0; b < p->batch; b++)
        for (int g = 0; g < s->groups; g++) {
            float *matrix = own_scratch(w), *panels = matrix + k * tile_columns(s);
            float *planes = d->input_delta + ((int64_t)b * s->in.c + g * channels) * plane(s->in);
            if (!d->add)
                memset(planes, 0, (size_t)(channels * plane(s->in)) * sizeof *planes);
            for (int first = 0; first < s->out.h; first += rows) {
                const int last = (int)least(first + rows, s->out.h);
                const int64_t columns = (int64_t)(last - first) * s->out.w;
                const float *delta = d->delta + ((int64_t)b * s->out.c + g * m) * n
                                     + (int64_t)first * s->out.w;
                pack((operand){delta, 1, n}, columns, m, width, m, panels);
                gemm(k, columns, m, turned + g * group, panels, false, matrix, columns, NULL);
                for (int i = 0; i < k; i++)
                    col2im_row(s, matrix + i * columns, i % taps, first, last,
                               planes + i / taps * plane(s->in));
            }
        }
}

/* The gradient of filters of group g with respect to `count` channels, over some images: added to
 * grads. */
static void add_grads(const workspace *w, const conv *s, const conv_data *d, int g, int channel,
                      int count, int first_image, int last_image, float *grads)
{
    const int rows = tile_rows_of(s), taps = s->size * s->size, channels = channels_of(s);
    const int64_t n = plane(s->out), k = conv_depth(s), m = filters_of(s);
    const int64_t lanes = (int64_t)count * taps;
    float *matrix = own_scratch(w), *deltas = matrix + k * tile_columns(s);
    float *inputs = deltas + packed_floats(m, dn_kernels.tile_rows, tile_columns(s));
    for (int b = first_image; b < last_image; b++)
        for (int first = 0; first < s->out.h; first += rows) {
            const int last = (int)least(first + rows, s->out.h);
            const int64_t columns = (int64_t)(last - first) * s->out.w;
            const float *planes = d->input
                                  + ((int64_t)b * s->in.c + g * channels + channel) * plane(s->in);
            const float *delta = d->delta + ((int64_t)b * s->out.c + g * m) * n
                                 + (int64_t)first * s->out.w;
            for (int i = 0; i < lanes; i++)
                im2col_row(s, planes + i / taps * plane(s->in), i % taps, first, last,
                           matrix + i * columns);
            pack((operand){delta, n, 1}, m, columns, dn_kernels.tile_rows, columns, deltas);
            pack((operand){matrix, columns, 1}, lanes, columns, dn_kernels.tile_columns, columns,
                 inputs);
            gemm(m, lanes, columns, deltas, inputs, true,
                 grads + g * m * k + (int64_t)channel * taps, k, NULL);
        }
}

static void weight_grads(const pass *p, const workspace *w, const conv *s, const conv_data *d)
{
    const int images = image_parts(s, p->batch), parts = channel_parts(s, images);
    const int channels = channels_of(s);
    const int64_t weights = (int64_t)s->out.c * conv_depth(s);
    float *partial = w->shared;
    if (images > 1)
        memset(partial, 0, (size_t)(images * weights) * sizeof *partial);
#pragma omp parallel for collapse(3) schedule(dynamic) num_threads(w->team)
    for (int i = 0; i < images; i++)
        for (int g = 0; g < s->groups; g++)
            for (int c = 0; c < parts; c++) {
                const int channel = channels * c / parts, end = channels * (c + 1) / parts;
                add_grads(w, s, d, g, channel, end - channel, p->batch * i / images,
                          p->batch * (i + 1) / images,
                          images > 1 ? partial + i * weights : d->weight_grads);
            }
    for (int i = 0; i < images && images > 1; i++)
        for (int64_t j = 0; j < weights; j++)
            d->weight_grads[j] += partial[i * weights + j];
}

const conv_algorithm general_algorithm = {
    .name = "general",
    .fits = fits,
    .scratch = scratch_of,
    .packing = product_packing,
    .pack = pack_filters,
    .forward = forward,
    .weight_grads = weight_grads,
    .input_grad = input_grad,
};
