/* 3x3 convolutions of stride 1 and padding 1 by Winograd's F(4x4, 3x3): all three passes are 36
 * matrix products between transforms (winograd.inc), 4 times fewer multiplications on whole tiles.
 *
 * Rows of tiles are counted through all images. The forward pass works on a chunk of rows at a
 * time, cut into blocks of about BLOCK_TILES tiles: the transformed input of a chunk is shared; a
 * thread then takes a block of filters and a block of tiles from there to the output. Transformed
 * kernels would be 4 times as many values as the weights: a thread makes them for its block, a
 * slice of channels at a time, and they never leave its cache. The gradient of the input is the
 * same with the kernels turned and the roles of channels and filters exchanged. */
#include <string.h>

#include "algorithm.h"

enum {
    PLACES = WINOGRAD_PLACES,
    SLACK = WINOGRAD_SLACK,
    SHARED_FLOATS = 6 << 20, /* of a chunk's transforms: 24 MiB, as far as the cache may reach */
    GROUP_FLOATS = 4 << 20,  /* of taps packed at a time */
    BLOCK_TILES = 128,       /* at most, where a row has no more */
    BLOCK_ROWS = 24,         /* filters a block, about */
    BLOCK_CHANNELS = 64,     /* of the weights' gradient */
    SLICE = 64               /* channels whose kernels are transformed at a time */
};

static bool fits(const conv *s)
{
    enum { FEW = 16 };
    return s->size == 3 && s->padding == 1 && s->stride == 1 && s->groups == 1 && s->in.c >= FEW
           && s->out.c >= FEW;
}

/* A convolution as the transforms see it: planes of h x w, `in` of them to `out`. */
typedef struct {
    int h, w, in, out;
    int across, down; /* tiles */
    int64_t rows;     /* of tiles, in all images */
    int block, chunk; /* rows of tiles in a block, and in a chunk (whole blocks) */
    int block_panels; /* panels of tiles in a block */
    int group;        /* filters whose taps are packed at a time, in training */
    int filters;      /* a block */
} shape;

/* As many rows as fill the panels of a block best. */
static int rows_of_block(int across, int width)
{
    int best = 1;
    double best_share = 0;
    for (int r = 1; r == 1 || r * across <= BLOCK_TILES; r++) {
        const int64_t tiles = (int64_t)r * across;
        const double share = (double)tiles / (double)(panel_count(tiles, width) * width);
        if (share >= best_share) {
            best = r;
            best_share = share;
        }
    }
    return best;
}

static shape shape_of(const conv *s, const pass *p, bool turned)
{
    const int width = dn_kernels.tile_columns, rows = dn_kernels.tile_rows;
    shape t = {.h = s->in.h,
               .w = s->in.w,
               .in = turned ? s->out.c : s->in.c,
               .out = turned ? s->in.c : s->out.c,
               .across = (s->in.w + 3) / 4,
               .down = (s->in.h + 3) / 4};
    t.rows = (int64_t)p->batch * t.down;
    const int64_t most_rows = (int64_t)p->capacity * t.down;
    t.block = (int)least(rows_of_block(t.across, width), most_rows);
    t.block_panels = (int)panel_count((int64_t)t.block * t.across, width);
    const int64_t block_floats = (int64_t)PLACES * t.in * t.block_panels * width;
    const int64_t blocks = pieces_of(most_rows, t.block);
    t.chunk = t.block * (int)least(most(SHARED_FLOATS / block_floats, 1), blocks);
    t.filters = BLOCK_ROWS / rows * rows;
    const int64_t most_filters = least(GROUP_FLOATS / (9 * (int64_t)t.in), t.out + t.filters - 1);
    t.group = (int)most(most_filters / t.filters, 1) * t.filters;
    return t;
}

/* A place of a block, and a block. */
static int64_t panel_floats(const shape *t)
{
    return panel_depth(t->in) * t->block_panels * dn_kernels.tile_columns;
}

static int64_t block_floats(const shape *t)
{
    return PLACES * panel_floats(t);
}

static int64_t scratch_rows(const shape *t)
{
    return WINOGRAD_ROWS * winograd_row(t->w);
}

/* Tiles of a block, whole panels of them. */
static int64_t block_tiles(const shape *t)
{
    return (int64_t)t->block_panels * dn_kernels.tile_columns;
}

/* A place of a block's transformed plane. */
static int64_t tiles_step(const shape *t)
{
    return block_tiles(t) + SLACK;
}

/* A place of a block of filters and tiles: products, [filter][tile]. */
static int64_t sums_step(const shape *t)
{
    return t->filters * block_tiles(t) + SLACK;
}

/* Taps are packed as the transform reads them: panels of filters, of as many slices of channels as
 * there are, each [tap][channel][lane]. */
static int64_t taps_floats(int64_t channels)
{
    return 9 * channels * dn_kernels.tile_rows;
}

/* A place of the transformed kernels of a block of filters and a slice of channels. */
static int64_t kernels_step(const shape *t)
{
    return (int64_t)t->filters * SLICE + SLACK;
}

static room forward_room(const conv *s, const pass *p, bool turned)
{
    const shape t = shape_of(s, p, turned);
    const int64_t blocks = block_floats(&t) * (t.chunk / t.block);
    const int64_t taps = p->folded ? 0 : taps_floats(t.in) * t.group / dn_kernels.tile_rows + SLACK;
    const int64_t products = PLACES * (sums_step(&t) + kernels_step(&t));
    return (room){.shared = blocks + taps,
                  .own = scratch_rows(&t) + most(products, PLACES * tiles_step(&t))};
}

/* Rows first…last-1 of all rows of tiles: the next piece within one image. */
typedef struct {
    int64_t image;
    int first, rows;
    int64_t at; /* rows before it */
} piece;

static bool next_piece(const shape *t, int64_t first, int64_t last, piece *p)
{
    const int64_t row = first + p->at + p->rows;
    if (row >= last)
        return false;
    *p = (piece){row / t->down, (int)(row % t->down),
                 (int)least(last - row, t->down - row % t->down), row - first};
    return true;
}

/* The transformed input of rows first…last-1, channel by channel, into blocks of panels:
 * [block][place][panel][channel][lane]. */
static void transform_chunk(const workspace *w, const shape *t, const float *input, int64_t first,
                            int64_t last, float *panels)
{
    const int width = dn_kernels.tile_columns;
    const int64_t step = tiles_step(t), blocks = pieces_of(last - first, t->block);
#pragma omp parallel for collapse(2) schedule(dynamic, 4) num_threads(w->team)
    for (int64_t b = 0; b < blocks; b++)
        for (int c = 0; c < t->in; c++) {
            float *scratch = own_scratch(w), *tiles = scratch + scratch_rows(t);
            const int64_t from = first + b * t->block, to = least(from + t->block, last);
            for (piece q = {0}; next_piece(t, from, to, &q);)
                dn_kernels.winograd_input(input + (q.image * t->in + c) * t->h * t->w, t->h, t->w,
                                          q.first, q.rows, tiles + q.at * t->across, step, scratch);
            const int64_t count = (to - from) * t->across;
            float *to_panel = panels + b * block_floats(t) + (int64_t)c * width;
            for (int place = 0; place < PLACES; place++, to_panel += panel_floats(t))
                spread_lanes(tiles + place * step, count, width, panel_depth(t->in) * width,
                             to_panel);
        }
}

/* The taps of filters first…first+count-1. Turned, a filter is an input channel, its channels
 * are the filters, and each kernel stands on its head. */
static void pack_taps(const workspace *w, const shape *t, const float *weights, bool turned,
                      int first, int count, float *packed)
{
    const int rows = dn_kernels.tile_rows, panels = (int)panel_count(count, rows);
    const int64_t filter_step = turned ? 9 : (int64_t)t->in * 9,
                  channel_step = turned ? (int64_t)t->out * 9 : 9;
#pragma omp parallel for collapse(2) num_threads(w->team)
    for (int i = 0; i < panels; i++)
        for (int slice = 0; slice < t->in; slice += SLICE) {
            const int64_t depth = least(SLICE, t->in - slice), lanes = depth * rows;
            float *to = packed + i * taps_floats(t->in) + taps_floats(slice);
            for (int l = 0; l < rows; l++, to++) {
                const int filter = first + (int)least(i * rows + l, count - 1);
                const float *kernel = weights + filter * filter_step + slice * channel_step;
                for (int c = 0; c < depth; c++, kernel += channel_step)
                    for (int k = 0; k < 9; k++)
                        to[k * lanes + c * rows] = kernel[turned ? 8 - k : k];
            }
        }
}

/* The sums of a block of filters on a block of tiles, back to pixels. */
static void to_pixels(const workspace *w, const shape *t, const float *sums, int64_t from,
                      int64_t to, int first, int filters, float *output, bool add,
                      const epilogue *e)
{
    for (int f = 0; f < filters; f++)
        for (piece q = {0}; next_piece(t, from, to, &q);)
            dn_kernels.winograd_output(
                sums + f * block_tiles(t) + q.at * t->across, sums_step(t), t->h, t->w, q.first,
                q.rows, output + (q.image * t->out + first + f) * t->h * t->w, add,
                e ? e->biases[first + f] : 0, e ? e->activation : LINEAR, own_scratch(w));
}

/* A block of filters on a block of tiles: products place by place, slice upon slice, then back to
 * pixels. The taps that follow, mostly the next slice's, are fetched meanwhile. */
static void multiply_block(const workspace *w, const shape *t, const float *taps,
                           const float *panels, int64_t from, int64_t to, int first, int filters,
                           float *output, bool add, const epilogue *e)
{
    const int rows = dn_kernels.tile_rows, width = dn_kernels.tile_columns;
    const int64_t panel = taps_floats(t->in), tiles = (to - from) * t->across;
    float *sums = own_scratch(w) + scratch_rows(t), *kernels = sums + PLACES * sums_step(t);
    for (int slice = 0; slice < t->in; slice += SLICE, taps += taps_floats(SLICE)) {
        const int64_t depth = least(SLICE, t->in - slice), lanes = depth * rows;
        for (int i = 0; i * rows < filters; i++)
            dn_kernels.winograd_weights(taps + i * panel, lanes, lanes, kernels + i * lanes,
                                        kernels_step(t));
        const int64_t share = taps_floats(depth) / PLACES;
        for (int place = 0; place < PLACES; place++) {
            for (int i = 0; i * rows < filters; i++)
                fetch(taps + i * panel + taps_floats(depth) + place * share, share);
            for (int64_t j = 0; j < tiles; j += width)
                dn_kernels.strip(depth, kernels + place * kernels_step(t), lanes,
                                 panels + place * panel_floats(t) + j * panel_depth(t->in)
                                     + slice * width,
                                 slice > 0, sums + place * sums_step(t) + j, block_tiles(t),
                                 filters, (int)least(width, tiles - j), NULL, LINEAR, taps, 0);
        }
    }
    to_pixels(w, t, sums, from, to, first, filters, output, add, e);
}

/* weights NULL: `packed` holds the taps of all filters. */
static void convolve(const pass *p, const workspace *w, const conv *s, bool turned,
                     const float *weights, const float *packed, const float *input, float *output,
                     bool add, const epilogue *e)
{
    const shape t = shape_of(s, p, turned);
    const int rows = dn_kernels.tile_rows;
    float *panels = w->shared, *own_taps = panels + block_floats(&t) * (t.chunk / t.block);
    const int group = weights ? t.group : t.out;
    for (int64_t first = 0; first < t.rows; first += t.chunk) {
        const int64_t last = least(first + t.chunk, t.rows);
        const int64_t blocks = pieces_of(last - first, t.block);
        transform_chunk(w, &t, input, first, last, panels);
        for (int filter = 0; filter < t.out; filter += group) {
            const int count = (int)least(group, t.out - filter);
            const int filter_blocks = (int)pieces_of(count, t.filters);
            if (weights)
                pack_taps(w, &t, weights, turned, filter, count, own_taps);
            const float *taps = weights ? own_taps : packed;
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
            for (int i = 0; i < filter_blocks; i++)
                for (int64_t b = 0; b < blocks; b++) {
                    const int64_t from = first + b * t.block, to = least(from + t.block, last);
                    const int f = i * t.filters;
                    multiply_block(w, &t, taps + f / rows * taps_floats(t.in),
                                   panels + b * block_floats(&t), from, to, filter + f,
                                   (int)least(t.filters, count - f), output, add, e);
                }
        }
    }
}

static void forward(const pass *p, const workspace *w, const conv *s, conv_weights weights,
                    const float *input, float *output, const epilogue *e)
{
    convolve(p, w, s, false, weights.plain, weights.packed, input, output, false, e);
}

static void input_grad(const pass *p, const workspace *w, const conv *s, const conv_data *d)
{
    convolve(p, w, s, true, d->weights, NULL, d->delta, d->input_delta, d->add, NULL);
}

static packing packing_of(const conv *s)
{
    return (packing){dn_kernels.tile_rows, taps_floats(s->in.c), SLACK};
}

static void pack_filters(const workspace *w, const conv *s, const float *weights, float *packed)
{
    const pass one = {.batch = 1, .capacity = 1};
    const shape t = shape_of(s, &one, false);
    pack_taps(w, &t, weights, false, 0, s->out.c, packed);
}

/* The weights' gradient works on a chunk of tiles at a time, in which they are the depth of the
 * products. */
typedef struct {
    int64_t chunk; /* rows of tiles */
    int64_t tiles; /* in a chunk */
    int piece;     /* rows of tiles transformed at a time */
} depths;

static depths depths_of(const conv *s, const shape *t)
{
    enum { CHUNK_FLOATS = 10 << 20, PIECE_TILES = 64 };
    const int64_t lanes = packed_floats(s->out.c, dn_kernels.tile_rows, 1)
                          + packed_floats(s->in.c, dn_kernels.tile_columns, 1);
    const int64_t rows = most(CHUNK_FLOATS / (PLACES * lanes * t->across), 1);
    const int64_t chunks = pieces_of(t->rows, rows);
    const int64_t chunk = pieces_of(t->rows, chunks);
    return (depths){chunk, chunk * t->across, (int)most(PIECE_TILES / t->across, 1)};
}

static int64_t piece_step(const shape *t, const depths *d)
{
    return (int64_t)d->piece * t->across + SLACK;
}

static room weight_grad_room(const conv *s, const pass *p)
{
    const shape t = shape_of(s, p, false);
    const depths d = depths_of(s, &t);
    const int rows = dn_kernels.tile_rows, width = dn_kernels.tile_columns;
    const int64_t lanes = rows > width ? rows : width;
    const int64_t grads = (int64_t)(PLACES * t.filters + 9) * (BLOCK_CHANNELS + SLACK);
    return (room){.shared = PLACES
                            * (packed_floats(s->out.c, rows, d.tiles)
                               + packed_floats(s->in.c, width, d.tiles)),
                  .own = scratch_rows(&t) + most(lanes * PLACES * piece_step(&t, &d), grads)};
}

typedef void transform(const float *in, int h, int w, int first, int rows, float *out, int64_t step,
                       float *scratch);

/* A panel of transformed planes, tiles as depth: [place][tile][lane], places place_step apart. */
static void transform_lanes(const workspace *w, const shape *t, const depths *d, transform *kernel,
                            const float *planes, int count, int first_plane, int lanes, int width,
                            int64_t first, int64_t last, int64_t place_step, float *panel)
{
    const int64_t step = piece_step(t, d), size = (int64_t)t->h * t->w;
    float *scratch = own_scratch(w), *tiles = scratch + scratch_rows(t);
    for (int64_t from = first; from < last; from += d->piece) {
        const int64_t to = least(from + d->piece, last);
        for (int l = 0; l < lanes; l++)
            for (piece q = {0}; next_piece(t, from, to, &q);)
                kernel(planes + (q.image * count + first_plane + l) * size, t->h, t->w, q.first,
                       q.rows, tiles + l * PLACES * step + q.at * t->across, step, scratch);
        for (int place = 0; place < PLACES; place++)
            dn_kernels.pack(tiles + place * step, PLACES * step, lanes, (to - from) * t->across,
                            width, panel + place * place_step + (from - first) * t->across * width);
    }
}

/* A block of filters and channels: products place by place, then back to kernels. */
static void add_grads(const workspace *w, const conv *s, const shape *t, const float *deltas,
                      int64_t delta_step, const float *inputs, int64_t input_step, int64_t tiles,
                      int filter, int filters, int channel, int channels, float *grads)
{
    enum { STEP = BLOCK_CHANNELS + SLACK };
    float *sums = own_scratch(w) + scratch_rows(t), *taps = sums + PLACES * filters * STEP;
    for (int place = 0; place < PLACES; place++)
        gemm(filters, channels, tiles, deltas + place * delta_step + filter * panel_depth(tiles),
             inputs + place * input_step + channel * panel_depth(tiles), false,
             sums + place * filters * STEP, STEP, NULL);
    for (int f = 0; f < filters; f++) {
        dn_kernels.winograd_weight_grads(sums + f * STEP, filters * STEP, channels, taps, STEP);
        float *to = grads + ((int64_t)(filter + f) * s->in.c + channel) * 9;
        for (int c = 0; c < channels; c++)
            for (int k = 0; k < 9; k++)
                to[c * 9 + k] += taps[k * STEP + c];
    }
}

static void weight_grads(const pass *p, const workspace *w, const conv *s, const conv_data *data)
{
    const shape t = shape_of(s, p, false);
    const depths d = depths_of(s, &t);
    const int rows = dn_kernels.tile_rows, width = dn_kernels.tile_columns;
    const int filter_panels = (int)panel_count(s->out.c, rows),
              channel_panels = (int)panel_count(s->in.c, width);
    const int filter_blocks = (int)pieces_of(s->out.c, t.filters),
              channel_blocks = (int)pieces_of(s->in.c, BLOCK_CHANNELS);
    float *deltas = w->shared;
    for (int64_t first = 0; first < t.rows; first += d.chunk) {
        const int64_t last = least(first + d.chunk, t.rows), tiles = (last - first) * t.across;
        const int64_t delta_step = packed_floats(s->out.c, rows, tiles),
                      input_step = packed_floats(s->in.c, width, tiles);
        float *inputs = deltas + PLACES * delta_step;
#pragma omp parallel for schedule(dynamic) num_threads(w->team)
        for (int i = 0; i < filter_panels + channel_panels; i++) {
            const int j = i - filter_panels;
            if (j < 0)
                transform_lanes(w, &t, &d, dn_kernels.winograd_delta, data->delta, s->out.c,
                                i * rows, (int)least(rows, s->out.c - i * rows), rows, first, last,
                                delta_step, deltas + i * rows * panel_depth(tiles));
            else
                transform_lanes(w, &t, &d, dn_kernels.winograd_input, data->input, s->in.c,
                                j * width, (int)least(width, s->in.c - j * width), width, first,
                                last, input_step, inputs + j * width * panel_depth(tiles));
        }
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(w->team)
        for (int i = 0; i < filter_blocks; i++)
            for (int j = 0; j < channel_blocks; j++) {
                const int filter = i * t.filters, channel = j * BLOCK_CHANNELS;
                add_grads(w, s, &t, deltas, delta_step, inputs, input_step, tiles, filter,
                          (int)least(t.filters, s->out.c - filter), channel,
                          (int)least(BLOCK_CHANNELS, s->in.c - channel), data->weight_grads);
            }
    }
}

static room scratch_of(const conv *s, const pass *p)
{
    const room sums = forward_room(s, p, false);
    if (!p->backward)
        return sums;
    const room turned = forward_room(s, p, true), grads = weight_grad_room(s, p);
    return (room){most(most(sums.shared, turned.shared), grads.shared),
                  most(most(sums.own, turned.own), grads.own)};
}

const conv_algorithm winograd_algorithm = {
    .name = "winograd",
    .fits = fits,
    .scratch = scratch_of,
    .packing = packing_of,
    .pack = pack_filters,
    .forward = forward,
    .weight_grads = weight_grads,
    .input_grad = input_grad,
};
