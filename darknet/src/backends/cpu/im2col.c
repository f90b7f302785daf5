#include <string.h>

#include "blas.h"
#include "conv.h"

conv_kind conv_kind_of(const conv *s)
{
    if (s->size == 1 && s->stride == 1 && s->padding == 0 && s->groups == 1)
        return POINTWISE;
    if (s->groups == s->in.c && s->in.c == s->out.c && s->size == 3 && s->padding == 1
        && s->stride <= 2)
        return DEPTHWISE;
    return GENERAL;
}

int conv_tile_rows(const conv *s)
{
    /* a megabyte: about half of a second-level cache, or all of a small one */
    enum { TILE_FLOATS = 1 << 18 };
    const int64_t a_row = (int64_t)conv_depth(s) * s->out.w;
    const int64_t rows = TILE_FLOATS / a_row;
    return rows < 1 ? 1 : rows > s->out.h ? s->out.h : (int)rows;
}

size_t conv_scratch_floats(const conv *s)
{
    size_t floats = 0;
    if (conv_kind_of(s) == DEPTHWISE)
        floats = depthwise_scratch(s->in.h, s->in.w);
    else if (conv_kind_of(s) == GENERAL)
        floats = (size_t)conv_depth(s) * (size_t)conv_tile_rows(s) * (size_t)s->out.w;
    return (floats + 15) / 16 * 16;
}

size_t cpu_conv_workspace(const conv *s, const pass *p)
{
    return conv_scratch_floats(s) * (size_t)p->threads * sizeof(float);
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

void im2col(const conv *s, const float *channels, int count, int first_row, int last_row,
            float *matrix)
{
    const int64_t width = s->out.w;
    for (int c = 0; c < count; c++)
        for (int k = 0; k < s->size * s->size; k++) {
            const int ky = k / s->size, kx = k % s->size;
            int first, last;
            columns_inside(s, kx, &first, &last);
            for (int y = first_row; y < last_row; y++, matrix += width) {
                const int in_y = y * s->stride + ky - s->padding;
                if (in_y < 0 || in_y >= s->in.h || first == last) {
                    memset(matrix, 0, (size_t)width * sizeof *matrix);
                    continue;
                }
                const float *row = channels + ((int64_t)c * s->in.h + in_y) * s->in.w + kx
                                   - s->padding;
                memset(matrix, 0, (size_t)first * sizeof *matrix);
                if (s->stride == 1)
                    memcpy(matrix + first, row + first, (size_t)(last - first) * sizeof *matrix);
                else
                    for (int x = first; x < last; x++)
                        matrix[x] = row[(int64_t)x * s->stride];
                memset(matrix + last, 0, (size_t)(width - last) * sizeof *matrix);
            }
        }
}

void col2im(const conv *s, const float *matrix, int count, int first_row, int last_row,
            float *channels)
{
    const int64_t width = s->out.w;
    for (int c = 0; c < count; c++)
        for (int k = 0; k < s->size * s->size; k++) {
            const int ky = k / s->size, kx = k % s->size;
            int first, last;
            columns_inside(s, kx, &first, &last);
            for (int y = first_row; y < last_row; y++, matrix += width) {
                const int in_y = y * s->stride + ky - s->padding;
                if (in_y < 0 || in_y >= s->in.h)
                    continue;
                float *row = channels + ((int64_t)c * s->in.h + in_y) * s->in.w + kx - s->padding;
                for (int x = first; x < last; x++)
                    row[(int64_t)x * s->stride] += matrix[x];
            }
        }
}

void gemm(bool a_transposed, bool b_transposed, int64_t m, int64_t n, int64_t k, const float *a,
          int64_t a_step, const float *b, int64_t b_step, float beta, float *c, int64_t c_step)
{
    dn_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
             b_transposed ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1, a,
             (blasint)a_step, b, (blasint)b_step, beta, c, (blasint)c_step);
}
