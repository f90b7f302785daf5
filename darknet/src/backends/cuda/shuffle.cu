/* Operations that move values: route's rows, upsampling, reorg, shortcut, crop. */
#include "cuda.h"

static __global__ void copy_rows(int64_t rows, int64_t count, const float *in, int64_t in_step,
                                 float *out, int64_t out_step, float scale, bool add)
{
    FOR_EACH(k, rows * count) {
        const int64_t r = k / count, i = k % count;
        put(out + r * out_step + i, in ? scale * in[r * in_step + i] : 0, add);
    }
}

void cuda_copy_rows(const pass *, int64_t rows, int64_t count, const float *in, int64_t in_step,
                    float *out, int64_t out_step, float scale, bool add)
{
    LAUNCH(copy_rows, rows * count, rows, count, in, in_step, out, out_step, scale, add);
}

static __global__ void transpose(int64_t rows, int64_t columns, const float *x, float *out,
                                 bool add, int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t b = i / (rows * columns), c = i / rows % columns, r = i % rows;
        put(out + i, x[(b * rows + r) * columns + c], add);
    }
}

void cuda_transpose(const pass *p, int64_t rows, int64_t columns, const float *x, float *out,
                    bool add)
{
    const int64_t count = p->batch * rows * columns;
    LAUNCH(transpose, count, rows, columns, x, out, add, count);
}

/* Each value of the small map belongs to stride*stride values of the large one. */
static __global__ void spread(dims small, int stride, float scale, const float *from, float *large,
                              bool add, int64_t count)
{
    const int64_t width = (int64_t)small.w * stride, height = (int64_t)small.h * stride;
    FOR_EACH(k, count) {
        const int64_t x = k % width, y = k / width % height, i = k / width / height;
        put(large + k, scale * from[(i * small.h + y / stride) * small.w + x / stride], add);
    }
}

static __global__ void gather(dims small, int stride, float scale, const float *large, float *to,
                              bool add, int64_t count)
{
    const int64_t width = (int64_t)small.w * stride;
    FOR_EACH(k, count) {
        const int64_t x = k % small.w, y = k / small.w % small.h, i = k / small.w / small.h;
        float sum = 0;
        for (int64_t t = 0; t < (int64_t)stride * stride; t++)
            sum += large[(i * small.h * stride + y * stride + t / stride) * width + x * stride
                         + t % stride];
        put(to + k, scale * sum, add);
    }
}

static void run_spread(const pass *p, dims small, int stride, float scale, const float *from,
                       float *large, bool add)
{
    const int64_t count = p->batch * dims_count(small) * stride * stride;
    LAUNCH(spread, count, small, stride, scale, from, large, add, count);
}

static void run_gather(const pass *p, dims small, int stride, float scale, const float *large,
                       float *to, bool add)
{
    const int64_t count = p->batch * dims_count(small);
    LAUNCH(gather, count, small, stride, scale, large, to, add, count);
}

void cuda_upsample(const pass *p, dims in, int stride, float scale, const float *x, float *out)
{
    run_spread(p, in, stride, scale, x, out, false);
}

void cuda_upsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                        float *input_delta, bool add)
{
    run_gather(p, in, stride, scale, delta, input_delta, add);
}

static dims shrunk(dims in, int stride)
{
    return {in.c, in.h / stride, in.w / stride};
}

void cuda_downsample(const pass *p, dims in, int stride, float scale, const float *x, float *out)
{
    run_gather(p, shrunk(in, stride), stride, scale, x, out, false);
}

void cuda_downsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                          float *input_delta, bool add)
{
    run_spread(p, shrunk(in, stride), stride, scale, delta, input_delta, add);
}

/* The index of element k, j, i of the (c, h, w) map in the memory taken as (c/s², h*s, w*s). */
static __device__ int64_t reorg_place(struct reorg s, int k, int j, int i)
{
    const int channels = s.in.c / (s.stride * s.stride), offset = k / channels;
    const int64_t y = (int64_t)s.stride * j + offset / s.stride,
                  x = (int64_t)s.stride * i + offset % s.stride;
    return ((int64_t)(k % channels) * s.in.h * s.stride + y) * s.in.w * s.stride + x;
}

/* gathers: reads at reorg_place() and writes in order; otherwise the other way round. */
static __global__ void reorg_move(struct reorg s, bool gathers, const float *from, float *to,
                                  bool add, int64_t count)
{
    const int64_t image = dims_count(s.in);
    FOR_EACH(dense, count) {
        const int i = (int)(dense % s.in.w), j = (int)(dense / s.in.w % s.in.h),
                  k = (int)(dense / plane_of(s.in) % s.in.c);
        const int64_t place = dense / image * image + reorg_place(s, k, j, i);
        put(to + (gathers ? dense : place), from[gathers ? place : dense], add);
    }
}

static void run_reorg(const pass *p, const struct reorg *s, bool gathers, const float *from,
                      float *to, bool add)
{
    const int64_t count = p->batch * dims_count(s->in);
    LAUNCH(reorg_move, count, *s, gathers, from, to, add, count);
}

void cuda_reorg(const pass *p, const struct reorg *s, const float *x, float *out)
{
    run_reorg(p, s, !s->reverse, x, out, false);
}

void cuda_reorg_grad(const pass *p, const struct reorg *s, const float *delta, float *input_delta,
                     bool add)
{
    run_reorg(p, s, s->reverse, delta, input_delta, add);
}

/* Where the two maps of a shortcut overlap: every step_a-th pixel of a is paired with every
 * step_b-th pixel of b. */
typedef struct { dims common; int step_a, step_b; } overlap;

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static overlap find_overlap(const struct shortcut *s)
{
    const int down = s->b.w / s->a.w, up = s->a.w / s->b.w;
    return {{smaller(s->a.c, s->b.c), smaller(s->a.h, s->b.h), smaller(s->a.w, s->b.w)},
            up < 1 ? 1 : up,
            down < 1 ? 1 : down};
}

/* Of value i of map `own`, where its pixel stands in map `other`; -1: it is in no pair. */
static __device__ int64_t partner(dims own, int own_step, dims other, int other_step, dims common,
                                  int64_t i)
{
    const int x = (int)(i % own.w), y = (int)(i / own.w % own.h), c = (int)(i / plane_of(own) % own.c);
    if (c >= common.c || x % own_step || y % own_step || x / own_step >= common.w
        || y / own_step >= common.h)
        return -1;
    const int64_t image = i / dims_count(own);
    return ((image * other.c + c) * other.h + y / own_step * other_step) * other.w
           + x / own_step * other_step;
}

static __global__ void add_maps(struct shortcut s, overlap o, const float *a, const float *b, float *out,
                           int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t at = partner(s.a, o.step_a, s.b, o.step_b, o.common, i);
        out[i] = at < 0 ? a[i] : s.alpha * a[i] + s.beta * b[at];
    }
}

void cuda_shortcut(const pass *p, const struct shortcut *s, const float *a, const float *b,
                   float *out)
{
    const int64_t count = p->batch * dims_count(s->a);
    LAUNCH(add_maps, count, *s, find_overlap(s), a, b, out, count);
}

/* own: the map whose delta is set; passes: what stands in no pair passes the gradient on. */
static __global__ void share(dims own, int own_step, dims out, int out_step, dims common,
                             bool passes, float factor, const float *delta, float *to, bool add,
                             int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t at = partner(own, own_step, out, out_step, common, i);
        const float g = passes ? delta[i] : at < 0 ? 0 : factor * delta[at];
        const float more = passes && at >= 0 ? (factor - 1) * delta[i] : 0;
        to[i] = (add ? to[i] + g : g) + more;
    }
}

void cuda_shortcut_grad(const pass *p, const struct shortcut *s, const float *delta,
                        float *a_delta, bool add_a, float *b_delta, bool add_b)
{
    const overlap o = find_overlap(s);
    const int64_t count_a = p->batch * dims_count(s->a), count_b = p->batch * dims_count(s->b);
    if (a_delta)
        LAUNCH(share, count_a, s->a, o.step_a, s->b, o.step_b, o.common, true, s->alpha, delta,
               a_delta, add_a, count_a);
    if (b_delta)
        LAUNCH(share, count_b, s->b, o.step_b, s->a, o.step_a, o.common, false, s->beta, delta,
               b_delta, add_b, count_b);
}

typedef struct { int column, row, mirrored; } crop_place;

/* In training a function of seed, pass, layer and image; else the middle. */
static __device__ crop_place place_of(cropping s, bool train, uint64_t seed, int64_t image)
{
    const int columns = s.in.w - s.out.w, rows = s.in.h - s.out.h;
    if (!train)
        return {columns / 2, rows / 2, 0};
    const uint64_t n = (uint64_t)image * 3;
    return {(int)(dn_random_uniform(seed, n) * (columns + 1)),
            (int)(dn_random_uniform(seed, n + 1) * (rows + 1)),
            s.flip && dn_random_uniform(seed, n + 2) < .5};
}

static __global__ void crop(cropping s, bool train, uint64_t seed, const float *in,
                            int32_t *places, float *out, int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t image = i / dims_count(s.out), c = i / plane_of(s.out) % s.out.c;
        const int x = (int)(i % s.out.w), y = (int)(i / s.out.w % s.out.h);
        const crop_place at = place_of(s, train, seed, image);
        if (places && i % dims_count(s.out) == 0) {
            places[3 * image] = at.column;
            places[3 * image + 1] = at.row;
            places[3 * image + 2] = at.mirrored;
        }
        const int column = at.column + (at.mirrored ? s.out.w - 1 - x : x);
        out[i] = s.scale * in[((image * s.in.c + c) * s.in.h + at.row + y) * s.in.w + column]
                 + s.shift;
    }
}

void cuda_crop(const pass *p, const cropping *s, const float *in, int32_t *places, float *out)
{
    const uint64_t seed = dn_random_bits(dn_random_bits(p->seed, (uint64_t)p->seen),
                                         (uint64_t)s->layer);
    const int64_t count = p->batch * dims_count(s->out);
    LAUNCH(crop, count, *s, p->train, seed, in, places, out, count);
}

static __global__ void crop_grad(cropping s, const float *delta, const int32_t *places,
                                 float *input_delta, bool add, int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t image = i / dims_count(s.in), c = i / plane_of(s.in) % s.in.c;
        const int32_t *at = places + 3 * image;
        const int column = (int)(i % s.in.w) - at[0], y = (int)(i / s.in.w % s.in.h) - at[1];
        const int x = at[2] ? s.out.w - 1 - column : column;
        const bool inside = x >= 0 && x < s.out.w && y >= 0 && y < s.out.h;
        const float g = inside
                            ? s.scale * delta[((image * s.out.c + c) * s.out.h + y) * s.out.w + x]
                            : 0;
        put(input_delta + i, g, add);
    }
}

void cuda_crop_grad(const pass *p, const cropping *s, const float *delta, const int32_t *places,
                    float *input_delta, bool add)
{
    const int64_t count = p->batch * dims_count(s->in);
    LAUNCH(crop_grad, count, *s, delta, places, input_delta, add, count);
}
