/* Upsampling by whole rows; shortcuts of equal shapes. */
#include <string.h>

#include "backends/reference/reference.h"
#include "cpu.h"

static inline void repeat(const float *x, int w, int stride, float scale, float *row)
{
    for (int i = 0; i < w; i++)
        for (int k = 0; k < stride; k++)
            row[i * stride + k] = scale * x[i];
}

void cpu_upsample(const pass *p, dims in, int stride, float scale, const float *x, float *out)
{
    const int64_t rows = (int64_t)p->batch * in.c * in.h, width = (int64_t)in.w * stride;
#pragma omp parallel for num_threads(pass_team(p, rows * width * stride))
    for (int64_t r = 0; r < rows; r++) {
        float *first = out + r * stride * width;
        if (stride == 2)
            repeat(x + r * in.w, in.w, 2, scale, first);
        else
            repeat(x + r * in.w, in.w, stride, scale, first);
        for (int k = 1; k < stride; k++)
            memcpy(first + k * width, first, (size_t)width * sizeof *first);
    }
}

enum { PIECE = 1 << 14 };

static bool equal(dims a, dims b)
{
    return a.c == b.c && a.h == b.h && a.w == b.w;
}

static int64_t end_of(int64_t start, int64_t count)
{
    return count - start < PIECE ? count : start + PIECE;
}

void cpu_shortcut(const pass *p, const shortcut *s, const float *a, const float *b, float *out)
{
    const int64_t count = p->batch * dims_count(s->a);
    if (!equal(s->a, s->b)) {
        reference_shortcut(p, s, a, b, out);
        return;
    }
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t start = 0; start < count; start += PIECE)
        for (int64_t i = start; i < end_of(start, count); i++)
            out[i] = s->alpha * a[i] + s->beta * b[i];
}

static void scaled(const float *delta, float scale, float *to, bool add, int64_t start, int64_t end)
{
    for (int64_t i = start; i < end; i++)
        to[i] = add ? to[i] + scale * delta[i] : scale * delta[i];
}

void cpu_shortcut_grad(const pass *p, const shortcut *s, const float *delta, float *a_delta,
                       bool add_a, float *b_delta, bool add_b)
{
    const int64_t count = p->batch * dims_count(s->a);
    if (!equal(s->a, s->b)) {
        reference_shortcut_grad(p, s, delta, a_delta, add_a, b_delta, add_b);
        return;
    }
#pragma omp parallel for num_threads(pass_team(p, count))
    for (int64_t start = 0; start < count; start += PIECE) {
        if (a_delta)
            scaled(delta, s->alpha, a_delta, add_a, start, end_of(start, count));
        if (b_delta)
            scaled(delta, s->beta, b_delta, add_b, start, end_of(start, count));
    }
}
