/* Pooling: over windows, and over whole maps. */
#include "cuda.h"
#include "formulas.h"

static __global__ void maxpool(pool s, const float *in, float *out, int32_t *index, int64_t count)
{
    FOR_EACH(i, count) {
        const int x = (int)(i % s.out.w), y = (int)(i / s.out.w % s.out.h);
        const float *own = in + i / plane_of(s.out) * plane_of(s.in);
        const int32_t best = window_maximum(&s, own, y, x);
        out[i] = best < 0 ? 0 : own[best];
        if (index)
            index[i] = best;
    }
}

void cuda_maxpool(const pass *p, const pool *s, const float *in, float *out, int32_t *index)
{
    const int64_t count = p->batch * dims_count(s->out);
    LAUNCH(maxpool, count, *s, in, out, index, count);
}

/* The first of the windows along an axis that hold position `at`. */
static __device__ int first_window(const pool *s, int at)
{
    const int past = at + s->padding / 2 - s->size;
    return past < 0 ? 0 : past / s->stride + 1;
}

/* A value adds up the windows that chose it, in their order. */
static __global__ void maxpool_grad(pool s, const float *delta, const int32_t *index,
                                    float *input_delta, bool add, int64_t count)
{
    FOR_EACH(i, count) {
        const int at = (int)(i % plane_of(s.in)), x = at % s.in.w, y = at / s.in.w;
        const int64_t from = i / plane_of(s.in) * plane_of(s.out);
        float sum = add ? input_delta[i] : 0;
        for (int v = first_window(&s, y); v < s.out.h && v * s.stride - s.padding / 2 <= y; v++)
            for (int u = first_window(&s, x); u < s.out.w && u * s.stride - s.padding / 2 <= x;
                 u++) {
                const int64_t j = from + (int64_t)v * s.out.w + u;
                if (index[j] == at)
                    sum += delta[j];
            }
        input_delta[i] = sum;
    }
}

void cuda_maxpool_grad(const pass *p, const pool *s, const float *delta, const int32_t *index,
                       float *input_delta, bool add)
{
    const int64_t count = p->batch * dims_count(s->in);
    LAUNCH(maxpool_grad, count, *s, delta, index, input_delta, add, count);
}

static __global__ void avgpool(int64_t planes, int64_t plane, const float *x, float *out)
{
    EACH_TEAM(i, planes) {
        double own = 0;
        EACH_MEMBER(j, plane)
            own += x[i * plane + j];
        const double sum = block_sum(own);
        if (threadIdx.x == 0)
            out[i] = (float)(sum / (double)plane);
    }
}

void cuda_avgpool(const pass *p, dims in, const float *x, float *out)
{
    const int64_t planes = (int64_t)p->batch * in.c;
    LAUNCH_TEAMS(avgpool, planes, planes, plane_of(in), x, out);
}

static __global__ void avgpool_grad(int64_t plane, const float *delta, float *input_delta,
                                    bool add, int64_t count)
{
    FOR_EACH(i, count)
        put(input_delta + i, delta[i / plane] / (float)plane, add);
}

void cuda_avgpool_grad(const pass *p, dims in, const float *delta, float *input_delta, bool add)
{
    const int64_t count = p->batch * dims_count(in);
    LAUNCH(avgpool_grad, count, plane_of(in), delta, input_delta, add, count);
}
