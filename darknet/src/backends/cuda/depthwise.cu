/* Depthwise 3x3 convolutions: each filter reads one channel of its own. What they take is the reading
 * of maps, which no matrix product would make less. */
#include "conv.h"

enum { SIDE = 3, TAPS = SIDE * SIDE, TEAMS = 2048, MOST_CHANNELS = 1 << 14 };

bool cuda_is_depthwise(const conv *s)
{
    return s->size == SIDE && s->groups == s->in.c && s->out.c == s->in.c
           && s->groups <= MOST_CHANNELS && s->groups > 1;
}

/* A value of a plane, 0 beside it. */
static __device__ float value_at(const float *plane, dims d, int y, int x)
{
    return y >= 0 && y < d.h && x >= 0 && x < d.w ? plane[(int64_t)y * d.w + x] : 0;
}

static __global__ void depthwise_sums(conv s, const float *in, const float *weights, float *out,
                                      int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t plane = i / plane_of(s.out);
        const int at = (int)(i - plane * plane_of(s.out)), row = at / s.out.w;
        const int top = row * s.stride - s.padding,
                  left = (at - row * s.out.w) * s.stride - s.padding;
        const float *w = weights + plane % s.in.c * TAPS, *from = in + plane * plane_of(s.in);
        float sum = 0;
        for (int ky = 0; ky < SIDE; ky++)
            for (int kx = 0; kx < SIDE; kx++)
                sum += value_at(from, s.in, top + ky, left + kx) * w[ky * SIDE + kx];
        out[i] = sum;
    }
}

static void sums_of_maps(const pass *p, const conv *s, const conv_data *d, float *sums)
{
    const int64_t count = p->batch * dims_count(s->out);
    LAUNCH(depthwise_sums, count, *s, d->input, d->weights, sums, count);
}

static __global__ void depthwise_inputs(conv s, const float *weights, const float *delta, float *to,
                                        bool add, int64_t count)
{
    FOR_EACH(i, count) {
        const int64_t plane = i / plane_of(s.in);
        const int at = (int)(i - plane * plane_of(s.in)), y = at / s.in.w, x = at - y * s.in.w;
        const float *w = weights + plane % s.in.c * TAPS, *own = delta + plane * plane_of(s.out);
        float sum = 0;
        for (int ky = 0; ky < SIDE; ky++) {
            const int v = cuda_reader(&s, y, ky, s.out.h);
            for (int kx = 0; kx < SIDE && v >= 0; kx++) {
                const int u = cuda_reader(&s, x, kx, s.out.w);
                if (u >= 0)
                    sum += own[(int64_t)v * s.out.w + u] * w[ky * SIDE + kx];
            }
        }
        put(to + i, sum, add);
    }
}

static void input_delta(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t count = p->batch * dims_count(s->in);
    LAUNCH(depthwise_inputs, count, *s, d->weights, d->delta, d->input_delta, d->add, count);
}

/* Of some images' share of a channel, the gradients of its taps: sums (channels, TAPS, parts). */
static __global__ void part_of_weights(conv s, const float *in, const float *delta, int batch,
                                       int parts, int each, double *sums)
{
    const int64_t outputs = plane_of(s.out);
    EACH_TEAM(t, (int64_t)s.in.c * parts) {
        const int c = (int)(t / parts), part = (int)(t % parts);
        double own[TAPS] = {};
        for (int64_t b = (int64_t)part * each; b < batch && b < (int64_t)(part + 1) * each; b++) {
            const float *from = in + (b * s.in.c + c) * plane_of(s.in);
            const float *wanted = delta + (b * s.in.c + c) * outputs;
            EACH_MEMBER(at, outputs) {
                const int row = (int)at / s.out.w;
                const int top = row * s.stride - s.padding,
                          left = ((int)at - row * s.out.w) * s.stride - s.padding;
                const double value = wanted[at];
                for (int ky = 0; ky < SIDE; ky++)
                    for (int kx = 0; kx < SIDE; kx++)
                        own[ky * SIDE + kx] += value * value_at(from, s.in, top + ky, left + kx);
            }
        }
        for (int k = 0; k < TAPS; k++) {
            const double sum = block_sum(own[k]);
            if (threadIdx.x == 0)
                sums[((int64_t)c * TAPS + k) * parts + part] = sum;
        }
    }
}

static __global__ void add_parts(const double *sums, int parts, float *grads, int64_t count)
{
    FOR_EACH(i, count) {
        double sum = 0;
        for (int k = 0; k < parts; k++)
            sum += sums[i * parts + k];
        grads[i] += (float)sum;
    }
}

static void weight_grads(const pass *p, const conv *s, const conv_data *d)
{
    const int wanted = TEAMS / s->in.c;
    const int most = wanted < 1 ? 1 : wanted < p->batch ? wanted : p->batch;
    const int each = (p->batch + most - 1) / most, parts = (p->batch + each - 1) / each;
    double *sums = (double *)p->workspace;
    LAUNCH_TEAMS(part_of_weights, (int64_t)s->in.c * parts, *s, d->input, d->delta, p->batch, parts,
                 each, sums);
    LAUNCH(add_parts, (int64_t)s->in.c * TAPS, sums, parts, d->weight_grads,
           (int64_t)s->in.c * TAPS);
}

static size_t no_workspace(const pass *, const conv *)
{
    return 0;
}

const conv_way cuda_depthwise = {no_workspace, sums_of_maps, weight_grads, input_delta};
