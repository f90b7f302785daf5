/* A convolutional section as plain loops, forward and backward: sums, batch norm or bias,
 * activation. */
#include <math.h>

#include "reference.h"

static int64_t plane(dims d)
{
    return (int64_t)d.h * d.w;
}

size_t reference_conv_workspace(const conv *s, const pass *p)
{
    (void)s;
    (void)p;
    return 0;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The sum of a filter at (y, x): `in` is the first channel of its group in the image, `weights` are
 * the filter's. */
static double sum_at(const conv *s, const float *in, const float *weights, int y, int x)
{
    const int top = y * s->stride - s->padding, left = x * s->stride - s->padding;
    const int last_row = smaller(s->size, s->in.h - top), last = smaller(s->size, s->in.w - left);
    double sum = 0;
    for (int c = 0; c < s->in.c / s->groups; c++)
        for (int ky = larger(0, -top); ky < last_row; ky++)
            for (int kx = larger(0, -left); kx < last; kx++)
                sum += (double)in[c * plane(s->in) + (int64_t)(top + ky) * s->in.w + left + kx]
                       * weights[((int64_t)c * s->size + ky) * s->size + kx];
    return sum;
}

static void convolve(const pass *p, const conv *s, const conv_data *d, const float *weights,
                     float *sums)
{
    const int channels = s->in.c / s->groups, filters = s->out.c / s->groups;
    const int64_t each = (int64_t)channels * s->size * s->size;
#pragma omp parallel for collapse(2) num_threads(p->threads)
    for (int b = 0; b < p->batch; b++)
        for (int f = 0; f < s->out.c; f++) {
            const int first = f / filters * channels;
            const float *in = d->input + ((int64_t)b * s->in.c + first) * plane(s->in);
            float *out = sums + ((int64_t)b * s->out.c + f) * plane(s->out);
            for (int y = 0; y < s->out.h; y++)
                for (int x = 0; x < s->out.w; x++)
                    out[(int64_t)y * s->out.w + x] = (float)sum_at(s, in, weights + f * each, y, x);
        }
}

/* The range of outputs along one axis, first…end-1, whose tap k lies inside the input. */
typedef struct {
    int first, end;
} range;

static range inside(const conv *s, int k, int in, int out)
{
    const int before = s->padding - k, last = in - 1 + s->padding - k;
    return (range){before > 0 ? (before + s->stride - 1) / s->stride : 0,
                   last < 0 ? 0 : smaller(out, last / s->stride + 1)};
}

/* The sum over all outputs of a plane of delta times the input at tap (ky, kx). */
static double weight_sum(const conv *s, const float *in, const float *delta, int ky, int kx)
{
    const range rows = inside(s, ky, s->in.h, s->out.h), columns = inside(s, kx, s->in.w, s->out.w);
    double sum = 0;
    for (int y = rows.first; y < rows.end; y++)
        for (int x = columns.first; x < columns.end; x++) {
            const int in_y = y * s->stride + ky - s->padding,
                      in_x = x * s->stride + kx - s->padding;
            sum += (double)delta[(int64_t)y * s->out.w + x] * in[(int64_t)in_y * s->in.w + in_x];
        }
    return sum;
}

static void add_weight_grads(const pass *p, const conv *s, const conv_data *d)
{
    const int channels = s->in.c / s->groups, filters = s->out.c / s->groups;
    const int taps = s->size * s->size;
#pragma omp parallel for collapse(2) num_threads(p->threads)
    for (int f = 0; f < s->out.c; f++)
        for (int c = 0; c < channels; c++)
            for (int k = 0; k < taps; k++) {
                double sum = 0;
                for (int b = 0; b < p->batch; b++) {
                    const int64_t from = (int64_t)b * s->in.c + f / filters * channels + c;
                    const int64_t to = (int64_t)b * s->out.c + f;
                    sum += weight_sum(s, d->input + from * plane(s->in),
                                      d->delta + to * plane(s->out), k / s->size, k % s->size);
                }
                d->weight_grads[((int64_t)f * channels + c) * taps + k] += (float)sum;
            }
}

/* The gradient of the input at (y, x), from all outputs that read it: `delta` is the first filter
 * of the group in the image, `weights` are that filter's for the input's channel. */
static double input_sum(const conv *s, const float *delta, const float *weights, int y, int x)
{
    const int64_t each = (int64_t)s->in.c / s->groups * s->size * s->size;
    double sum = 0;
    for (int f = 0; f < s->out.c / s->groups; f++)
        for (int ky = 0; ky < s->size; ky++)
            for (int kx = 0; kx < s->size; kx++) {
                const int below = y + s->padding - ky, right = x + s->padding - kx;
                const int out_y = below / s->stride, out_x = right / s->stride;
                if (below < 0 || right < 0 || below % s->stride || right % s->stride
                    || out_y >= s->out.h || out_x >= s->out.w)
                    continue;
                sum += (double)delta[f * plane(s->out) + (int64_t)out_y * s->out.w + out_x]
                       * weights[f * each + ky * s->size + kx];
            }
    return sum;
}

static void hand_back(const pass *p, const conv *s, const conv_data *d)
{
    const int channels = s->in.c / s->groups, filters = s->out.c / s->groups;
#pragma omp parallel for collapse(2) num_threads(p->threads)
    for (int b = 0; b < p->batch; b++)
        for (int c = 0; c < s->in.c; c++) {
            const int first = c / channels * filters;
            const float *delta = d->delta + ((int64_t)b * s->out.c + first) * plane(s->out);
            const float *weights = d->weights
                                   + ((int64_t)first * channels + c % channels) * s->size * s->size;
            float *to = d->input_delta + ((int64_t)b * s->in.c + c) * plane(s->in);
            for (int y = 0; y < s->in.h; y++)
                for (int x = 0; x < s->in.w; x++) {
                    const float sum = (float)input_sum(s, delta, weights, y, x);
                    float *at = to + (int64_t)y * s->in.w + x;
                    *at = d->add ? *at + sum : sum;
                }
        }
}

/* Mean and variance (divided by n-1) of channel c over batch and plane. */
static void statistics(const pass *p, dims s, const float *x, int c, double *mean, double *variance)
{
    const int64_t count = p->batch * plane(s);
    double sum = 0, squares = 0;
    for (int b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < plane(s); i++)
            sum += x[((int64_t)b * s.c + c) * plane(s) + i];
    *mean = sum / (double)count;
    for (int b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < plane(s); i++) {
            const double difference = x[((int64_t)b * s.c + c) * plane(s) + i] - *mean;
            squares += difference * difference;
        }
    *variance = squares / (double)(count > 1 ? count - 1 : 1);
}

static double inverse_deviation(double variance)
{
    return 1 / sqrt(variance + 1e-5);
}

void reference_batchnorm(const pass *p, dims s, const conv_data *d)
{
    for (int c = 0; c < s.c; c++) {
        double mean = d->rolling_mean[c], variance = d->rolling_variance[c];
        if (p->train) {
            statistics(p, s, d->raw, c, &mean, &variance);
            d->mean[c] = (float)mean;
            d->variance[c] = (float)variance;
            d->rolling_mean[c] = rolled(d->rolling_mean[c], d->mean[c], d->fresh);
            d->rolling_variance[c] = rolled(d->rolling_variance[c], d->variance[c], d->fresh);
        }
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s); i++) {
                const int64_t at = ((int64_t)b * s.c + c) * plane(s) + i;
                d->output[at] = (float)(d->scales[c] * (d->raw[at] - mean)
                                            * inverse_deviation(variance)
                                        + d->biases[c]);
            }
    }
}

/* The derivative of out = scale*(x - mean)/deviation + bias, where mean and deviation depend on all
 * x: dx = scale/deviation * (g - sum(g)/n - (x - mean)/variance' * sum(g*(x - mean))/(n-1)), where
 * variance' includes the epsilon. */
void reference_batchnorm_grad(const pass *p, dims s, const conv_data *d)
{
    const double count = (double)(p->batch * plane(s));
    for (int c = 0; c < s.c; c++) {
        const double inverse = inverse_deviation(d->variance[c]), mean = d->mean[c];
        double sum = 0, product = 0;
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s); i++) {
                const int64_t at = ((int64_t)b * s.c + c) * plane(s) + i;
                sum += d->delta[at];
                product += d->delta[at] * (d->raw[at] - mean);
            }
        d->bias_grads[c] += (float)sum;
        d->scale_grads[c] += (float)(product * inverse);
        const double slope = product * inverse * inverse / (count > 1 ? count - 1 : 1);
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s); i++) {
                const int64_t at = ((int64_t)b * s.c + c) * plane(s) + i;
                d->delta[at] =
                    (float)(d->scales[c] * inverse
                            * (d->delta[at] - sum / count - slope * (d->raw[at] - mean)));
            }
    }
}

static void add_biases(const pass *p, dims s, const float *biases, const float *in, float *out)
{
    for (int64_t i = 0; i < (int64_t)p->batch * s.c; i++)
        for (int64_t j = i * plane(s); j < (i + 1) * plane(s); j++)
            out[j] = in[j] + biases[i % s.c];
}

void reference_conv_forward(const pass *p, const conv *s, const conv_data *d)
{
    const int64_t count = p->batch * dims_count(s->out);
    if (d->packed) {
        const float *weights = d->packed;
        convolve(p, s, d, weights, d->output);
        add_biases(p, s->out, weights + s->out.c * (s->in.c / s->groups) * s->size * s->size,
                   d->output, d->output);
    } else {
        float *sums = d->raw ? d->raw : d->output;
        convolve(p, s, d, d->weights, sums);
        if (s->batch_normalize)
            reference_batchnorm(p, s->out, d);
        else
            add_biases(p, s->out, d->biases, sums, d->output);
    }
    reference_activate(p, s->activation, d->output, d->output, all_of(count));
}

/* delta *= the activation's gradient at x, the convolution's sum after batch norm or bias. */
static void activation_backward(const pass *p, const conv *s, const conv_data *d)
{
    const activation_row *a = &activations[s->activation];
    for (int64_t i = 0; i < (int64_t)p->batch * s->out.c; i++) {
        const int64_t c = i % s->out.c;
        for (int64_t at = i * plane(s->out); at < (i + 1) * plane(s->out); at++) {
            double x = 0;
            if (a->reads_x && s->batch_normalize)
                x = d->scales[c] * (d->raw[at] - d->mean[c]) * inverse_deviation(d->variance[c])
                    + d->biases[c];
            else if (a->reads_x)
                x = d->raw[at] + d->biases[c];
            d->delta[at] *= a->gradient(d->output[at], (float)x);
        }
    }
}

void reference_conv_backward(const pass *p, const conv *s, const conv_data *d)
{
    if (s->activation != LINEAR)
        activation_backward(p, s, d);
    if (s->batch_normalize)
        reference_batchnorm_grad(p, s->out, d);
    for (int c = 0; c < s->out.c && !s->batch_normalize; c++) {
        double sum = 0;
        for (int b = 0; b < p->batch; b++)
            for (int64_t i = 0; i < plane(s->out); i++)
                sum += d->delta[((int64_t)b * s->out.c + c) * plane(s->out) + i];
        d->bias_grads[c] += (float)sum;
    }
    add_weight_grads(p, s, d);
    if (d->input_delta)
        hand_back(p, s, d);
}

size_t reference_conv_packed_bytes(const conv *s)
{
    return (size_t)s->out.c * (size_t)(s->in.c / s->groups * s->size * s->size + 1) * sizeof(float);
}

/* The factor by which the weights of filter c are multiplied, so that they and the bias include
 * batch norm by the rolling statistics. */
double reference_fold_scale(const conv *s, const conv_data *d, int c)
{
    return s->batch_normalize ? d->scales[c] * inverse_deviation(d->rolling_variance[c]) : 1;
}

void reference_fold_biases(const conv *s, const conv_data *d, float *biases)
{
    for (int c = 0; c < s->out.c; c++) {
        const double moved = s->batch_normalize ? d->rolling_mean[c] * reference_fold_scale(s, d, c)
                                                : 0;
        biases[c] = (float)(d->biases[c] - moved);
    }
}

/* packed = weights, then biases. */
void reference_conv_fold(const pass *p, const conv *s, const conv_data *d, void *packed)
{
    (void)p;
    const int64_t each = (int64_t)s->in.c / s->groups * s->size * s->size;
    float *weights = packed;
    for (int c = 0; c < s->out.c; c++) {
        const double scale = reference_fold_scale(s, d, c);
        for (int64_t i = c * each; i < (c + 1) * each; i++)
            weights[i] = (float)(d->weights[i] * scale);
    }
    reference_fold_biases(s, d, weights + s->out.c * each);
}
