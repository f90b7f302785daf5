/* Batch norm and biases, with the activation that follows them.
 *
 * Sums over a channel are cut into parts whose number the shape determines. A team adds up a part;
 * who reads the sum adds the parts in their order. p->workspace: parts (channels, parts) twice, and
 * what is then known of each channel.
 */
#include "norm.h"

#include "activations.h"

typedef struct {
    dims s;
    int64_t count;       /* values of a channel: batch * plane */
    int first, channels; /* those at work */
    int parts;
    int64_t length;      /* of a part */
} channels;

/* Of a channel, in double as the plain loops have them. */
typedef struct {
    double mean, scale, slope, shift;
} known;

enum { MOST_PARTS = 64, PART = 1 << 13, CHANNELS = 4096 };
/* CHANNELS channels with a part each, or fewer with more, fit into the scratch. */
enum { ROOM_OF_PARTS = (CUDA_SCRATCH - CHANNELS * (int)sizeof(known)) / (2 * (int)sizeof(double)) };

static channels split(const pass *p, dims s, int first)
{
    channels c = {s, p->batch * plane_of(s), first, s.c - first, 1, 0};
    if (c.channels > CHANNELS)
        c.channels = CHANNELS;
    const int64_t wanted = (c.count + PART - 1) / PART, room = ROOM_OF_PARTS / c.channels;
    c.parts = wanted < MOST_PARTS ? (int)wanted : (int)MOST_PARTS;
    if (c.parts > room)
        c.parts = (int)room;
    c.length = (c.count + c.parts - 1) / c.parts;
    return c;
}

static known *known_of(const pass *p)
{
    return (known *)p->workspace;
}

static double *parts_of(const pass *p, int which)
{
    return (double *)(known_of(p) + CHANNELS) + which * (int64_t)ROOM_OF_PARTS;
}

/* Where value e of channel k (counted from the first at work) stands. */
static __device__ int64_t place(const channels *c, int k, int64_t e)
{
    const int64_t plane = plane_of(c->s);
    return (e / plane * c->s.c + c->first + k) * plane + e % plane;
}

static __device__ double all_parts(const channels *c, const double *parts, int k)
{
    double sum = 0;
    for (int i = 0; i < c->parts; i++)
        sum += parts[(int64_t)k * c->parts + i];
    return sum;
}

#define EACH_PART(t, c) EACH_TEAM(t, (int64_t)(c).channels *(c).parts)
#define EACH_IN_PART(e, c, t)                                                             \
    for (int64_t e = (t) % (c).parts * (c).length + threadIdx.x;                          \
         e < (c).count && e < ((t) % (c).parts + 1) * (c).length; e += blockDim.x)

static __global__ void add_up(channels c, const float *x, double *parts)
{
    EACH_PART(t, c) {
        double own = 0;
        EACH_IN_PART(e, c, t)
            own += x[place(&c, (int)(t / c.parts), e)];
        const double sum = block_sum(own);
        if (threadIdx.x == 0)
            parts[t] = sum;
    }
}

static __global__ void add_up_squares(channels c, const float *x, const double *sums,
                                      double *parts)
{
    EACH_PART(t, c) {
        const int k = (int)(t / c.parts);
        const double mean = all_parts(&c, sums, k) / (double)c.count;
        double own = 0;
        EACH_IN_PART(e, c, t) {
            const double difference = x[place(&c, k, e)] - mean;
            own += difference * difference;
        }
        const double sum = block_sum(own);
        if (threadIdx.x == 0)
            parts[t] = sum;
    }
}

static __device__ double inverse_deviation(double variance)
{
    return 1 / sqrt(variance + 1e-5);
}

/* Statistics of the channels: of the batch (and the rolling ones follow), or the rolling ones. */
static __global__ void settle(channels c, conv_data d, bool train, const double *sums,
                              const double *squares, known *all)
{
    FOR_EACH(k, c.channels) {
        const int64_t own = c.first + k;
        double mean = d.rolling_mean[own], variance = d.rolling_variance[own];
        if (train) {
            mean = all_parts(&c, sums, (int)k) / (double)c.count;
            variance = all_parts(&c, squares, (int)k) / (double)(c.count > 1 ? c.count - 1 : 1);
            d.mean[own] = (float)mean;
            d.variance[own] = (float)variance;
            d.rolling_mean[own] = rolled(d.rolling_mean[own], d.mean[own], d.fresh);
            d.rolling_variance[own] = rolled(d.rolling_variance[own], d.variance[own], d.fresh);
        }
        all[k] = {mean, inverse_deviation(variance), 0, 0};
    }
}

/* A value's channel, counted from the first at work; -1: it is not at work. */
static __device__ int channel_of(const channels *c, int64_t i)
{
    const int k = (int)(i / plane_of(c->s) % c->s.c) - c->first;
    return k < c->channels ? k : -1;
}

static __global__ void normalize(channels c, conv_data d, const float *raw, activation a,
                                 const known *all, int64_t count)
{
    FOR_EACH(i, count) {
        const int k = channel_of(&c, i), own = c.first + k;
        if (k >= 0)
            d.output[i] = activated(a, (float)(d.scales[own] * (raw[i] - all[k].mean)
                                                   * all[k].scale
                                               + d.biases[own]));
    }
}

static void normalize_all(const pass *p, dims s, const conv_data *d, const float *raw,
                          activation a)
{
    for (int first = 0; first < s.c; first += CHANNELS) {
        const channels c = split(p, s, first);
        double *sums = parts_of(p, 0), *squares = parts_of(p, 1);
        const int64_t teams = (int64_t)c.channels * c.parts;
        if (p->train) {
            LAUNCH_TEAMS(add_up, teams, c, raw, sums);
            LAUNCH_TEAMS(add_up_squares, teams, c, raw, sums, squares);
        }
        LAUNCH(settle, c.channels, c, *d, p->train, sums, squares, known_of(p));
        LAUNCH(normalize, p->batch * dims_count(s), c, *d, raw, a, known_of(p),
               p->batch * dims_count(s));
    }
}

void cuda_batchnorm(const pass *p, dims s, const conv_data *d)
{
    normalize_all(p, s, d, d->raw, LINEAR);
}

static __global__ void add_up_deltas(channels c, conv_data d, double *sums, double *products)
{
    EACH_PART(t, c) {
        const int k = (int)(t / c.parts);
        const double mean = d.mean[c.first + k];
        double sum = 0, product = 0;
        EACH_IN_PART(e, c, t) {
            const int64_t at = place(&c, k, e);
            sum += d.delta[at];
            product += d.delta[at] * (d.raw[at] - mean);
        }
        sum = block_sum(sum);
        product = block_sum(product);
        if (threadIdx.x == 0) {
            sums[t] = sum;
            products[t] = product;
        }
    }
}

static __global__ void settle_deltas(channels c, conv_data d, const double *sums,
                                     const double *products, known *all)
{
    FOR_EACH(k, c.channels) {
        const int64_t own = c.first + k;
        const double count = (double)c.count, inverse = inverse_deviation(d.variance[own]);
        const double sum = all_parts(&c, sums, (int)k), product = all_parts(&c, products, (int)k);
        d.bias_grads[own] += (float)sum;
        d.scale_grads[own] += (float)(product * inverse);
        all[k] = {d.mean[own], d.scales[own] * inverse,
                  product * inverse * inverse / (count > 1 ? count - 1 : 1), sum / count};
    }
}

static __global__ void unwind(channels c, conv_data d, const known *all, int64_t count)
{
    FOR_EACH(i, count) {
        const int k = channel_of(&c, i);
        if (k < 0)
            continue;
        const known *own = &all[k];
        d.delta[i] = (float)(own->scale
                             * (d.delta[i] - own->shift - own->slope * (d.raw[i] - own->mean)));
    }
}

void cuda_batchnorm_grad(const pass *p, dims s, const conv_data *d)
{
    for (int first = 0; first < s.c; first += CHANNELS) {
        const channels c = split(p, s, first);
        double *sums = parts_of(p, 0), *products = parts_of(p, 1);
        LAUNCH_TEAMS(add_up_deltas, (int64_t)c.channels * c.parts, c, *d, sums, products);
        LAUNCH(settle_deltas, c.channels, c, *d, sums, products, known_of(p));
        LAUNCH(unwind, p->batch * dims_count(s), c, *d, known_of(p), p->batch * dims_count(s));
    }
}

static __global__ void add_biases(dims s, const float *biases, activation a, const float *in,
                                  float *out, int64_t count)
{
    FOR_EACH(i, count)
        out[i] = activated(a, in[i] + biases[i / plane_of(s) % s.c]);
}

void cuda_add_biases(const pass *p, dims s, const float *biases, activation a, const float *in,
                     float *out)
{
    const int64_t count = p->batch * dims_count(s);
    LAUNCH(add_biases, count, s, biases, a, in, out, count);
}

void cuda_finish_sums(const pass *p, const conv *s, const conv_data *d, const float *sums)
{
    if (s->batch_normalize)
        normalize_all(p, s->out, d, sums, s->activation);
    else
        cuda_add_biases(p, s->out, d->biases, s->activation, sums, d->output);
}

/* The value that the activation was taken of. */
static __device__ float before_activation(const conv *s, const conv_data *d, int64_t i)
{
    const int64_t c = i / plane_of(s->out) % s->out.c;
    return s->batch_normalize
               ? (float)(d->scales[c] * (d->raw[i] - (double)d->mean[c])
                             * inverse_deviation(d->variance[c])
                         + d->biases[c])
               : d->raw[i] + d->biases[c];
}

/* delta *= the activation's gradient. of_x: it is taken from x. */
static __global__ void unwind_activation(conv s, conv_data d, bool of_x, int64_t count)
{
    FOR_EACH(i, count)
        d.delta[i] *= slope(s.activation, d.output[i], of_x ? before_activation(&s, &d, i) : 0);
}

static __global__ void settle_biases(channels c, const double *sums, float *grads)
{
    FOR_EACH(k, c.channels)
        grads[c.first + k] += (float)all_parts(&c, sums, (int)k);
}

void cuda_add_bias_grads(const pass *p, dims s, const float *delta, float *grads)
{
    for (int first = 0; first < s.c; first += CHANNELS) {
        const channels c = split(p, s, first);
        LAUNCH_TEAMS(add_up, (int64_t)c.channels * c.parts, c, delta, parts_of(p, 0));
        LAUNCH(settle_biases, c.channels, c, parts_of(p, 0), grads);
    }
}

void cuda_unwind_sums(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t count = p->batch * dims_count(s->out);
    if (s->activation != LINEAR)
        LAUNCH(unwind_activation, count, *s, *d, reads_x(s->activation), count);
    if (s->batch_normalize)
        cuda_batchnorm_grad(p, s->out, d);
    else
        cuda_add_bias_grads(p, s->out, d->delta, d->bias_grads);
}
