/* Layers of windows that are no convolutions: [local], whose places have kernels of their own, and
 * [deconvolutional]. Plain sums, a thread for each value that is written. */
#include "norm.h"

static __device__ int64_t taps_of(window s)
{
    return (int64_t)s.size * s.size;
}

/* [local]: weights (places, out.c, in.c, size, size) */
static __global__ void local(window s, const float *in, const float *weights, const float *biases,
                             float *out, int64_t count)
{
    const int64_t places = plane_of(s.out), taps = taps_of(s);
    FOR_EACH(i, count) {
        const int64_t b = i / dims_count(s.out), own = i % dims_count(s.out);
        const int64_t f = own / places, place = own % places;
        const int top = (int)(place / s.out.w) * s.stride - s.padding,
                  left = (int)(place % s.out.w) * s.stride - s.padding;
        const float *kernel = weights + (place * s.out.c + f) * s.in.c * taps;
        double sum = 0;
        for (int64_t k = 0; k < s.in.c * taps; k++) {
            const int y = top + (int)(k % taps / s.size), x = left + (int)(k % s.size);
            if (y >= 0 && y < s.in.h && x >= 0 && x < s.in.w)
                sum += (double)in[((b * s.in.c + k / taps) * s.in.h + y) * s.in.w + x] * kernel[k];
        }
        out[i] = (float)(biases[own] + sum);
    }
}

void cuda_local(const pass *p, const window *s, const float *in, const float *weights,
                const float *biases, float *out)
{
    const int64_t count = p->batch * dims_count(s->out);
    LAUNCH(local, count, *s, in, weights, biases, out, count);
}

static __global__ void local_biases(window s, const float *delta, float *bias_grads, int batch)
{
    FOR_EACH(i, dims_count(s.out))
        for (int64_t b = 0; b < batch; b++)
            bias_grads[i] += delta[b * dims_count(s.out) + i];
}

static __global__ void local_weights(window s, const float *in, const float *delta,
                                     float *weight_grads, int batch, int64_t count)
{
    const int64_t places = plane_of(s.out), taps = taps_of(s);
    FOR_EACH(i, count) {
        const int64_t k = i % (s.in.c * taps), f = i / (s.in.c * taps) % s.out.c;
        const int64_t place = i / (s.in.c * taps) / s.out.c;
        const int y = (int)(place / s.out.w) * s.stride - s.padding + (int)(k % taps / s.size),
                  x = (int)(place % s.out.w) * s.stride - s.padding + (int)(k % s.size);
        if (y < 0 || y >= s.in.h || x < 0 || x >= s.in.w)
            continue;
        for (int64_t b = 0; b < batch; b++)
            weight_grads[i] += delta[b * dims_count(s.out) + f * places + place]
                               * in[((b * s.in.c + k / taps) * s.in.h + y) * s.in.w + x];
    }
}

/* The outputs along one axis that read input `at` by tap k; -1: none does. */
static __device__ int reader(window s, int at, int k, int most)
{
    const int shifted = at + s.padding - k;
    return shifted < 0 || shifted % s.stride || shifted / s.stride >= most ? -1
                                                                          : shifted / s.stride;
}

static __global__ void local_inputs(window s, const float *weights, const float *delta,
                                    float *input_delta, bool add, int64_t count)
{
    const int64_t places = plane_of(s.out), taps = taps_of(s);
    FOR_EACH(i, count) {
        const int x = (int)(i % s.in.w), y = (int)(i / s.in.w % s.in.h);
        const int64_t b = i / dims_count(s.in), c = i / plane_of(s.in) % s.in.c;
        float sum = add ? input_delta[i] : 0;
        for (int ky = s.size - 1; ky >= 0; ky--) {
            const int v = reader(s, y, ky, s.out.h);
            for (int kx = s.size - 1; kx >= 0 && v >= 0; kx--) {
                const int u = reader(s, x, kx, s.out.w);
                const int64_t place = (int64_t)v * s.out.w + u, tap = (int64_t)ky * s.size + kx;
                for (int f = 0; f < s.out.c && u >= 0; f++)
                    sum += delta[b * dims_count(s.out) + f * places + place]
                           * weights[((place * s.out.c + f) * s.in.c + c) * taps + tap];
            }
        }
        input_delta[i] = sum;
    }
}

void cuda_local_grad(const pass *p, const window *s, const float *in, const float *weights,
                     const float *delta, float *weight_grads, float *bias_grads,
                     float *input_delta, bool add)
{
    const int64_t count = dims_count(s->out) * s->in.c * s->size * s->size;
    const int64_t inputs = p->batch * dims_count(s->in);
    LAUNCH(local_biases, dims_count(s->out), *s, delta, bias_grads, p->batch);
    LAUNCH(local_weights, count, *s, in, delta, weight_grads, p->batch, count);
    if (input_delta)
        LAUNCH(local_inputs, inputs, *s, weights, delta, input_delta, add, inputs);
}

/* [deconvolutional]: weights (in.c, out.c, size, size). An output reads inputs as an input of a
 * convolution is read by outputs. */
static __global__ void deconv(window s, const float *in, const float *weights, const float *biases,
                              float *out, int64_t count)
{
    const int64_t plane = plane_of(s.in), taps = taps_of(s);
    FOR_EACH(i, count) {
        const int x = (int)(i % s.out.w), y = (int)(i / s.out.w % s.out.h);
        const int64_t b = i / dims_count(s.out), f = i / plane_of(s.out) % s.out.c;
        double sum = 0;
        for (int ky = 0; ky < s.size; ky++) {
            const int v = reader(s, y, ky, s.in.h);
            for (int kx = 0; kx < s.size && v >= 0; kx++) {
                const int u = reader(s, x, kx, s.in.w);
                for (int64_t c = 0; c < s.in.c && u >= 0; c++)
                    sum += (double)in[(b * s.in.c + c) * plane + (int64_t)v * s.in.w + u]
                           * weights[(c * s.out.c + f) * taps + ky * s.size + kx];
            }
        }
        out[i] = (float)(sum + (biases ? biases[f] : 0));
    }
}

void cuda_deconv(const pass *p, const window *s, const float *in, const float *weights,
                 const float *biases, float *out)
{
    const int64_t count = p->batch * dims_count(s->out);
    LAUNCH(deconv, count, *s, in, weights, biases, out, count);
}

/* The output along one axis that input `at` meets by tap k; -1: it is cut off. */
static __device__ int target(window s, int at, int k, int most)
{
    const int to = at * s.stride - s.padding + k;
    return to >= 0 && to < most ? to : -1;
}

static __global__ void deconv_weights(window s, const float *in, const float *delta,
                                      float *weight_grads, int batch, int64_t count)
{
    const int64_t taps = taps_of(s), plane = plane_of(s.in), terms = batch * plane;
    EACH_TEAM(i, count) {
        const int64_t c = i / taps / s.out.c, f = i / taps % s.out.c;
        const int ky = (int)(i % taps / s.size), kx = (int)(i % s.size);
        double own = 0;
        EACH_MEMBER(e, terms) {
            const int64_t b = e / plane;
            const int v = target(s, (int)(e % plane / s.in.w), ky, s.out.h),
                      u = target(s, (int)(e % s.in.w), kx, s.out.w);
            if (v >= 0 && u >= 0)
                own += (double)in[(b * s.in.c + c) * plane + e % plane]
                       * delta[((b * s.out.c + f) * s.out.h + v) * s.out.w + u];
        }
        const double sum = block_sum(own);
        if (threadIdx.x == 0)
            weight_grads[i] += (float)sum;
    }
}

static __global__ void deconv_inputs(window s, const float *weights, const float *delta,
                                     float *input_delta, bool add, int64_t count)
{
    const int64_t taps = taps_of(s);
    FOR_EACH(i, count) {
        const int x = (int)(i % s.in.w), y = (int)(i / s.in.w % s.in.h);
        const int64_t b = i / dims_count(s.in), c = i / plane_of(s.in) % s.in.c;
        double sum = 0;
        for (int ky = 0; ky < s.size; ky++) {
            const int v = target(s, y, ky, s.out.h);
            for (int kx = 0; kx < s.size && v >= 0; kx++) {
                const int u = target(s, x, kx, s.out.w);
                for (int64_t f = 0; f < s.out.c && u >= 0; f++)
                    sum += (double)delta[((b * s.out.c + f) * s.out.h + v) * s.out.w + u]
                           * weights[(c * s.out.c + f) * taps + ky * s.size + kx];
            }
        }
        input_delta[i] = (float)(add ? input_delta[i] + sum : sum);
    }
}

void cuda_deconv_grad(const pass *p, const window *s, const float *in, const float *weights,
                      const float *delta, float *weight_grads, float *bias_grads,
                      float *input_delta, bool add)
{
    const int64_t count = (int64_t)s->in.c * s->out.c * s->size * s->size;
    const int64_t inputs = p->batch * dims_count(s->in);
    if (bias_grads)
        cuda_add_bias_grads(p, s->out, delta, bias_grads);
    LAUNCH_TEAMS(deconv_weights, count, *s, in, delta, weight_grads, p->batch, count);
    if (input_delta)
        LAUNCH(deconv_inputs, inputs, *s, weights, delta, input_delta, add, inputs);
}
