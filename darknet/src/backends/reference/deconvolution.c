/* [deconvolutional]: the sums of a transposed convolution, and their gradients. Input (y, x) meets
 * output (y*stride - padding + ky, x*stride - padding + kx) at tap (ky, kx); weights are
 * (in.c, out.c, size, size). */
#include "reference.h"

static int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

static const float *kernel_of(const window *s, const float *weights, int c, int f)
{
    return weights + ((int64_t)c * s->out.c + f) * s->size * s->size;
}

/* The input that meets output `at` along one axis by tap k; -1: none does. */
static int source(const window *s, int at, int k, int most)
{
    const int shifted = at + s->padding - k;
    return shifted < 0 || shifted % s->stride || shifted / s->stride >= most ? -1
                                                                            : shifted / s->stride;
}

static double output_at(const window *s, const float *in, const float *weights, int f, int y, int x)
{
    double sum = 0;
    for (int ky = 0; ky < s->size; ky++) {
        const int in_y = source(s, y, ky, s->in.h);
        for (int kx = 0; kx < s->size && in_y >= 0; kx++) {
            const int in_x = source(s, x, kx, s->in.w);
            for (int c = 0; c < s->in.c && in_x >= 0; c++)
                sum += (double)in[c * plane(s->in) + (int64_t)in_y * s->in.w + in_x]
                       * kernel_of(s, weights, c, f)[ky * s->size + kx];
        }
    }
    return sum;
}

void reference_deconv(const pass *p, const window *s, const float *in, const float *weights,
                      const float *biases, float *out)
{
#pragma omp parallel for collapse(2) num_threads(p->threads)
    for (int b = 0; b < p->batch; b++)
        for (int f = 0; f < s->out.c; f++) {
            float *to = out + b * dims_count(s->out) + f * plane(s->out);
            for (int y = 0; y < s->out.h; y++)
                for (int x = 0; x < s->out.w; x++)
                    *to++ = (float)(output_at(s, in + b * dims_count(s->in), weights, f, y, x)
                                    + (biases ? biases[f] : 0));
        }
}

/* The output along one axis that input `at` meets by tap k; -1: it is cut off. */
static int target(const window *s, int at, int k, int most)
{
    const int to = at * s->stride - s->padding + k;
    return to >= 0 && to < most ? to : -1;
}

static double input_at(const window *s, const float *delta, const float *weights, int c, int y,
                       int x)
{
    double sum = 0;
    for (int ky = 0; ky < s->size; ky++) {
        const int out_y = target(s, y, ky, s->out.h);
        for (int kx = 0; kx < s->size && out_y >= 0; kx++) {
            const int out_x = target(s, x, kx, s->out.w);
            for (int f = 0; f < s->out.c && out_x >= 0; f++)
                sum += (double)delta[f * plane(s->out) + (int64_t)out_y * s->out.w + out_x]
                       * kernel_of(s, weights, c, f)[ky * s->size + kx];
        }
    }
    return sum;
}

/* The sum over a plane of the input times the delta that it meets at tap (ky, kx). */
static double weight_sum(const window *s, const float *in, const float *delta, int ky, int kx)
{
    double sum = 0;
    for (int y = 0; y < s->in.h; y++) {
        const int out_y = target(s, y, ky, s->out.h);
        for (int x = 0; x < s->in.w && out_y >= 0; x++) {
            const int out_x = target(s, x, kx, s->out.w);
            if (out_x >= 0)
                sum += (double)in[(int64_t)y * s->in.w + x]
                       * delta[(int64_t)out_y * s->out.w + out_x];
        }
    }
    return sum;
}

static void add_bias_grads(const pass *p, const window *s, const float *delta, float *grads)
{
    for (int f = 0; f < s->out.c; f++) {
        double sum = 0;
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s->out); i++)
                sum += delta[b * dims_count(s->out) + f * plane(s->out) + i];
        grads[f] += (float)sum;
    }
}

static void hand_back(const pass *p, const window *s, const float *weights, const float *delta,
                      float *input_delta, bool add)
{
#pragma omp parallel for collapse(2) num_threads(p->threads)
    for (int b = 0; b < p->batch; b++)
        for (int c = 0; c < s->in.c; c++) {
            float *to = input_delta + b * dims_count(s->in) + c * plane(s->in);
            for (int y = 0; y < s->in.h; y++)
                for (int x = 0; x < s->in.w; x++, to++) {
                    const double g = input_at(s, delta + b * dims_count(s->out), weights, c, y, x);
                    *to = (float)(add ? *to + g : g);
                }
        }
}

void reference_deconv_grad(const pass *p, const window *s, const float *in, const float *weights,
                           const float *delta, float *weight_grads, float *bias_grads,
                           float *input_delta, bool add)
{
    const int taps = s->size * s->size;
    if (bias_grads)
        add_bias_grads(p, s, delta, bias_grads);
#pragma omp parallel for collapse(2) num_threads(p->threads)
    for (int c = 0; c < s->in.c; c++)
        for (int f = 0; f < s->out.c; f++)
            for (int k = 0; k < taps; k++) {
                double sum = 0;
                for (int b = 0; b < p->batch; b++)
                    sum += weight_sum(s, in + b * dims_count(s->in) + c * plane(s->in),
                                      delta + b * dims_count(s->out) + f * plane(s->out),
                                      k / s->size, k % s->size);
                weight_grads[((int64_t)c * s->out.c + f) * taps + k] += (float)sum;
            }
    if (input_delta)
        hand_back(p, s, weights, delta, input_delta, add);
}
