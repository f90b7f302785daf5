/* Max pooling, a row of windows at a time: loops without branches, which vectorise. */
#include <math.h>

#include "cpu.h"

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* For each of `count` windows, compares the value from[x*stride], which is at index at + x*stride
 * of its plane, with the window's largest so far. NaN counts as the largest, the last NaN wins; of
 * equal values, the first wins. */
static inline void compare(const float *from, int32_t at, int stride, int count,
                           float *restrict out, int32_t *restrict index)
{
    if (!index)
        for (int x = 0; x < count; x++) {
            const float v = from[x * stride];
            const int larger = (v > out[x]) | (v != v);
            out[x] = larger ? v : out[x];
        }
    else
        for (int x = 0; x < count; x++) {
            const float v = from[x * stride];
            const int32_t place = at + x * stride;
            const int larger = (v > out[x]) | (v != v) | (index[x] < 0);
            out[x] = larger ? v : out[x];
            index[x] = larger ? place : index[x];
        }
}

static void row_of_windows(const pool *s, const float *in, int y, float *out, int32_t *index)
{
    const int before = s->padding / 2, top = y * s->stride - before;
    for (int x = 0; x < s->out.w; x++)
        out[x] = -INFINITY;
    for (int x = 0; x < s->out.w && index; x++)
        index[x] = -1;
    for (int i = top < 0 ? 0 : top; i < smaller(top + s->size, s->in.h); i++)
        for (int j = 0; j < s->size; j++) {
            /* column j of the windows first…end-1 lies inside the input */
            const int first = j < before ? (before - j + s->stride - 1) / s->stride : 0;
            const int last = s->in.w - 1 + before - j;
            const int end = last < 0 ? 0 : smaller(s->out.w, last / s->stride + 1);
            if (first >= end)
                continue;
            const int32_t at = i * s->in.w + first * s->stride - before + j;
            int32_t *places = index ? index + first : NULL;
            if (s->stride == 1)
                compare(in + at, at, 1, end - first, out + first, places);
            else if (s->stride == 2)
                compare(in + at, at, 2, end - first, out + first, places);
            else
                compare(in + at, at, s->stride, end - first, out + first, places);
        }
    for (int x = 0; x < s->out.w; x++) { /* windows wholly outside */
        const int left = x * s->stride - before;
        if (top + s->size <= 0 || top >= s->in.h || left + s->size <= 0 || left >= s->in.w)
            out[x] = 0;
    }
}

void cpu_maxpool(const pass *p, const pool *s, const float *in, float *out, int32_t *index)
{
    const int64_t from = (int64_t)s->in.h * s->in.w;
    const int64_t planes = (int64_t)p->batch * s->in.c;
#pragma omp parallel for num_threads(pass_team(p, planes * s->out.h * s->out.w * s->size * s->size))
    for (int64_t i = 0; i < planes; i++)
        for (int y = 0; y < s->out.h; y++) {
            const int64_t row = (i * s->out.h + y) * s->out.w;
            row_of_windows(s, in + i * from, y, out + row, index ? index + row : NULL);
        }
}
