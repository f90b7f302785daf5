/* Operations that move values: route's rows, upsampling, reorg, shortcut. */
#include "reference.h"

static int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

static inline void put(float *to, float value, bool add)
{
    *to = add ? *to + value : value;
}

void reference_copy_rows(const pass *p, int64_t rows, int64_t count, const float *in,
                         int64_t in_step, float *out, int64_t out_step, float scale, bool add)
{
    (void)p; /* read by OpenMP's pragmas only */
#pragma omp parallel for num_threads(pass_team(p, rows * count))
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < count; i++)
            put(out + r * out_step + i, in ? scale * in[r * in_step + i] : 0, add);
}

void reference_transpose(const pass *p, int64_t rows, int64_t columns, const float *x, float *out,
                         bool add)
{
#pragma omp parallel for num_threads(pass_team(p, p->batch * rows * columns))
    for (int b = 0; b < p->batch; b++)
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < columns; c++)
                put(out + (b * columns + c) * rows + r, x[(b * rows + r) * columns + c], add);
}

/* Each value of the small map belongs to stride*stride values of the large one: spread() copies it
 * to them, gather() adds them up; both multiply by `scale`. */
static void spread(const pass *p, dims small, int stride, float scale, const float *from,
                   float *large, bool add)
{
    const int64_t planes = (int64_t)p->batch * small.c, width = (int64_t)small.w * stride;
#pragma omp parallel for num_threads(pass_team(p, planes * plane(small) * stride * stride))
    for (int64_t i = 0; i < planes; i++)
        for (int64_t y = 0; y < (int64_t)small.h * stride; y++)
            for (int64_t x = 0; x < width; x++)
                put(large + (i * small.h * stride + y) * width + x,
                    scale * from[i * plane(small) + y / stride * small.w + x / stride], add);
}

static void gather(const pass *p, dims small, int stride, float scale, const float *large,
                   float *to, bool add)
{
    const int64_t planes = (int64_t)p->batch * small.c, width = (int64_t)small.w * stride;
#pragma omp parallel for num_threads(pass_team(p, planes * plane(small) * stride * stride))
    for (int64_t i = 0; i < planes; i++)
        for (int64_t y = 0; y < small.h; y++)
            for (int64_t x = 0; x < small.w; x++) {
                float sum = 0;
                for (int64_t k = 0; k < (int64_t)stride * stride; k++)
                    sum += large[(i * small.h * stride + y * stride + k / stride) * width
                                 + x * stride + k % stride];
                put(to + i * plane(small) + y * small.w + x, scale * sum, add);
            }
}

void reference_upsample(const pass *p, dims in, int stride, float scale, const float *x, float *out)
{
    spread(p, in, stride, scale, x, out, false);
}

void reference_upsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                             float *input_delta, bool add)
{
    gather(p, in, stride, scale, delta, input_delta, add);
}

void reference_downsample(const pass *p, dims in, int stride, float scale, const float *x,
                          float *out)
{
    gather(p, (dims){in.c, in.h / stride, in.w / stride}, stride, scale, x, out, false);
}

void reference_downsample_grad(const pass *p, dims in, int stride, float scale, const float *delta,
                               float *input_delta, bool add)
{
    spread(p, (dims){in.c, in.h / stride, in.w / stride}, stride, scale, delta, input_delta, add);
}

/* The index of element k, j, i of the (c, h, w) map in the memory taken as (c/s², h*s, w*s). */
static int64_t reorg_place(const reorg *s, int k, int j, int i)
{
    const int channels = s->in.c / (s->stride * s->stride), offset = k / channels;
    const int64_t y = (int64_t)s->stride * j + offset / s->stride,
                  x = (int64_t)s->stride * i + offset % s->stride;
    return ((int64_t)(k % channels) * s->in.h * s->stride + y) * s->in.w * s->stride + x;
}

/* gathers: reads at reorg_place() and writes in order; otherwise the other way round. */
static void reorg_move(const pass *p, const reorg *s, bool gathers, const float *from, float *to,
                       bool add)
{
    const int64_t count = dims_count(s->in);
#pragma omp parallel for num_threads(pass_team(p, p->batch * count))
    for (int b = 0; b < p->batch; b++)
        for (int k = 0; k < s->in.c; k++)
            for (int j = 0; j < s->in.h; j++)
                for (int i = 0; i < s->in.w; i++) {
                    const int64_t dense = b * count + ((int64_t)k * s->in.h + j) * s->in.w + i;
                    const int64_t place = b * count + reorg_place(s, k, j, i);
                    put(to + (gathers ? dense : place), from[gathers ? place : dense], add);
                }
}

void reference_reorg(const pass *p, const reorg *s, const float *x, float *out)
{
    reorg_move(p, s, !s->reverse, x, out, false);
}

void reference_reorg_grad(const pass *p, const reorg *s, const float *delta, float *input_delta,
                          bool add)
{
    reorg_move(p, s, s->reverse, delta, input_delta, add);
}

/* Where the two maps of a shortcut overlap: every step_a-th pixel of a is paired with every
 * step_b-th pixel of b. */
typedef struct { int channels, rows, columns, step_a, step_b; } overlap;

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static overlap find_overlap(const shortcut *s)
{
    const int down = s->b.w / s->a.w, up = s->a.w / s->b.w;
    return (overlap){smaller(s->a.c, s->b.c), smaller(s->a.h, s->b.h), smaller(s->a.w, s->b.w),
                     up < 1 ? 1 : up, down < 1 ? 1 : down};
}

static int64_t pixel(dims d, int64_t image, int c, int y, int x)
{
    return ((image * d.c + c) * d.h + y) * d.w + x;
}

void reference_shortcut(const pass *p, const shortcut *s, const float *a, const float *b,
                        float *out)
{
    const overlap o = find_overlap(s);
    const int64_t count = dims_count(s->a);
#pragma omp parallel for num_threads(pass_team(p, p->batch * count))
    for (int image = 0; image < p->batch; image++) {
        for (int64_t i = image * count; i < (image + 1) * count; i++)
            out[i] = a[i];
        for (int c = 0; c < o.channels; c++)
            for (int y = 0; y < o.rows; y++)
                for (int x = 0; x < o.columns; x++) {
                    const int64_t at = pixel(s->a, image, c, y * o.step_a, x * o.step_a);
                    out[at] = s->alpha * a[at]
                              + s->beta * b[pixel(s->b, image, c, y * o.step_b, x * o.step_b)];
                }
    }
}

void reference_shortcut_grad(const pass *p, const shortcut *s, const float *delta, float *a_delta,
                             bool add_a, float *b_delta, bool add_b)
{
    const overlap o = find_overlap(s);
    const int64_t count = dims_count(s->a), count_b = dims_count(s->b);
#pragma omp parallel for num_threads(pass_team(p, p->batch * count))
    for (int image = 0; image < p->batch; image++) {
        for (int64_t i = image * count; a_delta && i < (image + 1) * count; i++)
            put(a_delta + i, delta[i], add_a);
        for (int64_t i = image * count_b; b_delta && !add_b && i < (image + 1) * count_b; i++)
            b_delta[i] = 0;
        for (int c = 0; c < o.channels; c++)
            for (int y = 0; y < o.rows; y++)
                for (int x = 0; x < o.columns; x++) {
                    const int64_t at = pixel(s->a, image, c, y * o.step_a, x * o.step_a);
                    if (a_delta)
                        a_delta[at] += (s->alpha - 1) * delta[at];
                    if (b_delta)
                        b_delta[pixel(s->b, image, c, y * o.step_b, x * o.step_b)] += s->beta
                                                                                      * delta[at];
                }
    }
}
