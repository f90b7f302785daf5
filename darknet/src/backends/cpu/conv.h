/* Shared by the convolution's forward and backward passes on a CPU. */
#ifndef DN_CPU_CONV_H
#define DN_CPU_CONV_H

#include "backend.h"
#include "dispatch.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* POINTWISE: 1x1, one GEMM. DEPTHWISE: 3x3 with padding 1, own kernels. GENERAL: im2col tiles and
 * GEMMs. */
typedef enum { POINTWISE, DEPTHWISE, GENERAL } conv_kind;
conv_kind conv_kind_of(const conv *s);

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

/* Rows of the kernel matrix of one group: channels*size*size. */
static inline int conv_depth(const conv *s)
{
    return s->in.c / s->groups * s->size * s->size;
}

/* A tile: output rows first…last-1 of one image. Its columns of the im2col matrix fit a thread's
 * scratch. */
int conv_tile_rows(const conv *s);
static inline int conv_tiles(const conv *s)
{
    return (s->out.h + conv_tile_rows(s) - 1) / conv_tile_rows(s);
}

size_t conv_scratch_floats(const conv *s);      /* a thread's, rounded to cache lines */
static inline float *conv_scratch(const pass *p, const conv *s)
{
#ifdef _OPENMP
    return (float *)p->workspace + conv_scratch_floats(s) * (size_t)omp_get_thread_num();
#else
    (void)s;
    return p->workspace;
#endif
}

static inline int conv_team(const pass *p, const conv *s)
{
    return pass_team(p, p->batch * dims_count(s->out) * conv_depth(s));
}

/* Channels first…first+count-1 of one image, output rows first_row…last_row-1, as the matrix
 * (count*size*size, rows*out.w), and back: added into the image. */
void im2col(const conv *s, const float *channels, int count, int first_row, int last_row,
            float *matrix);
void col2im(const conv *s, const float *matrix, int count, int first_row, int last_row,
            float *channels);

/* Row-major c (m, n) = op(a) op(b) + beta*c. */
void gemm(bool a_transposed, bool b_transposed, int64_t m, int64_t n, int64_t k, const float *a,
          int64_t a_step, const float *b, int64_t b_step, float beta, float *c, int64_t c_step);

size_t cpu_conv_workspace(const conv *s, const pass *p);
void cpu_conv_forward(const pass *p, const conv *s, const conv_data *d);
void cpu_conv_backward(const pass *p, const conv *s, const conv_data *d);

enum { CONV_EPS_INVERSE = 100000 };             /* batch norm's epsilon, 1e-5 */

#endif
